"""What a CFM says of itself: whether it can work, and what it counts."""

from collections.abc import Callable
from typing import Any

import pytest

from bus.contract import encode
from bus.envelope import Envelope
from bus.messages import Draining, Received, WallClock
from bus.telemetry.exposition import Exposition
from bus.wire.buckets import KEYS_MAX
from fileid.doubts import GREETED_S
from fileid.reads import Serve
from fileid.row import HELLO, LIFE_S, Row
from fileid.seal import Opener
from fileid.shares import CMTS_MAX
from fileid.table import Table
from heartbeat.liveness.beat import BEAT, Beat, KeyIds
from heartbeat.roles.claim import Claim
from heartbeat.roles.hello import pack_hello
from heartbeat.roles.log.fence import Fence
from services.cfm.machine import Cfm
from services.cfm.reading.audit_events import ReadRefused
from services.cfm.reading.downloads import PAYERS_MAX
from services.cfm.taking import UNCONNECTED_S
from services.instance.about import About
from services.instance.metrics import METRICS
from services.settings.catalogue import record
from services.tftp.server_core import TftpServer
from services.tftp.sockets import Wakeup
from tests.unit.cfm.conftest import KEYS

WALL_OFFSET_S = 1_700_000_000.0

Build = Callable[..., Cfm]
Mint = Callable[..., Row]
HandOff = Callable[..., Received]
Rrq = Callable[..., Wakeup]

NO_CLAIM = Claim()
ALONE = "no minter is alive"
SERVICES = {"cfm-1": "cfm", "dhcp-1": "dhcp", "mps-1": "mps"}


def values(cfm: Cfm, now: float) -> dict[tuple[str, ...], Any]:
    """Values by name and label values, after a rendering has accepted them."""
    assert Exposition(METRICS, lambda: cfm.status.samples(now)).render()
    return {(one.name, *one.labels.values()): one.value for one in cfm.status.samples(now)}


def test_settings_make_it_ready(build: Build, classes: Any, publication: Callable[..., Received]) -> None:
    cfm = build(catalogue=None, services=SERVICES)
    assert cfm.status.missing() == ["settings"]
    cfm.receive(publication(classes, 3), 0.0)
    assert (cfm.status.missing(), cfm.status.degraded()) == ([], [ALONE])
    cfm.receive(beat("mps-1"), 0.0)
    assert (cfm.status.missing(), cfm.status.degraded()) == ([], [])
    assert values(cfm, 0.0)["provbus_settings_generation",] == 3


def rejected(classes: Any) -> Any:
    """The classes, and two that a CMTS would reject."""
    data = classes["data"]
    twice = data | {"body": [*data["body"], {"network_access": 0}]}
    return classes | {"bad": twice, "worse": {"kind": "cm", "body": [{"max_cpe": 8}]}}


@pytest.mark.parametrize("is_on_disk", [True, False], ids=["disk", "topic"])
def test_what_a_cmts_would_reject_is_said_and_served_as_before(
    build: Build, classes: Any, publication: Callable[..., Received], is_on_disk: bool
) -> None:
    cfm = build(catalogue=record(rejected(classes), 4) if is_on_disk else None, services=SERVICES)
    cfm.receive(beat("mps-1"), 0.0)
    if not is_on_disk:
        cfm.receive(publication(rejected(classes), 4), 0.0)
    assert cfm.status.missing() == []
    assert cfm.status.degraded() == [
        "settings that every CMTS takes (classes.bad.body[4].network_access: contradicts an earlier "
        "network_access (contradicting-setting), and 2 more): see provbus settings check"
    ]
    assert values(cfm, 0.0)["provbus_settings_faults",] == 3
    cfm.receive(publication(classes, 5), 1.0)
    assert (cfm.status.degraded(), values(cfm, 1.0)["provbus_settings_faults",]) == ([], 0)


def test_a_minter_without_its_seal_key_is_said_until_it_is_there(build: Build) -> None:
    opener = Opener([KEYS[0]])
    cfm = build(opener=opener, services=SERVICES)
    cfm.receive(beat("mps-1"), 0.0)
    said = "the seal key of mps-1, without which a read before its row gets nothing: see cfm.seal_keys"
    assert (cfm.status.missing(), cfm.status.degraded()) == ([], [said])
    opener.use([*KEYS.values()])  # as a reload does
    assert cfm.status.degraded() == []


def test_who_drains_is_not_ready(cfm: Cfm) -> None:
    cfm.receive(Draining(), 0.0)
    assert cfm.status.missing() == ["it drains, to stop"]
    assert values(cfm, 0.0)["provbus_draining",] == 1


def test_rows_and_reads_are_counted(cfm: Cfm, mint: Mint, hand_off: HandOff, rrq: Rrq) -> None:
    here, early = mint(), mint()
    cfm.receive(hand_off(here), 0.0)
    cfm.receive(rrq(here), 0.1)
    cfm.receive(rrq(early, port=2001), 0.1)
    found = values(cfm, 0.2)
    assert found["provbus_rows_total", "stored"] == 1
    assert found["provbus_table_rows",] == 1
    assert found["provbus_reads_total", "row"] == 1
    assert found["provbus_parked_reads",] == 1
    assert found["provbus_queue_depth", "pulls"] == 1
    assert found["provbus_queue_depth", "sessions"] == 2
    assert found["provbus_downloads_in_flight",] == 2


def test_a_read_without_an_answer_has_its_reason(cfm: Cfm, mint: Mint, rrq: Rrq) -> None:
    cfm.receive(rrq(mint(), address="10.0.0.8"), 0.0)
    assert values(cfm, 0.0)["provbus_silent_reads_total", "address"] == 1


def test_what_a_full_table_refuses_is_shed(build: Build, mint: Mint, hand_off: HandOff) -> None:
    cfm = build(table=Table(1))
    cfm.receive(hand_off(mint(), mint(), mint()), 0.0)
    found = values(cfm, 0.0)
    assert found["provbus_sheds_total", "table"] == found["provbus_rows_total", "full"] == 2


def test_who_found_no_room_for_a_bucket_or_made_room_as_a_relay_is_counted(cfm: Cfm, mint: Mint) -> None:
    row, parts = mint(), cfm.parts
    of = [row.fields()._replace(address=at.to_bytes(4)) for at in range(1, PAYERS_MAX + 3)]
    for at, fields in enumerate(of):
        parts.serving.downloads.refusal(Serve(at, row, fields, "row", 0.0), 0.0)
    for fields in of[: KEYS_MAX + 3]:
        parts.reads.shares.was_forged(fields.address, 0.0)
    for fields in of[: KEYS_MAX + 4]:
        parts.journal.tell(ReadRefused("late", fields), 0.0)
    for now in (0.0, LIFE_S):  # those of before are over by then: they made no room
        for fields in of[: CMTS_MAX + (5 if now else 0)]:
            relay = fields.address[::-1]
            assert parts.reads.shares.may_ask(fields._replace(relay=relay), relay, now)
    found = values(cfm, 0.0)
    sheds = {queue: found["provbus_sheds_total", queue] for queue in ("payers", "askers", "told", "relays")}
    assert sheds == {"payers": 2, "askers": 3, "told": 4, "relays": 5}


def test_a_row_that_nobody_read_expires(cfm: Cfm, mint: Mint, hand_off: HandOff) -> None:
    cfm.receive(hand_off(mint()), 0.0)
    cfm.tick(61.0)
    found = values(cfm, 61.0)
    assert found["provbus_fileids_total", "expired"] == 1
    assert found["provbus_table_rows",] == 0


def test_the_granted_receive_buffer_is_told(build: Build) -> None:
    assert build(receive_buffer_bytes=4096).status.describe(0.0)["receive_buffer_bytes"] == 4096


def test_a_read_that_is_shed_and_one_that_is_refused_are_counted(build: Build, mint: Mint, rrq: Rrq) -> None:
    cfm = build(tftp=TftpServer(transfer_sockets=1, sessions_max=1))
    cfm.receive(rrq(mint()), 0.0)
    cfm.receive(rrq(mint(), port=2001), 1.0)
    assert values(cfm, 1.0)["provbus_sheds_total", "sessions"] == 1
    cfm.receive(rrq(mint(), port=2002), 4.5)  # the tick that would forget the first is late
    found = values(cfm, 4.5)
    assert found["provbus_sheds_total", "sessions"] == 2
    assert found["provbus_tftp_events_total", "shed"] == 1
    assert found["provbus_parked_reads",] == 1


def codes(cfm: Cfm) -> list[str]:
    return [one.code for one in cfm.status.degraded()]


def beat(source: str, **fields: Any) -> Received:
    """A beat of another instance of the fleet."""
    data = encode(Beat(service=source.partition("-")[0], **fields))
    return Received(Envelope(BEAT, source, 1, 1, 0, data), "")


def hello(source: str, claim: Claim = NO_CLAIM, now: float = 0.0) -> Received:
    """The greeting of a minter that is connected, acts under this claim and has our time."""
    sent_ms = int((WALL_OFFSET_S + now) * 1000)
    return Received(Envelope(HELLO, source, 1, 1, sent_ms, pack_hello(claim, 0.0)), b"route")


def live(cfm: Cfm, seconds: float, *, start: float = 0.0, greets: bool = False, **fields: Any) -> float:
    """Let time pass in which dhcp-1 beats, and greets us or not; returns the time then."""
    now = start
    while now < start + seconds:
        cfm.receive(beat("dhcp-1", **fields), now)
        if greets:
            cfm.receive(hello("dhcp-1", now=now), now)
        cfm.tick(now)
        now += 0.25
    cfm.tick(now)
    return now


def test_a_minter_that_is_alive_and_does_not_greet_is_said_once_that_lasts(build: Build) -> None:
    cfm = build(services=SERVICES)
    now = live(cfm, UNCONNECTED_S - 0.25)
    assert (codes(cfm), cfm.status.facts(now)["peer dhcp-1"]) == ([], "peer dhcp-1: alive")
    now = live(cfm, 0.5, start=now)
    assert cfm.status.degraded() == ["dhcp-1, which is alive, is not connected to the hand-off port"]
    assert codes(cfm) == ["minter-unconnected"]
    assert cfm.status.facts(now)["peer dhcp-1"] == "peer dhcp-1: alive, and not reached"
    live(cfm, 0.25, start=now, greets=True)
    assert codes(cfm) == []


def test_one_that_greeted_and_stops_is_said_after_both_times(build: Build) -> None:
    cfm = build(services=SERVICES)
    now = live(cfm, 5.0, greets=True)
    now = live(cfm, GREETED_S + UNCONNECTED_S - 0.5, start=now)
    assert codes(cfm) == []
    live(cfm, 1.0, start=now)
    assert codes(cfm) == ["minter-unconnected"]


def test_one_that_left_or_was_never_there_is_not_missed(build: Build) -> None:
    cfm = build(services=SERVICES)
    live(cfm, 5.0, leaves=True)
    assert codes(cfm) == ["no-minter"]
    cfm.receive(beat("mps-1"), 5.0)
    assert codes(cfm) == []


def test_its_settings_its_keys_and_its_peers_are_facts(build: Build) -> None:
    keys = KeyIds(fleet="0badc0de", seal="0001", group="07")
    cfm = build(services=SERVICES, about=About("1.0", lambda: "multicast", lambda: keys))
    cfm.receive(beat("mps-1"), 0.0)
    assert cfm.status.facts(0.0) == {
        "transport": "transport: multicast, provbus 1.0",
        "keys": "keys: fleet file 0badc0de, seal 0001, group 07",
        "settings": "settings: generation 3",
        "peer mps-1": "peer mps-1: alive",
    }
    bare = build(catalogue=None).status.facts(0.0)
    assert (bare["settings"], bare["keys"]) == ("settings: none", "keys: none")


def test_the_holder_of_each_role_is_a_fact(build: Build) -> None:
    fence = Fence({"dhcp-1": "dhcp/lab"}, writers=None)
    cfm = build(services=SERVICES, fence=fence)
    assert "role dhcp/lab" not in cfm.status.facts(0.0)
    cfm.receive(hello("dhcp-1", Claim(2, 17, "a" * 16)), 0.0)
    assert cfm.status.facts(0.0)["role dhcp/lab"] == "role dhcp/lab: dhcp-1, era 2 epoch 17"


def test_a_minter_whose_key_it_lacks_is_said(build: Build) -> None:
    cfm = build(services=SERVICES, about=About("1.0", lambda: "bus", lambda: KeyIds(seal="00")))
    cfm.receive(beat("dhcp-1", keys=KeyIds(seal="0100")), 0.0)
    assert codes(cfm) == ["keys-behind"]
    assert values(cfm, 0.0)["provbus_reason", "keys-behind"] == 1
    assert values(cfm, 0.0)["provbus_reason", "fence-stale"] == 0


def test_who_is_taken_out_of_the_fleet_is_forgotten_and_its_rows_are_refused(
    build: Build, mint: Mint, hand_off: HandOff
) -> None:
    cfm = build(services=SERVICES)
    for name in ("dhcp-1", "mps-1"):
        hello = Envelope(HELLO, name, 1, 1, 0, pack_hello(NO_CLAIM, 0.0))
        cfm.receive(Received(hello, name.encode()), 0.0)
        beat = Envelope(BEAT, name, 1, 2, 0, encode(Beat(service=SERVICES[name])))
        cfm.receive(Received(beat, ""), 0.0)
    cfm.tick(0.0)
    assert cfm.status.describe(0.0)["connected"] == ["dhcp-1", "mps-1"]
    cfm.keep_to({name: service for name, service in SERVICES.items() if name != "mps-1"})
    shown = cfm.status.describe(0.0)
    assert (shown["connected"], [*shown["peers"]]) == (["dhcp-1"], ["dhcp-1"])
    assert cfm.receive(hand_off(mint(minter=1), source="mps-1"), 0.1) == []
    assert (shown["rows"], cfm.status.describe(0.1)["rows"]) == (0, 0)
    assert cfm.receive(hand_off(mint(), source="dhcp-1"), 0.1) != []
    cfm.tick(UNCONNECTED_S + 1.0)
    assert "mps-1" not in " ".join(cfm.status.degraded())


def test_a_minter_whose_clock_is_off_and_a_clock_of_ours_that_jumped_are_said(build: Build) -> None:
    cfm = build(services=SERVICES)
    cfm.receive(beat("mps-1"), 0.0)
    cfm.receive(hello("dhcp-1", now=-6.0), 0.0)
    assert codes(cfm) == ["minter-clock-off"]
    cfm.receive(hello("dhcp-1", now=1.0), 1.0)
    assert codes(cfm) == []
    cfm.receive(WallClock(WALL_OFFSET_S - 3600), 2.0)
    assert codes(cfm) == ["clock-jumped"]
    assert cfm.status.degraded() == ["a clock to trust: it jumped by -3600 s"]
    cfm.receive(WallClock(WALL_OFFSET_S), 3.0)
    assert codes(cfm) == []

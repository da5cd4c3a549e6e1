"""What a CFM says of itself: whether it can work, and what it counts."""

from collections.abc import Callable
from typing import Any

import pytest

from bus.contract import encode
from bus.envelope import Envelope
from bus.messages import Draining, Received
from bus.telemetry.exposition import Exposition
from fileid.row import HELLO, Row
from fileid.seal import Opener
from fileid.table import Table
from heartbeat.liveness.beat import BEAT, Beat, KeyIds
from heartbeat.roles.claim import Claim
from heartbeat.roles.hello import pack_hello
from heartbeat.roles.log.fence import Fence
from services.cfm.machine import Cfm
from services.cfm.taking import GREETED_S, UNCONNECTED_S
from services.instance.about import About
from services.instance.metrics import METRICS
from services.settings.catalogue import record
from services.tftp.server_core import TftpServer
from services.tftp.sockets import Wakeup
from tests.unit.cfm.conftest import KEYS

Build = Callable[..., Cfm]
Mint = Callable[..., Row]
HandOff = Callable[..., Received]
Rrq = Callable[..., Wakeup]

NO_CLAIM = Claim()
SERVICES = {"cfm-1": "cfm", "dhcp-1": "dhcp", "mps-1": "mps"}


def values(cfm: Cfm, now: float) -> dict[tuple[str, ...], Any]:
    """Values by name and label values, after a rendering has accepted them."""
    assert Exposition(METRICS, lambda: cfm.status.samples(now)).render()
    return {(one.name, *one.labels.values()): one.value for one in cfm.status.samples(now)}


def test_settings_make_it_ready(build: Build, classes: Any, publication: Callable[..., Received]) -> None:
    cfm = build(catalogue=None)
    assert cfm.status.missing() == ["settings"]
    cfm.receive(publication(classes, 3), 0.0)
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
    cfm = build(catalogue=record(rejected(classes), 4) if is_on_disk else None)
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
    cfm = build(opener=opener)
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


def hello(source: str, claim: Claim = NO_CLAIM) -> Received:
    """The greeting of a minter that is connected and acts under this claim."""
    return Received(Envelope(HELLO, source, 1, 1, 0, pack_hello(claim, 0.0)), b"route")


def live(cfm: Cfm, seconds: float, *, start: float = 0.0, greets: bool = False, **fields: Any) -> float:
    """Let time pass in which dhcp-1 beats, and greets us or not; returns the time then."""
    now = start
    while now < start + seconds:
        cfm.receive(beat("dhcp-1", **fields), now)
        if greets:
            cfm.receive(hello("dhcp-1"), now)
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
    assert codes(cfm) == []


def test_its_settings_its_keys_and_its_peers_are_facts(build: Build) -> None:
    keys = KeyIds(fleet="0badc0de", seal="0001", group="07")
    cfm = build(services=SERVICES, about=About("1.0", "multicast", lambda: keys))
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
    fence = Fence({"dhcp-1": "dhcp/lab"}, has_log=False)
    cfm = build(services=SERVICES, fence=fence)
    assert "role dhcp/lab" not in cfm.status.facts(0.0)
    cfm.receive(hello("dhcp-1", Claim(2, 17, "a" * 16)), 0.0)
    assert cfm.status.facts(0.0)["role dhcp/lab"] == "role dhcp/lab: dhcp-1, era 2 epoch 17"


def test_a_minter_whose_key_it_lacks_is_said(build: Build) -> None:
    cfm = build(services=SERVICES, about=About("1.0", "bus", lambda: KeyIds(seal="00")))
    cfm.receive(beat("dhcp-1", keys=KeyIds(seal="0100")), 0.0)
    assert codes(cfm) == ["keys-behind"]
    assert values(cfm, 0.0)["provbus_reason", "keys-behind"] == 1
    assert values(cfm, 0.0)["provbus_reason", "fence-stale"] == 0

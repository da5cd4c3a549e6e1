"""What a minter says of itself: whether it can work, and what it counts."""

from collections.abc import Callable
from typing import Any

import pytest

from bus.effects import Send
from bus.envelope import Envelope
from bus.messages import Draining, LocalRequest, Received, Undelivered, WallClock
from bus.telemetry.exposition import Exposition
from bus.telemetry.metrics import Histogram
from fileid.lease import Lease
from fileid.row import HELLO
from heartbeat.liveness.beat import KeyIds
from services.instance.about import About
from services.instance.metrics import METRICS
from services.sidecar.minter import Minter
from services.sidecar.peers import FAILING_S, HELLO_EVERY_S

Build = Callable[..., Minter]
Beats = Callable[..., Received]


def values(minter: Minter, now: float) -> dict[tuple[str, ...], Any]:
    """Values by name and label values, after a rendering has accepted them."""
    assert Exposition(METRICS, lambda: minter.status.samples(now)).render()
    return {(one.name, *one.labels.values()): one.value for one in minter.status.samples(now)}


def test_a_minter_without_anything_says_what_it_lacks(build: Build) -> None:
    assert build(catalogue=None).status.missing() == ["settings", "no CFM is alive"]
    assert build().status.missing() == ["no CFM is alive"]


def test_an_able_cfm_makes_it_ready_until_it_is_silent(build: Build, beat: Beats) -> None:
    minter = build()
    minter.receive(beat(), 0.0)
    assert (minter.status.missing(), minter.status.degraded()) == ([], [])
    minter.tick(10.0)
    assert minter.status.missing() == ["no CFM is alive"]


@pytest.mark.parametrize("fields", [{"generation": 2}, {"draining": True}])
def test_a_cfm_that_cannot_take_rows_is_not_enough(build: Build, beat: Beats, fields: dict[str, Any]) -> None:
    minter = build()
    minter.receive(beat(**fields), 0.0)
    assert minter.status.missing() == ["no CFM that is alive can take rows"]


def test_with_a_default_server_it_is_degraded_instead(build: Build, beat: Beats) -> None:
    minter = build(default_next_server="10.0.0.9")
    assert (minter.status.missing(), minter.status.degraded()) == ([], ["no CFM is alive"])
    minter.receive(beat(), 0.0)
    assert minter.status.degraded() == []


def test_who_drains_is_not_ready(build: Build, beat: Beats) -> None:
    minter = build()
    minter.receive(beat(), 0.0)
    minter.receive(Draining(), 0.0)
    assert minter.status.missing() == ["it drains, to stop"]
    assert values(minter, 0.0)["provbus_draining",] == 1


def test_a_hand_off_is_counted_and_timed(
    build: Build,
    beat: Beats,
    create: Callable[..., LocalRequest],
    ack: Callable[..., Received],
) -> None:
    minter = build()
    minter.receive(beat(), 0.0)
    minter.receive(create(), 1.0)
    minter.receive(create(settings={"class": "unknown"}), 1.0)
    assert values(minter, 1.0)["provbus_queue_depth", "handoff"] == 1
    (send,) = [one for one in minter.tick(1.0) if isinstance(one, Send) and "rows" in one.envelope.type]
    minter.receive(ack(send), 1.004)
    found = values(minter, 1.5)
    outcomes = {key[1]: count for key, count in found.items() if key[0] == "provbus_fileids_total"}
    assert outcomes == {"created": 1, "refused": 1, "acked": 1, "unacked": 0}
    seconds: Histogram = found["provbus_handoff_seconds",]
    assert dict(seconds.buckets())["0.002"] == 0
    assert dict(seconds.buckets())["0.005"] == 1
    assert seconds.sum == pytest.approx(0.004)
    assert found["provbus_queue_depth", "handoff"] == 0
    assert found["provbus_queue_depth", "minted"] == 1


def test_peers_are_counted_by_state_and_their_beats_have_an_age(build: Build, beat: Beats) -> None:
    minter = build()
    minter.receive(beat("cfm-1"), 0.0)
    minter.receive(beat("cfm-2"), 8.0)
    minter.receive(beat("dhcp-2", service="dhcp"), 8.0)
    minter.tick(8.5)
    found = values(minter, 8.5)
    states = {key[1:]: count for key, count in found.items() if key[0] == "provbus_peers"}
    assert states == {("cfm", "dead"): 1, ("cfm", "alive"): 1, ("dhcp", "alive"): 1}
    assert found["provbus_beat_age_seconds", "cfm-1"] == 8.5
    assert found["provbus_beat_age_seconds", "cfm-2"] == 0.5


def test_what_is_forgotten_early_is_shed(build: Build, create: Callable[..., LocalRequest]) -> None:
    minter = build(minted_max=1)
    for _ in range(3):
        minter.receive(create(), 0.0)
    minter.receive(WallClock(0.0), 0.0)
    assert values(minter, 0.0)["provbus_sheds_total", "minted"] == 2


def test_a_device_whose_place_is_forgotten_is_shed(build: Build) -> None:
    minter = build()
    for device in range(50_002):
        minter.parts.leasing.whereabouts.moved_from(Lease(device.to_bytes(6), bytes(4), 0, 1, b"", b"modem"))
    assert values(minter, 0.0)["provbus_sheds_total", "whereabouts"] == 2


def codes(minter: Minter) -> list[str]:
    return [one.code for one in minter.status.degraded()]


def greet_in_vain(minter: Minter, beat: Beats, seconds: float, start: float = 0.0, **fields: Any) -> float:
    """Let time pass in which cfm-1 beats and no greeting of it can be sent; returns the time then."""
    failed = Undelivered(Envelope(HELLO, "dhcp-1", 1, 1, 0, b""), "cfm-1", "not connected")
    now = start
    while now < start + seconds:
        minter.receive(beat(**fields), now)
        minter.receive(beat("dhcp-1", service="dhcp"), now)
        minter.tick(now)
        minter.receive(failed, now)
        now += HELLO_EVERY_S
    minter.tick(now)
    return now


def test_a_cfm_that_is_alive_and_not_reached_is_said_once_that_lasts(build: Build, beat: Beats) -> None:
    minter = build()
    now = greet_in_vain(minter, beat, FAILING_S - HELLO_EVERY_S)
    assert (codes(minter), minter.status.facts(now)["peer cfm-1"]) == ([], "peer cfm-1: alive")
    now = greet_in_vain(minter, beat, 2 * HELLO_EVERY_S, start=now)
    assert minter.status.degraded() == ["a connection to cfm-1, which is alive"]
    assert codes(minter) == ["cfm-unreachable"]
    assert minter.status.facts(now)["peer cfm-1"] == "peer cfm-1: alive, and not reached"


def test_a_greeting_that_is_sent_ends_it(build: Build, beat: Beats) -> None:
    minter = build()
    now = greet_in_vain(minter, beat, 2 * FAILING_S)
    assert codes(minter) == ["cfm-unreachable"]
    minter.receive(beat(), now)
    minter.tick(now + HELLO_EVERY_S)
    assert codes(minter) == []


def test_one_that_left_is_not_missed(build: Build, beat: Beats) -> None:
    minter = build()
    greet_in_vain(minter, beat, 2 * FAILING_S, leaves=True)
    assert codes(minter) == []


def test_its_settings_its_role_its_keys_and_its_peers_are_facts(build: Build, beat: Beats) -> None:
    keys = KeyIds(fleet="0badc0de", seal="0100")
    minter = build(about=About("1.0", lambda: "bus", lambda: keys))
    minter.receive(beat("cfm-2"), 0.0)
    assert minter.status.facts(0.0) == {
        "transport": "transport: bus, provbus 1.0",
        "keys": "keys: fleet file 0badc0de, seal 0100",
        "settings": "settings: generation 3",
        "role": "role no role that others share: active",
        "peer cfm-2": "peer cfm-2: alive",
    }
    assert build(catalogue=None).status.facts(0.0)["settings"] == "settings: none"


def test_a_cfm_without_the_key_that_we_use_is_said(build: Build, beat: Beats) -> None:
    minter = build(about=About("1.0", lambda: "bus", lambda: KeyIds(seal="0100")))
    minter.receive(beat(keys=KeyIds(seal="0001")), 0.0)
    assert codes(minter) == []
    minter.receive(beat(keys=KeyIds(seal="00")), 0.5)
    assert codes(minter) == ["keys-behind"]


def test_every_reason_that_it_gives_is_1_in_its_metrics(build: Build) -> None:
    found = values(build(catalogue=None), 0.0)
    ones = {key[1] for key, value in found.items() if key[0] == "provbus_reason" and value}
    assert ones == {"no-settings", "no-cfm"}
    assert found["provbus_reason", "locked"] == 0

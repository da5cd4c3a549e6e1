"""What a minter says of itself: whether it can work, and what it counts."""

from collections.abc import Callable
from typing import Any

import pytest

from bus.effects import Send
from bus.messages import Draining, LocalRequest, Received, WallClock
from bus.telemetry.exposition import Exposition
from bus.telemetry.metrics import Histogram
from services.instance.metrics import METRICS
from services.sidecar.minter import Minter

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

"""A CFM that is asked to stop: whoever was told its address is served first."""

from collections.abc import Callable
from typing import Any

import pytest

from bus.contract import decode
from bus.effects import Exit, Publish
from bus.messages import Draining, Stopping
from bus.telemetry.audit import AUDIT
from fileid.reads import SILENT_AFTER_S
from heartbeat.liveness.beat import BEAT
from heartbeat.liveness.beat import Beat as BeatRecord
from services.cfm.machine import Cfm
from services.tftp.effects import Datagram
from services.tftp.packets import ACK, HEAD
from services.tftp.sockets import Wakeup

Make = Callable[..., Any]

DRAINED = Exit(0, "drained")


def beats(effects: list[Any]) -> list[BeatRecord]:
    """The beats among these effects."""
    published = [one.envelope for one in effects if isinstance(one, Publish)]
    return [decode(BeatRecord, one.data) for one in published if one.type == BEAT]


def acknowledge(port: int = 2000) -> Wakeup:
    """The modem has the only block."""
    return Wakeup(1, [(HEAD.pack(ACK, 1), ("10.0.0.7", port))])


def until_drained(cfm: Cfm, now: float) -> float:
    """Tick at every deadline: when the CFM exits."""
    start = now
    while True:
        due = cfm.deadline()
        assert due is not None
        now = max(now, due)
        assert now < start + 10.0, "it never exits"
        if DRAINED in cfm.tick(now):
            return now


@pytest.fixture
def draining(cfm: Cfm) -> Cfm:
    """It was asked to stop at 10.0, shortly after a beat."""
    cfm.tick(9.75)
    assert cfm.receive(Draining(), 10.0) == []
    return cfm


def test_it_says_so_at_once_and_goes_after_two_beats(draining: Cfm) -> None:
    deadline = draining.deadline()
    assert deadline is not None
    assert deadline <= 10.0
    first = draining.tick(10.0)
    assert [beat.draining for beat in beats(first)] == [True]
    assert DRAINED not in first
    last = draining.tick(10.5)
    assert [beat.draining for beat in beats(last)] == [True]
    assert last[-1] == DRAINED


def test_who_is_not_asked_neither_drains_nor_exits(cfm: Cfm) -> None:
    effects = [effect for at in range(20) for effect in cfm.tick(at / 2)]
    assert {beat.draining for beat in beats(effects)} == {False}
    assert DRAINED not in effects


def test_a_running_download_is_waited_for(draining: Cfm, mint: Make, hand_off: Make, rrq: Make) -> None:
    row = mint()
    draining.receive(hand_off(row), 10.0)
    draining.receive(rrq(row), 10.0)
    assert DRAINED not in [*draining.tick(10.0), *draining.tick(10.5), *draining.tick(10.9)]
    draining.receive(acknowledge(), 10.95)
    assert until_drained(draining, 10.95) <= 11.5
    last = draining.receive(Stopping(), 11.5)
    assert {one.envelope.type for one in last if isinstance(one, Publish)} <= {AUDIT, BEAT}
    assert [beat.leaves for beat in beats(last)] == [True]


def test_a_parked_read_is_served_before_we_go(draining: Cfm, mint: Make, rrq: Make) -> None:
    assert draining.receive(rrq(mint()), 10.0) == []
    served: list[Any] = []
    for now in (10.0, 10.5, 10.6):
        effects = draining.tick(now)
        assert DRAINED not in effects
        served += [one for one in effects if isinstance(one, Datagram)]
    assert len(served) == 1
    draining.receive(acknowledge(), 10.7)
    assert until_drained(draining, 10.7) <= 11.5


def test_a_read_that_nobody_can_serve_does_not_hold_us(draining: Cfm, mint: Make, rrq: Make) -> None:
    partial = mint("voice", line1="x" * 60)
    draining.receive(rrq(partial), 10.0)
    assert 10.0 + SILENT_AFTER_S <= until_drained(draining, 10.0) <= 10.5 + SILENT_AFTER_S


def test_new_reads_are_served_while_we_drain(draining: Cfm, mint: Make, hand_off: Make, rrq: Make) -> None:
    draining.tick(10.0)
    row = mint()
    draining.receive(hand_off(row), 10.1)
    assert [type(one) for one in draining.receive(rrq(row), 10.2)] == [Datagram]

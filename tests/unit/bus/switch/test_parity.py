"""Parity: each message of a peer comes by both columns, or it is said by which one it did not."""

import pytest

from bus.envelope import Envelope
from bus.routes import Column
from bus.switch.parity import GREEN_MESSAGES, GREEN_S, PAIR_S, Parity, digest_of

BUS, GROUP = Column.BUS, Column.MULTICAST
WANTED = {"cfm-1": ["heartbeat"]}


def beat(number: int, incarnation: int = 7) -> Envelope:
    return Envelope("provbus.heartbeat.beat.v1", "cfm-1", incarnation, number, 0, b"{}")


def settings(generation: int, by: str) -> Envelope:
    data = f'{{"generation":{generation},"digest":"{"d" * 64}","by":"{by}"}}'.encode()
    return Envelope("provbus.config.catalogue.v1", by, 7, 1, 0, data)


def in_both(parity: Parity, numbers: range, *, every_s: float = 0.5) -> float:
    """These messages come by both columns; the time of the last one."""
    now = 0.0
    for number in numbers:
        now = number * every_s
        assert parity.note(beat(number), BUS, now)
        assert not parity.note(beat(number), GROUP, now + 0.001)
    return now


def test_it_is_green_after_enough_messages_and_not_before() -> None:
    parity = Parity()
    now = in_both(parity, range(1, GREEN_MESSAGES))
    assert parity.lacks(WANTED, now) == ["heartbeat of cfm-1"]
    now = in_both(parity, range(GREEN_MESSAGES, GREEN_MESSAGES + 1))
    assert parity.lacks(WANTED, now) == []


@pytest.mark.parametrize("column", [BUS, GROUP])
def test_a_message_that_comes_by_one_column_alone_is_a_miss(column: Column) -> None:
    parity = Parity()
    now = in_both(parity, range(1, GREEN_MESSAGES + 1))
    assert parity.note(beat(99), column, now)
    assert parity.lacks(WANTED, now + PAIR_S - 0.1) == []
    missed_at = now + PAIR_S
    assert parity.lacks(WANTED, missed_at) == ["heartbeat of cfm-1"]
    only = parity.report(missed_at)["peers"]["cfm-1"]["heartbeat"]["only"]
    assert only == {str(one): int(one is column) for one in Column}
    assert parity.lacks(WANTED, missed_at + GREEN_S) == []


def test_a_copy_that_comes_too_late_is_no_first_copy() -> None:
    parity = Parity()
    assert parity.note(beat(1), BUS, 0.0)
    parity.expire(PAIR_S)
    assert not parity.note(beat(1), GROUP, PAIR_S + 0.1)


def test_a_repeated_copy_is_counted_once() -> None:
    parity = Parity()
    assert [parity.note(beat(1), column, 0.0) for column in (BUS, BUS, GROUP, GROUP, BUS)] == [
        True,
        *[False] * 4,
    ]
    assert parity.report(0.0)["peers"]["cfm-1"]["heartbeat"]["both"] == 1


def test_a_restarted_peer_is_counted_anew() -> None:
    parity = Parity()
    now = in_both(parity, range(1, GREEN_MESSAGES + 1))
    assert parity.note(beat(1, incarnation=8), BUS, now)
    assert parity.lacks(WANTED, now) == ["heartbeat of cfm-1"]
    assert parity.note(beat(3), BUS, now), "what a former process says is for others to judge"


def test_what_was_seen_stays_seen_when_it_is_counted_anew() -> None:
    parity = Parity()
    assert parity.note(beat(1), BUS, 0.0)
    parity.begin()
    assert not parity.note(beat(1), GROUP, 0.1)


def test_settings_agree_whoever_wrote_them() -> None:
    parity = Parity()
    in_both(parity, range(1, GREEN_MESSAGES + 1))
    parity.note_settings(digest_of(settings(3, "dhcp-1")), BUS)
    parity.note_settings(digest_of(settings(3, "dhcp-2")), GROUP)
    assert parity.lacks(WANTED, 99.0) == []
    parity.note_settings(digest_of(settings(4, "dhcp-2")), GROUP)
    assert parity.lacks(WANTED, 99.0) == ["the settings"]
    parity.note_settings("", GROUP)
    assert parity.lacks(WANTED, 99.0) == ["the settings"]

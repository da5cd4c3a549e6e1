"""Deduplication: every message of a source counts once, however it is delayed, doubled or reordered."""

import random
from itertools import pairwise

import pytest

from bus.envelope import Envelope
from bus.wire.dedup import WINDOW, Dedup

HIGH = 5_000


def message(seq: int, source: str = "cfm-1", incarnation: int = 7, traffic: str = "audit") -> Envelope:
    return Envelope(f"provbus.{traffic}.x.v1", source, incarnation, seq, 0, b"")


def test_a_stream_in_order_is_new_once() -> None:
    dedup = Dedup()
    assert all(dedup.is_new(message(seq)) for seq in range(1, 3_000))
    assert not any(dedup.is_new(message(seq)) for seq in range(1, 3_000))
    assert dedup.duplicates == 2_999


def test_a_repetition_does_not_make_its_neighbours_old() -> None:
    dedup = Dedup()
    shown = [dedup.is_new(message(seq)) for seq in (1, 1, 3, 3, 2, 2, 4)]
    assert shown == [True, False, True, False, True, False, True]


@pytest.mark.parametrize(
    ("seq", "new"),
    [
        (HIGH, False),
        (HIGH - 1, True),
        (HIGH - WINDOW + 1, True),
        (HIGH - WINDOW, False),
        (HIGH - WINDOW - 1, False),
        (0, False),
        (HIGH + 1, True),
        (HIGH + WINDOW - 1, True),
        (HIGH + WINDOW, True),
        (HIGH + 10 * WINDOW, True),
    ],
)
def test_the_edges_of_the_window(seq: int, new: bool) -> None:
    dedup = Dedup()
    assert dedup.is_new(message(HIGH))
    assert dedup.is_new(message(seq)) is new
    assert not dedup.is_new(message(seq))


@pytest.mark.parametrize("ahead", [1, 2, WINDOW - 2, WINDOW - 1])
def test_a_jump_within_the_window_remembers_what_came_before(ahead: int) -> None:
    dedup = Dedup()
    assert dedup.is_new(message(HIGH))
    assert dedup.is_new(message(HIGH + ahead))
    assert not dedup.is_new(message(HIGH))


def test_a_jump_beyond_the_window_leaves_no_false_memory() -> None:
    dedup = Dedup()
    assert dedup.is_new(message(HIGH))
    high = HIGH + 3 * WINDOW
    assert dedup.is_new(message(high))
    assert all(dedup.is_new(message(seq)) for seq in range(high - WINDOW + 1, high))


def test_the_largest_and_the_smallest_number_cost_the_same() -> None:
    dedup = Dedup()
    shown = [dedup.is_new(message(seq)) for seq in (2**64 - 1, 0, 1, 2**63)]
    assert shown == [True, False, False, False]


@pytest.mark.parametrize(
    "other",
    [
        message(1, source="cfm-2"),
        message(1, incarnation=8),
        message(1, incarnation=6),
        message(1, traffic="fileid"),
    ],
)
def test_source_incarnation_and_class_are_numbered_apart(other: Envelope) -> None:
    dedup = Dedup()
    assert dedup.is_new(message(1))
    assert dedup.is_new(other)
    assert not dedup.is_new(message(1))
    assert not dedup.is_new(other)


def test_types_of_one_class_share_a_window() -> None:
    dedup = Dedup()
    assert dedup.is_new(message(1)._replace(type="provbus.audit.x.v1"))
    assert not dedup.is_new(message(1)._replace(type="provbus.audit.y.v1"))


@pytest.mark.parametrize("seed", range(20))
def test_it_agrees_with_a_memory_of_everything(seed: int) -> None:
    """Within the window, whatever the order: new exactly the first time."""
    rng = random.Random(seed)
    pending = sorted(range(1, 2_000), key=lambda seq: seq + rng.uniform(0, WINDOW // 2))
    assert any(late < early for early, late in pairwise(pending))
    dedup, seen = Dedup(), set[int]()
    for seq in pending:
        for _ in range(rng.randrange(3)):
            assert dedup.is_new(message(seq)) is (seq not in seen)
            seen.add(seq)


def test_the_source_heard_longest_ago_is_forgotten_first() -> None:
    dedup = Dedup(sources_max=3)
    for source in ("a", "b", "c"):
        assert dedup.is_new(message(1, source))
    assert not dedup.is_new(message(1, "a"))  # a is heard again: now b is the oldest
    assert dedup.is_new(message(1, "d"))
    assert [dedup.is_new(message(1, source)) for source in ("a", "c", "d")] == [False] * 3
    assert dedup.is_new(message(1, "b"))


def test_a_source_among_the_last_ones_is_kept() -> None:
    dedup = Dedup(sources_max=100)
    assert all(dedup.is_new(message(1, incarnation=number)) for number in range(1_000))
    assert not any(dedup.is_new(message(1, incarnation=number)) for number in range(900, 1_000))
    assert dedup.is_new(message(1, incarnation=899))

"""Whether a process grows: series of its starts, without their first minute."""

import os

import pytest

from services.lab.books.growth import HOUR_S, held_by, slope


def line(start_s: float, first: float, per_h: float) -> list[tuple[float, float]]:
    """Ten minutes of a steady growth."""
    return [(start_s + at, first + per_h * at / HOUR_S) for at in range(0, 600, 5)]


def test_a_restart_is_neither_a_fall_nor_a_rise() -> None:
    assert slope([line(0.0, 80.0, 3.0), line(900.0, 60.0, 3.0)]) == pytest.approx(3.0)
    assert slope([line(0.0, 80.0, 0.0), line(900.0, 60.0, 0.0)]) == 0.0


def test_a_leak_is_seen_in_the_series_that_has_it() -> None:
    assert slope([line(0.0, 80.0, 12.0), line(900.0, 80.0, 0.0)]) == pytest.approx(6.0)


def test_nothing_was_seen_of_who_never_lived_for_a_minute() -> None:
    assert slope([]) == slope([[(5.0, 1.0)]]) == 0.0


def test_this_very_process_holds_something() -> None:
    held = held_by(os.getpid(), 7.0)
    assert held is not None
    assert held.at == 7.0
    assert min(held.rss_mib, held.descriptors, held.threads) >= 1
    assert held_by(2**22 + 1, 7.0) is None

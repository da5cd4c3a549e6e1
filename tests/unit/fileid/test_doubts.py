"""When a seal may serve by itself: jumps of our clock, clocks of minters, and who was asked."""

import pytest

from fileid.doubts import DOUBT_S, GREETED_S, OFF_S_MAX, Doubts

UNIX_S = 1_700_000_000.0
DHCP, MPS = 1, 2


def clocked(*jumps: tuple[float, float]) -> Doubts:
    """Doubts of a CFM whose clock was so far off (s) at these moments, and right at 0."""
    doubts = Doubts()
    doubts.clock(UNIX_S, 0.0)
    for off_s, now in jumps:
        doubts.clock(UNIX_S + off_s, now)
    return doubts


def allows(doubts: Doubts, now: float = 0.0, minter: int = DHCP) -> bool:
    return doubts.allow(minter, now, was_asked=True)


@pytest.mark.parametrize("off_s", [0.0, OFF_S_MAX, -OFF_S_MAX])
def test_a_small_jump_is_none(off_s: float) -> None:
    doubts = clocked((off_s, 1.0))
    assert allows(doubts, 1.0)
    assert doubts.jumped_s == 0.0


@pytest.mark.parametrize(
    ("off_s", "doubt_s"), [(6.0, DOUBT_S), (-6.0, DOUBT_S + 6.0), (-3600.0, DOUBT_S + 3600.0)]
)
def test_a_jump_is_in_doubt_until_the_names_of_before_are_over(off_s: float, doubt_s: float) -> None:
    doubts = clocked((off_s, 1.0), (off_s, 1.0 + doubt_s - 0.001))
    assert doubts.jumped_s == pytest.approx(off_s)
    assert not allows(doubts)
    doubts.clock(UNIX_S + off_s, 1.0 + doubt_s)
    assert doubts.jumped_s == 0.0
    assert allows(doubts)


def test_many_small_steps_are_a_jump() -> None:
    doubts = clocked(*((-4.0 * at, float(at)) for at in range(1, 10)))
    assert not allows(doubts)


def test_a_clock_that_returns_is_trusted_at_once() -> None:
    doubts = clocked((3600.0, 1.0), (0.0, 2.0))
    assert allows(doubts)
    assert doubts.jumped_s == 0.0


def test_a_second_jump_begins_the_doubt_anew() -> None:
    doubts = clocked((-10.0, 1.0), (-1000.0, 2.0), (-1000.0, 1.0 + DOUBT_S + 10.0))
    assert not allows(doubts)
    doubts.clock(UNIX_S - 1000.0, 2.0 + DOUBT_S + 1000.0)
    assert allows(doubts)


def test_a_jump_that_was_accepted_is_what_later_ones_are_measured_by() -> None:
    doubts = clocked((60.0, 1.0), (60.0, 1.0 + DOUBT_S), (0.0, 200.0))
    assert doubts.jumped_s == -60.0


@pytest.mark.parametrize(
    ("lead_s", "is_allowed"), [(0.0, True), (5.0, True), (-5.0, True), (5.1, False), (-5.1, False)]
)
def test_the_latest_greeting_tells_whether_a_minters_clock_is_off(lead_s: float, is_allowed: bool) -> None:
    doubts = clocked()
    doubts.greeted(DHCP, -99.0, 0.0)
    doubts.greeted(DHCP, lead_s, 1.0)
    assert allows(doubts, 1.0) is is_allowed
    assert allows(doubts, 1.0, MPS)
    assert dict(doubts.off) == ({} if is_allowed else {DHCP: lead_s})


def test_who_is_connected_must_have_been_asked() -> None:
    doubts = clocked()
    assert doubts.allow(DHCP, 0.0, was_asked=False)
    doubts.greeted(DHCP, 0.0, 1.0)
    assert not doubts.allow(DHCP, 1.0 + GREETED_S - 0.001, was_asked=False)
    assert doubts.allow(DHCP, 1.0 + GREETED_S - 0.001, was_asked=True)
    assert doubts.allow(DHCP, 1.0 + GREETED_S, was_asked=False)

"""How far back a journal is read, whatever its lines say."""

import pytest

from services.dhcp.kea.journal.entries import parse_header
from services.dhcp.kea.journal.reach import OLD_IN_A_ROW, Reach, lines_backwards, reach
from services.dhcp.kea.journal.tail import LINE_BYTES_MAX
from tests.unit.dhcp.conftest import HEADER, line

SINCE_S = 1_700_000_000.0
COLUMNS = parse_header(HEADER)
OLD, YOUNG = line(1, SINCE_S - 1), line(2, SINCE_S)
RELEASED = line(3, SINCE_S - 1, lifetime_s=0)


def reached(*lines: bytes) -> tuple[int, bool]:
    """How many of these lines are left out, and whether those are known to be old."""
    data = b"".join(lines)
    backwards = lines_backwards(lambda size, at: data[at : at + size], 0, len(data), 64 * 1024)
    found = reach(backwards, COLUMNS, len(data), SINCE_S)
    return data[: found.start].count(b"\n"), found.is_far


def test_a_thousand_old_grants_in_a_row_are_far_enough() -> None:
    assert reached(YOUNG, *[OLD] * OLD_IN_A_ROW, YOUNG, OLD) == (1 + OLD_IN_A_ROW, True)


def test_one_less_is_not() -> None:
    assert reached(YOUNG, *[OLD] * (OLD_IN_A_ROW - 1), YOUNG, OLD) == (0, False)


def test_a_young_one_among_them_begins_the_count_anew() -> None:
    lines = [*[OLD] * OLD_IN_A_ROW, YOUNG, *[OLD] * (OLD_IN_A_ROW - 1)]
    assert reached(*lines) == (OLD_IN_A_ROW, True)


@pytest.mark.parametrize("nothing", [RELEASED, line(3, SINCE_S - 1, state=1), b"garbage\n", b"\n"])
def test_what_grants_nothing_says_nothing(nothing: bytes) -> None:
    assert reached(YOUNG, *[OLD, nothing] * (OLD_IN_A_ROW - 1), YOUNG) == (0, False)
    assert reached(YOUNG, *[OLD, nothing] * OLD_IN_A_ROW, YOUNG) == (1 + 2 * OLD_IN_A_ROW, True)


def test_without_young_ones_there_is_nothing_to_read() -> None:
    assert reached(*[OLD] * 3) == (3, False)
    assert reached() == (0, False)


@pytest.mark.parametrize("chunk_bytes", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("start", [0, 4, 5])
def test_lines_come_backwards_with_their_offsets(chunk_bytes: int, start: int) -> None:
    data = b"one\n\nthree\n\n"
    offsets = {0: b"one", 4: b"", 5: b"three", 11: b""}
    found = lines_backwards(lambda size, at: data[at : at + size], start, len(data), chunk_bytes)
    assert [*found] == [(at, offsets[at]) for at in reversed(offsets) if at >= start]


def test_a_line_that_is_too_long_is_left_out() -> None:
    data = b"one\n" + b"x" * (3 * LINE_BYTES_MAX) + b"\ntwo\n"
    found = lines_backwards(lambda size, at: data[at : at + size], 0, len(data), LINE_BYTES_MAX)
    assert [*found] == [(len(data) - 4, b"two"), (0, b"one")]


def test_a_file_that_is_cut_meanwhile_ends_the_search() -> None:
    assert [*lines_backwards(lambda size, at: b"", 0, 9)] == []
    assert reach([], COLUMNS, 9, SINCE_S) == Reach(9, False)

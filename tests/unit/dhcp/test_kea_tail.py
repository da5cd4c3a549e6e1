"""Following a file: what to do after each look, and lines out of any pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dhcp.kea.journal.tail import LINE_BYTES_MAX, Lines, Look, Seen, checksum, continues, step

HELD = Seen(inode=7, size_bytes=100)


@pytest.mark.parametrize(
    ("journal", "renamed", "todo"),
    [
        pytest.param(Seen(7, 100), None, Look.READ, id="nothing new"),
        pytest.param(Seen(7, 101), Seen(5, 9), Look.READ, id="it grew"),
        pytest.param(None, HELD, Look.READ, id="renamed, and the new one not begun"),
        pytest.param(None, None, Look.READ, id="removed"),
        pytest.param(Seen(8, 0), HELD, Look.NEXT, id="renamed, and a new one begun"),
        pytest.param(Seen(8, 0), None, Look.NEXT_AND_RESYNC, id="renamed longer ago"),
        pytest.param(Seen(8, 0), Seen(9, 500), Look.NEXT_AND_RESYNC, id="replaced"),
        pytest.param(Seen(7, 99), None, Look.RESYNC, id="cut"),
        pytest.param(Seen(7, 0), Seen(9, 1), Look.RESYNC, id="emptied"),
    ],
)
def test_a_look_says_what_to_do(journal: Seen | None, renamed: Seen | None, todo: Look) -> None:
    assert step(HELD, journal, renamed) is todo


LINES = st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=20)


@given(LINES, st.binary(max_size=10).map(lambda rest: rest.replace(b"\n", b"")), st.data())
def test_any_cutting_of_the_bytes_gives_the_same_lines(
    lines: list[bytes], rest: bytes, data: st.DataObject
) -> None:
    whole = b"".join(line + b"\n" for line in lines)
    stream = whole + rest
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    found = Lines(inode=7, offset=1000)
    got = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got += found.feed(stream[start:end])
        position = found.position()
        done = stream[: position.offset - 1000]
        assert done == b"".join(line + b"\n" for line in got)
        assert not got or continues(position, done)
    assert got == lines
    assert found.offset == 1000 + len(stream)
    assert found.overlong == 0


@given(st.lists(st.integers(1, 3 * LINE_BYTES_MAX), max_size=6))
def test_a_line_that_is_none_is_counted_and_costs_no_other(cuts: list[int]) -> None:
    stream = b"before\n" + b"x" * (2 * LINE_BYTES_MAX) + b"\nafter\n"
    found = Lines(inode=7, offset=0)
    got = []
    at = 0
    for cut in [*cuts, len(stream)]:
        got += found.feed(stream[at : at + cut])
        at = min(len(stream), at + cut)
    assert got == [b"before", b"after"]
    assert found.overlong == 1
    assert found.position().offset == found.offset == len(stream)


def test_a_position_is_known_again_by_its_line() -> None:
    lines = Lines(inode=7, offset=0)
    lines.feed(b"header\none\n" + b"two" * 100 + b"\nhalf")
    position = lines.position()
    assert position.checksum == checksum(b"two" * 100)
    assert continues(position, b"ne\n" + b"two" * 100 + b"\n")
    assert continues(position, b"two" * 100 + b"\n")


@pytest.mark.parametrize("before", [b"", b"\n", b"one\n", b"one\ntwo", b"two\nthree\n", b"two\n\n"])
def test_another_line_is_another_file(before: bytes) -> None:
    lines = Lines(inode=7, offset=0)
    lines.feed(b"one\ntwo\n")
    assert continues(lines.position(), b"one\ntwo\n")
    assert not continues(lines.position(), before)

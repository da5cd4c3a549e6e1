"""The reach of a resync: how far back in a journal are leases whose modem may still wait.

Theory of operation
-------------------
Kea appends, so the latest grants are at the end, but not in strict order: leases that an HA partner sends, or
that are written through the control channel, bear the time of another clock, or an old one. A journal is read
backwards until `OLD_IN_A_ROW` grants in a row are older than `FAR_S`, half as long again as a row lives. The
resync begins at the earliest young grant that was found.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from bus.errors import DecodeError
from services.dhcp.kea.journal.entries import Header, granted_at, split_line
from services.dhcp.kea.journal.tail import LINE_BYTES_MAX

OLD_IN_A_ROW = 1000
FAR_S = 90.0
CHUNK_BYTES = 256 * 1024


class Reach(NamedTuple):
    """`start` is the offset of the earliest young grant, in bytes; `is_far` says whether all before it are
    known to be old.
    """

    start: int
    is_far: bool


def reach(lines: Iterable[tuple[int, bytes]], columns: Header, end: int, old_before_s: float) -> Reach:
    """The reach of these lines; they come with their offsets, the last one first, and end at `end`. Grants
    before `old_before_s` (Unix time) are old; other lines are skipped.
    """
    start, old = end, 0
    for offset, line in lines:
        try:
            granted_s = granted_at(split_line(line, columns), columns)
        except DecodeError:
            continue
        if granted_s is None:
            continue
        if granted_s >= old_before_s:
            start, old = offset, 0
            continue
        old += 1
        if old >= OLD_IN_A_ROW:
            return Reach(start, True)
    return Reach(start, False)


def lines_backwards(
    read: Callable[[int, int], bytes], start: int, end: int, chunk_bytes: int = CHUNK_BYTES
) -> Iterator[tuple[int, bytes]]:
    """The lines from offset `start` to `end`, the last one first, each with its own offset. `end` is behind a
    line feed. `read(size, offset)` gives the bytes there. A line that is too long is left out.

    >>> data = b"one\\ntwo\\nthree\\n"
    >>> list(lines_backwards(lambda size, at: data[at : at + size], 4, len(data), chunk_bytes=3))
    [(8, b'three'), (4, b'two')]
    """
    if end <= start:
        return
    end -= 1  # the last line feed
    rest, is_overlong = b"", False
    while end > start:
        first = max(start, end - chunk_bytes)
        data = read(end - first, first)
        if len(data) < end - first:  # somebody cut the file
            return
        head, *lines = (data + rest).split(b"\n")
        at = end + len(rest)
        for line in reversed(lines):
            at -= len(line)
            if not is_overlong:
                yield at, line
            at, is_overlong = at - 1, False
        rest, end = head, first
        if len(rest) > LINE_BYTES_MAX:
            rest, is_overlong = b"", True
    if not is_overlong:
        yield start, rest

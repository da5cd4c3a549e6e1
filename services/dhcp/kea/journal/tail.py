"""The decisions for following a file that grows, is renamed and begun anew, and may be cut; no I/O.

Theory of operation
-------------------
Kea appends to its journal. For a clean-up it closes the journal, renames it to `<journal>.1` and begins a new
one; `kea-lfc` then condenses `.1` and the former `.2` into a new `.2` and removes `.1`. While `.1` exists Kea
renames nothing. So when another file is at the journal's path and ours is `.1`, ours is complete and the
other one continues it: read ours to its end, then the other from its start. When ours is not `.1`, it was
renamed longer ago than one look, and there may have been a journal in between: read on in the same way, and
resync.

A journal that is shorter than our offset was cut by somebody else; which lines are lost is not known.

Inode numbers are reused, often at once. A running follower holds its file open, which keeps the number; for a
restart a position also holds a checksum of the line before it.
"""

import zlib
from enum import Enum
from typing import NamedTuple

LINE_BYTES_MAX = 16 * 1024
"""A line holds option 82 twice over at most, in hex and escaped: 2 KiB. A longer one is no line."""


class Position(NamedTuple):
    """A place behind a whole line of the journal. `checksum` is the CRC-32 of that line."""

    inode: int
    offset: int
    checksum: int


NOWHERE = Position(0, 0, 0)
"""A position that no file has: after a restart it causes a resync."""


class Seen(NamedTuple):
    """The file at a path: its inode and size."""

    inode: int
    size_bytes: int


class Look(Enum):
    """The action after a look."""

    READ = "read on to the end of the file"
    NEXT = "finish the file, then read the one at the path from its start"
    NEXT_AND_RESYNC = "the same, and ask the server what was granted lately"
    RESYNC = "go to the end of the file and ask the server what was granted lately"


def step(held: Seen, journal: Seen | None, renamed: Seen | None) -> Look:
    """The action for the file held open, which was read up to `held.size_bytes`, when these two are at the
    journal's path and at `<journal>.1`.
    """
    if journal is None:  # between the renaming and the new file, or removed: a new one will tell
        return Look.READ
    if journal.inode == held.inode:
        return Look.RESYNC if journal.size_bytes < held.size_bytes else Look.READ
    if renamed is not None and renamed.inode == held.inode:
        return Look.NEXT
    return Look.NEXT_AND_RESYNC


class Lines:
    """Cuts a stream of bytes into whole lines, and knows the position behind the last one.

    >>> lines = Lines(inode=7, offset=100)
    >>> lines.feed(b"one\\ntw"), lines.offset
    ([b'one'], 106)
    >>> lines.feed(b"o\\n"), lines.position().offset
    ([b'two'], 108)
    """

    def __init__(self, inode: int, offset: int, checksum: int = 0) -> None:
        self.inode = inode
        self.offset = offset
        self.overlong = 0
        self._end = offset
        self._checksum = checksum
        self._rest = b""
        self._is_skipping = False

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that these bytes complete, in order. `offset` grows to the end of the bytes."""
        self.offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if lines:
            self._end = self.offset - len(self._rest)
            self._checksum = checksum(lines[-1])
            if self._is_skipping:
                del lines[0]
                self._is_skipping = False
            whole = [line for line in lines if len(line) <= LINE_BYTES_MAX]
            self.overlong += len(lines) - len(whole)
            lines = whole
        if len(self._rest) > LINE_BYTES_MAX:
            self.overlong += not self._is_skipping
            self._is_skipping = True
            self._rest = b""
        return lines

    def position(self) -> Position:
        """The position behind the last whole line."""
        return Position(self.inode, self._end, self._checksum)


def checksum(line: bytes) -> int:
    """CRC-32 of a line, without its line feed: lines of one modem differ in their time alone."""
    return zlib.crc32(line)


def continues(position: Position, before: bytes) -> bool:
    """Whether the bytes before a position are still those that were read there."""
    *_, line = before.removesuffix(b"\n").split(b"\n")
    return before.endswith(b"\n") and checksum(line) == position.checksum

"""One file of the lease journal, held open: whatever it is renamed to, its inode stays ours."""

import os
from pathlib import Path

from services.dhcp.kea.journal import Columns, parse_header
from services.dhcp.kea.tail import LINE_BYTES_MAX, Lines, Position, Seen, continues


def seen(path: Path) -> Seen | None:
    """What stands at this path; None if nothing does."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return Seen(found.st_ino, found.st_size)


class JournalFile:
    """Reads whole lines from where it was told to; from the first one after the header if it was not."""

    def __init__(self, path: Path) -> None:
        """`OSError` if it cannot be opened, `DecodeError` if it has a first line that is not Kea's, and
        `EOFError` if it does not have one yet.
        """
        self._descriptor = os.open(path, os.O_RDONLY)
        try:
            start = os.pread(self._descriptor, LINE_BYTES_MAX, 0)
            header, feed, _ = start.partition(b"\n")
            if not feed:
                raise EOFError(f"{path} has no first line yet")
            self.columns: Columns = parse_header(header)
            self.start = len(header) + 1
            self.lines = Lines(self.held().inode, self.start)
        except BaseException:
            os.close(self._descriptor)
            raise

    def held(self) -> Seen:
        """Its inode and its present size."""
        found = os.fstat(self._descriptor)
        return Seen(found.st_ino, found.st_size)

    def has(self, position: Position) -> bool:
        """Whether the position is one in this file."""
        held = self.held()
        if position.inode != held.inode or not self.start <= position.offset <= held.size_bytes:
            return False
        first = max(0, position.offset - LINE_BYTES_MAX)
        before = os.pread(self._descriptor, position.offset - first, first)
        return position.offset == self.start or continues(position, before)

    def seek(self, position: Position) -> None:
        """Read on at a position."""
        self.lines = Lines(position.inode, position.offset, position.checksum)

    def seek_end(self) -> None:
        """Read on at the present end. A line that is not whole yet is one that comes."""
        end = self.held().size_bytes
        first = max(min(self.start, end), end - LINE_BYTES_MAX)
        tail = os.pread(self._descriptor, end - first, first)
        whole = tail[: tail.rfind(b"\n") + 1]
        self.lines = Lines(self.held().inode, first)
        self.lines.feed(whole)

    def read(self, size_bytes: int) -> list[bytes] | None:
        """The lines in the next bytes; None at the end of the file."""
        data = os.pread(self._descriptor, size_bytes, self.lines.offset)
        return self.lines.feed(data) if data else None

    def close(self) -> None:
        """Let it go."""
        os.close(self._descriptor)

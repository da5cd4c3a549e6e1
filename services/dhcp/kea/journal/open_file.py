"""One file of the lease journal, held open: a rename does not change its inode."""

import contextlib
import os
from pathlib import Path

from bus.errors import DecodeError
from services.dhcp.kea.journal.entries import Header, guess_columns, parse_header
from services.dhcp.kea.journal.reach import lines_backwards, reach
from services.dhcp.kea.journal.tail import LINE_BYTES_MAX, Lines, Position, Seen, checksum, continues

CLEAN_UP_BEGINS_S = 5.0
"""The process of a clean-up starts within this time after the renaming."""

LOOKED_AT_BYTES = 64
"""The end of a line: the device is in it."""


def seen(path: Path) -> Seen | None:
    """The inode and size of the file at this path; None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return Seen(found.st_ino, found.st_size)


def renamed(journal: Path) -> Path:
    """The path to which Kea renames the journal for a clean-up."""
    return journal.with_name(f"{journal.name}.1")


def first_line(path: Path) -> bytes:
    """The first line of a file that Kea reads its leases from, without its line feed; empty without a file
    (`OSError`).
    """
    try:
        with path.open("rb") as file:
            return file.readline(LINE_BYTES_MAX).rstrip(b"\n")
    except FileNotFoundError:
        return b""


def is_cleaning_up(journal: Path, now_s: float) -> bool:
    """Whether a clean-up is under way at this Unix time (`OSError`). One that was killed leaves the renamed
    journal behind; Kea finishes it the next time.
    """
    try:
        process = int(journal.with_name(f"{journal.name}.pid").read_text())
        if Path(f"/proc/{process}").exists():
            return True
    except (FileNotFoundError, ValueError):
        pass
    try:
        began_s = renamed(journal).stat().st_ctime
    except FileNotFoundError:
        return False
    return now_s < began_s + CLEAN_UP_BEGINS_S


def condensed(journal: Path) -> Path:
    """The path of a clean-up's result: the leases, each once, in the order of their addresses."""
    return journal.with_name(f"{journal.name}.2")


def completed(journal: Path) -> Path:
    """The result's path while a clean-up removes its sources; if it is killed then, the file stays."""
    return journal.with_name(f"{journal.name}.completed")


def loaded(journal: Path) -> tuple[Path, ...]:
    """The files that Kea reads its leases from at a start or a reload, if they exist."""
    return journal, renamed(journal), condensed(journal), completed(journal)


class JournalFile:
    """Reads whole lines from a position; from the first one after the header if none was sought.

    `start` is the offset of the first lease, in bytes.
    """

    def __init__(self, path: Path) -> None:
        """`OSError` if it cannot be opened, `DecodeError` if its first line is not Kea's, and `EOFError` if
        it does not have one yet.
        """
        self._descriptor = os.open(path, os.O_RDONLY)
        try:
            found = self._first_line()
            if found is None:
                raise EOFError(f"{path} has no first line yet")
            self.columns, self.start = found
            self.seek(Position(self.held().inode, self.start, 0))
        except BaseException:
            os.close(self._descriptor)
            raise

    @property
    def is_headless(self) -> bool:
        """Whether it has lost its first line: it was cut, and Kea writes on."""
        return not self.start

    @property
    def changed_s(self) -> float:
        """The Unix time of the last write to it."""
        return os.fstat(self._descriptor).st_mtime

    def held(self) -> Seen:
        """Its inode and its present size."""
        found = os.fstat(self._descriptor)
        return Seen(found.st_ino, found.st_size)

    def has(self, position: Position) -> bool:
        """Whether the position is in this file."""
        held = self.held()
        if position.inode != held.inode or not self.start <= position.offset <= held.size_bytes:
            return False
        return position.offset == self.start or continues(position, self._before(position.offset))

    def seek(self, position: Position) -> None:
        """Continue at a position."""
        self.lines = Lines(position.inode, position.offset, position.checksum)
        self._read_last = b""

    def seek_start(self) -> None:
        """Continue at its first lease, which may be another one now."""
        with contextlib.suppress(DecodeError):
            self.columns, self.start = self._first_line() or (self.columns, 0)
        self.seek(Position(self.held().inode, self.start, 0))

    def seek_since(self, old_before_s: float) -> bool:
        """Continue where grants from that Unix time on begin. Returns whether all lines before are known to
        be older. An incomplete line at the end is still to come.
        """
        size = self.held().size_bytes
        first = max(min(self.start, size), size - LINE_BYTES_MAX)
        end = first + os.pread(self._descriptor, size - first, first).rfind(b"\n") + 1
        lines = lines_backwards(self._pread, self.start, max(self.start, end))
        found = reach(lines, self.columns, max(self.start, end), old_before_s)
        before = self._before(found.start).removesuffix(b"\n")
        self.seek(Position(self.held().inode, found.start, checksum(before[before.rfind(b"\n") + 1 :])))
        return found.is_far

    def is_as_read(self) -> bool:
        """Whether the bytes before our offset are still those that were read."""
        last = self._read_last
        return os.pread(self._descriptor, len(last), self.lines.offset - len(last)) == last

    def read(self, size_bytes: int) -> list[bytes] | None:
        """The lines in the next bytes; None at the end of the file."""
        data = os.pread(self._descriptor, size_bytes, self.lines.offset)
        if not data:
            return None
        self._read_last = data[-LOOKED_AT_BYTES:]
        return self.lines.feed(data)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _first_line(self) -> tuple[Header, int] | None:
        """The columns, and the offset of the first lease; None without a whole line, `DecodeError` if no line
        is Kea's. If the file was cut within a line, its first line is incomplete.
        """
        *lines, _ = os.pread(self._descriptor, LINE_BYTES_MAX, 0).split(b"\n")
        if not lines:
            return None
        try:
            return parse_header(lines[0]), len(lines[0]) + 1
        except DecodeError:
            guessed = next(filter(None, map(guess_columns, lines)), None)
            if guessed is None:
                raise
            return guessed, 0

    def _before(self, offset: int) -> bytes:
        """The bytes before this offset, `LINE_BYTES_MAX` at most."""
        first = max(0, offset - LINE_BYTES_MAX)
        return os.pread(self._descriptor, offset - first, first)

    def _pread(self, size_bytes: int, offset: int) -> bytes:
        return os.pread(self._descriptor, size_bytes, offset)

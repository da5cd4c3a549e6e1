"""Reading Kea's lease journal: onwards, through its clean-ups, and from far enough back after a start.

Theory of operation
-------------------
`services.dhcp.kea.journal.tail` decides the action after a look; the files to be read are in a queue, the
oldest first, and the last one is the journal.

A *resync* finds recent grants after a gap in reading: after a start without a position, or when a journal
came and went between two looks. Kea's own files have them. The journal, and `.1` while a clean-up is under
way, are read backwards (`services.dhcp.kea.journal.reach`) and then on from there; where they do not reach
far enough, because a clean-up ended within the last `FAR_S`, its result is read whole, for it is in the order
of addresses: `.2`, or `.completed` while the two are swapped. A clean-up may begin or end meanwhile, so at
the end the files must still be the same ones.

Kea has to be asked (`must_ask`) only where the files may not have everything: the journal was cut, lost its
first line, or kept changing, or a file cannot be read.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bus.errors import DecodeError
from bus.reason import Reason
from bus.runtime.runner import boottime
from fileid.lease import Leased
from services.dhcp.kea.journal.ages import batches
from services.dhcp.kea.journal.entries import is_refused
from services.dhcp.kea.journal.open_file import JournalFile, first_line, loaded, renamed, seen
from services.dhcp.kea.journal.reach import FAR_S
from services.dhcp.kea.journal.sieve import Sieve, Warn
from services.dhcp.kea.journal.tail import Look, Position, Seen, step

CHUNK_BYTES = 32 * 1024  # some 220 leases: the runner's other sockets wait no longer than those take
CHUNKS_AT_ONCE = 16  # some 5 ms, if nothing in them is young
TRIES = 3
HEADS_EVERY_S = 5.0  # whether Kea would take its files: not urgent

HEADLESS = Reason(
    "kea-journal-cut",
    "Kea would refuse its journal at its next start: somebody cut it, see provbus doctor kea",
)


class _Recent(NamedTuple):
    """The files that hold recent grants, the oldest first, each at the position to read on from; and whether
    they hold all of them.
    """

    files: list[JournalFile]
    is_all: bool


class JournalReader:
    """Reads one journal. Not thread-safe."""

    def __init__(self, journal: Path, sieve: Sieve, warn: Warn) -> None:
        self.events = dict.fromkeys(("resync", "rotation"), 0)
        self.has_read = False
        self.is_at_end = True
        self._caught_up_s = boottime()
        self._is_catching_up = True  # on leases of all ages
        self._journal = journal
        self._sieve = sieve
        self._warn = warn
        self._files: deque[JournalFile] = deque()  # read to its end: the first, while another is there
        self._must_ask = False
        self._is_headless, self._heads_due_s = False, 0.0
        self.why_unread = ""
        """The reason why a file could not be opened at the last look; empty if all were."""

    @property
    def behind_s(self) -> float:
        """The time since the end was last reached, in seconds: later lines may be unread."""
        return max(0.0, boottime() - self._caught_up_s)

    def troubles(self) -> list[Reason]:
        """The troubles of Kea's files, in words."""
        return [HEADLESS] if self._is_headless else []

    def must_ask(self) -> bool:
        """Whether Kea has to be asked for leases that the files may not have; true once."""
        must_ask, self._must_ask = self._must_ask, False
        return must_ask

    def look(self, position: Callable[[], Position]) -> list[Leased]:
        """Some of the leases that came since the last look. At the first one: since that position, or recent
        grants if the files do not have it. `OSError` if a file cannot be read.
        """
        self.is_at_end, self.why_unread = True, ""
        looked_s = boottime()
        if looked_s >= self._heads_due_s:
            self._heads_due_s = looked_s + HEADS_EVERY_S
            self._is_headless = any(map(_is_headless, loaded(self._journal)))
        if not self._files and not self._begin(position()):
            return []
        held = self._files[-1]
        have, there = Seen(held.lines.inode, held.lines.offset), seen(self._journal)
        is_same = there is None or there.inode == have.inode
        todo = step(have, there, None if is_same else seen(renamed(self._journal)))
        if todo is Look.READ and not held.is_as_read():
            todo = Look.RESYNC
        if todo is Look.RESYNC:
            self._begin_again(held)
        elif todo is not Look.READ and (opened := self._open(self._journal)):
            self.events["rotation"] += 1
            if todo is Look.NEXT:
                self._files.append(opened)
            else:
                self._look_behind(opened)
        found: list[Leased] = []
        for _ in range(CHUNKS_AT_ONCE):
            more = self._read()
            if more is None:
                self._caught_up_s, self._is_catching_up, self.has_read = looked_s, False, True
                return found
            found += more
        self.is_at_end = False
        return found

    def close(self) -> None:
        """Close every file."""
        while self._files:
            self._files.pop().close()

    def _begin(self, position: Position) -> bool:
        """Open the journal at this position, or resync. Returns whether a journal was opened."""
        current = self._open(self._journal)
        if current is None:
            return False
        former = self._open(renamed(self._journal))
        try:
            if current.has(position):
                current.seek(position)
            elif former is not None and former.has(position):
                former.seek(position)
                self._files.append(former)
            else:
                recent = self._recent()
                if recent is not None:
                    self._resync(recent)
                return recent is not None
            self._files.append(current)
        finally:
            for file in (current, former):
                if file is not None and file not in self._files:
                    file.close()
        return True

    def _begin_again(self, held: JournalFile) -> None:
        """The journal was cut: its lines came since, and the lines that were cut off are lost to us."""
        self.events["resync"] += 1
        held.seek_start()
        self._say_whether_headless(held, self._journal)
        self._must_ask = True

    def _look_behind(self, current: JournalFile) -> None:
        """Resync, for there may have been a journal between ours and this one."""
        try:
            recent = self._recent()
        except OSError:
            current.close()
            raise
        if recent is None:  # it changes while we look
            self.events["resync"] += 1
            self._files.append(current)
            self._must_ask = True
        else:
            current.close()
            self._resync(recent)

    def _resync(self, recent: _Recent) -> None:
        self.events["resync"] += 1
        self._files.extend(recent.files)
        self._must_ask = not recent.is_all
        self._is_catching_up = True

    def _recent(self) -> _Recent | None:
        """The files with recent grants; None if they change while they are looked at."""
        for _ in range(TRIES):
            there = self._inodes()
            opened = [None if one is None else self._open(path) for path, one in there.items()]
            taken: list[JournalFile] = []
            try:
                recent = _far_enough(opened, [*there.values()], time.time() - FAR_S)
                if opened[0] is not None and self._inodes() == there:
                    taken = recent.files
                    return recent
            finally:
                for file in opened:
                    if file is not None and file not in taken:
                        file.close()
        return None

    def _inodes(self) -> dict[Path, int | None]:
        """The inodes at the journal's path and at those of a clean-up."""
        return {
            path: None if (there := seen(path)) is None else there.inode for path in loaded(self._journal)
        }

    def _open(self, path: Path) -> JournalFile | None:
        try:
            file = JournalFile(path)
        except FileNotFoundError as error:
            if path == self._journal:
                self.why_unread = error.strerror or str(error)
                self._warn("absent", f"there is no lease journal {path} yet: waiting for Kea to begin one")
        except EOFError:
            pass  # Kea has just begun it
        except OSError as error:
            self.why_unread = error.strerror or str(error)
            self._warn("open", f"cannot read {path}: {error.strerror}; let our user read Kea's lease files")
        except DecodeError as error:
            self.why_unread = "it is not Kea's"
            self._warn("header", f"{path}: {error}")
        else:
            self._say_whether_headless(file, path)
            return file
        return None

    def _say_whether_headless(self, file: JournalFile, path: Path) -> None:
        if file.is_headless:
            self._warn(
                "headless",
                f"{path} was cut and has lost its first line. We read on, but Kea will refuse it at "
                "its next start or reload and answer nobody: stop Kea and put the first line back (provbus "
                "doctor kea)",
            )

    def _read(self) -> list[Leased] | None:
        """The next chunk; None at the end of the last file."""
        file = self._files[0]
        overlong, before = file.lines.overlong, file.lines.position()
        lines = file.read(CHUNK_BYTES)
        self._sieve.overlong(file.lines.overlong - overlong)
        if lines is None:
            if len(self._files) == 1:
                return None
            self._files.popleft().close()
            return []
        leases = self._sieve.lines(lines, file.columns, time.time())
        after = file.lines.position()
        if not leases:
            return []
        if not self._is_catching_up:
            return [Leased(leases, after, self._caught_up_s)]
        # The second position must not be on disk before the last batch is settled.
        *first, last = batches(leases, before, boottime(), time.time())
        return [*first, last._replace(position=after)]


def _is_headless(path: Path) -> bool:
    try:
        return is_refused(first_line(path))
    except OSError:  # its reader reports it
        return False


def _far_enough(
    opened: Sequence[JournalFile | None], inodes: Sequence[int | None], old_before_s: float
) -> _Recent:
    """Of the journal, `.1`, `.2` and `.completed` those that are needed, the former two sought to where
    grants from that Unix time on begin. A file that exists and could not be opened may have some.
    """
    *journals, condensed, completed = opened
    needed: list[JournalFile] = []
    for file in journals:
        if file is None:
            continue
        needed.append(file)
        if file.seek_since(old_before_s):
            return _Recent(needed[::-1], is_all=True)
    for file in (completed, condensed):
        if file is not None and file.changed_s >= old_before_s:
            needed.append(file)
    is_unread = any(file is None and inode is not None for file, inode in zip(opened, inodes, strict=True))
    return _Recent(needed[::-1], is_all=not is_unread and not any(file.is_headless for file in needed))

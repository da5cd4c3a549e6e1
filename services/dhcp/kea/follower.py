"""The follower: a thread that reads Kea's lease journal and hands what was granted to the runner.

Theory of operation
-------------------
Every 20 ms the thread looks at the journal's path (`services.dhcp.kea.tail` decides), reads what is new in
bounded chunks and puts a batch for each into a bounded queue; an eventfd, a semaphore with one count for each
batch, wakes the runner. When the queue is full the thread waits: the file is the buffer.

A position is stored when the runner says so, so that a restart goes on there. Where there is none, or the
journal does not continue it, the follower goes to the journal's present end and *resyncs* beside reading on:
one page of `lease4-get-page` at each look, of which it keeps what was granted within the last 60 s, for older
leases cannot be waiting for their file. Until that is through its batches carry `NOWHERE`, so that a restart
resyncs again. Without an answer of Kea it reads everything that stands in the journal's files instead.

A lease may be said twice, and rows bear that; none may be left out.

The runner is also told when Kea comes and goes (`presence`): without it this sidecar has nothing to be the
primary for, and another one's Kea answers.
"""

import contextlib
import logging
import os
import threading
import time
from collections import deque
from pathlib import Path
from queue import Empty, Full, Queue

from bus.errors import DecodeError, ProvbusError
from bus.machine import HostCame, HostGone
from bus.metrics import Sample, labelled
from bus.runner import boottime
from bus.service_sections import KeaSection
from bus.transport.poller import Poller
from fileid.lease import Lease, Leased
from services.dhcp.kea.control import command
from services.dhcp.kea.journal import parse_line
from services.dhcp.kea.journal_file import JournalFile, seen
from services.dhcp.kea.pages import Pages, by_age
from services.dhcp.kea.position import load_position, save_position
from services.dhcp.kea.presence import Presence
from services.dhcp.kea.tail import NOWHERE, Position, Seen, Step, step

LOOK_EVERY_S = 0.02  # far below the time a modem takes from its lease to its read
CHUNK_BYTES = 32 * 1024  # some 220 leases: the runner's other sockets wait no longer than those take
BATCHES_MAX = 64
STORE_EVERY_S = 0.25
AGE_S_MAX = 60.0  # the life of a row
PAGE_WAIT_S = 2.0  # nothing else is read meanwhile
WARN_EVERY_S = 3600.0
KEA_SESSION = -1
_log = logging.getLogger("provbus.kea")


class Follower:
    """Follows the journal of one Kea. Its thread lives from construction to `close`."""

    def __init__(self, poller: Poller, section: KeaSection, state_directory: Path) -> None:
        """The runner's poller gets `Leased`, `HostCame` and `HostGone`."""
        self.counts = dict.fromkeys(("lease", "old", "other", "malformed"), 0)
        self.events = dict.fromkeys(("resync", "rotation"), 0)
        self._section = section
        self._directory = state_directory
        self._poller = poller
        self._queue: Queue[Leased | HostCame | HostGone] = Queue(BATCHES_MAX)
        self._presence = Presence(section.control_socket)
        self._files: deque[JournalFile] = deque()  # read to its end: the first, while another is there
        self._pages = Pages()
        self._begun_s = boottime()
        self._caught_up_s: float | None = None
        self._warned_s: dict[str, float] = {}
        self._settled: Position | None = None
        self._stored: Position | None = None
        self._stored_s = 0.0
        self._unkept, self._unkept_times = "", 0
        self._ended: Exception | None = None
        self._stopped = threading.Event()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_SEMAPHORE | os.EFD_CLOEXEC)
        poller.add(self._wake, self._take)
        self._thread = threading.Thread(target=self._run, name="kea")
        self._thread.start()

    @property
    def is_resyncing(self) -> bool:
        """Whether Kea is still being asked what it granted lately."""
        return self._pages.is_open

    def store(self, position: Position) -> None:
        """Everything up to this position is settled: it is on disk within 0.25 s."""
        self._settled = position

    def samples(self) -> list[Sample]:
        """What was read, what happened to the journal, and how far behind its end we are."""
        since_s = self._begun_s if self._caught_up_s is None else self._caught_up_s
        behind_s = max(0.0, boottime() - since_s)
        return [
            *labelled("provbus_kea_lines_total", "what", self.counts),
            *labelled("provbus_kea_journal_events_total", "event", self.events),
            Sample("provbus_kea_behind_seconds", behind_s),
            Sample("provbus_unkept_total", self._unkept_times, {"record": "position"}),
            Sample("provbus_unkept", bool(self._unkept), {"record": "position"}),
        ]

    def lacks(self) -> list[str]:
        """What is degraded while the position is not on disk."""
        why = self._unkept
        return [f"its place in Kea's journal, which a start would read on from ({why})"] if why else []

    def close(self) -> None:
        """Stop reading; what is settled is on disk afterwards."""
        self._stopped.set()
        self._thread.join()
        while self._files:
            self._files.pop().close()
        self._presence.close()
        self._store(force=True)
        self._poller.remove(self._wake)
        os.close(self._wake)

    def _take(self) -> list[Leased | HostCame | HostGone]:
        if self._ended is not None:
            raise self._ended
        try:
            os.eventfd_read(self._wake)
            return [self._queue.get_nowait()]
        except (BlockingIOError, Empty):
            return []

    def _run(self) -> None:
        try:
            self._follow()
        except Exception as error:  # nobody else would see it: the runner's thread raises it
            self._ended = error
            os.eventfd_write(self._wake, 1)

    def _follow(self) -> None:
        while not self._stopped.is_set():
            if self._presence.look(boottime()):
                self._put((HostCame if self._presence.is_there else HostGone)(KEA_SESSION))
            try:
                self._look()
                self._resync()
            except OSError as error:
                self._warn("read", f"cannot read {self._section.journal}: {error.strerror}")
            self._store()
            self._stopped.wait(LOOK_EVERY_S)

    def _look(self) -> None:
        looked_s = boottime()
        if not self._files and not self._begin():
            return
        held = self._files[-1]
        journal = self._section.journal
        have, there = Seen(held.lines.inode, held.lines.offset), seen(journal)
        is_same = there is None or there.inode == have.inode
        todo = step(have, there, None if is_same else seen(_renamed(journal)))
        if todo is Step.RESYNC:
            held.seek_end()
            self._start_resync()
        elif todo is not Step.READ and (opened := self._open(journal)):
            self._files.append(opened)
            self.events["rotation"] += 1
            if todo is Step.NEXT_AND_RESYNC:
                self._start_resync()
        if self._read():
            self._caught_up_s = looked_s

    def _begin(self) -> bool:
        """Open the journal where the stored position says; whether there is one to open."""
        journal = self._section.journal
        current = self._open(journal)
        if current is None:
            return False
        position = load_position(self._directory) or NOWHERE
        former = self._open(_renamed(journal))
        try:
            if current.has(position):
                current.seek(position)
            elif former is not None and former.has(position):
                former.seek(position)
                self._files.append(former)
            else:
                current.seek_end()
                self._start_resync()
            self._files.append(current)
        finally:
            for file in (current, former):
                if file is not None and file not in self._files:
                    file.close()
        return True

    def _open(self, path: Path) -> JournalFile | None:
        try:
            return JournalFile(path)
        except FileNotFoundError:
            if path == self._section.journal:
                self._warn("absent", f"there is no lease journal {path} yet: waiting for Kea to begin one")
        except EOFError:
            pass  # Kea has just begun it
        except OSError as error:
            self._warn("open", f"cannot read {path}: {error.strerror}; let our user read Kea's lease files")
        except DecodeError as error:
            self._warn("header", f"{path}: {error}")
        return None

    def _read(self) -> bool:
        """Read every file to its end; False if we are to stop before."""
        while not self._stopped.is_set():
            file = self._files[0]
            overlong = file.lines.overlong
            lines = file.read(CHUNK_BYTES)
            self.counts["malformed"] += file.lines.overlong - overlong
            if lines is not None:
                leases = self._parsed(file, lines)
                self._offer(leases, NOWHERE if self.is_resyncing else file.lines.position())
            elif len(self._files) > 1:
                self._files.popleft().close()
            else:
                return True
        return False

    def _parsed(self, file: JournalFile, lines: list[bytes]) -> list[Lease]:
        found: list[Lease] = []
        oldest_s = time.time() - AGE_S_MAX
        for line in lines:
            try:
                lease = parse_line(line, file.columns)
            except DecodeError as error:
                self.counts["malformed"] += 1
                self._warn("line", f"{self._section.journal}: skipped what Kea did not write: {error}")
            else:
                self._keep(lease, oldest_s, found)
        return found

    def _keep(self, lease: Lease | None, oldest_s: float, found: list[Lease]) -> None:
        if lease is None:
            self.counts["other"] += 1
        elif lease.granted_s < oldest_s:
            self.counts["old"] += 1
        else:
            self.counts["lease"] += 1
            found.append(lease)

    def _start_resync(self) -> None:
        self.events["resync"] += 1
        self._pages.begin()

    def _resync(self) -> None:
        """Ask for one page, if a resync is under way."""
        if not self._pages.is_open:
            return
        socket, arguments = self._section.control_socket, self._pages.arguments()
        found: list[Lease] = []
        oldest_s = time.time() - AGE_S_MAX
        try:
            for lease in self._pages.take(command(socket, "lease4-get-page", arguments, PAGE_WAIT_S)):
                self._keep(lease, oldest_s, found)
        except ProvbusError as error:
            self._warn("resync", f"{error}; reading the whole lease journal instead")
            if self._read_all():
                self._pages.give_up()
        for leases in by_age(found):
            self._offer(leases, NOWHERE)

    def _read_all(self) -> bool:
        """Begin anew with everything that the journal's files hold, the oldest first; False if there is no
        journal at this moment.
        """
        journal = self._section.journal
        opened = [
            self._open(path) for path in (journal, _renamed(journal), journal.with_name(f"{journal.name}.2"))
        ]
        found = [file for file in reversed(opened) if file is not None]
        if opened[0] is None:
            for file in found:
                file.close()
            return False
        while self._files:
            self._files.pop().close()
        self._files.extend(found)
        self._caught_up_s = None
        return True

    def _offer(self, leases: list[Lease], position: Position) -> None:
        """Wait until the queue takes them."""
        if not leases:
            return
        now = boottime()
        granted_s = now - (time.time() - min(lease.granted_s for lease in leases))
        since = granted_s if self._caught_up_s is None or position is NOWHERE else self._caught_up_s
        self._put(Leased(leases, position, min(since, now)))

    def _put(self, message: Leased | HostCame | HostGone) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(Full):
                self._queue.put(message, timeout=LOOK_EVERY_S)
                os.eventfd_write(self._wake, 1)
                return

    def _store(self, *, force: bool = False) -> None:
        now = boottime()
        settled = self._settled
        if settled is None or settled == self._stored or (now < self._stored_s + STORE_EVERY_S and not force):
            return
        self._stored_s = now
        try:
            save_position(self._directory, settled)
            self._stored, self._unkept = settled, ""
        except OSError as error:
            self._unkept, self._unkept_times = error.strerror or str(error), self._unkept_times + 1
            self._warn("store", f"cannot store the journal's position in {self._directory}: {error.strerror}")

    def _warn(self, what: str, text: str) -> None:
        """Say it, but not again every 20 ms."""
        now = boottime()
        if now >= self._warned_s.get(what, -WARN_EVERY_S) + WARN_EVERY_S:
            self._warned_s[what] = now
            _log.warning("%s", text)


def _renamed(journal: Path) -> Path:
    """Where Kea puts the journal for a clean-up."""
    return journal.with_name(f"{journal.name}.1")

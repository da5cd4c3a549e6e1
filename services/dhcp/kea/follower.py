"""The follower: a thread that reads Kea's lease journal and hands granted leases to the runner.

Theory of operation
-------------------
Every 20 ms the thread looks at the journal (`services.dhcp.kea.journal.reading`), reads new lines in bounded
chunks and puts a batch for each into a bounded queue; an eventfd, a semaphore with one count for each batch,
wakes the runner. When the queue is full the thread waits: the file is the buffer.

A position is stored when the runner says so, so that a restart goes on there. Without one, or if the journal
does not continue it, the files are read from far enough back; leases older than 60 s are left out, for no
modem waits for their file any more. Kea itself is asked (`services.dhcp.kea.daemon.conversation`) for leases
that were cut off its journal; until it has told all, batches carry `NOWHERE`, so that a restart resyncs. The
runner gets `LeasesRead` when the end was reached for the first time.

A lease may be told twice, for rows are idempotent; none may be left out.

What Kea writes or answers must not end the thread, for the sidecar would go on, ready and without a lease. A
line or an answer that makes us raise costs that line or that answer. If a whole turn raises, the thread
begins anew from the stored position after `AGAIN_S`, with nothing of what it knew; each time is counted and
told, and after five seconds of it Kea counts as gone, so that another sidecar may take over.

The runner is also told when Kea comes and goes: a sidecar whose Kea answers no modem, or whose journal it
cannot read, need not be the primary, for another sidecar's Kea answers.
"""

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty, Full, Queue

from bus.messages import HostCame, HostGone
from bus.reason import Reason
from bus.runtime.runner import boottime
from bus.telemetry.metrics import Sample, labelled
from bus.telemetry.own_faults import OwnFaults, brief
from bus.transport.poller import Poller
from fileid.lease import Leased, LeasesRead
from services.config.sections import KeaSection
from services.dhcp.kea.daemon.conversation import Conversation
from services.dhcp.kea.daemon.health import Unread
from services.dhcp.kea.files import lease_files
from services.dhcp.kea.journal.position import load_position, save_position
from services.dhcp.kea.journal.reading import JournalReader
from services.dhcp.kea.journal.sieve import Sieve, Warn
from services.dhcp.kea.journal.tail import NOWHERE, Position

LOOK_EVERY_S = 0.02  # far below the time a modem takes from its lease to its read
BATCHES_MAX = 64
STORE_EVERY_S = 0.25
WARN_EVERY_S = 3600.0
AGAIN_S = 1.0
KEA_SESSION = -1
_log = logging.getLogger("provbus.kea")

Read = Callable[[Path, Sieve, Warn], JournalReader]
News = Leased | LeasesRead | HostCame | HostGone


class Follower:
    """Follows the journal of one Kea. Its thread lives from construction to `close`."""

    def __init__(
        self, poller: Poller, section: KeaSection, state_directory: Path, read: Read = JournalReader
    ) -> None:
        """The runner's poller gets `Leased`, `LeasesRead`, `HostCame` and `HostGone`. `read` makes the reader
        of a journal.
        """
        self._directory = state_directory
        self._poller = poller
        self._queue: Queue[News] = Queue(BATCHES_MAX)
        self._warned_s: dict[str, float] = {}
        self._stopped = threading.Event()
        self._journal = section.journal
        self._control_socket = section.control_socket
        self._faults = OwnFaults(("kea",))
        self._parts: list[JournalReader | Conversation] = []
        self._sieve = Sieve(lease_files(section), self._warn, self._faults)
        self._read = read
        self._begin()
        self._was_there = False
        self._unread = Unread()
        self._has_told_end = False
        self._settled: Position | None = None
        self._stored: Position | None = None
        self._stored_s = 0.0
        self._unkept, self._unkept_times = "", 0
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_SEMAPHORE | os.EFD_CLOEXEC)
        poller.add(self._wake, self._take)
        self._thread = threading.Thread(target=self._run, name="kea")
        self._thread.start()

    @property
    def counts(self) -> Mapping[str, int]:
        """The lines of the journal, counted by outcome."""
        return self._sieve.counts

    @property
    def events(self) -> Mapping[str, int]:
        """The events of the journal: resyncs and rotations, counted."""
        return self._reader.events

    def store(self, position: Position) -> None:
        """Leases up to this position are settled: it is on disk within 0.25 s."""
        self._settled = position

    def excuse(self, seconds: float) -> None:
        """Excuse Kea's silence for so long: we make it reload. With 0 the reload is over."""
        self._kea.excuse(seconds)

    def samples(self) -> list[Sample]:
        """The metrics of the lines, of the journal and of Kea, and how far behind its end we are."""
        return [
            *labelled("provbus_kea_lines_total", "what", self.counts),
            *labelled("provbus_kea_journal_events_total", "event", self.events),
            Sample("provbus_kea_behind_seconds", self._reader.behind_s),
            Sample("provbus_kea_answers", self._kea.is_there),
            Sample("provbus_unkept_total", self._unkept_times, {"record": "position"}),
            Sample("provbus_unkept", bool(self._unkept), {"record": "position"}),
            *self._faults.samples(),
        ]

    def lacks(self) -> list[Reason]:
        """The degradations: Kea itself, its journal, and a position that is not on disk."""
        why = self._unkept
        text = f"its place in Kea's journal, which a start would read on from ({why})"
        unkept = [Reason("disk-kea-place", text)] if why else []
        now = boottime()
        troubles = [*self._kea.troubles(now), *self._unread.troubles(now), *self._reader.troubles()]
        return [*troubles, *unkept, *self._faults.lacks()]

    def close(self) -> None:
        """Stop reading; afterwards the settled position is on disk."""
        self._stopped.set()
        self._thread.join()
        for part in self._parts:
            part.close()
        self._store(force=True)
        self._poller.remove(self._wake)
        os.close(self._wake)

    def _take(self) -> list[News]:
        try:
            os.eventfd_read(self._wake)
            return [self._queue.get_nowait()]
        except (BlockingIOError, Empty):
            return []

    def _run(self) -> None:
        has_failed = False
        while not self._stopped.is_set():
            try:
                if has_failed:
                    self._begin()
                self._look()
                self._store()
                has_failed = False
            except Exception as error:
                has_failed = True
                self._faults.note("kea", "turn of the follower", error)
                self._unread.heed(brief(error), boottime())
            self._tell_presence()
            if has_failed or self._reader.is_at_end:
                self._stopped.wait(AGAIN_S if has_failed else LOOK_EVERY_S)

    def _begin(self) -> None:
        """Begin to read, with nothing of what we knew."""
        while self._parts:
            self._parts.pop().close()
        self._reader = self._read(self._journal, self._sieve, self._warn)
        self._parts.append(self._reader)
        self._kea = Conversation(self._control_socket, self._sieve, self._warn, self._faults, boottime())
        self._parts.append(self._kea)

    def _look(self) -> None:
        found: list[Leased] = []
        why = ""
        try:
            found = self._reader.look(self._position)
            why = self._reader.why_unread
        except OSError as error:
            why = error.strerror or str(error)
            self._warn("read", f"cannot read {self._journal}: {error.strerror}")
        if self._reader.must_ask():
            self._kea.ask_all()
        for batch in found:
            self._put(batch._replace(position=NOWHERE) if self._kea.is_asking_all else batch)
        for batch in self._kea.look(boottime(), wrote=bool(found)):
            self._put(batch)
        self._unread.heed(why, boottime())
        if self._reader.has_read and not self._has_told_end:
            self._has_told_end = True
            self._put(LeasesRead())

    def _tell_presence(self) -> None:
        """Tell that Kea came, or that it is gone or cannot be followed for a while."""
        is_heard = self._unread.is_borne(boottime(), has_begun=self._was_there)
        if (self._kea.is_there and is_heard) is not self._was_there:
            self._was_there = not self._was_there
            self._put((HostCame if self._was_there else HostGone)(KEA_SESSION))

    def _position(self) -> Position:
        return load_position(self._directory) or NOWHERE

    def _put(self, message: News) -> None:
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
        """Log a warning of this kind, at most once an hour."""
        now = boottime()
        if now >= self._warned_s.get(what, -WARN_EVERY_S) + WARN_EVERY_S:
            self._warned_s[what] = now
            _log.warning("%s", text)

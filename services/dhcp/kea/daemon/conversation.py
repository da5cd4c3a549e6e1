"""The questions to one Kea: is it there, does it answer modems, and, if need be, all its leases.

One question is under way at a time, and its answer is polled: Kea does not answer while it reads its leases,
and the journal is read on meanwhile.
"""

import time
from pathlib import Path
from queue import Empty, SimpleQueue

from bus.errors import RemoteError, UnavailableError
from bus.reason import Reason
from bus.telemetry.own_faults import OwnFaults
from fileid.lease import Leased
from services.dhcp.kea.daemon.control import ONE_LEASE, MuteError, PendingCommand
from services.dhcp.kea.daemon.health import DEAF, MUTE, UNKNOWN, KeaHealth
from services.dhcp.kea.daemon.pages import PAGE_EVERY_S, Pages
from services.dhcp.kea.daemon.presence import Presence
from services.dhcp.kea.daemon.procfs import hears_modems
from services.dhcp.kea.journal.ages import batches
from services.dhcp.kea.journal.sieve import Sieve, Warn
from services.dhcp.kea.journal.tail import NOWHERE

RETRY_S = 1.0  # after no answer


class Conversation:
    """The conversation with the Kea behind one control socket. Not thread-safe, but for `excuse`.
    `faults` has the place "kea".
    """

    def __init__(self, control_socket: Path, sieve: Sieve, warn: Warn, faults: OwnFaults, now: float) -> None:
        self._socket = control_socket
        self._sieve = sieve
        self._warn = warn
        self._faults = faults
        self._presence = Presence(control_socket)
        self._health = KeaHealth(now)
        self._pages = Pages()
        self._begun_s = 0.0
        self._page_due_s = now
        self._question: PendingCommand | None = None
        self._is_of_page = False
        self._excuses: SimpleQueue[float] = SimpleQueue()

    @property
    def is_there(self) -> bool:
        """Whether a Kea is there and answers modems, as far as we know."""
        return self._presence.is_there and self._health.is_well

    @property
    def is_asking_all(self) -> bool:
        """Whether Kea is still being asked for all its leases."""
        return self._pages.is_open

    def ask_all(self) -> None:
        """Begin to ask Kea for all its leases, a page at a time; those of the last minute are told."""
        self._pages.begin()
        self._begun_s = time.time()

    def excuse(self, seconds: float) -> None:
        """Excuse a reload of our own for so long; with 0 it is over. From any thread."""
        self._excuses.put(seconds)

    def troubles(self, now: float) -> list[Reason]:
        """The troubles of Kea, in words; one of them is that it is not there."""
        if not self._presence.is_there:
            why = self._presence.why_not
            text = f"Kea is not found at its control socket ({why}): see provbus doctor kea"
            return [Reason("kea-absent", text)] if why else []
        trouble = self._health.trouble
        troubles = [] if trouble is None or trouble is UNKNOWN else [trouble]
        if self._health.is_excused(now):
            text = "Kea reloads its configuration (provbus kea apply): it answers nobody meanwhile"
            troubles.append(Reason("kea-reloads", text))
        if self._pages.is_open:
            text = "Kea is asked for all its leases, because its journal was cut"
            troubles.append(Reason("kea-resync", text))
        return troubles

    def look(self, now: float, *, wrote: bool) -> list[Leased]:
        """Take the answer if it is there, and ask the next question if it is due. Returns the leases of the
        answer; `wrote` says whether the journal told of leases.
        """
        if self._presence.look(now):
            self._hang_up()
            self._health = KeaHealth(now)
        self._be_excused(now)
        if not self._presence.is_there:
            return []
        if wrote:
            self._health.wrote(now)
        found = self._hear(now)
        self._health.look(now)
        if self._question is None:
            self._ask(now)
        return found

    def close(self) -> None:
        """Stop asking, and watch Kea no more."""
        self._hang_up()
        self._presence.close()

    def _be_excused(self, now: float) -> None:
        try:
            while True:
                self._health.excuse(self._excuses.get_nowait(), now)
        except Empty:
            return

    def _ask(self, now: float) -> None:
        self._is_of_page = self._pages.is_open and now >= self._page_due_s
        if not self._is_of_page and not self._health.wants(now):
            return
        self._health.asked(now)
        arguments = self._pages.arguments() if self._is_of_page else ONE_LEASE
        try:
            self._question = PendingCommand(self._socket, "lease4-get-page", arguments)
        except UnavailableError:
            self._page_due_s = now + RETRY_S

    def _hear(self, now: float) -> list[Leased]:
        if self._question is None:
            return []
        found: list[Leased] = []
        try:
            answer = self._question.look()
            if answer is None:
                return []
            if self._is_of_page:
                self._page_due_s = now + PAGE_EVERY_S
                wall_s = time.time()
                leases = self._sieve.entries(self._pages.take(answer), self._begun_s, wall_s)
                found = [*batches(leases, NOWHERE, now, wall_s)]
            self._health.answered(now, self._deaf())
        except MuteError:
            self._health.answered(now, MUTE)
            self._page_due_s = now + RETRY_S
        except RemoteError as error:
            self._health.answered(now, self._deaf())
            if self._is_of_page:
                self._pages.give_up()
                self._warn("resync", f"{error}; what was cut off the journal stays unknown")
        except UnavailableError:  # it hung up; the next question will show why
            self._page_due_s = now + RETRY_S
        except Exception as error:  # Kea answered; what it said costs this answer and no more
            self._health.answered(now, self._deaf())
            if self._is_of_page:
                self._pages.give_up()
            self._faults.note("kea", "answer of Kea", error, "what it told of stays unknown")
        self._hang_up()
        return found

    def _deaf(self) -> Reason | None:
        """The trouble of a Kea that answers well but has no sockets; None if we cannot see them."""
        return DEAF if hears_modems(self._presence.pid) is False else None

    def _hang_up(self) -> None:
        if self._question is not None:
            self._question.close()
            self._question = None

"""Kea's health: whether it answers modems, judged by its journal and by its answers to questions.

Theory of operation
-------------------
A process can be there and answer no modem: it stands still, or a reload failed and left it without leases or
without sockets (2.2: its control socket still answers well, but for the leases). A Kea that writes its
journal answers modems, so no question is sent while lines come. When they stop, at night or because Kea did,
it is asked for one lease, once a second, and its sockets are looked at.

An answer of a Kea without a lease manager, or without sockets, is *bad*; any other is good, even a refusal,
for Kea may lack the hook. A healthy Kea stays so until `BAD_ANSWERS` were bad in a row, or it did not answer
a question for `SILENT_S`. Any other, also one just found, is healthy after its first good answer. A reload of
our own (`provbus kea apply`) is excused: silence and bad answers do not count until it is over.
"""

from bus.reason import Reason

QUIET_S = 1.0
ASK_EVERY_S = 1.0
SILENT_S = 5.0
BAD_ANSWERS = 3

UNKNOWN = Reason("kea-silent", "Kea was not asked yet")
MUTE = Reason(
    "kea-no-leases", "Kea answers no modem: a reload failed and left it without leases (its log says why)"
)
DEAF = Reason(
    "kea-no-sockets",
    "Kea hears no modem: a reload was refused and left it without sockets (its log says why)",
)
SILENT = Reason("kea-silent", "Kea answers nobody: it stands still, or reads its leases")


class KeaHealth:
    """The health of one Kea process. Times are in seconds of one clock that never jumps."""

    def __init__(self, now: float) -> None:
        self.trouble: Reason | None = UNKNOWN
        self._asked_s: float | None = None
        self._due_s = now
        self._bad_answers = 0
        self._excused_until_s = now

    @property
    def is_well(self) -> bool:
        """Whether it answers modems, as far as is known."""
        return not self.trouble

    def is_excused(self, now: float) -> bool:
        """Whether a reload of our own is excused now."""
        return now < self._excused_until_s

    def excuse(self, seconds: float, now: float) -> None:
        """Excuse a reload of our own for so long; with 0 it is over."""
        self._excused_until_s = now + seconds
        self._forgive(now)

    def wrote(self, now: float) -> None:
        """Kea wrote a line. One that was unhealthy has to answer first."""
        if self.is_well:
            self._forgive(now)
            self._due_s = now + QUIET_S

    def wants(self, now: float) -> bool:
        """Whether a question is due, once the last one is answered."""
        return now >= self._due_s

    def asked(self, now: float) -> None:
        """Kea was asked, or an attempt to ask it failed."""
        self._due_s = now + ASK_EVERY_S
        if self._asked_s is None:
            self._asked_s = now

    def answered(self, now: float, trouble: Reason | None = None) -> None:
        """Kea answered the last question, and is in this trouble, `MUTE` or `DEAF`, or in none."""
        self._asked_s = None
        if not trouble:
            self._forgive(now)
            self.trouble = None
            return
        if not self.is_excused(now):
            self._bad_answers += 1
            if self.trouble or self._bad_answers >= BAD_ANSWERS:
                self.trouble = trouble

    def look(self, now: float) -> None:
        """Find a Kea that was silent for too long."""
        if self._asked_s is not None and not self.is_excused(now):
            since_s = max(self._asked_s, self._excused_until_s)
            if now >= since_s + SILENT_S:
                self.trouble = SILENT

    def _forgive(self, now: float) -> None:
        self._bad_answers = 0
        if self._asked_s is not None:
            self._asked_s = now


class Unread:
    """The time for which the journal could not be read. A clean-up moves it away for a moment, so a follower
    that has read it goes on for as long as with a Kea that does not answer.
    """

    def __init__(self) -> None:
        self._why = ""
        self._since_s = 0.0

    def heed(self, why: str, now: float) -> None:
        """Take the reason why it could not be read at this look; empty if it could."""
        if why and not self._why:
            self._since_s = now
        self._why = why

    def is_for_long(self, now: float) -> bool:
        """Whether this is more than a moment."""
        return bool(self._why) and now >= self._since_s + SILENT_S

    def is_borne(self, now: float, *, has_begun: bool) -> bool:
        """Whether the minter may work; one that has not begun waits for a journal that it can read."""
        return not self.is_for_long(now) if has_begun else not self._why

    def troubles(self, now: float) -> list[Reason]:
        """The trouble, in words."""
        if not self.is_for_long(now):
            return []
        text = f"Kea's journal cannot be read ({self._why}), and the log says which file"
        return [Reason("kea-journal-unreadable", text)]

"""Deduplication by sequence: every message of a source counts once.

Per (source, incarnation, class) there is a high-water mark and a window of the 1,024 numbers below it, one
bit each. A number above the mark is new; inside the window the bit decides; below the window it counts as a
duplicate, for none of our transports reorders by more than a thousand messages. A time window would fail when
an outbox drains after an hour.

Sources are bounded: beyond `sources_max` the one heard longest ago is forgotten.
"""

from typing import NamedTuple

from bus.envelope import Envelope

WINDOW = 1024
_MASK = (1 << WINDOW) - 1


class Window(NamedTuple):
    """The seen numbers of one sequence: the highest, and one bit for each of the last `WINDOW`."""

    high: int = 0
    bits: int = 0

    @classmethod
    def past(cls, number: int) -> "Window":
        """The window of a sequence that was seen up to this number."""
        return cls(number, _MASK)

    def see(self, number: int) -> tuple["Window", bool]:
        """The window after this number, and whether the number is new."""
        ahead = number - self.high
        if ahead > 0:
            return Window(number, 1 if ahead >= WINDOW else (self.bits << ahead | 1) & _MASK), True
        if -ahead >= WINDOW or self.bits >> -ahead & 1:
            return self, False
        return Window(self.high, self.bits | 1 << -ahead), True


class Dedup:
    """Remembers the messages that came.

    >>> dedup = Dedup()
    >>> first = Envelope("provbus.audit.batch.v1", "cfm-1", 7, 1, 0, b"")
    >>> dedup.is_new(first), dedup.is_new(first)
    (True, False)
    """

    def __init__(self, sources_max: int = 10_000) -> None:
        self.duplicates = 0
        self._sources_max = sources_max
        self._seen: dict[tuple[str, int, str], Window] = {}

    def is_new(self, envelope: Envelope) -> bool:
        """True the first time a message is shown, False ever after."""
        key = (envelope.source, envelope.incarnation, envelope.traffic)
        self._seen[key], new = self._seen.pop(key, Window()).see(envelope.seq)
        if len(self._seen) > self._sources_max:
            del self._seen[next(iter(self._seen))]
        if not new:
            self.duplicates += 1
        return new

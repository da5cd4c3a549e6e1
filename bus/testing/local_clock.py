"""A node's own clock: it never jumps, but it may run a little too fast or too slow."""

from math import inf, nextafter


class LocalClock:
    """Local time as a function of the world's.

    >>> clock = LocalClock()
    >>> clock.run_at(1.001, now=10.0)
    True
    >>> round(clock.local(20.0), 6), round(clock.true(20.01), 6)
    (20.01, 20.0)
    """

    __slots__ = ("_local_s", "_rate", "_true_s")

    def __init__(self) -> None:
        self._rate = 1.0
        self._true_s = 0.0
        self._local_s = 0.0

    def run_at(self, rate: float, now: float) -> bool:
        """Let `rate` local seconds pass in one second from `now` on; True if that is a change."""
        if rate == self._rate:
            return False
        self._local_s, self._true_s, self._rate = self.local(now), now, rate
        return True

    def local(self, now: float) -> float:
        """The local time at `now` in the world."""
        return self._local_s + (now - self._true_s) * self._rate

    def true(self, local_s: float) -> float:
        """The earliest time of the world at which this clock shows `local_s` or more."""
        now = self._true_s + (local_s - self._local_s) / self._rate
        # Rounding must not wake a machine just before its deadline, for a useless tick.
        while self.local(now) < local_s:
            now = nextafter(now, inf)
        return now

"""Between a claim that won and its first effect: read the settings to an end captured after the claim.

So the new primary never decides by older settings than the one before it did. If nobody was before it, or our
own former process, which kept its settings on our disk, there is nothing to read. It waits `SETTLE_S_MAX` at
most: settings a little older are better than none. A claim that did not wait for silence waits here, until
every lease that could be running is over.
"""

from bus.effects import CatchUp, Effect
from heartbeat.timing import SETTLE_S_MAX, SILENCE_S


class Settling:
    """The wait after a claim that won."""

    def __init__(self) -> None:
        self._asked = 1  # the end of the topic when we began comes without `CatchUp`
        self._stale = 0
        self._is_read = False
        self._from = 0.0
        self._until = 0.0

    def begin(self, now: float, *, waits_for_leases: bool, follows_another: bool) -> list[Effect]:
        """Begin for a claim that won. An end captured for an earlier claim does not count."""
        self._is_read = not follows_another
        self._until = now + SETTLE_S_MAX
        self._from = now + SILENCE_S if waits_for_leases else now
        self._stale = self._asked if follows_another else 0
        return self._ask() if follows_another and not self._stale else []

    def resume(self) -> None:
        """Do not wait: our former process settled the claim."""
        self._is_read, self._from = True, 0.0

    def caught_up(self) -> list[Effect]:
        """Note that the settings were received up to the captured end."""
        self._asked = max(0, self._asked - 1)
        if self._stale:
            self._stale -= 1
            return [] if self._stale else self._ask()
        self._is_read = True
        return []

    def recreated(self) -> None:
        """Note that the settings' topic was made anew: its new end comes without `CatchUp`."""
        self._asked += 1

    def moved(self) -> None:
        """Note that the settings come by another column from now on: what was asked for before may never be
        answered, and the end of what is there comes without `CatchUp`.
        """
        self._asked, self._stale = 1, min(self._stale, 1)

    def is_over(self, now: float) -> bool:
        """Whether effects may begin."""
        return now >= self.deadline()

    def deadline(self) -> float:
        """The time when it is over at the latest."""
        return self._from if self._is_read else max(self._from, self._until)

    def _ask(self) -> list[Effect]:
        self._asked += 1
        return [CatchUp("config")]

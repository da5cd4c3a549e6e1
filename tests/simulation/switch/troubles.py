"""What was done to a plant and is not over, from the words of its scenario alone."""

from typing import Any

from bus.testing import faults
from bus.testing.faults import CALM
from tests.simulation.failover.scenario import Away, Boot, Drain
from tests.simulation.switch import scenario

HARMLESS = (scenario.Order, scenario.Finish, Boot, scenario.Admit, faults.SetClock, faults.Drift)
"""Deeds after which nobody who holds a role has a reason to lose it."""


class Troubles:
    """The troubles that last, and the end of the last one."""

    def __init__(self) -> None:
        self._last: dict[Any, float] = {}
        self._open: set[Any] = set()

    def note(self, deed: Any, now: float) -> None:
        """This deed is done now."""
        if isinstance(deed, HARMLESS):
            return
        key, lasts = _lasting(deed)
        (self._open.add if lasts else self._open.discard)(key)
        until = now + deed.pause_s if isinstance(deed, faults.Pause) else now
        self._last[key] = max(until, self._last.get(key, 0.0))

    def quiet_since(self, now: float) -> float:
        """Since when nothing is wrong; `now` if something is."""
        return now if self._open else max(self._last.values(), default=0.0)


def _lasting(deed: Any) -> tuple[Any, bool]:
    """What this deed is about, and whether it lasts until another deed ends it."""
    if isinstance(deed, faults.Cut | faults.Mend):
        return ("cut", deed.source, deed.target), isinstance(deed, faults.Cut)
    if isinstance(deed, faults.Slow):
        return ("slow", deed.source, deed.target), deed.delay_s > 0.0
    if isinstance(deed, faults.SetWeather):
        return "weather", deed.weather != CALM
    if isinstance(deed, faults.Stall):
        return ("stall", deed.traffic), deed.is_on
    if isinstance(deed, faults.SlowLog):
        return ("slow log", deed.traffic), deed.delay_s > 0.0
    if isinstance(deed, faults.Full):
        return ("full", deed.node), deed.is_on
    if isinstance(deed, faults.Crash | faults.Stop | faults.Wipe | faults.Restart):
        return ("down", deed.node), not isinstance(deed, faults.Restart)
    if isinstance(deed, faults.Skip):  # it strikes when the next record comes, whenever that is
        return ("skipped", deed.node), True
    if isinstance(deed, scenario.Refuse):
        return ("refused", deed.node, deed.column), deed.on
    if isinstance(deed, Drain):
        return ("drained", deed.node), deed.on
    if isinstance(deed, Away):
        return ("away", deed.cfms), deed.on
    return type(deed).__name__, False

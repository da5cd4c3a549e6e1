"""A schedule of faults: one at a time, at a random moment, and only when all is well after the one before.

Theory of operation
-------------------
    all is well ─(random wait)─> who is hit? ─> begin ─(lasts_s)─> end ─> lacks nothing: all is well ...

The moments and the order of the kinds are drawn from the seed. While there is nobody to hit nothing is done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from services.lab.faults.schedule.fault import Fault
from services.lab.site.journal import boottime_s
from services.lab.site.lab import LOOK_AGAIN_S
from services.lab.site.scenario import SchedulePlan

RECOVERY_S = 20.0  # with the start of a broker: a slower one is not waited for after the plant is done
_NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault in a schedule, and how long each of it lasts."""

    name: str
    lasts_s: float
    fault: Fault


@dataclass(slots=True)
class Injected:
    """A fault that was done: its kind, who was hit, when, when it was taken back, and the time until all was
    well again, in s.
    """

    kind: Kind
    victim: str
    at: float
    ended_at: float = 0.0
    recovered_s: float | None = None


class Schedule:
    """Does faults of these kinds by a plan. `primary` names who may act; `done` are the faults so far."""

    def __init__(
        self,
        plan: SchedulePlan,
        random: Random,
        kinds: Sequence[Kind],
        primary: Callable[[], str | None],
        clock: Callable[[], float] = boottime_s,
    ) -> None:
        self.done: list[Injected] = []
        self._plan = plan
        self._random = random
        self._kinds = kinds
        self._primary = primary
        self._clock = clock
        self._bag: list[Kind] = []
        self._next: Kind | None = None
        self._begin_at = _NEVER
        self._present: Kind | None = None
        self._end_at = _NEVER

    @property
    def is_over(self) -> bool:
        """Whether every fault was done, and all is well after the last one."""
        return len(self.done) == self._plan.count and self._present is None

    def missing(self) -> str:
        """What is still missing after the last fault, in a few words; empty if all is well."""
        present = self._present
        if present is None:
            return ""
        if self._end_at != _NEVER:
            return f"{present.name} is under way"
        if self._primary() is None:
            return "nobody may act"
        return present.fault.lacks(self.done[-1].victim)

    def deadline(self) -> float:
        """When `tick` is due at the latest; it may be called earlier to see that all is well."""
        return min(self._begin_at, self._end_at)

    def patience_s(self) -> float:
        """The time that the rest takes at most, if all goes well, in seconds."""
        longest_s = max(kind.lasts_s for kind in self._kinds)
        cycle_s = self._plan.every_s[1] + longest_s + RECOVERY_S
        return (self._plan.count - len(self.done) + 1) * cycle_s

    def tick(self) -> None:
        """Do what is due."""
        now = self._clock()
        if self._present is not None:
            self._end(now, self._present)
        elif len(self.done) < self._plan.count:
            self._begin(now)

    def _begin(self, now: float) -> None:
        if self._next is None:
            self._next = self._draw()
            self._begin_at = now + self._random.uniform(*self._plan.every_s)
        elif now >= self._begin_at:
            victim = self._next.fault.victim()
            if victim is None:
                self._begin_at = now + LOOK_AGAIN_S
                return
            self._present, self._next, self._begin_at = self._next, None, _NEVER
            self.done.append(Injected(self._present, victim, self._clock()))
            self._present.fault.begin(victim)
            self._end_at = self._clock() + self._present.lasts_s

    def _draw(self) -> Kind:
        """The next kind: each comes once, in any order, before one comes again."""
        if not self._bag:
            self._bag = [*self._kinds]
            self._random.shuffle(self._bag)
        return self._bag.pop()

    def _end(self, now: float, present: Kind) -> None:
        last = self.done[-1]
        if now >= self._end_at:
            self._end_at = _NEVER
            last.ended_at = self._clock()
            present.fault.end(last.victim)
        elif self._end_at == _NEVER and not self.missing():
            last.recovered_s = round(self._clock() - last.at, 3)
            self._present = None

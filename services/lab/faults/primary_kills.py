"""Kills of the primary's host, or of its sidecar, while modems boot: each at a random moment and only when a
rival is ready.

Theory of operation
-------------------
    all ready ─(random wait)─> who is primary? ─> kill -9 ─(back_after_s)─> restart ─> all ready ...

A host is ready when its sidecar attached it, which it reports by a line of its own: also when it is the
sidecar that came back. While there is no primary, nobody is killed.
"""

import time
from collections.abc import Callable, Mapping
from random import Random
from typing import Protocol

from services.lab.books.closing import TakeoverBooks
from services.lab.site.journal import TakenDown, boottime_s
from services.lab.site.lab import LOOK_AGAIN_S, Answers, Lab, Part
from services.lab.site.readiness import primary_of
from services.lab.site.scenario import PrimaryKills

TAKEOVER_S_MAX = 10.0  # with the start of a host: a slower one is not waited for after the plant is done
_NEVER = float("inf")


class Victim(Protocol):
    """Who is killed, as the killer uses it."""

    def is_ready(self) -> bool:
        """Whether it has said so since the last look."""

    def kill(self) -> None:
        """Kill -9."""

    def restart(self) -> None:
        """Start it again."""


class SidecarVictim:
    """The sidecar of an instance, killed with its parent or without."""

    def __init__(self, lab: Lab, name: str, *, spares_parent: bool) -> None:
        self._lab = lab
        self._name = name
        self._spares_parent = spares_parent

    def is_ready(self) -> bool:
        """Whether it has attached its host since the last look."""
        return self._lab.hosts[self._name].is_ready()

    def kill(self) -> None:
        """Kill -9."""
        self._lab.instances.kill([self._name], spares_parent=self._spares_parent)

    def restart(self) -> None:
        """Start it again."""
        self._lab.instances.start([self._name])


class PrimaryKiller:
    """Kills by a plan. `victims` are by the names of the sidecars, and all ready at first; `primary` names
    the one that may act. `kills` are those so far, in order.
    """

    def __init__(
        self,
        plan: PrimaryKills,
        random: Random,
        victims: Mapping[str, Victim],
        primary: Callable[[], str | None],
        clock: Callable[[], float] = boottime_s,
    ) -> None:
        self.kills: list[TakenDown] = []
        self._plan = plan
        self._random = random
        self._victims = victims
        self._primary = primary
        self._clock = clock
        self._down = ""
        self._back_at = _NEVER
        self._kill_at = _NEVER
        self._is_calm = False

    @property
    def is_over(self) -> bool:
        """Whether every kill was made, and there is a primary after the last one."""
        return len(self.kills) == self._plan.count and self._is_calm

    def deadline(self) -> float:
        """When `tick` is due at the latest; it may be called earlier to see a host start."""
        return min(self._kill_at, self._back_at)

    def patience_s(self) -> float:
        """The time that the rest takes at most, if all goes well, in seconds."""
        cycle_s = self._plan.every_s[1] + self._plan.back_after_s + TAKEOVER_S_MAX
        return (self._plan.count - len(self.kills) + 1) * cycle_s

    def tick(self) -> None:
        """Do what is due."""
        now = self._clock()
        if now >= self._back_at:
            self._back_at = _NEVER
            self._victims[self._down].restart()
        elif self._down and self._back_at == _NEVER and self._victims[self._down].is_ready():
            self._down = ""
        if self._down or self._is_calm:
            return
        if len(self.kills) == self._plan.count:
            self._is_calm = self._primary() is not None
        elif self._kill_at == _NEVER:
            self._kill_at = now + self._random.uniform(*self._plan.every_s)
        elif now >= self._kill_at:
            self._kill_primary(now)

    def _kill_primary(self, now: float) -> None:
        name = self._primary()
        if name is None:
            self._kill_at = now + LOOK_AGAIN_S
            return
        self.kills.append(TakenDown(self._clock(), name))
        self._victims[name].kill()
        self._down, self._kill_at = name, _NEVER
        self._back_at = self._clock() + self._plan.back_after_s


class PrimaryKilling(Part):
    """The kills of a run, from the moment when all services are ready."""

    def __init__(self, plan: PrimaryKills, seed: int) -> None:
        self._plan = plan
        self._seed = seed
        self._killer: PrimaryKiller | None = None

    def begin(self, lab: Lab) -> None:
        """Plan the first kill."""
        rivals = lab.site.rivals()
        victims: Mapping[str, Victim] = lab.hosts
        if self._plan.of != "host":
            spares_parent = self._plan.of == "sidecar"
            victims = {name: SidecarVictim(lab, name, spares_parent=spares_parent) for name in lab.hosts}
        self._killer = PrimaryKiller(self._plan, Random(self._seed), victims, lambda: primary_of(rivals))

    def due_at(self) -> float:
        """The moment of the next kill, or of the restart behind one."""
        return _NEVER if self._killer is None else self._killer.deadline()

    def tick(self, lab: Lab) -> None:
        """Kill or restart, if due."""
        if self._killer is not None:
            self._killer.tick()

    def finish(self, lab: Lab, plant: Answers) -> None:
        """Make the rest of the kills, for the plant may have been quicker, and enter all into the books."""
        killer = self._killer
        assert killer is not None
        deadline = time.monotonic() + killer.patience_s()
        while not killer.is_over and time.monotonic() < deadline:
            killer.tick()
            time.sleep(LOOK_AGAIN_S)
        lab.part(TakeoverBooks).kills += killer.kills

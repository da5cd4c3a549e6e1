"""Faults of processes: a primary's host service, sidecar and sidecar's parent, and a CFM.

`OfPrimary` hits the primary, which then is down or cut off; of `StandsStill` a part does nothing for a while.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from itertools import cycle

from heartbeat.roles.states import State
from heartbeat.timing import LEASE_S
from services.lab.site.lab import Lab
from services.lab.site.readiness import not_ready, primary_of, sight


class OfPrimary:
    """What all faults of a primary have in common: it is hit, and costs the role."""

    costs_role = True

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._attached: set[str] = set()

    def victim(self) -> str | None:
        """The primary."""
        self._attached.clear()
        return primary_of(self._lab.site.rivals())

    def lacks(self, victim: str) -> str:
        """Its host service says that its sidecar attached it, also if only the sidecar was started, and that
        stands for its role.
        """
        if victim not in self._attached and self._lab.hosts[victim].is_ready():
            self._attached.add(victim)
        if victim not in self._attached:
            return f"host-{victim} is not attached"
        return stands_not(self._lab, victim)


class KillHost(OfPrimary):
    """Kill -9 of its host service."""

    def begin(self, victim: str) -> None:
        """Kill it."""
        self._lab.hosts[victim].kill()

    def end(self, victim: str) -> None:
        """Start it again."""
        self._lab.hosts[victim].restart()


class KillSidecar(OfPrimary):
    """Kill -9 of its sidecar, alone, or with the parent, which then gives nothing back."""

    def __init__(self, lab: Lab, *, spares_parent: bool) -> None:
        super().__init__(lab)
        self._spares_parent = spares_parent

    def begin(self, victim: str) -> None:
        """Kill it."""
        self._lab.instances.kill([victim], spares_parent=self._spares_parent)

    def end(self, victim: str) -> None:
        """Start it again."""
        self._lab.instances.start([victim])


class KillBoth(OfPrimary):
    """Kill -9 of its host service, and of its sidecar with the parent, at once."""

    def begin(self, victim: str) -> None:
        """Kill them."""
        self._lab.instances.kill([victim])
        self._lab.hosts[victim].kill()

    def end(self, victim: str) -> None:
        """Start them again."""
        self._lab.instances.start([victim])
        self._lab.hosts[victim].restart()


class KillCfm:
    """Kill -9 of a CFM, each in turn, also between rows and their acks. It costs no role."""

    costs_role = False

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._turns = cycle(one.name for one in lab.site.cfms())

    def victim(self) -> str | None:
        """The next one."""
        return next(self._turns)

    def begin(self, victim: str) -> None:
        """Kill it."""
        self._lab.instances.kill([victim])

    def end(self, victim: str) -> None:
        """Start it again."""
        self._lab.instances.start([victim])

    def lacks(self, victim: str) -> str:
        """It must be ready."""
        return not_ready(self._lab.site.instances[victim])


class StandsStill(OfPrimary):
    """A part of the primary does nothing for a while. Past a lease that costs the role."""

    def __init__(self, lab: Lab, lasts_s: float) -> None:
        super().__init__(lab)
        self.costs_role = lasts_s > LEASE_S

    def lacks(self, victim: str) -> str:
        """It must be the primary still; or know that it is not, and then stand again."""
        acting = primary_of([self._lab.site.instances[victim]])
        if not self.costs_role:
            return "" if acting else f"{victim} may not act any more"
        return f"{victim} may still act" if acting else stands_not(self._lab, victim)


class Suspend(StandsStill):
    """SIGSTOP of processes of the primary, and SIGCONT at the end."""

    def __init__(self, lab: Lab, lasts_s: float, processes: Callable[[str], Sequence[int]]) -> None:
        super().__init__(lab, lasts_s)
        self._processes = processes

    def begin(self, victim: str) -> None:
        """Suspend them."""
        for process in self._processes(victim):
            os.kill(process, signal.SIGSTOP)

    def end(self, victim: str) -> None:
        """Let them go on."""
        for process in self._processes(victim):
            os.kill(process, signal.SIGCONT)


class HostSpins(StandsStill):
    """The host service of the primary answers no device, and goes on to speak with its sidecar."""

    def begin(self, victim: str) -> None:
        """Have it spin."""
        self._lab.hosts[victim].say("spin")

    def end(self, victim: str) -> None:
        """Let it work again."""
        self._lab.hosts[victim].say("work")


def stands_not(lab: Lab, name: str) -> str:
    """Why this sidecar could not take over from another one; empty if it could, or may act itself. Who is
    suspended may do neither.
    """
    one = lab.site.instances[name]
    state = sight(one).role
    if state == State.STANDBY or primary_of([one]):
        return ""
    return f"{name} is {state or 'without a word'}"

"""Faults of machines: one dies, is cut off from the brokers, or has a bad link.

What a machine and the brokers send each other can be held back: it arrives as it was sent, when the fault
ends, from a former primary, or from a candidate that has given up long ago. Then nothing may change by it.
`claims_late` and `renewals_late` count such records in the log: not each fault brings one, for a broker does
one request of a connection after the other, and forgets those that are left once it cannot answer one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Event, Thread

from heartbeat.roles.log.records import TYPE_OF, Probe
from heartbeat.timing import QUIET_S
from services.brokers.properties import NODES
from services.lab.books.role_log import LogWitness, RoleLogMemory
from services.lab.faults.schedule.of_processes import KillBoth, OfPrimary, StandsStill, stands_not
from services.lab.network.homes import broker_machine
from services.lab.network.link_weather import LinkWeather
from services.lab.network.machines import Machines
from services.lab.site.lab import LOOK_AGAIN_S, Lab
from services.lab.site.readiness import degraded

BAD_LINK = LinkWeather(delay_s=0.05, loss=0.02)
HOLD_AFTER_S = QUIET_S - 0.3  # after its probe was read a candidate has not claimed yet
BROKERS = [broker_machine(number) for number in range(1, NODES + 1)]


class MachineDies(KillBoth):
    """The primary's machine dies: nothing of it arrives any more, then its processes are killed -9, so that
    nobody is told. It comes back with all of them started.
    """

    def __init__(self, lab: Lab, machines: Machines) -> None:
        super().__init__(lab)
        self._machines = machines

    def begin(self, victim: str) -> None:
        """Let it die."""
        self._machines.die(victim)
        super().begin(victim)

    def end(self, victim: str) -> None:
        """Start it."""
        self._machines.revive(victim)
        super().end(victim)


class CutFromBrokers(OfPrimary):
    """The primary's machine loses what it sends to the brokers, and what they send to it unless that is
    `one_way`; it reaches all others.
    """

    def __init__(self, lab: Lab, machines: Machines, *, one_way: bool) -> None:
        super().__init__(lab)
        self._machines = machines
        self._one_way = one_way

    def begin(self, victim: str) -> None:
        """Cut it off."""
        self._set(victim, is_cut=True)

    def end(self, victim: str) -> None:
        """Let it through again."""
        self._set(victim, is_cut=False)

    def lacks(self, victim: str) -> str:
        """The sidecar went on, and stands again by itself."""
        return stands_not(self._lab, victim)

    def _set(self, victim: str, *, is_cut: bool) -> None:
        self._machines.cut(victim, BROKERS, is_cut=is_cut)
        if not self._one_way:
            for broker in BROKERS:
                self._machines.cut(broker, [victim], is_cut=is_cut)


class SlowMachine(StandsStill):
    """The link of the primary's machine is bad (`BAD_LINK`), both ways, which costs no role. `frames_lost`
    counts what it lost.
    """

    def __init__(self, lab: Lab, machines: Machines) -> None:
        super().__init__(lab, lasts_s=0.0)
        self._machines = machines

    def begin(self, victim: str) -> None:
        """Make it bad."""
        self._machines.slow(victim, BAD_LINK)

    def end(self, victim: str) -> None:
        """Make it good."""
        self._lab.count("frames_lost", self._machines.quicken(victim))


class RenewHeldBack(OfPrimary):
    """What the primary's machine and the brokers send each other is held back, and arrives at the end.
    Meanwhile another one takes over.
    """

    def __init__(self, lab: Lab, machines: Machines) -> None:
        super().__init__(lab)
        self._machines = machines

    def begin(self, victim: str) -> None:
        """Hold it back."""
        self._machines.slow(victim, LinkWeather())
        self._machines.hold_back(victim, BROKERS)

    def end(self, victim: str) -> None:
        """Let it arrive."""
        self._machines.quicken(victim)

    def lacks(self, victim: str) -> str:
        """The sidecar went on, and stands again by itself."""
        return whole_not(self._lab, victim)


class ClaimHeldBack(MachineDies):
    """The primary's machine dies. The claim of the first one that stands is held back, and arrives at the
    end; meanwhile the third one takes over, whose claim the first one does not read before.
    """

    def __init__(self, lab: Lab, machines: Machines) -> None:
        super().__init__(lab, machines)
        self._over = Event()
        self._watch: Thread | None = None

    def begin(self, victim: str) -> None:
        """Let the primary's machine die, and wait for a candidate in the background."""
        others, log = self._others(victim), self._lab.part(RoleLogMemory).witness
        for name in others:
            self._machines.slow(name, LinkWeather())
        super().begin(victim)
        self._over = over = Event()
        since = time.monotonic()
        self._watch = Thread(target=lambda: self._hold_first(others, log, since, over), daemon=True)
        self._watch.start()

    def end(self, victim: str) -> None:
        """Let the claim arrive, and start the machine."""
        self._over.set()
        if self._watch is not None:
            self._watch.join()
        for name in self._others(victim):
            self._machines.quicken(name)
        super().end(victim)

    def lacks(self, victim: str) -> str:
        """The others stand again as well."""
        reasons = (whole_not(self._lab, name) for name in self._others(victim))
        return super().lacks(victim) or next(filter(None, reasons), "")

    def _others(self, victim: str) -> list[str]:
        return [one.name for one in self._lab.site.rivals() if one.name != victim]

    def _hold_first(self, others: Sequence[str], log: LogWitness, since: float, over: Event) -> None:
        """A candidate claims `QUIET_S` after its probe came back at the earliest."""
        while not over.wait(LOOK_AGAIN_S):
            for name in others:
                if log.read_at(TYPE_OF[Probe], name) > since:
                    if not over.wait(HOLD_AFTER_S):
                        self._machines.hold_back(name, BROKERS)
                    return


def whole_not(lab: Lab, name: str) -> str:
    """Why this sidecar could not take over, or what it lacks besides: its brokers may not answer it yet."""
    return stands_not(lab, name) or next(iter(degraded(lab.site.instances[name])), "")

"""Faults of machines: one dies, or is cut off from the brokers."""

from __future__ import annotations

from services.brokers.properties import NODES
from services.lab.faults.schedule.of_processes import KillBoth, OfPrimary, stands_not
from services.lab.network.homes import broker_machine
from services.lab.network.machines import Machines
from services.lab.site.lab import Lab


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
        brokers = [broker_machine(number) for number in range(1, NODES + 1)]
        self._machines.cut(victim, brokers, is_cut=is_cut)
        if not self._one_way:
            for broker in brokers:
                self._machines.cut(broker, [victim], is_cut=is_cut)

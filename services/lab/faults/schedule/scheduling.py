"""The table of the kinds of faults, and the part that does a schedule of them while modems boot."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from bus.errors import StateError
from heartbeat.roles.log.records import TYPE_OF, ClaimRecord, Renew
from services.lab.books.closing import TakeoverBooks
from services.lab.books.role_log import RoleLogMemory
from services.lab.books.takeovers import fenced_after_s
from services.lab.faults.schedule.fault import Fault
from services.lab.faults.schedule.of_brokers import (
    FillDisk,
    KillBrokers,
    OfBrokers,
    SuspendBrokers,
    everybody,
    follower,
    leader,
    two,
)
from services.lab.faults.schedule.of_machines import (
    ClaimHeldBack,
    CutFromBrokers,
    MachineDies,
    RenewHeldBack,
    SlowMachine,
)
from services.lab.faults.schedule.of_processes import (
    HostSpins,
    KillBoth,
    KillCfm,
    KillHost,
    KillSidecar,
    StandsStill,
    Suspend,
)
from services.lab.faults.schedule.of_switches import (
    ApplyMeanwhile,
    CloseColumn,
    KillInSwitch,
    Switches,
    SwitchOver,
)
from services.lab.faults.schedule.schedule import Kind, Schedule
from services.lab.faults.schedule.switch_books import SwitchBooks
from services.lab.network.machines import Machines
from services.lab.site.journal import TakenDown, read_journal
from services.lab.site.lab import LOOK_AGAIN_S, Answers, Lab, Part
from services.lab.site.readiness import primary_of
from services.lab.site.scenario import FaultKind, SchedulePlan

COMPARE_S = 20.0

Builder = Callable[[Lab, float], Fault]
"""Makes a fault that lasts so many seconds."""

KINDS: Mapping[FaultKind, Builder] = {
    "kill-host": lambda lab, _: KillHost(lab),
    "kill-sidecar": lambda lab, _: KillSidecar(lab, spares_parent=True),
    "kill-instance": lambda lab, _: KillSidecar(lab, spares_parent=False),
    "kill-both": lambda lab, _: KillBoth(lab),
    "suspend-host": lambda lab, lasts_s: Suspend(lab, lasts_s, lambda name: [lab.hosts[name].pid]),
    "suspend-sidecar": lambda lab, lasts_s: Suspend(lab, lasts_s, lambda name: [lab.instances[name].worker]),
    "suspend-machine": lambda lab, lasts_s: Suspend(lab, lasts_s, lambda name: everything_of(lab, name)),
    "host-spins": lambda lab, lasts_s: HostSpins(lab, lasts_s),
    "kill-cfm": lambda lab, _: KillCfm(lab),
    "machine-dies": lambda lab, _: MachineDies(lab, machines_under(lab)),
    "cut-from-brokers": lambda lab, _: CutFromBrokers(lab, machines_under(lab), one_way=False),
    "cut-to-brokers": lambda lab, _: CutFromBrokers(lab, machines_under(lab), one_way=True),
    "slow-machine": lambda lab, _: SlowMachine(lab, machines_under(lab)),
    "renew-held-back": lambda lab, _: RenewHeldBack(lab, machines_under(lab)),
    "claim-held-back": lambda lab, _: ClaimHeldBack(lab, machines_under(lab)),
    "kill-leader": lambda lab, _: KillBrokers(lab, leader),
    "kill-follower": lambda lab, _: KillBrokers(lab, follower),
    "kill-two-brokers": lambda lab, _: KillBrokers(lab, two),
    "kill-all-brokers": lambda lab, _: KillBrokers(lab, everybody),
    "suspend-leader": lambda lab, _: SuspendBrokers(lab, leader),
    "fill-disk": lambda lab, _: FillDisk(lab, leader),
    "switch": lambda lab, _: SwitchOver(lab, switches_of(lab)),
    "finish-switch": lambda lab, _: CloseColumn(lab, switches_of(lab)),
    "apply-settings": lambda lab, _: ApplyMeanwhile(lab),
    "kill-in-switch": lambda lab, _: KillInSwitch(lab, switches_of(lab)),
}


class FaultSchedule(Part):
    """The faults of a run, from the moment when all services are ready."""

    def __init__(self, plan: SchedulePlan, seed: int) -> None:
        self._plan = plan
        self._seed = seed
        self._schedule: Schedule | None = None
        self._log: RoleLogMemory | None = None
        self._missing = ""

    def begin(self, lab: Lab) -> None:
        """Plan the first fault."""
        rivals = lab.site.rivals()
        kinds = [Kind(one.kind, one.lasts_s, KINDS[one.kind](lab, one.lasts_s)) for one in self._plan.of]
        if any(isinstance(kind.fault, OfBrokers | RenewHeldBack | ClaimHeldBack) for kind in kinds):
            self._log = lab.part(RoleLogMemory)
            self._log.remember(lab.brokers.settings)
        self._schedule = Schedule(self._plan, Random(self._seed), kinds, lambda: primary_of(rivals))

    def due_at(self) -> float:
        """The moment of the next fault, or of its end."""
        return float("inf") if self._schedule is None else self._schedule.deadline()

    def tick(self, lab: Lab) -> None:
        """Begin or end a fault, if due."""
        if self._schedule is not None:
            self._schedule.tick()

    def finish(self, lab: Lab, plant: Answers) -> None:
        """Do the rest of the faults, for the plant may have been quicker, and enter all into the books."""
        schedule = self._schedule
        assert schedule is not None
        deadline = time.monotonic() + schedule.patience_s()
        while not schedule.is_over and time.monotonic() < deadline:
            schedule.tick()
            time.sleep(LOOK_AGAIN_S)
        self._missing = schedule.missing()
        if self._log is not None:
            lab.figures["role_silence_s_max"] = round(self._log.witness.silence_s, 3)
            seen, lost = self._log.compare(COMPARE_S)
            lab.count("role_records", seen)
            lab.count("role_records_lost", lost)
            lab.count("claims_late", self._log.witness.late(TYPE_OF[ClaimRecord]))
            lab.count("renewals_late", self._log.witness.late(TYPE_OF[Renew]))
        for one in schedule.done:
            if one.kind.fault.costs_role and isinstance(one.kind.fault, StandsStill):
                journal = read_journal(lab.site.journal(f"host-{one.victim}"))
                lab.longest("fenced_s_max", fenced_after_s(journal, one.ended_at))
        kills = [TakenDown(one.at, one.victim) for one in schedule.done if one.kind.fault.costs_role]
        lab.part(TakeoverBooks).kills += kills

    def report(self, lab: Lab, answers: Answers) -> Mapping[str, Any]:
        """Every fault with the moment since the first one, and the time until all was well again, in s."""
        schedule = self._schedule
        if schedule is None or not schedule.done:
            return {"faults_done": 0, "faults": []}
        first_at = schedule.done[0].at
        faults = [
            {
                "kind": one.kind.name,
                "victim": one.victim,
                "at": round(one.at - first_at, 3),
                "recovered_s": one.recovered_s,
            }
            for one in schedule.done
        ]
        recovered = sum(one.recovered_s is not None for one in schedule.done)
        found = {"faults_done": len(faults), "faults_recovered": recovered, "faults": faults}
        return found if schedule.is_over else found | {"faults_missing": self._missing}


def switches_of(lab: Lab) -> Switches:
    """The switches of a run."""
    return lab.part(SwitchBooks).switches(lab)


def everything_of(lab: Lab, name: str) -> list[int]:
    """The processes on the machine of a sidecar: its host service, its parent and itself."""
    sidecar = lab.instances[name]
    return [lab.hosts[name].pid, sidecar.pid, sidecar.worker]


def machines_under(lab: Lab) -> Machines:
    """The machines of a run; `StateError` if it has none of their own."""
    network = lab.site.network
    if not isinstance(network, Machines):
        raise StateError("this run has no machines of their own: hosts: true")
    return network

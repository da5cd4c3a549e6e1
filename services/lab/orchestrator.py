"""One run of the lab: start every process, let the plant boot, make the weather, keep the books.

Every host service, sidecar, CFM, the plant and, where a scenario wants bad weather, the proxy is an
operating-system process of its own. The lab watches, kills and restarts; what became of each FileID it works
out afterwards from the journals of hosts and plant and its own notes, never from what provbus says of itself.
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from random import Random
from typing import Any

from bus.errors import RemoteError, StateError, TransportError, TryAgainError, UnavailableError
from services.lab.brokers import Brokers
from services.lab.busy import BusyProcesses
from services.lab.closing import ledger_of, takeovers_of
from services.lab.crowds import CrowdRun
from services.lab.host_kills import LOOK_AGAIN_S, HostKiller, primary_of
from services.lab.instances import Instances
from services.lab.interventions import Interventions
from services.lab.journal import boottime_s
from services.lab.kea_host import KeaRun, lease_counts
from services.lab.parts import attack_config, host_config, proxy_config
from services.lab.plants import Plants
from services.lab.processes import Process, stop_all, wait_until
from services.lab.readiness import not_ready, unready
from services.lab.refusals import Refusals
from services.lab.report import build_report, highest_era
from services.lab.role_log import Witness
from services.lab.script import Script
from services.lab.site import Site
from services.lab.steps.table import Entry
from services.lab.takeovers import HostKill

READY_S = 30.0

Progress = Callable[[int, int], None]
"""Called with (devices finished, devices in all)."""


class RunFailedError(RemoteError):
    """What a scenario says could not be done, or not in time: it has failed, and there is no report."""


class Lab:
    """A running lab. Steps use `site`, `instances`, `brokers`, `hosts` (by the names of their sidecars), put
    what they count into `figures` and how to take back what they did to the machine into `undo`.
    """

    def __init__(
        self, site: Site, script: Script, brokers: Brokers, report: Callable[[str], None], progress: Progress
    ) -> None:
        self.site = site
        self._script = script
        self.brokers = brokers
        self.say = report
        self.instances = Instances(site, self.spawn)
        self.clones: dict[str, Process] = {}
        self.crowds: dict[str, CrowdRun] = {}
        self.hosts: dict[str, Process] = {}
        self.kills: list[HostKill] = []
        self.fresh_at: list[float] = []
        self.witness: Witness | None = None
        self.figures: dict[str, Any] = {}
        self.undo = ExitStack()
        self.busy = BusyProcesses()
        self._progress = progress
        self._processes: list[Process] = []
        self._interventions = Interventions(site, self.instances)
        self._cpu_at_go: dict[str, float] = {}
        self._cpu_at_end: dict[str, float] = {}
        self._plants = Plants(site, self._ready_module, self._heard)
        self._is_booted = False
        self._attack: Process | None = None
        self._killer: HostKiller | None = None
        self._refusals: Refusals | None = None
        kea = site.scenario.kea
        self._kea = None if kea is None else KeaRun(site, kea, report)

    def start(self) -> None:
        """Start everything and wait until a boot would find all of it."""
        site = self.site
        if site.advertised != site.real_endpoints:
            self._ready_module("proxy", "lab", "proxy", proxy_config(site))
        if self._kea is not None:
            self._kea.start()
        self.instances.start([*site.instances])
        for one in site.hosts():
            self.hosts[one.name] = self.module(f"host-{one.name}", "plant", "host", host_config(site, one))
        for name in self.hosts:
            self.wait_for(partial(self._absent_host, name), READY_S)
        self.say("waiting for the services to find each other")
        up = self.instances.up()
        self.wait_for(lambda: self.instances.silent(up) or unready(site, up), READY_S)
        self.instances.started_s()  # what steps wait for is counted from their own starts
        kills, seed = site.scenario.host_kills, site.scenario.seed
        if kills is not None:
            self._killer = HostKiller(kills, Random(seed), self.hosts, lambda: primary_of(site.rivals()))
        if site.scenario.attack is not None:
            self._attack = self._ready_module("attack", "lab", "attack", attack_config(site))

    def run(self) -> dict[str, Any]:
        """Do the scenario's steps; the report. `RunFailedError` says which step could not be done."""
        repeat = self._script.repeat
        try:
            for turn in range(1, repeat + 1):
                self.perform(self._script.steps, where=f" (turn {turn} of {repeat})" if repeat > 1 else "")
        except (StateError, TransportError) as error:
            raise RunFailedError(str(error)) from error
        return self._finish()

    def perform(self, steps: Sequence[Entry], of: str = "steps", where: str = "") -> None:
        """Do these steps, one after the other; the error of one that fails says which it is."""
        for number, entry in enumerate(steps):
            name = f"{of}[{number}] {entry.word}{where}"
            self.say(name)
            try:
                entry.step.do(self)
            except (StateError, TransportError) as error:
                raise type(error)(f"{name}: {error}") from error

    def wait_for(self, missing: Callable[[], str], within_s: float) -> float:
        """Wait until nothing is missing, and return how long that took in s; `UnavailableError` says what was
        missing when the time was over, or which process ended meanwhile.
        """
        began_at = deadline = time.monotonic()
        deadline += within_s
        while text := missing():
            self._listen()
            self.instances.check()
            if time.monotonic() > deadline:
                raise UnavailableError(f"waited {within_s:g} s in vain: {text}")
            time.sleep(LOOK_AGAIN_S)
        return time.monotonic() - began_at

    def watch(self, refusals: Refusals) -> None:
        """Look at what the services say of themselves, from now on."""
        self._refusals = self._refusals or refusals

    def count(self, figure: str, number: int = 1) -> None:
        """Count something for the report."""
        self.figures[figure] = self.figures.get(figure, 0) + number

    def longest(self, figure: str, took_s: float) -> None:
        """Keep the longest time of a kind for the report."""
        self.figures[figure] = max(self.figures.get(figure, 0.0), round(took_s, 3))

    def boot(self, meanwhile: Callable[[], None]) -> None:
        """Boot the plant once, and do something meanwhile."""
        plant, self._is_booted = self._plants.make(), False
        try:
            self._cpu_at_go = self._cpu_at_go or self._cpu()
            plant.say("go")
            if self._kea is not None:
                self._kea.go()
            if self._attack is not None:
                self._attack.say("go")
            meanwhile()
            deadline = time.monotonic() + self._plants.patience_s()
            while not self._is_booted:
                if time.monotonic() > deadline:
                    raise TryAgainError("the plant did not end in time")
                plant.check()
                self._watch_boot()
        finally:
            self._plants.end()

    def _watch_boot(self) -> None:
        due = math.inf if self._killer is None else self._killer.deadline()
        self._listen(min(0.1, max(0.0, due - boottime_s())))
        self._interventions.tick()
        if self._killer is not None:
            self._killer.tick()
        if self._kea is not None:
            self._kea.watch()

    def _heard(self, online: int, finished: int) -> None:
        self._progress(finished, self.site.scenario.modems)
        self._interventions.reached(online)

    def service(self, name: str) -> Process:
        """The process of an instance of ours."""
        return self.instances[name]

    def stop(self) -> None:
        """Stop every process, then take back what steps did to the machine."""
        self.busy.have(0)
        stop_all(self._processes)
        if self._kea is not None:
            self._kea.stop()
        self.undo.close()

    def _listen(self, wait_s: float = 0.0) -> None:
        """Hear what the plant says, and look at what is watched."""
        now = time.monotonic()
        if self._refusals is not None and self._refusals.is_due(now):
            answers = self.instances.answers(earlier=False)
            cfms = [one for one in answers if one["service"] == "cfm"]
            self._refusals.see([one for one in answers if one not in cfms], cfms, now)
        if self._plants.listen(wait_s):
            self._cpu_at_end = self._cpu()
            self._is_booted = True

    def _finish(self) -> dict[str, Any]:
        """Ask everybody, close the books, write the report."""
        site, instances = self.site, self.instances
        more = self.figures | self._interventions.finish()
        if site.scenario.ipv6:
            more["handoff_family"] = "ipv6"
        if self._refusals is not None:
            more["ready_while_refused"] = self._refusals.found
        more["era"] = highest_era(instances.answers(earlier=False))
        if instances.kills:
            more["kills"] = instances.kills
        if self._attack is not None:
            more["attack"] = self._end_of(self._attack)
        if site.rivals():
            more |= self._takeovers()
        plants = self._plants.journal()
        if self._kea is not None:
            kea = more["kea"] = self._kea.finish(plants)
            wait_until(lambda: self._has_rows(kea["leases"]), READY_S, "a row for each lease", [])
        wait_until(self._is_audited, READY_S, "the audit stream to be complete", [])
        answers = instances.answers()
        cpu_s = {
            group: self._cpu_at_end.get(group, 0.0) - spent_s for group, spent_s in self._cpu_at_go.items()
        }
        if self._kea is not None:
            more["kea_rows"] = lease_counts(answers)
        return build_report(
            scenario=site.scenario.name,
            mode=site.mode,
            broker=self.brokers.kind,
            processes=len(self._processes),
            modems=site.scenario.modems,
            mtas=site.scenario.mtas,
            totals=self._plants.totals(),
            minters=[answer for answer in answers if answer["service"] != "cfm"],
            cfms=[answer for answer in answers if answer["service"] == "cfm"],
            cpu_s={group: spent_s for group, spent_s in sorted(cpu_s.items()) if group != "lab"},
            ledger=ledger_of(site, plants, instances.notes),
            ended=instances.ended(),
            more=more,
            endpoints=site.endpoints(),
        )

    def _takeovers(self) -> dict[str, Any]:
        """What became of a role for which several stood, once the rest of the kills is made."""
        if self._killer is not None:
            deadline = time.monotonic() + self._killer.patience_s()
            while not self._killer.is_over and time.monotonic() < deadline:
                self._killer.tick()
                time.sleep(LOOK_AGAIN_S)
            self.kills += self._killer.kills
        return takeovers_of(self.site, self.kills, self.instances.downs, self.fresh_at)

    def module(self, name: str, group: str, module: str, config: dict[str, Any]) -> Process:
        """Start a module of the lab with this configuration, which it is given as a file."""
        path = self.site.directory / f"{name}.json"
        path.write_text(json.dumps(config))
        return self.spawn(name, group, ["-m", f"services.lab.{module}", str(path)])

    def spawn(self, name: str, group: str, arguments: list[str]) -> Process:
        process = Process(name, group, arguments, self.site.directory)
        self._processes.append(process)
        return process

    def _ready_module(self, name: str, group: str, module: str, config: dict[str, Any]) -> Process:
        process = self.module(name, group, module, config)
        self._wait_ready(process)
        return process

    def _wait_ready(self, process: Process) -> None:
        wait_until(lambda: _is_ready(process), READY_S, process.name, [process])

    def _absent_host(self, name: str) -> str:
        """Why this host does not serve yet, with what its sidecar says of itself; nothing if it does."""
        process = self.hosts[name]
        process.check()
        if _is_ready(process):
            return ""
        return f"{process.name} ({not_ready(self.site.instances[name]) or f'{name} is ready'})"

    def _end_of(self, process: Process) -> dict[str, Any]:
        """The totals that a process prints last."""
        found: list[dict[str, Any]] = []

        def is_done() -> bool:
            found.extend(process.lines(0.1))
            return bool(found)

        wait_until(is_done, READY_S, f"the end of the {process.name}", [])
        return {key: value for key, value in found[-1].items() if key != "done"}

    def _is_audited(self) -> bool:
        """Nobody has events left that are not published."""
        return not any(answer["audit"]["pending"] for answer in self.instances.answers(earlier=False))

    def _has_rows(self, leases: int) -> bool:
        """Whether a row was made and settled for so many leases."""
        counts = lease_counts(self.instances.answers())
        return counts.get("acked", 0) + counts.get("unacked", 0) >= leases

    def _cpu(self) -> dict[str, float]:
        totals = {"dhcp": 0.0, "mps": 0.0, "cfm": 0.0, "plant": 0.0, "lab": 0.0}
        for process in self._processes:
            totals[process.group] += process.cpu_s()
        return totals


def _is_ready(process: Process) -> bool:
    """Whether the process has said so since the last look."""
    return any("ready" in line for line in process.lines(0.0))

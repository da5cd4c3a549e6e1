"""One run of the lab: start every process, let the plant boot, make the weather, keep the books.

Every host service, sidecar, CFM, the plant and, where a scenario wants bad weather, the proxy is an
operating-system process of its own. The lab watches, kills and restarts; what became of each FileID it works
out afterwards from the journals of hosts and plant and its own notes, never from what provbus says of itself.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from random import Random
from typing import Any

from bus.errors import TryAgainError
from services.lab.host_kills import LOOK_AGAIN_S, HostKiller, primary_of
from services.lab.interventions import Interventions
from services.lab.journal import boottime_s, read_journal
from services.lab.kea_host import KeaRun, by_lease, lease_counts
from services.lab.ledger import account
from services.lab.parts import attack_config, host_config, plant_config, proxy_config
from services.lab.processes import Process, ask, stop_all, wait_until
from services.lab.report import build_report
from services.lab.site import Instance, Site
from services.lab.takeovers import account_takeovers

READY_S = 30.0
BOOTS_PER_S_MIN = 50.0
OVERTIME_S = 30.0  # past the scenario's own deadline, before a plant that does not end is given up

Progress = Callable[[int, int], None]
"""Called with (devices finished, devices in all)."""


class Lab:
    """A running lab."""

    def __init__(self, site: Site, broker: str, report: Callable[[str], None]) -> None:
        self.site = site
        self._broker = broker
        self._report = report
        self._processes: list[Process] = []
        self._services: dict[str, Process] = {}
        self._interventions = Interventions(site, self._services)
        self._cpu_at_go: dict[str, float] = {}
        self._cpu_at_end: dict[str, float] = {}
        self._plant: Process
        self._attack: Process | None = None
        self._killer: HostKiller | None = None
        kea = site.scenario.kea
        self._kea = None if kea is None else KeaRun(site, kea, report)

    def start(self) -> None:
        """Start everything and wait until a boot would find all of it."""
        site = self.site
        if site.advertised != site.real_endpoints:
            self._wait_ready(self._module("proxy", "lab", "proxy", proxy_config(site)))
        if self._kea is not None:
            self._kea.start()
        for one in site.instances.values():
            self._services[one.name] = self._spawn(
                one.name, one.service, ["-m", "services.cli", "run", one.service, "--config", str(one.config)]
            )
        hosts = {
            one.name: self._module(f"host-{one.name}", "plant", "host", host_config(site, one))
            for one in site.hosts()
        }
        self._plant = self._module("plant", "plant", "plant", plant_config(site))
        for process in (*hosts.values(), self._plant):
            self._wait_ready(process)
        self._report("waiting for the services to find each other")
        wait_until(self._is_ready, READY_S, "the services to find each other", self._processes)
        self._interventions.begin()
        kills, seed = site.scenario.host_kills, site.scenario.seed
        if kills is not None:
            self._killer = HostKiller(kills, Random(seed), hosts, lambda: primary_of(site.rivals()))
        if site.scenario.attack is not None:
            self._attack = self._module("attack", "lab", "attack", attack_config(site))
            self._wait_ready(self._attack)

    def boot(self, progress: Progress) -> dict[str, Any]:
        """Let the plant boot; returns its totals."""
        scenario = self.site.scenario
        self._cpu_at_go = self._cpu()
        self._plant.say("go")
        if self._kea is not None:
            self._kea.go()
        if self._attack is not None:
            self._attack.say("go")
        deadline = time.monotonic() + scenario.deadline_s + scenario.boot_window_s + OVERTIME_S
        if scenario.modems > scenario.in_flight_max:
            deadline += (
                scenario.modems / 50
            )  # the others wait for their turn, at 50 boots/s on a very slow machine
        while time.monotonic() < deadline:
            self._plant.check()
            due = math.inf if self._killer is None else self._killer.deadline()
            for line in self._plant.lines(min(0.1, max(0.0, due - boottime_s()))):
                if "done" in line:
                    self._cpu_at_end = self._cpu()
                    return line
                progress(line["online"] + line["failed"], scenario.modems)
                self._interventions.reached(line["online"])
            self._interventions.tick()
            if self._killer is not None:
                self._killer.tick()
            if self._kea is not None:
                self._kea.watch()
        raise TryAgainError("the plant did not end in time")

    def finish(self, totals: dict[str, Any]) -> dict[str, Any]:
        """Ask everybody, close the books, write the report."""
        more = self._interventions.finish()
        if self._attack is not None:
            more["attack"] = self._end_of(self._attack)
        site = self.site
        if site.rivals():
            more |= self._takeovers()
        if self._kea is not None:
            kea = more["kea"] = self._kea.finish(read_journal(site.journal("plant")))
            wait_until(lambda: self._has_rows(kea["leases"]), READY_S, "a row for each lease", [])
        wait_until(self._is_audited, READY_S, "the audit stream to be complete", [])
        answers = self._interventions.earlier + [
            answer for one in site.instances.values() if (answer := self._status(one)) is not None
        ]
        groups = {"dhcp", "cfm", "mps", "plant"}
        cpu_s = {group: self._cpu_at_end[group] - self._cpu_at_go[group] for group in sorted(groups)}
        plant = read_journal(site.journal("plant"))
        hosts = [read_journal(site.journal(f"host-{one.name}")) for one in site.hosts()]
        if self._kea is not None:
            plant = by_lease(plant)
            more["kea_rows"] = lease_counts(answers)
        ledger = account(*hosts, plant, self._interventions.notes, now=boottime_s())
        books = asdict(ledger) | {"clean": ledger.clean}
        if not ledger.evidence:
            del books["evidence"]
        return build_report(
            scenario=site.scenario.name,
            mode=site.mode,
            broker=self._broker,
            processes=len(self._processes),
            modems=site.scenario.modems,
            mtas=site.scenario.mtas,
            totals=totals,
            minters=[answer for answer in answers if answer["service"] != "cfm"],
            cfms=[answer for answer in answers if answer["service"] == "cfm"],
            cpu_s=cpu_s,
            ledger=books,
            more=more,
            endpoints={
                # Of two DHCP sidecars the first.
                **{f"{one.service}_socket": str(one.socket) for one in reversed(site.minters())},
                "tftp": [f"{cfm.address}:{site.tftp_port}" for cfm in site.cfms()],
                "secret_file": str(site.secret_file),
            },
        )

    def service(self, name: str) -> Process:
        """The process of an instance of ours."""
        return self._services[name]

    def stop(self) -> None:
        """Stop every process."""
        stop_all(self._processes)
        if self._kea is not None:
            self._kea.stop()

    def _takeovers(self) -> dict[str, Any]:
        """What became of a role for which several stood, once the rest of the kills is made."""
        kills = []
        if self._killer is not None:
            deadline = time.monotonic() + self._killer.patience_s()
            while not self._killer.is_over and time.monotonic() < deadline:
                self._killer.tick()
                time.sleep(LOOK_AGAIN_S)
            kills = self._killer.kills
        site = self.site
        journals = {one.name: read_journal(site.journal(f"host-{one.name}")) for one in site.rivals()}
        return asdict(account_takeovers(kills, journals))

    def _module(self, name: str, group: str, module: str, config: dict[str, Any]) -> Process:
        path = self.site.directory / f"{name}.json"
        path.write_text(json.dumps(config))
        return self._spawn(name, group, ["-m", f"services.lab.{module}", str(path)])

    def _spawn(self, name: str, group: str, arguments: list[str]) -> Process:
        process = Process(name, group, arguments, self.site.directory)
        self._processes.append(process)
        return process

    def _wait_ready(self, process: Process) -> None:
        wait_until(
            lambda: any("ready" in line for line in process.lines(0.0)), READY_S, process.name, [process]
        )

    def _end_of(self, process: Process) -> dict[str, Any]:
        """The totals that a process prints last."""
        found: list[dict[str, Any]] = []

        def is_done() -> bool:
            found.extend(process.lines(0.1))
            return bool(found)

        wait_until(is_done, READY_S, f"the end of the {process.name}", [])
        return {key: value for key, value in found[-1].items() if key != "done"}

    def _is_ready(self) -> bool:
        """Everybody has the settings, every minter could hand off to every CFM, every role has a primary."""
        cfms = {cfm.name for cfm in self.site.cfms()}
        for one in self.site.instances.values():
            status = ask(one.socket, {"op": "status"})
            if status is None or not status["generation"]:
                return False
            if one.service != "cfm" and not cfms <= set(status["cfms"]):
                return False
        services = {one.service for one in self.site.minters()}
        roles = [[one for one in self.site.minters() if one.service == service] for service in services]
        return None not in map(primary_of, roles)

    def _is_audited(self) -> bool:
        """Nobody has events left that are not published."""
        answers = map(self._status, self.site.instances.values())
        return not any(answer["audit"]["pending"] for answer in answers if answer is not None)

    def _has_rows(self, leases: int) -> bool:
        """Whether a row was made and settled for so many leases."""
        answers = [*self._interventions.earlier, *filter(None, map(self._status, self.site.minters()))]
        counts = lease_counts(answers)
        return counts.get("acked", 0) + counts.get("unacked", 0) >= leases

    def _status(self, instance: Instance) -> dict[str, Any] | None:
        return ask(instance.socket, {"op": "status"})

    def _cpu(self) -> dict[str, float]:
        totals = {"dhcp": 0.0, "mps": 0.0, "cfm": 0.0, "plant": 0.0, "lab": 0.0}
        for process in self._processes:
            totals[process.group] += process.cpu_s()
        return totals

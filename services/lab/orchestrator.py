"""One run of the lab: start every process, let the plant boot, make the weather, keep the books.

Every host service, sidecar, CFM, the plant and, where a scenario wants bad weather, the proxy is an
operating-system process of its own. The lab watches, kills and restarts; what became of each FileID it works
out afterwards from the journals of hosts and plant and its own notes, never from what provbus says of itself.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from bus.errors import TryAgainError
from services.lab.baseline import bare_cpu_per_session, cpu_per_boot
from services.lab.journal import boottime_s, read_journal
from services.lab.ledger import account
from services.lab.processes import Process, ask, stop_all, wait_until
from services.lab.report import build_report
from services.lab.scenario import Kill
from services.lab.site import (
    HOST_ADDRESS,
    Instance,
    Site,
    attack_config,
    host_config,
    plant_config,
    proxy_config,
)

READY_S = 30.0
RESTART_AFTER_S = 1.0
RELOAD_APART_S = 1.3  # a service reloads within a second
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
        self._notes: list[dict[str, Any]] = []
        self._earlier: list[dict[str, Any]] = []
        self._restarts: list[tuple[float, Instance]] = []
        self._reloads: list[tuple[float, Process]] = []
        self._cpu_at_go: dict[str, float] = {}
        self._cpu_at_end: dict[str, float] = {}
        self._plant: Process
        self._attack: Process | None = None
        self._rotation = None if site.scenario.rotate_at_online is None else site.rotation()

    def start(self) -> None:
        """Start everything and wait until a boot would find all of it."""
        site = self.site
        if site.advertised != site.real_endpoints:
            self._wait_ready(self._module("proxy", "lab", "proxy", proxy_config(site)))
        for one in site.instances.values():
            self._services[one.name] = self._spawn(
                one.name, one.service, ["-m", "services.cli", "run", one.service, "--config", str(one.config)]
            )
        hosts = [
            self._module(f"host-{one}", "plant", "host", host_config(site, one)) for one in ("dhcp", "mps")
        ]
        self._plant = self._module("plant", "plant", "plant", plant_config(site))
        for process in (*hosts, self._plant):
            self._wait_ready(process)
        self._report("waiting for the services to find each other")
        wait_until(self._is_ready, READY_S, "the services to find each other", self._processes)
        for cfm in site.cfms():
            self._note("started", cfm)
        if site.scenario.attack is not None:
            self._attack = self._module("attack", "lab", "attack", attack_config(site))
            self._wait_ready(self._attack)

    def boot(self, progress: Progress) -> dict[str, Any]:
        """Let the plant boot; returns its totals."""
        scenario = self.site.scenario
        kills = sorted(scenario.kills, key=lambda kill: kill.at_online)
        steps = sorted(scenario.rotate_at_online or ())
        self._cpu_at_go = self._cpu()
        self._plant.say("go")
        if self._attack is not None:
            self._attack.say("go")
        deadline = time.monotonic() + scenario.deadline_s + scenario.boot_window_s + OVERTIME_S
        if scenario.modems > scenario.in_flight_max:
            deadline += (
                scenario.modems / 50
            )  # the others wait for their turn, at 50 boots/s on a very slow machine
        while time.monotonic() < deadline:
            self._plant.check()
            for line in self._plant.lines(0.1):
                if "done" in line:
                    self._cpu_at_end = self._cpu()
                    return line
                progress(line["online"] + line["failed"], scenario.modems)
                while kills and line["online"] >= kills[0].at_online * scenario.modems:
                    self._kill(kills.pop(0))
                if steps and not self._reloads and line["online"] >= steps[0] * scenario.modems:
                    steps.pop(0)
                    self._rotate()
            self._reload_due()
            self._restart_due()
        raise TryAgainError("the plant did not end in time")

    def finish(self, totals: dict[str, Any]) -> dict[str, Any]:
        """Ask everybody, close the books, write the report."""
        self._restart_due(wait=True)
        self._finish_rotation()
        attack = {} if self._attack is None else {"attack": self._end_of(self._attack)}
        site = self.site
        wait_until(self._is_audited, READY_S, "the audit stream to be complete", [])
        answers = [answer for one in site.instances.values() if (answer := self._status(one)) is not None]
        groups = {"dhcp", "cfm", "mps", "plant"}
        cpu_s = {group: self._cpu_at_end[group] - self._cpu_at_go[group] for group in sorted(groups)}
        hosts = [site.journal(f"host-{service}") for service in HOST_ADDRESS]
        journals = [read_journal(path) for path in (*hosts, site.journal("plant"))]
        ledger = account(*journals, self._notes, now=boottime_s())
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
            cfms=self._earlier + [answer for answer in answers if answer["service"] == "cfm"],
            cpu_s=cpu_s,
            ledger=books,
            more=attack if self._rotation is None else attack | self._rotation.prove(),
            endpoints={
                "dhcp_socket": str(site.instances["dhcp-1"].socket),
                "mps_socket": str(site.instances["mps-1"].socket),
                "tftp": [f"{cfm.address}:{site.tftp_port}" for cfm in site.cfms()],
                "secret_file": str(site.secret_file),
            },
        )

    def compare(self, report: dict[str, Any]) -> dict[str, float]:
        """What the report says of CPU per boot against a bare TFTP loop, where the scenario asks for it."""
        scenario = self.site.scenario
        if not scenario.bare_tftp:
            return {}
        self._report("the same plant against a bare TFTP loop")
        plant = read_journal(self.site.journal("plant"))
        size_bytes = max(event["bytes"] for event in plant if event["event"] == "completed")
        ours_s = cpu_per_boot(report)
        bare_s = bare_cpu_per_session("rfc1350", size_bytes, scenario.modems, scenario.in_flight_max)
        return {
            "cpu_per_boot_ms": round(ours_s * 1000, 4),
            "cpu_bare_tftp_ms": round(bare_s * 1000, 4),
            "cpu_per_boot_vs_bare_tftp": round(ours_s / bare_s, 3),
        }

    def service(self, name: str) -> Process:
        """The process of an instance of ours."""
        return self._services[name]

    def stop(self) -> None:
        """Stop every process."""
        stop_all(self._processes)

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
        """Everybody has the settings, and every minter could hand off to every CFM."""
        cfms = {cfm.name for cfm in self.site.cfms()}
        for one in self.site.instances.values():
            status = ask(one.socket, {"op": "status"})
            if status is None or not status["generation"]:
                return False
            if one.service != "cfm" and not cfms <= set(status["cfms"]):
                return False
        return True

    def _is_audited(self) -> bool:
        """Nobody has events left that are not published."""
        answers = map(self._status, self.site.instances.values())
        return not any(answer["audit"]["pending"] for answer in answers if answer is not None)

    def _kill(self, kill: Kill) -> None:
        cfm = self.site.cfms()[kill.cfm - 1]
        last = self._status(cfm)
        self._services[cfm.name].kill()
        self._note("killed", cfm)
        if last is not None:
            self._earlier.append(last)
        self._restarts.append((time.monotonic() + RESTART_AFTER_S, cfm))

    def _rotate(self) -> None:
        """Take the next step of the rotation and have everybody reload, one after the other: a CFM that takes
        its next key is away for a moment, and the others stand in.
        """
        assert self._rotation is not None
        self._rotation.step()
        now = time.monotonic()
        cfms = [self._services[cfm.name] for cfm in self.site.cfms()]
        for process in self._services.values():
            if process not in cfms:
                process.hang_up()
        # The last CFM is told twice: the next step waits until it has reloaded.
        self._reloads = [(now + at * RELOAD_APART_S, cfm) for at, cfm in enumerate([*cfms, cfms[-1]])]

    def _reload_due(self) -> None:
        while self._reloads and time.monotonic() >= self._reloads[0][0]:
            self._reloads.pop(0)[1].hang_up()

    def _finish_rotation(self) -> None:
        """The plant may have been quicker than the steps."""
        while self._reloads or (self._rotation is not None and self._rotation.steps_left):
            if not self._reloads:
                self._rotate()
            time.sleep(max(0.0, self._reloads[0][0] - time.monotonic()))
            self._reload_due()

    def _restart_due(self, wait: bool = False) -> None:
        for due, cfm in list(self._restarts):
            if wait:
                time.sleep(max(0.0, due - time.monotonic()))
            if wait or time.monotonic() >= due:
                self._services[cfm.name].restart()
                self._restarts.remove((due, cfm))
        for cfm in self.site.cfms():
            last = next((note for note in reversed(self._notes) if note["address"] == cfm.address), None)
            if last is not None and last["event"] == "killed" and ask(cfm.socket, {"op": "status"}, 0.2):
                self._note("started", cfm)

    def _note(self, event: str, cfm: Instance) -> None:
        self._notes.append({"event": event, "at": boottime_s(), "address": cfm.address})

    def _status(self, instance: Instance) -> dict[str, Any] | None:
        return ask(instance.socket, {"op": "status"})

    def _cpu(self) -> dict[str, float]:
        totals = {"dhcp": 0.0, "mps": 0.0, "cfm": 0.0, "plant": 0.0, "lab": 0.0}
        for process in self._processes:
            totals[process.group] += process.cpu_s()
        return totals

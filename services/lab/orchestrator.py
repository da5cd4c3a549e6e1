"""One run of the lab: start every process, let the plant boot, do the steps, keep the books.

Every host service, sidecar, CFM and plant is an operating-system process of its own. Whatever only some runs
have is a part (`services.lab.site.lab`). The lab watches, kills and restarts; afterwards it derives the fate
of each FileID from the journals of hosts and plant and its own notes, never from the status of provbus.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bus.errors import RemoteError, StateError, TransportError, TryAgainError, UnavailableError
from services.lab.books.closing import ledger_of
from services.lab.books.report import build_report, highest_era
from services.lab.hosts.hosts import host_config
from services.lab.plant.plants import Plants
from services.lab.site.instances import Instances
from services.lab.site.journal import boottime_s
from services.lab.site.lab import LOOK_AGAIN_S, Item, P, Part
from services.lab.site.processes import Process, stop_all, wait_until
from services.lab.site.readiness import not_ready, unready
from services.lab.site.site import Site

READY_S = 30.0
LISTEN_S = 0.1


class Watcher:
    """The interface of whoever watches a run. It is called between two looks of the lab, and may not wait."""

    def say(self, text: str) -> None:
        """What the run is at, in a few words."""

    def begin(self, site: Site) -> None:
        """The run has this site from now on."""

    def boots(self, online: int, failed: int) -> None:
        """So many devices of the present boot are online, or have failed."""


class RunFailedError(RemoteError):
    """A step of the scenario could not be done, or not in time: the run failed, and there is no report."""


class Run:
    """A running lab (`services.lab.site.lab`). It does all `steps` `repeat` times."""

    def __init__(
        self,
        site: Site,
        parts: Sequence[Part],
        steps: Sequence[Item],
        repeat: int,
        watcher: Watcher,
    ) -> None:
        self.site = site
        self.brokers = site.brokers
        self.say: Callable[[str], None] = watcher.say
        self.instances = Instances(site, self.spawn)
        self.hosts: dict[str, Process] = {}
        self.figures: dict[str, Any] = {}
        self.undo = ExitStack()
        self._parts = parts
        self._steps = steps
        self._repeat = repeat
        self._watcher = watcher
        self._processes: list[Process] = []
        self._cpu_at_go: dict[str, float] = {}
        self._cpu_at_end: dict[str, float] = {}
        self._plants = Plants(site, self.ready_module, self._heard)
        self._is_booted = False

    def part(self, kind: type[P]) -> P:
        """The part of this kind; `StateError` if this run has none."""
        for part in self._parts:
            if isinstance(part, kind):
                return part
        raise StateError(f"this run has no {kind.__name__}")

    def start(self) -> None:
        """Start everything and wait until all services are ready for a boot."""
        site = self.site
        self._watcher.begin(site)
        for part in self._parts:
            part.prepare(self)
        self.instances.start([*site.instances])
        for one in site.hosts():
            self.hosts[one.name] = self.module(
                f"host-{one.name}", "plant", "hosts.process", host_config(site, one)
            )
        for name in self.hosts:
            self.wait_for(partial(self._absent_host, name), READY_S)
        self.say("waiting for the services to find each other")
        up = self.instances.up()
        self.wait_for(lambda: self.instances.silent(up) or unready(site, up), READY_S)
        self.instances.started_s()  # steps measure their waits from their own starts
        for part in self._parts:
            part.begin(self)

    def run(self) -> dict[str, Any]:
        """Do the scenario's steps, then return the report. `RunFailedError` names the step that failed."""
        repeat = self._repeat
        try:
            for turn in range(1, repeat + 1):
                self.perform(self._steps, where=f" (turn {turn} of {repeat})" if repeat > 1 else "")
        except (StateError, TransportError) as error:
            raise RunFailedError(str(error)) from error
        return self._finish()

    def perform(self, steps: Sequence[Item], of: str = "steps", where: str = "") -> None:
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
            self._look()
            self.instances.check()
            if time.monotonic() > deadline:
                raise UnavailableError(f"waited {within_s:g} s in vain: {text}")
            time.sleep(LOOK_AGAIN_S)
        return time.monotonic() - began_at

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
            for part in self._parts:
                part.boot(self)
            meanwhile()
            deadline = time.monotonic() + self._plants.patience_s()
            while not self._is_booted:
                if time.monotonic() > deadline:
                    raise TryAgainError("the plant did not end in time")
                has_ended = plant.exit_code() is not None  # a part may be slow: what it said last is unread
                due_at = min(part.due_at() for part in self._parts)
                self._look(min(LISTEN_S, max(0.0, due_at - boottime_s())))
                if has_ended and not self._is_booted:
                    plant.check()
                self.instances.listen()
        finally:
            self._plants.end()

    def module(self, name: str, group: str, module: str, config: Mapping[str, Any]) -> Process:
        """Start a module of the lab with this configuration, which it is given as a file."""
        path = self.site.directory / f"{name}.json"
        path.write_text(json.dumps(config))
        return self.spawn(name, group, ["-m", f"services.lab.{module}", str(path)])

    def ready_module(self, name: str, group: str, module: str, config: Mapping[str, Any]) -> Process:
        """The same, and wait until it says that it is ready."""
        process = self.module(name, group, module, config)
        wait_until(process.is_ready, READY_S, process.name, [process])
        return process

    def spawn(self, name: str, group: str, arguments: list[str], tree: Path | None = None) -> Process:
        """Start a process, which ends with the run; with `tree` from the sources in that directory."""
        enter = self.site.network.enter(name)
        process = Process(name, group, arguments, self.site.directory, enter, tree)
        self._processes.append(process)
        return process

    def stop(self) -> None:
        """Stop every process, then take back what parts and steps did to the machine."""
        stop_all(self._processes)
        for part in self._parts:
            part.stop()
        self.undo.close()

    def _heard(self, online: int, finished: int) -> None:
        self._watcher.boots(online, finished - online)
        for part in self._parts:
            part.reached(self, online)

    def _look(self, wait_s: float = 0.0) -> None:
        """Read the plant's lines, and let every part do what is due."""
        if self._plants.listen(wait_s):
            self._cpu_at_end = self._cpu()
            self._is_booted = True
        for part in self._parts:
            part.tick(self)

    def _finish(self) -> dict[str, Any]:
        """Collect the last answers, close the books, and return the report."""
        site, instances, plant = self.site, self.instances, self._plants.journal()
        for part in self._parts:
            part.finish(self, plant)
        wait_until(self._is_audited, READY_S, "the audit stream to be complete", [])
        answers = instances.answers()
        more = dict(self.figures)
        if site.scenario.ipv6:
            more["handoff_family"] = "ipv6"
        more["era"] = highest_era(instances.answers(earlier=False))
        if instances.kills:
            more["kills"] = instances.kills
        for part in self._parts:
            more |= part.report(self, answers)
        cpu_s = {
            group: self._cpu_at_end.get(group, 0.0) - spent_s for group, spent_s in self._cpu_at_go.items()
        }
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
            ledger=ledger_of(site, plant, instances.notes),
            ended=instances.ended(),
            more=more,
            endpoints=site.endpoints(),
        )

    def _absent_host(self, name: str) -> str:
        """Why this host does not serve yet, with its sidecar's own reason; empty if it does."""
        process = self.hosts[name]
        process.check()
        if process.is_ready():
            return ""
        return f"{process.name} ({not_ready(self.site.instances[name]) or f'{name} is ready'})"

    def _is_audited(self) -> bool:
        """Whether every instance has published all its events."""
        return not any(answer["audit"]["pending"] for answer in self.instances.answers(earlier=False))

    def _cpu(self) -> dict[str, float]:
        totals = {"dhcp": 0.0, "mps": 0.0, "cfm": 0.0, "plant": 0.0, "lab": 0.0}
        for process in self._processes:
            totals[process.group] += process.cpu_s()
        return totals

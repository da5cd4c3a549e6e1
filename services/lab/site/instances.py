"""The instances of a run: start, stop and kill their processes by name, with notes for the books.

The lab knows of each instance whether it should run. One that ended although it should run is an accident,
which the report names; one that the lab took down is a note for the ledger, which explains the rows that only
it had. The last status of an instance is kept, for its counts end with it.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from bus.errors import StateError
from services.lab.site.journal import TakenDown, boottime_s
from services.lab.site.processes import Process, ask
from services.lab.site.site import Instance, Site

ASK_S_MAX = 0.2
DRAIN_S_MAX = 15.0  # a service drains for at most 10 s

Names = Literal["all"] | tuple[str, ...]
Spawn = Callable[[str, str, list[str], Path | None], Process]
"""Starts a process: name, CPU group, arguments, and the tree of another release."""


class Instances:
    """The instances of one run. `notes` are events for its ledger, `downs` the instances that the lab took
    down, with the moments, `kills` the number of those that it killed.
    """

    def __init__(self, site: Site, spawn: Spawn) -> None:
        self.notes: list[dict[str, Any]] = []
        self.downs: list[TakenDown] = []
        self.kills = 0
        self._started_at: float | None = None
        self._last_words: list[dict[str, Any]] = []
        self._site = site
        self._spawn = spawn
        self._processes: dict[str, Process] = {}
        self._down: set[str] = set()
        self._unheard: set[str] = set()  # CFMs that were started and did not answer yet

    def __getitem__(self, name: str) -> Process:
        return self._processes[name]

    def up(self, names: Names = "all") -> list[str]:
        """The instances of these names, which must be running; by default all that should run."""
        return self._those(names, self._processes.keys() - self._down, "does not run")

    def down(self, names: Names = "all") -> list[str]:
        """The instances of these names, which the lab must have taken down; by default all of those."""
        return self._those(names, self._down, "runs: stop it first")

    def start(self, names: Sequence[str]) -> None:
        """Start these, all at once."""
        for name in names:
            one = self._site.instances[name]
            if name in self._processes:
                self._processes[name].tree = one.tree
                self._processes[name].restart()
            else:
                arguments = ["-m", "services.cli", "run", one.service, "--config", str(one.config)]
                self._processes[name] = self._spawn(name, one.service, arguments, one.tree)
            self._down.discard(name)
            if one.service == "cfm":
                self._unheard.add(name)
        self._started_at = time.monotonic()

    def started_s(self) -> float | None:
        """The seconds since an instance was started last; None if none was since the last call."""
        started_at, self._started_at = self._started_at, None
        return None if started_at is None else time.monotonic() - started_at

    def stop(self, names: Sequence[str]) -> None:
        """Stop these as an operator would, and wait; `UnavailableError` if one ends with an error."""
        for name in names:
            self._take_down(name)
        for name in names:
            self._processes[name].terminate()
        for name in names:
            self._processes[name].stop(DRAIN_S_MAX)
        for name in names:
            if self._processes[name].exit_code() != 0:
                self._processes[name].check()

    def kill(self, names: Sequence[str], *, spares_parent: bool = False) -> None:
        """Kill -9, all at once. Whose parent is spared is killed alone; the parent ends by itself."""
        self.kills += len(names)
        for name in names:
            self._take_down(name)
        for name in names:
            one = self._processes[name]
            one.kill_worker() if spares_parent else one.kill()

    def silent(self, names: Sequence[str]) -> str:
        """The first of these that does not answer at its local socket, in a few words; empty if all do."""
        self.listen()
        for name in names:
            if ask(self._site.instances[name].socket, {"op": "status"}, ASK_S_MAX) is None:
                return f"{name} does not answer at its local socket"
        return ""

    def listen(self) -> None:
        """Note the CFMs that answer for the first time since they were started."""
        for name in sorted(self._unheard):
            one = self._site.instances[name]
            if ask(one.socket, {"op": "status"}, ASK_S_MAX) is not None:
                self._unheard.discard(name)
                self._note("started", one)

    def check(self) -> None:
        """`UnavailableError` if one that should run has ended."""
        for name in self.up():
            self._processes[name].check()

    def ended(self) -> dict[str, int]:
        """Those that should run and have ended, with their exit codes."""
        codes = {name: self._processes[name].exit_code() for name in self.up()}
        return {name: code for name, code in codes.items() if code is not None}

    def answers(self, *, earlier: bool = True) -> list[dict[str, Any]]:
        """The `status` of all running instances, and the last one of those that were taken down."""
        found = (ask(self._site.instances[name].socket, {"op": "status"}) for name in self.up())
        return [*(self._last_words if earlier else ()), *(answer for answer in found if answer is not None)]

    def _take_down(self, name: str) -> None:
        one = self._site.instances[name]
        self._processes[name].check()
        last = ask(one.socket, {"op": "status"})
        if last is not None:
            self._last_words.append(last)
        self._down.add(name)
        self._unheard.discard(name)
        self.downs.append(TakenDown(boottime_s(), name))
        if one.service == "cfm":
            self._note("killed", one)

    def _those(self, names: Names, among: set[str], otherwise: str) -> list[str]:
        wanted = sorted(among) if names == "all" else list(names)
        for name in wanted:
            if name not in among:
                raise StateError(f"{name} {otherwise}")
        return wanted

    def _note(self, event: str, cfm: Instance) -> None:
        self.notes.append({"event": event, "at": boottime_s(), "address": cfm.address})

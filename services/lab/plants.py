"""The plants of a run: a process for each boot of the same devices, one at a time."""

from collections.abc import Callable
from typing import Any

from bus.errors import StateError
from services.lab.journal import read_journal
from services.lab.parts import plant_config, plant_name
from services.lab.processes import Process
from services.lab.site import Site
from services.lab.totals import merged

BOOTS_PER_S_MIN = 50.0  # of a very slow machine; the devices beyond `in_flight_max` wait for their turn
OVERTIME_S = 30.0  # past the scenario's own deadline, before a plant that does not end is given up

Module = Callable[[str, str, str, dict[str, Any]], Process]
"""Starts a process of the lab's own and waits until it is ready: its name, whose CPU it is, its module, what
it is told.
"""


class Plants:
    """Those of one run. `heard` is told how many devices are online, and how many have finished."""

    def __init__(self, site: Site, start: Module, heard: Callable[[int, int], None]) -> None:
        self._site = site
        self._start = start
        self._heard = heard
        self._present: Process | None = None
        self._totals: list[dict[str, Any]] = []

    def make(self) -> Process:
        """The plant of the next boot, which waits for `go`."""
        if self._present is not None:
            raise StateError("the plant boots already")
        number = len(self._totals) + 1
        config = plant_config(self._site, number)
        self._present = self._start(plant_name(number), "plant", "plant", config)
        return self._present

    def listen(self, wait_s: float = 0.0) -> bool:
        """Hear what the present plant says; whether it said that it is done."""
        for line in [] if self._present is None else self._present.lines(wait_s):
            if "done" in line:
                self._totals.append(line)
                return True
            self._heard(line["online"], line["online"] + line["failed"])
        return False

    def end(self) -> None:
        """End the present plant, done or not."""
        if self._present is not None:
            self._present.terminate()
            self._present.stop()
        self._present = None

    def patience_s(self) -> float:
        """How long a boot may take at most."""
        scenario = self._site.scenario
        patience_s = scenario.deadline_s + scenario.boot_window_s + OVERTIME_S
        return patience_s + max(0, scenario.modems - scenario.in_flight_max) / BOOTS_PER_S_MIN

    def totals(self) -> dict[str, Any]:
        """How all boots went."""
        return merged(self._totals)

    def journal(self) -> list[dict[str, Any]]:
        """What all of them saw."""
        numbers = range(1, len(self._totals) + 1)
        return [event for number in numbers for event in read_journal(self._site.journal(plant_name(number)))]

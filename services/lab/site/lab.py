"""The interfaces of a running lab, of its parts, and of steps.

Theory of operation
-------------------
Every run has a site, its instances and a plant. Whatever only some runs have is a part: a Kea in front,
attackers, a crowd, kills, a rotation of keys. A part keeps its own state and does its own work when the lab
calls it, so the lab knows no part by name. `services.lab.parts` lists the parts of a scenario.

    prepare ─> (instances start, hosts attach, all are ready) ─> begin
        ─> boot* ─> finish ─> report ─> stop

A step is one action of a scenario on the running lab; `services.lab.steps.step` has the theory. `tick` and
`reached` are called between two looks of the lab at its processes. Neither may wait.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, TypeVar

from services.lab.site.brokers import Brokers
from services.lab.site.instances import Instances
from services.lab.site.processes import Process
from services.lab.site.scenario import Scenario
from services.lab.site.site import Instance, Site

LOOK_AGAIN_S = 0.02
"""The time between two looks of the lab at its processes, in seconds."""

P = TypeVar("P", bound="Part")
Answers = Sequence[Mapping[str, Any]]
"""Answers of instances to `status`."""


class Lab(Protocol):
    """A running lab. A step's counts go into `figures`; callbacks that undo its changes to the machine go
    into `undo`. `hosts` are the stand-ins by the names of their sidecars.
    """

    site: Site
    instances: Instances
    brokers: Brokers
    hosts: dict[str, Process]
    figures: dict[str, Any]
    undo: ExitStack
    say: Callable[[str], None]

    def part(self, kind: type[P]) -> P:
        """The part of this kind; `StateError` if this run has none."""

    def perform(self, steps: Sequence[Item], of: str = "steps", where: str = "") -> None:
        """Do these steps, one after the other; the error of one that fails says which it is."""

    def boot(self, meanwhile: Callable[[], None]) -> None:
        """Boot the plant once, and do something meanwhile."""

    def wait_for(self, missing: Callable[[], str], within_s: float) -> float:
        """Wait until nothing is missing, and return how long that took in s; `UnavailableError` says what was
        missing when the time was over, or which process ended meanwhile.
        """

    def count(self, figure: str, number: int = 1) -> None:
        """Count something for the report."""

    def longest(self, figure: str, took_s: float) -> None:
        """Keep the longest time of a kind for the report."""

    def module(self, name: str, group: str, module: str, config: Mapping[str, Any]) -> Process:
        """Start a module of the lab with this configuration, which it is given as a file."""

    def ready_module(self, name: str, group: str, module: str, config: Mapping[str, Any]) -> Process:
        """The same, and wait until it says that it is ready."""

    def spawn(self, name: str, group: str, arguments: list[str], tree: Path | None = None) -> Process:
        """Start a process, which ends with the run; with `tree` from the sources in that directory."""


class Part:
    """The interface of a part, which overrides the methods it needs, mostly three; the others do nothing."""

    def config(self, site: Site, one: Instance) -> Mapping[str, Mapping[str, Any]]:
        """This part's share of the configuration of an instance, by section."""
        return {}

    def prepare(self, lab: Lab) -> None:
        """Start whatever instances need, before they are started."""

    def begin(self, lab: Lab) -> None:
        """All services have found each other."""

    def boot(self, lab: Lab) -> None:
        """The plant begins a boot."""

    def reached(self, lab: Lab, online: int) -> None:
        """So many modems are online."""

    def due_at(self) -> float:
        """When `tick` must come at the latest, on the clock of the journals, in s."""
        return math.inf

    def tick(self, lab: Lab) -> None:
        """Do what is due, and watch."""

    def finish(self, lab: Lab, plant: Answers) -> None:
        """All steps are done: finish the part's work. `plant` is the journal of all boots."""

    def report(self, lab: Lab, answers: Answers) -> Mapping[str, Any]:
        """This part's figures in the report. `answers` are the last of all instances."""
        return {}

    def stop(self) -> None:
        """Every process of the lab has ended; end whatever else the part started."""


class ScenarioStep(Protocol):
    """The interface of a step."""

    def wrong(self, scenario: Scenario) -> str | None:
        """The reason why this scenario cannot have this step, in a few words; None if it can. Called when the
        file is read, before anything is started. It has no side effects.
        """

    def inner(self) -> Sequence[ScenarioStep]:
        """The steps that this one contains."""

    def alters_brokers(self) -> bool:
        """Whether it kills, stops or replaces brokers. Then the run gets a cluster of its own, and the
        user's standing one is left alone.
        """

    def do(self, lab: Lab) -> None:
        """Do it and return when it is done; `TransportError` or `LocalError` says why it cannot be done, and
        ends the run. A step that waits uses `lab.wait_for`, so that the plant's lines are read meanwhile.
        """


class Item(Protocol):
    """An item of a scenario's steps: a step under its word."""

    @property
    def word(self) -> str:
        """The word."""

    @property
    def step(self) -> ScenarioStep:
        """The step of this item."""

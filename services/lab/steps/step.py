"""What a step is: one thing that the lab does to a running site, and waits for.

Theory of operation
-------------------
A scenario names its steps by their words, one in each item of a list:

    steps:
      - boot:
      - stop: [cfm-1]
      - wait_ready: 20

`services.lab.steps.table` says which class has which word. A class is a section of the scenario file, so
pydantic checks its values and a mistake is named with its line. A plain value stands for the field that the
class calls `plain`: `wait_ready: 20` is `wait_ready: {within_s: 20}`.

A step takes the running lab, does its work and returns when that is done. What it counts goes into the
report by `lab.count` or `lab.figures`, where `expect` can demand it. What it started it also ends: the lab
stops every process of its own at the end of a run, but what a step did to the machine only the step knows,
and it hands the way back to `lab.undo`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from pydantic import model_validator

from bus.section import Section

if TYPE_CHECKING:
    from services.lab.orchestrator import Lab
    from services.lab.scenario import Scenario

Names = Literal["all"] | tuple[str, ...]


class Step(Protocol):
    """What the lab asks of every step."""

    def wrong(self, scenario: Scenario) -> str | None:
        """Why this scenario cannot have this step, in a few words; None if it can. Asked when the file is
        read, before anything is started. Touches nothing.
        """

    def inner(self) -> Sequence[Step]:
        """The steps that this one contains."""

    def alters_brokers(self) -> bool:
        """Whether it kills, stops or replaces brokers. Then the run gets a cluster of its own, and the
        user's standing one is left alone.
        """

    def do(self, lab: Lab) -> None:
        """Do it and return when it is done; `TransportError` or `LocalError` says why it cannot be done, and
        ends the run. A step that waits uses `lab.wait_for`, so that the plant is listened to meanwhile.
        """


class Word(Section):
    """A step as a section of the scenario file; most steps need no more than `do`."""

    plain: ClassVar[str] = ""

    @model_validator(mode="before")
    @classmethod
    def _of_plain_value(cls, value: Any) -> Any:
        if value is None:
            return {}
        return {cls.plain: value} if cls.plain and not isinstance(value, dict) else value

    def wrong(self, scenario: Scenario) -> str | None:
        """Nothing is."""
        return None

    def inner(self) -> Sequence[Step]:
        """No steps."""
        return ()

    def alters_brokers(self) -> bool:
        """No."""
        return False


def unknown_name(names: Names, scenario: Scenario) -> str | None:
    """Which of these names no instance of the scenario has, as `Step.wrong` says it."""
    known = scenario.names()
    strangers = [] if names == "all" else [name for name in names if name not in known]
    return f"there is no instance {strangers[0]!r}, only {', '.join(known)}" if strangers else None

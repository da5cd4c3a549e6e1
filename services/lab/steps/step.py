"""Steps: a step is one action of the lab on a running site, which it waits for.

Theory of operation
-------------------
A scenario names its steps by their words, one in each item of a list:

    steps:
      - boot:
      - stop: [cfm-1]
      - wait_ready: 20

`services.lab.script.step_table` maps words to classes. A class is a section of the scenario file, so pydantic
checks its values and an error names the line. A plain value stands for the field that the class names in
`plain`: `wait_ready: 20` is `wait_ready: {within_s: 20}`.

A step takes the running lab, does its work and returns when that is done. Its counts go into the report by
`lab.count` or `lab.figures`, where `expect` can check them. The lab stops every process of its own at the end
of a run, but only the step knows its changes to the machine, so it hands their undoing to `lab.undo`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import model_validator

from bus.config.section import Section

if TYPE_CHECKING:
    from services.lab.site.instances import Names
    from services.lab.site.lab import ScenarioStep
    from services.lab.site.scenario import Scenario


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

    def inner(self) -> Sequence[ScenarioStep]:
        """No steps."""
        return ()

    def alters_brokers(self) -> bool:
        """No."""
        return False


def unknown_name(names: Names, scenario: Scenario) -> str | None:
    """The first of these names that no instance of the scenario has, as `ScenarioStep.wrong` says it."""
    known = scenario.names()
    strangers = [] if names == "all" else [name for name in names if name not in known]
    return f"there is no instance {strangers[0]!r}, only {', '.join(known)}" if strangers else None

"""`boot`: the plant boots once, and other steps may be done meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.lab.site.lab import ScenarioStep
from services.lab.steps.step import Word

if TYPE_CHECKING:
    from services.lab.script.step_table import StepItem
    from services.lab.site.lab import Lab
    from services.lab.site.scenario import Scenario


class BootPlant(Word):
    """Boot all modems once and wait until each is online or has failed; a modem that boots again asks for a
    new FileID. The steps `meanwhile` begin when the plant does; the boot is over when they are done too.
    """

    meanwhile: tuple[StepItem, ...] = ()

    def wrong(self, scenario: Scenario) -> str | None:
        """A boot within a boot."""
        return (
            "a boot has no boots meanwhile"
            if any(isinstance(one, BootPlant) for one in self.inner())
            else None
        )

    def inner(self) -> Sequence[ScenarioStep]:
        """The steps `meanwhile`."""
        return [entry.step for entry in self.meanwhile]

    def do(self, lab: Lab) -> None:
        """Boot."""
        lab.boot(lambda: lab.perform(self.meanwhile, of="meanwhile"))

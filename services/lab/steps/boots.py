"""`boot`: the plant boots once, while other steps are done if need be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.lab.steps.step import Step, Word

if TYPE_CHECKING:
    from services.lab.orchestrator import Lab
    from services.lab.scenario import Scenario
    from services.lab.steps.table import Entry


class Boot(Word):
    """Boot all modems once and wait until each is online or has failed; a modem that boots again asks for a
    new FileID. The steps `meanwhile` begin when the plant does; the boot is over when they are done too.
    """

    meanwhile: tuple[Entry, ...] = ()

    def wrong(self, scenario: Scenario) -> str | None:
        """A boot within a boot."""
        return "a boot has no boots meanwhile" if any(isinstance(one, Boot) for one in self.inner()) else None

    def inner(self) -> Sequence[Step]:
        """Those meanwhile."""
        return [entry.step for entry in self.meanwhile]

    def do(self, lab: Lab) -> None:
        """Boot."""
        lab.boot(lambda: lab.perform(self.meanwhile, of="meanwhile"))

"""`upgrade`: a rolling upgrade of the instances that run on the baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from bus.errors import StateError
from services.lab.site.readiness import unready
from services.lab.steps.instances import START_S, OnInstances

if TYPE_CHECKING:
    from services.lab.site.lab import Lab
    from services.lab.site.scenario import Scenario


class Upgrade(OnInstances):
    """Restart instances that are on the baseline on this release, in this order, or `all` of them: one is
    stopped as an operator would, started, and all that run must be ready before the next one is stopped. The
    longest time from a start until then is `upgrade_s_max`.
    """

    within_s: float = Field(START_S, gt=0)

    def wrong(self, scenario: Scenario) -> str | None:
        """Nobody is on the baseline, or not who is named."""
        if scenario.baseline is None:
            return "the scenario has no baseline"
        strangers = [] if self.names == "all" else [*{*self.names} - {*scenario.baseline.of}]
        return f"{min(strangers)} is not on the baseline" if strangers else None

    def do(self, lab: Lab) -> None:
        """Upgrade."""
        instances, up = lab.site.instances, lab.instances.up(self.names)
        those = [name for name in up if instances[name].tree is not None]
        if self.names != "all" and len(those) < len(up):
            raise StateError(f"{', '.join({*up} - {*those})} is upgraded already")
        for name in those:
            lab.instances.stop([name])
            instances[name].tree = None
            lab.instances.start([name])
            took_s = lab.wait_for(lambda: unready(lab.site, lab.instances.up()), self.within_s)
            lab.longest("upgrade_s_max", took_s)
            lab.count("upgraded")

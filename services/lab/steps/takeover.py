"""`kill_primary`: the DHCP server that may act is killed, and another one takes over."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from bus.errors import StateError
from services.lab.books.closing import TakeoverBooks
from services.lab.faults.schedule.scheduling import KINDS
from services.lab.site.journal import TakenDown, boottime_s
from services.lab.site.readiness import primary_of
from services.lab.steps.instances import START_S
from services.lab.steps.step import Word

if TYPE_CHECKING:
    from services.lab.site.lab import Lab
    from services.lab.site.scenario import Scenario


class KillPrimary(Word):
    """Kill -9 the host service of the primary, its sidecar, or that with its parent (`kill-instance`), wait
    until another one may act, and restart the killed one. `takeovers`, `takeover_p50_s` and `takeover_p99_s`
    are the report's.
    """

    plain: ClassVar[str] = "of"
    of: Literal["kill-host", "kill-sidecar", "kill-instance"] = "kill-host"
    within_s: float = Field(10.0, gt=0)

    def wrong(self, scenario: Scenario) -> str | None:
        """No sidecar could take over."""
        return "nobody takes over without dhcps: 2" if scenario.dhcps == 1 else None

    def do(self, lab: Lab) -> None:
        """Kill, wait, bring back."""
        fault = KINDS[self.of](lab, 0.0)
        name = fault.victim()
        if name is None:
            raise StateError("there is no primary to kill")
        others = [one for one in lab.site.rivals() if one.name != name]
        lab.part(TakeoverBooks).kills.append(TakenDown(boottime_s(), name))
        fault.begin(name)
        lab.wait_for(lambda: "" if primary_of(others) else f"nobody took over from {name}", self.within_s)
        fault.end(name)
        lab.wait_for(lambda: fault.lacks(name), START_S)

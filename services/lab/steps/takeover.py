"""`kill_primary`: the DHCP server that may act is killed, and another one takes over."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from bus.errors import StateError
from services.lab.books.closing import TakeoverBooks
from services.lab.site.journal import TakenDown, boottime_s
from services.lab.site.readiness import primary_of
from services.lab.site.scenario import Victims
from services.lab.steps.instances import START_S
from services.lab.steps.step import Word

if TYPE_CHECKING:
    from services.lab.site.lab import Lab
    from services.lab.site.scenario import Scenario


class KillPrimary(Word):
    """Kill -9 the host of the primary, its `sidecar`, or that with its `parent`, wait until another one may
    act, and restart the killed one. `takeovers`, `takeover_p50_s` and `takeover_p99_s` are the report's.
    """

    plain: ClassVar[str] = "of"
    of: Victims = "host"
    within_s: float = Field(10.0, gt=0)

    def wrong(self, scenario: Scenario) -> str | None:
        """No sidecar could take over."""
        return "nobody takes over without dhcps: 2" if scenario.dhcps == 1 else None

    def do(self, lab: Lab) -> None:
        """Kill, wait, bring back."""
        rivals = lab.site.rivals()
        name = primary_of(rivals)
        if name is None:
            raise StateError("there is no primary to kill")
        lab.part(TakeoverBooks).kills.append(TakenDown(boottime_s(), name))
        if self.of == "host":
            lab.hosts[name].kill()
        else:
            lab.instances.kill([name], spares_parent=self.of == "sidecar")
        others = [one for one in rivals if one.name != name]
        lab.wait_for(lambda: "" if primary_of(others) else f"nobody took over from {name}", self.within_s)
        if self.of == "host":
            host = lab.hosts[name]
            host.restart()
            lab.wait_for(lambda: "" if host.is_ready() else f"the host of {name} is not back", START_S)
        else:
            lab.instances.start([name])
            lab.wait_for(lambda: lab.instances.silent([name]), START_S)

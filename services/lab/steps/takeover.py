"""`kill_primary`: the DHCP server that may act is killed, and another one takes over."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from bus.errors import StateError
from services.lab.host_kills import primary_of
from services.lab.journal import boottime_s
from services.lab.steps.instances import START_S
from services.lab.steps.step import Word
from services.lab.takeovers import HostKill

if TYPE_CHECKING:
    from services.lab.orchestrator import Lab
    from services.lab.processes import Process
    from services.lab.scenario import Scenario


class KillPrimary(Word):
    """Kill -9 the host of the primary, or its `sidecar`, wait until another one may act, and bring the killed
    one back. The report says how long it took: `takeovers`, `takeover_p50_s`, `takeover_p99_s`.
    """

    plain: ClassVar[str] = "of"
    of: Literal["host", "sidecar"] = "host"
    within_s: float = Field(10.0, gt=0)

    def wrong(self, scenario: Scenario) -> str | None:
        """Nobody could take over."""
        return "nobody takes over without dhcps: 2" if scenario.dhcps == 1 else None

    def do(self, lab: Lab) -> None:
        """Kill, wait, bring back."""
        rivals = lab.site.rivals()
        name = primary_of(rivals)
        if name is None:
            raise StateError("there is no primary to kill")
        lab.kills.append(HostKill(boottime_s(), name))
        if self.of == "host":
            lab.hosts[name].kill()
        else:
            lab.instances.kill([name])
        others = [one for one in rivals if one.name != name]
        lab.wait_for(lambda: "" if primary_of(others) else f"nobody took over from {name}", self.within_s)
        if self.of == "host":
            host = lab.hosts[name]
            host.restart()
            lab.wait_for(lambda: "" if _is_ready(host) else f"the host of {name} is not back", START_S)
        else:
            lab.instances.start([name])
            lab.wait_for(lambda: lab.instances.silent([name]), START_S)


def _is_ready(host: Process) -> bool:
    return any("ready" in line for line in host.lines(0.0))

"""Instances killed while the plant boots, each when a share of the modems is online. They come back."""

import time
from collections.abc import Callable
from typing import NamedTuple

from services.lab.site.lab import Answers, Lab, Part
from services.lab.site.scenario import Scenario

RESTART_AFTER_S = 1.0
SUPERVISED_S = 0.0  # a sidecar's supervisor restarts it at once


class _Kill(NamedTuple):
    online: float
    name: str
    restart_after_s: float


class Kills(Part):
    """The kills that a scenario plans: of CFMs, and of the sidecar beside a Kea."""

    def __init__(self, scenario: Scenario, clock: Callable[[], float] = time.monotonic) -> None:
        modems, kea = scenario.modems, scenario.kea
        planned = [_Kill(one.at_online * modems, f"cfm-{one.cfm}", RESTART_AFTER_S) for one in scenario.kills]
        if kea is not None and kea.restart_at_online is not None:
            planned.append(_Kill(kea.restart_at_online * modems, "dhcp-1", SUPERVISED_S))
        self._planned = sorted(planned)
        self._clock = clock
        self._restarts: list[tuple[float, str]] = []

    def reached(self, lab: Lab, online: int) -> None:
        """Kill the instances whose share is reached."""
        while self._planned and online >= self._planned[0].online:
            kill = self._planned.pop(0)
            lab.instances.kill([kill.name])
            self._restarts.append((self._clock() + kill.restart_after_s, kill.name))

    def tick(self, lab: Lab) -> None:
        """Restart the instances that are due."""
        for due, name in list(self._restarts):
            if self._clock() >= due:
                self._start(lab, due, name)

    def finish(self, lab: Lab, plant: Answers) -> None:
        """Restart the others when they are due, for the plant may have been quicker."""
        for due, name in list(self._restarts):
            time.sleep(max(0.0, due - self._clock()))
            self._start(lab, due, name)
        lab.instances.listen()

    def _start(self, lab: Lab, due: float, name: str) -> None:
        lab.instances.start([name])
        self._restarts.remove((due, name))

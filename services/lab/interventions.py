"""What a scenario does to the services while its plant boots: kills, restarts, new keys.

Each is due when a share of the modems is online. What was killed comes back by itself.
"""

import time
from typing import Any

from bus.rotation import STEPS
from services.lab.instances import Instances
from services.lab.processes import Process
from services.lab.site import Site

RESTART_AFTER_S = 1.0
RELOAD_APART_S = 1.3  # a service reloads within a second


class Interventions:
    """Those of one run."""

    def __init__(self, site: Site, instances: Instances) -> None:
        scenario = site.scenario
        self._site = site
        self._instances = instances
        self._modems = scenario.modems
        self._kills = sorted(scenario.kills, key=lambda kill: kill.at_online)
        self._steps = sorted(scenario.rotate_at_online or ())
        self._sidecar_at = None if scenario.kea is None else scenario.kea.restart_at_online
        self._restarts: list[tuple[float, str]] = []
        self._reloads: list[tuple[float, Process]] = []
        self._rotation = None if scenario.rotate_at_online is None else site.rotation()

    def reached(self, online: int) -> None:
        """So many modems are online."""
        while self._kills and online >= self._kills[0].at_online * self._modems:
            self._kill(self._site.cfms()[self._kills.pop(0).cfm - 1].name, RESTART_AFTER_S)
        if self._sidecar_at is not None and online >= self._sidecar_at * self._modems:
            self._sidecar_at = None
            # Whoever supervises a process starts it again at once.
            self._kill("dhcp-1", restart_after_s=0.0)
        if self._steps and not self._reloads and online >= self._steps[0] * self._modems:
            self._steps.pop(0)
            self._rotate()

    def tick(self) -> None:
        """Do what is due."""
        self._reload_due()
        self._restart_due()

    def finish(self) -> dict[str, Any]:
        """Do the rest, for the plant may have been quicker; what the report says of it, also how many steps
        of a rotation were taken while the plant was still booting.
        """
        self._restart_due(wait=True)
        if self._rotation is None:
            return {}
        in_time = len(STEPS) - self._rotation.steps_left
        while self._reloads or self._rotation.steps_left:
            if not self._reloads:
                self._rotate()
            time.sleep(max(0.0, self._reloads[0][0] - time.monotonic()))
            self._reload_due()
        return self._rotation.prove() | {"rotation_steps_in_time": in_time}

    def _kill(self, name: str, restart_after_s: float) -> None:
        self._instances.kill([name])
        self._restarts.append((time.monotonic() + restart_after_s, name))

    def _rotate(self) -> None:
        """Take the next step of the rotation and have everybody reload, one after the other: a CFM that takes
        its next key is away for a moment, and the others stand in.
        """
        assert self._rotation is not None
        self._rotation.step()
        now = time.monotonic()
        cfms = [self._instances[cfm.name] for cfm in self._site.cfms()]
        for minter in self._site.minters():
            self._instances[minter.name].hang_up()
        # The last CFM is told twice: the next step waits until it has reloaded.
        self._reloads = [(now + at * RELOAD_APART_S, cfm) for at, cfm in enumerate([*cfms, cfms[-1]])]

    def _reload_due(self) -> None:
        while self._reloads and time.monotonic() >= self._reloads[0][0]:
            self._reloads.pop(0)[1].hang_up()

    def _restart_due(self, wait: bool = False) -> None:
        for due, name in list(self._restarts):
            if wait:
                time.sleep(max(0.0, due - time.monotonic()))
            if wait or time.monotonic() >= due:
                self._instances.start([name])
                self._restarts.remove((due, name))
        self._instances.listen()

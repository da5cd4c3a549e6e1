"""The rotation of all keys in a run: its steps, each when a share of the modems is online.

A step that drops keys must not cost anybody else a connection: the CFMs' count of accepted connections is
read before it and after the last reload.
"""

import time
from collections.abc import Mapping
from typing import Any

from bus.fleet.steps import STEPS
from services.lab.faults.rotation import Rotation, Target
from services.lab.site.lab import Answers, Lab, Part
from services.lab.site.processes import Process
from services.lab.site.scenario import Scenario
from services.lab.site.scrape import scrape
from services.lab.site.site import Site

RELOAD_APART_S = 1.3  # a service reloads within a second
DROP = STEPS[-1]


class KeyRotation(Part):
    """Takes a step, has every service reload in turn, and tests the old and the new keys at the end."""

    def __init__(self, scenario: Scenario) -> None:
        self._shares = sorted(scenario.rotate_at_online or ())
        self._modems = scenario.modems
        self._reloads: list[tuple[float, Process]] = []
        self._proof: dict[str, Any] = {}
        self._rotation: Rotation | None = None
        self._accepted = 0.0

    def prepare(self, lab: Lab) -> None:
        """Load the first keys."""
        self._rotation = rotation_of(lab.site)

    def reached(self, lab: Lab, online: int) -> None:
        """Take the next step if its share is reached, and every service has reloaded after the last one."""
        if self._shares and not self._reloads and online >= self._shares[0] * self._modems:
            self._shares.pop(0)
            self._step(lab)

    def tick(self, lab: Lab) -> None:
        """Have the services reload that are due."""
        assert self._rotation is not None
        while self._reloads and time.monotonic() >= self._reloads[0][0]:
            self._reloads.pop(0)[1].hang_up()
            if self._rotation.next_step == DROP and len(self._reloads) == 1:
                self._rotation.hold()  # the first CFM has its next key by now, the last one will soon

    def finish(self, lab: Lab, plant: Answers) -> None:
        """Take the remaining steps, for the plant may have been quicker, and test the keys."""
        assert self._rotation is not None
        in_time = len(STEPS) - self._rotation.steps_left
        while self._reloads or self._rotation.steps_left:
            if not self._reloads:
                self._step(lab)
            time.sleep(max(0.0, self._reloads[0][0] - time.monotonic()))
            self.tick(lab)
        time.sleep(RELOAD_APART_S)
        reconnects = int(_accepted(lab) - self._accepted)
        self._proof = self._rotation.prove() | {
            "rotation_steps_in_time": in_time,
            "reconnects_at_drop": reconnects,
        }

    def report(self, lab: Lab, answers: Answers) -> Mapping[str, Any]:
        """The result of the test, and the number of steps that were taken while the plant was booting."""
        return self._proof

    def stop(self) -> None:
        """End the connection that was held."""
        if self._rotation is not None:
            self._rotation.close()

    def _step(self, lab: Lab) -> None:
        """Take a step, and plan the reloads: CFMs one by one, for a reloading one is away for a moment."""
        assert self._rotation is not None
        if self._rotation.next_step == DROP:
            self._accepted = _accepted(lab)
        self._rotation.step()
        now = time.monotonic()
        cfms = [lab.instances[cfm.name] for cfm in lab.site.cfms()]
        for minter in lab.site.minters():
            lab.instances[minter.name].hang_up()
        # The last CFM is told twice: the next step waits until it has reloaded.
        self._reloads = [(now + at * RELOAD_APART_S, cfm) for at, cfm in enumerate([*cfms, cfms[-1]])]


def _accepted(lab: Lab) -> float:
    """The connections that the CFMs accepted so far; 0 over multicast, where there are none."""
    return sum(scrape(cfm, "provbus_zap_accepted_total", {}) or 0.0 for cfm in lab.site.cfms())


def rotation_of(site: Site) -> Rotation:
    """The rotation of a site's keys, with the first CFM as its witness."""
    cfm, minter = site.cfms()[0], site.instances["dhcp-1"]
    target = Target(
        cfm.name,
        site.advertised[cfm.name],
        (cfm.address, site.tftp_port),
        site.group,
        site.state_directory(cfm.name) / "catalogue.json",
        minter.name,
        minter.socket,
    )
    return Rotation(site.directory / "keys", site.mode, target)

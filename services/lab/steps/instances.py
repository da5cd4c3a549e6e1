"""Steps on instances: stop, kill, start, forget, change the mode, wait until they are ready."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from bus.errors import StateError
from services.lab.site.instances import Names
from services.lab.site.readiness import degraded, primary_of, unready
from services.lab.steps.step import Word, unknown_name

if TYPE_CHECKING:
    from services.lab.site.lab import Lab
    from services.lab.site.scenario import Scenario

START_S = 30.0
PARTS = frozenset(("primary", "standby"))
RIVALS = 2


class OnInstances(Word):
    """A step on instances by their names, or on `all` of those that are in the state it needs."""

    plain = "names"
    names: Names

    def wrong(self, scenario: Scenario) -> str | None:
        """A name that nobody has."""
        return unknown_name(self.names, scenario)


class OnRunning(OnInstances):
    """A step on instances that run. Of two DHCP sidecars the one that may act at that moment can be called
    `primary`, and one that may not `standby`.
    """

    def wrong(self, scenario: Scenario) -> str | None:
        """An unknown name, or `primary` or `standby` without a rival."""
        if self.names == "all":
            return None
        if scenario.dhcps == 1 and not PARTS.isdisjoint(self.names):
            return "nobody is primary or standby without dhcps: 2"
        if scenario.dhcps > RIVALS and "standby" in self.names:
            return "of more than two sidecars there is no one standby: name it"
        return unknown_name(tuple(name for name in self.names if name not in PARTS), scenario)

    def running(self, lab: Lab) -> list[str]:
        """The names of those meant (`StateError`)."""
        if self.names == "all":
            return lab.instances.up()
        rivals = [one for one in lab.site.rivals() if one.name in lab.instances.up()]
        primary = primary_of(rivals)
        others = [one.name for one in rivals if one.name != primary]
        found = []
        for name in self.names:
            played = {"primary": [primary] if primary else [], "standby": others}.get(name, [name])
            if not played:
                raise StateError(f"there is no {name}")
            found.append(played[0])
        return lab.instances.up(tuple(found))


class Stop(OnInstances):
    """Stop instances as an operator would, all at once, and wait until they have drained and ended; one that
    had ended by itself, or ends with another exit code than 0, is an error.
    """

    def do(self, lab: Lab) -> None:
        """Stop."""
        lab.instances.stop(lab.instances.up(self.names))


class Kill(OnRunning):
    """Kill -9, all at once."""

    def do(self, lab: Lab) -> None:
        """Kill."""
        lab.instances.kill(self.running(lab))


class Start(OnInstances):
    """Start instances that were stopped or killed, all at once, and wait until each answers at its local
    socket. `wait_ready` waits until they are ready.
    """

    def do(self, lab: Lab) -> None:
        """Start."""
        names = lab.instances.down(self.names)
        lab.instances.start(names)
        lab.wait_for(lambda: lab.instances.silent(names), START_S)


class Forget(OnInstances):
    """Remove the state directories of instances that are stopped, as if they had never run; or one `file` of
    each, if it is there.
    """

    file: str = ""

    def do(self, lab: Lab) -> None:
        """Forget."""
        for name in lab.instances.down(self.names):
            directory = lab.site.state_directory(name)
            if self.file:
                (directory / self.file).unlink(missing_ok=True)
            else:
                shutil.rmtree(directory, ignore_errors=True)


class Mode(Word):
    """Write the mode into the configurations of all instances that are stopped; the others keep theirs."""

    plain = "mode"
    mode: Literal["bus", "multicast"]

    def wrong(self, scenario: Scenario) -> str | None:
        """The proxy of the hand-off path knows one mode."""
        return None if scenario.faults is None else "faults need the proxy of the hand-off path, so mode bus"

    def do(self, lab: Lab) -> None:
        """Write."""
        names = lab.instances.down("all")
        if self.mode == "bus" and not lab.brokers.bootstrap:
            raise StateError("there are no brokers: the run began in mode multicast")
        for name in names:
            lab.site.write_config(name, self.mode)
        lab.count("mode_changes")


class WaitReady(Word):
    """Wait until every running instance is ready by `/readyz`, every minter sees every running CFM, and every
    role has an instance that may act. The longest such wait is `ready_s_max`; the longest time from the last
    start of an instance to the end of the wait that follows is `started_s_max`. With `whole` no instance may
    be degraded either.
    """

    plain: ClassVar[str] = "within_s"
    within_s: float = Field(30.0, gt=0)
    whole: bool = False

    def do(self, lab: Lab) -> None:
        """Wait."""
        waited_s = lab.wait_for(lambda: self._unready(lab), self.within_s)
        for figure, took_s in (("ready_s_max", waited_s), ("started_s_max", lab.instances.started_s())):
            if took_s is not None:
                lab.figures[figure] = max(lab.figures.get(figure, 0.0), round(took_s, 3))

    def _unready(self, lab: Lab) -> str:
        names = lab.instances.up("all")
        if (text := unready(lab.site, names)) or not self.whole:
            return text
        for name in names:
            if reasons := degraded(lab.site.instances[name]):
                return f"{name} is degraded: {'; '.join(reasons)}"
        return ""

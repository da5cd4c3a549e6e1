"""`clone` and `end_clone`: a second process of an instance, as after a copy of its running machine."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import yaml
from pydantic import Field

from bus.errors import StateError
from services.lab.network.addresses import HTTP_ADDRESS
from services.lab.network.run_network import free_port
from services.lab.site.lab import Part
from services.lab.site.processes import Process, ask
from services.lab.steps.instances import OnRunning
from services.lab.steps.step import Word

if TYPE_CHECKING:
    from services.lab.site.lab import Lab
    from services.lab.site.scenario import Scenario

CLONE_ADDRESS = "127.0.0.99"
TWICE = "name-twice"
TAKEN = "name-taken"


class Clones(Part):
    """The second processes of a run, by instance."""

    def __init__(self) -> None:
        self.of: dict[str, Process] = {}


class Clone(OnRunning):
    """Start a second process with the name, the key and a copy of the state directory of one instance that
    runs, at addresses of its own, and wait until both report it and every instance that watches beats shows
    it.
    """

    within_s: float = Field(30.0, gt=0)

    def wrong(self, scenario: Scenario) -> str | None:
        """More than one name, or an unknown one; and the clone's addresses are of loopback."""
        if scenario.hosts:
            return "a clone has addresses of loopback, and no machine: leave hosts out"
        return super().wrong(scenario) if len(self.names) == 1 else "clone one instance at a time"

    def do(self, lab: Lab) -> None:
        """Start, and wait."""
        if lab.part(Clones).of:
            raise StateError("end the clone that runs first")
        (name,) = self.running(lab)
        socket = self._start(lab, name)
        original = lab.site.instances[name].socket
        watchers = [one for one in lab.site.minters() if one.name != name]

        def untold() -> str:
            if not any(reason["code"] == TAKEN for reason in _answer(original)["missing"]):
                return f"{name} does not say that another process has its name"
            if not any(reason["code"] == TWICE for reason in _answer(socket)["degraded"]):
                return f"the clone of {name} does not say that its name is in use twice"
            for one in watchers:
                if not _answer(one.socket).get("peers", {}).get(name, {}).get("twice"):
                    return f"{one.name} does not show that {name} is there twice"
            return ""

        lab.wait_for(untold, self.within_s)
        lab.count("clones")

    def _start(self, lab: Lab, of: str) -> Path:
        site, name = lab.site, f"{of}-clone"
        one = site.instances[of]
        state = site.state_directory(name)
        shutil.copytree(site.state_directory(of), state)
        data: dict[str, Any] = yaml.safe_load(one.config.read_text())
        socket = site.directory / f"{name}.sock"
        data["state_directory"], data["local"] = str(state), {"socket": str(socket)}
        data["http"] = {"listen": f"{HTTP_ADDRESS}:{free_port([HTTP_ADDRESS])}"}
        if "cfm" in data:
            listen = f"tcp://{CLONE_ADDRESS}:{free_port([CLONE_ADDRESS])}"
            data["cfm"] |= {"listen": listen, "advertise": listen}
            data["cfm"]["tftp"] |= {"address": CLONE_ADDRESS}
        if "multicast" in data:
            data["multicast"] |= {"address": CLONE_ADDRESS}
        config = site.directory / f"{name}.yaml"
        config.write_text(yaml.safe_dump(data))
        arguments = ["-m", "services.cli", "run", one.service, "--config", str(config)]
        lab.part(Clones).of[of] = lab.spawn(name, one.service, arguments, one.tree)
        return socket


class EndClone(Word):
    """Kill -9 the second process of an instance, and wait until the first one takes part again by itself."""

    plain: ClassVar[str] = "within_s"
    within_s: float = Field(30.0, gt=0)

    def do(self, lab: Lab) -> None:
        """End, and wait."""
        clones = lab.part(Clones).of
        if not clones:
            raise StateError("there is no clone")
        name, clone = clones.popitem()
        clone.check()
        clone.kill()
        socket = lab.site.instances[name].socket

        def away() -> str:
            return f"{name} does not come back" if _answer(socket)["missing"] else ""

        lab.wait_for(away, self.within_s)
        lab.count("came_back")


def _answer(socket: Path) -> dict[str, Any]:
    return ask(socket, {"op": "status"}) or {
        "missing": [{"code": "", "text": "it does not answer"}],
        "degraded": [],
    }

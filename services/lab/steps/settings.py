"""`apply` and `settings_kept`: an operator changes the settings, and every instance has and keeps them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from bus.errors import UnavailableError
from services.lab.site.processes import ask
from services.lab.steps.step import Word

if TYPE_CHECKING:
    from services.lab.site.lab import Lab

ANSWER_S_MAX = 15.0


class ApplySettings(Word):
    """Apply a catalogue with one more class of service through the first minter that runs, as `provbus
    settings apply` does, and wait for the answer: `applied` counts.
    """

    def do(self, lab: Lab) -> None:
        """Apply."""
        running = set(lab.instances.up())
        socket = next(one.admin_socket for one in lab.site.minters() if one.name in running)
        known = ask(socket, {"op": "settings", "reveal": True}) or {}
        if not known.get("classes"):
            raise UnavailableError("there are no settings in force")
        name = f"lab-{known['generation']}"
        body = {"classes": known["classes"] | {name: next(iter(known["classes"].values()))}}
        request = {"op": "settings.apply", "lookup": known["lookup"], **body}
        answer = ask(socket, request, ANSWER_S_MAX) or {"detail": "no answer"}
        if not answer.get("applied"):
            raise UnavailableError(f"the settings were not applied: {answer.get('detail', answer)}")
        lab.figures["generation"] = answer["generation"]
        lab.count("applied")


class SettingsKept(Word):
    """Wait until every running instance has the last applied catalogue in force and on its disk."""

    plain: ClassVar[str] = "within_s"
    within_s: float = Field(20.0, gt=0)

    def do(self, lab: Lab) -> None:
        """Wait."""
        wanted = lab.figures.get("generation", 1)
        lab.wait_for(lambda: _behind(lab, wanted), self.within_s)
        lab.count("settings_kept")


def _behind(lab: Lab, wanted: int) -> str:
    for name in lab.instances.up():
        status: dict[str, Any] = ask(lab.site.instances[name].socket, {"op": "status"}) or {"generation": -1}
        if status["generation"] != wanted:
            return f"{name} has generation {status['generation']} in force, not {wanted}"
        try:
            kept = json.loads((lab.site.state_directory(name) / "catalogue.json").read_bytes())
        except (OSError, ValueError) as error:
            return f"{name} has no settings on its disk: {error}"
        if kept["generation"] != wanted:
            return f"{name} has generation {kept['generation']} on its disk, not {wanted}"
    return ""

"""Steps of a switch of the transport: `switch` leads the fleet to another mode while it works, `finish`
closes the former column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from bus.errors import StateError
from services.lab.site.processes import ask
from services.lab.steps.step import Word, unknown_name

if TYPE_CHECKING:
    from services.lab.site.lab import Lab
    from services.lab.site.scenario import Scenario

ASK_S = 2.0


class SwitchTo(Word):
    """Switch the fleet to this mode, as `provbus transport switch` does, by an order at this sidecar, and
    wait until everybody has come there.
    """

    plain: ClassVar[str] = "mode"
    mode: Literal["bus", "multicast", "dual"]
    at: str = "dhcp-1"
    within_s: float = Field(60.0, gt=0)

    def wrong(self, scenario: Scenario) -> str | None:
        """An unknown name."""
        return unknown_name((self.at,), scenario)

    def do(self, lab: Lab) -> None:
        """Order it, and wait."""
        socket = lab.site.instances[self.at].admin_socket
        plan = ordered(lab, self.at, {"verb": "switch", "to": self.mode}, self.within_s)
        took_s = lab.wait_for(lambda: behind(socket, plan["plan"], self.mode), self.within_s)
        lab.count("switches")
        lab.figures["switch_s_max"] = max(lab.figures.get("switch_s_max", 0.0), round(took_s, 3))
        if not plan["quick"]:
            lab.count("parities_green")


class FinishSwitch(Word):
    """Close the former column everywhere, as `provbus transport switch --finish` does, and wait for that."""

    at: str = "dhcp-1"
    within_s: float = Field(20.0, gt=0)

    def do(self, lab: Lab) -> None:
        """Order it, and wait."""
        ordered(lab, self.at, {"verb": "finish"}, self.within_s)
        socket = lab.site.instances[self.at].admin_socket
        lab.wait_for(lambda: _open(socket), self.within_s)
        lab.count("switches_finished")


def ordered(lab: Lab, at: str, request: dict[str, Any], within_s: float) -> dict[str, Any]:
    """The answer to an order, which is given until it is taken: beats may be on their way."""
    found: dict[str, Any] = {}
    socket = lab.site.instances[at].admin_socket

    def refused() -> str:
        found.clear()
        found.update(ask(socket, {"op": "transport.switch", **request}, ASK_S) or {"detail": "no answer"})
        return "" if "plan" in found else str(found.get("detail"))

    lab.wait_for(refused, within_s)
    return found


def behind(socket: Any, plan: str, mode: str) -> str:
    """Who is not in this mode yet; `StateError` if the switch has ended without it."""
    found = ask(socket, {"op": "transport.status"}, ASK_S)
    if found is None:
        return "the sidecar does not answer"
    if found["plan"] != plan:
        raise StateError(f"the switch to {mode} ended: {found['because'] or found['lost_to']}")
    if not found["is_over"] or found["mode"] != mode:
        return f"at step {found['step']}, waiting for {'; '.join(found['waits_for'])}"
    late = [name for name, one in found["fleet"].items() if one["leads"] != found["leads"]]
    return f"not there: {', '.join(late)}" if late else ""


def _open(socket: Any) -> str:
    found = ask(socket, {"op": "transport.status"}, ASK_S)
    if found is None:
        return "the sidecar does not answer"
    both = [name for name, one in found["fleet"].items() if len(one["hears"]) > 1]
    return f"both are heard by {', '.join(both)}" if both or len(found["hears"]) > 1 else ""

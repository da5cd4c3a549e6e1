"""Steps of an operator: `says` waits for a reason that an instance reports, `era` begins an era, `promote`
names the primary.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from bus.errors import StateError
from services.lab.books.refusals import Refusals
from services.lab.site.processes import ask
from services.lab.site.readiness import primary_of
from services.lab.steps.instances import OnRunning
from services.lab.steps.step import Word, unknown_name

if TYPE_CHECKING:
    from services.lab.site.lab import Lab
    from services.lab.site.scenario import Scenario

MARGIN_S = 5.0


class Says(OnRunning):
    """Wait until each of these instances gives a reason with this code or text for not being ready
    (`missing`), or for being degraded, and still gives it for `hold_s`.
    """

    missing: str = ""
    degraded: str = ""
    within_s: float = Field(30.0, gt=0)
    hold_s: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _is_one_thing(self) -> Says:
        if bool(self.missing) == bool(self.degraded):
            raise ValueError("give one of missing and degraded, a part of the reason")
        return self

    def do(self, lab: Lab) -> None:
        """Wait."""
        lab.wait_for(lambda: self._silent(lab), self.within_s)
        end = time.monotonic() + self.hold_s
        while time.monotonic() < end:
            if text := self._silent(lab):
                raise StateError(text)
            lab.wait_for(lambda: "", MARGIN_S)
            time.sleep(0.1)
        lab.count("reasons_said", len(self.running(lab)))

    def _silent(self, lab: Lab) -> str:
        kind, wanted = ("missing", self.missing) if self.missing else ("degraded", self.degraded)
        for name in self.running(lab):
            one = lab.site.instances[name]
            answer = ask(one.socket, {"op": "status"}) or {kind: []}
            reasons = [f"{reason['code']}: {reason['text']}" for reason in answer[kind]]
            if not any(wanted in reason for reason in reasons):
                return f"{name} does not say that {wanted!r} is {kind}, but {reasons}"
        return ""


class BeginEra(Word):
    """Begin an era by hand, as `provbus failover era` does, through the first sidecar."""

    within_s: float = Field(10.0, gt=0)

    def do(self, lab: Lab) -> None:
        """Ask until it is taken: the sidecar may not have heard the CFMs yet."""
        socket, answers = lab.site.minters()[0].admin_socket, []

        def refused() -> str:
            answer = ask(socket, {"op": "failover.era"}) or {}
            answers.append(answer)
            return "" if "era" in answer else str(answer.get("detail", "no answer"))

        lab.wait_for(refused, self.within_s)
        lab.count("eras_by_hand")


class Promote(Word):
    """Make a DHCP sidecar the primary, as `provbus failover promote` does; no action if it is."""

    plain: ClassVar[str] = "name"
    name: str
    within_s: float = Field(20.0, gt=0)

    def wrong(self, scenario: Scenario) -> str | None:
        """An unknown name."""
        return unknown_name((self.name,), scenario)

    def do(self, lab: Lab) -> None:
        """Ask until it may act."""
        socket = lab.site.instances[self.name].admin_socket

        def missing() -> str:
            answer = ask(socket, {"op": "failover.promote", "absent": []}) or {}
            acts = primary_of([lab.site.instances[self.name]]) is not None
            return "" if acts else f"{self.name} may not act: {answer.get('detail', answer.get('state'))}"

        lab.wait_for(missing, self.within_s)


class WatchRefusals(Word):
    """From now on count how often a sidecar calls itself ready while every CFM stands by another claim than
    its own: `ready_while_refused`.
    """

    def do(self, lab: Lab) -> None:
        """Watch."""
        lab.part(Refusals).watch()

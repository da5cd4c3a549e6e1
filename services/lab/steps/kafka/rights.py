"""`rights`: deny the brokers' clients to read or write some topics, and allow it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from bus.transport.kafka.feeds import topic_of
from services.lab.faults.kafka.rights import EVERY_TOPIC, give_back, take_away
from services.lab.steps.kafka.topics import Traffic
from services.lab.steps.step import Word

if TYPE_CHECKING:
    from services.lab.site.lab import Lab
    from services.lab.site.scenario import Scenario


class Rights(Word):
    """Take the right to read or to write the topics of some classes, or of `all`, away from all clients, in
    addition to those taken before; or `give_back` all of them.
    """

    deny: Literal["read", "write"] | None = None
    of: tuple[Traffic, ...] | Literal["all"] = ()
    give_back: bool = False

    @model_validator(mode="after")
    def _is_one_thing(self) -> Rights:
        if self.give_back is (self.deny is not None) or bool(self.of) is self.give_back:
            raise ValueError("give either deny with the classes it is of, or give_back: true")
        return self

    def wrong(self, scenario: Scenario) -> str | None:
        """Without an authorizer no right can be taken away."""
        return None if scenario.authorizer else "the scenario needs authorizer: true"

    def do(self, lab: Lab) -> None:
        """Take, or give back."""
        settings = lab.brokers.settings
        if self.deny is None:
            give_back(settings)
            lab.count("rights_given_back")
            return
        topics = [EVERY_TOPIC] if self.of == "all" else [topic_of(traffic).name for traffic in self.of]
        take_away(settings, self.deny, topics)
        lab.count("rights_taken_away", len(topics))

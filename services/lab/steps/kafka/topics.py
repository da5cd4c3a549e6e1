"""`recreate`: topics are deleted and recreated under their users."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from bus.transport.kafka.feeds import topic_of
from services.lab.faults.kafka.remake import move_leader, remake
from services.lab.site.scrape import scrape
from services.lab.steps.step import Word

if TYPE_CHECKING:
    from services.lab.site.lab import Lab
    from services.lab.site.scenario import Scenario

Traffic = Literal["heartbeat", "failover", "config", "audit"]
REPLACED = "provbus_kafka_clients_replaced_total"


class Recreate(Word):
    """Delete and recreate the topics of these classes, one after the other, and wait until every running
    instance has replaced its producer for it. A topic gets another leader first, and is away for `gap_s`.
    """

    plain: ClassVar[str] = "of"
    of: tuple[Traffic, ...]
    gap_s: float = Field(0.5, ge=0)
    within_s: float = Field(30.0, gt=0)

    def wrong(self, scenario: Scenario) -> str | None:
        """Embedded brokers give topics no ids."""
        return None if scenario.broker == "kafka" else "the scenario needs broker: kafka"

    def alters_brokers(self) -> bool:
        """Yes: one is suspended for a moment."""
        return True

    def do(self, lab: Lab) -> None:
        """Move, delete, create, wait."""
        settings = lab.brokers.settings
        for traffic in self.of:
            topic = topic_of(traffic)
            move_leader(lab.brokers.own(), settings, topic)
            before = {name: _replaced(lab, name) for name in lab.instances.up()}
            remake(settings, topic, self.gap_s)
            waited_s = lab.wait_for(partial(_unaware, lab, before), self.within_s)
            lab.count("topics_recreated")
            worst_s = max(lab.figures.get("recreated_noticed_s_max", 0.0), round(waited_s, 3))
            lab.figures["recreated_noticed_s_max"] = worst_s


def _replaced(lab: Lab, name: str) -> float:
    found = scrape(lab.site.instances[name], REPLACED, {"client": "producer", "cause": "topic"})
    return -1.0 if found is None else found


def _unaware(lab: Lab, known: dict[str, float]) -> str:
    """The first of these that has not noticed, in a few words; empty if all have."""
    for name, before in known.items():
        if _replaced(lab, name) <= before:
            return f"{name} has not noticed that a topic was made anew"
    return ""

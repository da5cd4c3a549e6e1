"""`cut_log`: brokers that are stopped lose a topic's records, as disks put back to an earlier state."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from bus.routes import route
from services.lab.steps.step import Word

if TYPE_CHECKING:
    from services.lab.orchestrator import Lab
    from services.lab.scenario import Scenario


class CutLog(Word):
    """Remove the first partition of a class's topic from the data of every broker. The topic and its id stay:
    it is the same log, and nothing is in it.
    """

    plain: ClassVar[str] = "traffic"
    traffic: Literal["failover"] = "failover"

    def wrong(self, scenario: Scenario) -> str | None:
        """Embedded brokers have no data."""
        return None if scenario.broker == "kafka" else "the scenario needs broker: kafka"

    def alters_brokers(self) -> bool:
        """Yes."""
        return True

    def do(self, lab: Lab) -> None:
        """Remove."""
        topic = route(self.traffic).topic
        assert topic is not None
        lab.brokers.own().lose(f"{topic.name}-0")
        lab.count("logs_cut")

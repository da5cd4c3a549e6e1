"""`brokers`: kill, stop or start nodes of the run's own Kafka cluster, or replace the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from bus.errors import StateError
from services.brokers.properties import NODES
from services.lab.books.closing import TakeoverBooks
from services.lab.site.journal import boottime_s
from services.lab.steps.step import Word

if TYPE_CHECKING:
    from services.lab.site.lab import Lab
    from services.lab.site.scenario import Scenario

Numbers = tuple[Annotated[int, Field(ge=1, le=NODES)], ...]


class OnBrokers(Word):
    """A step on the brokers of a cluster that is the run's own."""

    def wrong(self, scenario: Scenario) -> str | None:
        """Embedded brokers are no processes."""
        return None if scenario.broker == "kafka" else "the scenario needs broker: kafka"

    def alters_brokers(self) -> bool:
        """Yes."""
        return True


class BrokerStep(OnBrokers):
    """One action on brokers, by their numbers, all at once.

    `kill`: kill -9; `stop`: have them close their logs and end; `start`: start those again with their data.
    `fresh`: replace the cluster by another one with empty topics, while every instance is stopped; together
    with `forget` it is the first day of a site.
    """

    kill: Numbers = ()
    stop: Numbers = ()
    start: Numbers = ()
    fresh: bool = False

    @model_validator(mode="after")
    def _is_one_thing(self) -> BrokerStep:
        if [bool(self.kill), bool(self.stop), bool(self.start), self.fresh].count(True) != 1:
            raise ValueError("give one of kill, stop, start with the numbers of brokers, or fresh: true")
        return self

    def do(self, lab: Lab) -> None:
        """Do it."""
        if self.fresh:
            self._renew(lab)
            return
        cluster = lab.brokers.own()
        if self.kill:
            cluster.kill(self.kill)
            lab.count("broker_kills", len(self.kill))
        elif self.stop:
            cluster.stop(self.stop)
        else:
            cluster.start(self.start)

    def _renew(self, lab: Lab) -> None:
        if running := lab.instances.up():
            raise StateError(f"{', '.join(running)} must be stopped before their brokers are thrown away")
        lab.part(TakeoverBooks).fresh_at.append(boottime_s())
        lab.brokers.renew()
        for one in lab.site.instances.values():
            lab.site.write_config(one.name, one.mode)
        lab.count("fresh_clusters")

"""Steps on the role log: cut it off, as disks restored to an earlier state do, or watch it by a witness."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from bus.routes import route
from services.lab.books.role_log import RoleLogMemory
from services.lab.steps.kafka.brokers import OnBrokers

if TYPE_CHECKING:
    from services.lab.site.lab import Lab


class CutLog(OnBrokers):
    """Remove the first partition of a class's topic from the data of every broker. The topic and its id stay:
    it is the same log, and nothing is in it.
    """

    plain: ClassVar[str] = "traffic"
    traffic: Literal["failover"] = "failover"

    def do(self, lab: Lab) -> None:
        """Remove."""
        topic = route(self.traffic).topic
        assert topic is not None
        lab.brokers.own().lose(f"{topic.name}-0")
        lab.count("logs_cut")


class RoleLog(OnBrokers):
    """`remember`: from now on note every record of the role log; `compare`: count these (`role_records`), and
    those that are gone or changed since (`role_records_lost`).
    """

    plain: ClassVar[str] = "verb"
    verb: Literal["remember", "compare"]
    within_s: float = Field(20.0, gt=0)

    def do(self, lab: Lab) -> None:
        """Remember or compare."""
        if self.verb == "remember":
            lab.part(RoleLogMemory).remember(lab.brokers.settings)
            return
        seen, lost = lab.part(RoleLogMemory).compare(self.within_s)
        lab.figures |= {"role_records": seen, "role_records_lost": lost}

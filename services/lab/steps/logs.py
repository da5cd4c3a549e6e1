"""Steps on the role log: cut off, as disks put back to an earlier state, or looked after by a witness."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from bus.errors import StateError
from bus.routes import route
from services.lab.role_log import Witness
from services.lab.steps.brokers import OnBrokers

if TYPE_CHECKING:
    from services.lab.orchestrator import Lab


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
    """`remember`: from now on note every record of the role log; `compare`: count those that were there and
    are not any more, or are other ones (`role_records`, `role_records_lost`).
    """

    plain: ClassVar[str] = "verb"
    verb: Literal["remember", "compare"]
    within_s: float = Field(20.0, gt=0)

    def do(self, lab: Lab) -> None:
        """Remember or compare."""
        if self.verb == "remember":
            lab.witness = Witness(lab.brokers.bootstrap)
            lab.undo.callback(lab.witness.stop)
            return
        if lab.witness is None:
            raise StateError("nobody remembers the role log")
        lab.figures["role_records"] = len(lab.witness)
        lab.figures["role_records_lost"] = len(lab.witness.missing(self.within_s))

"""`power_cut`: all brokers lose power at once and not all come back; and the steps to recover."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from bus.errors import StateError, UnavailableError
from bus.transport.kafka.admin.leaders import elect_unclean, partitions
from services.brokers.properties import NODES
from services.lab.steps.kafka.brokers import Numbers, OnBrokers

if TYPE_CHECKING:
    from services.lab.site.lab import Lab

LEADERS_S = 30.0
SETTLE_S = 3.0


class PowerCut(OnBrokers):
    """Kill -9 all brokers and start those of `back` again, until a partition is left without a leader.

    The controller forgets the session of every broker at the same moment. It is a race whether it fences the
    missing one before or after it has struck the others off as unclean, and the race decides between a
    cluster that works and one that waits for the missing broker. This step needs the latter, so a cut that
    ended otherwise is repaired and repeated, up to `tries`. The report counts `power_cuts` and
    `leaderless_cuts`.
    """

    plain: ClassVar[str] = "back"
    back: Numbers = Field(min_length=1, max_length=NODES - 1)
    tries: int = Field(10, ge=1)

    def do(self, lab: Lab) -> None:
        """Cut."""
        cluster = lab.brokers.own()
        everybody = range(1, NODES + 1)
        absent = [number for number in everybody if number not in self.back]
        for _ in range(self.tries):
            cluster.kill(cluster.living())
            cluster.start(self.back)
            lab.count("power_cuts")
            if stays_leaderless(lab):
                lab.count("leaderless_cuts")
                return
            cluster.start(absent)
            lab.wait_for(lab.brokers.out_of_sync, LEADERS_S)
        raise StateError(f"in {self.tries} power cuts every partition found a leader")


class Leaders(OnBrokers):
    """Wait until every partition of our topics has a leader and every broker that runs is in sync. The
    longest such wait is `leaders_s_max`.
    """

    plain: ClassVar[str] = "within_s"
    within_s: float = Field(LEADERS_S, gt=0)

    def do(self, lab: Lab) -> None:
        """Wait."""
        waited_s = lab.wait_for(lab.brokers.out_of_sync, self.within_s)
        lab.longest("leaders_s_max", waited_s)


class Elect(OnBrokers):
    """Elect a leader for every partition that has none, as `provbus topics elect --unclean` does."""

    def do(self, lab: Lab) -> None:
        """Elect."""
        settings = lab.brokers.settings
        elect_unclean(settings, [one for one in partitions(settings) if not one.has_leader])
        lab.count("unclean_elections")


def stays_leaderless(lab: Lab) -> bool:
    """Whether a partition has no leader, and none after a while either."""
    try:
        lab.wait_for(lab.brokers.out_of_sync, SETTLE_S)
    except UnavailableError:
        return any(not one.has_leader for one in partitions(lab.brokers.settings))
    return False

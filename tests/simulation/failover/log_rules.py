"""What is promised of the role log and of those who read it: equal positions, equal digests; and somebody
who is active wherever somebody could be.
"""

from typing import TYPE_CHECKING, Any

from bus.messages import Entry
from bus.testing import faults
from bus.testing.checkers import WorldStep
from bus.testing.faults import BROKER, Weather
from heartbeat.roles.states import State
from heartbeat.timing import SETTLE_S_MAX, SILENCE_S
from tests.simulation.failover import parts
from tests.simulation.failover.oracle import Oracle

if TYPE_CHECKING:
    from tests.simulation.failover.plant import FailoverPlant

SLACK_S = 5.0
ACTIVE_WITHIN_S = SILENCE_S + SLACK_S + SETTLE_S_MAX
SLOW_S_MAX = 0.1  # of a message, and renewals still come back in time
APPEND_S_MAX = 0.5


class Readers:
    """Equal positions mean equal digests, except for who read what the log then lost."""

    def __init__(self, plant: "FailoverPlant", oracle: Oracle) -> None:
        self._plant = plant
        self._oracle = oracle
        self._digests: dict[int, tuple[str, str]] = {}
        self._marks: dict[str, int] = {}

    def __call__(self, step: WorldStep) -> str | None:
        """Judge whoever was given a record."""
        message = step.message
        if type(message) is not Entry:
            return None
        reader = self._plant.reader(step.node)
        if reader is None or self._plant.leases.is_misled(step.node):
            return None
        mark = reader.mark
        if mark.position != message.offset:
            return None
        digest, by = self._digests.setdefault(mark.position, (mark.digest, step.node))
        if digest == mark.digest:
            return None
        return f"{step.node} and {by} read the log up to {mark.position}, and their digests differ"

    def forget(self, end: int) -> None:
        """The log was cut: its offsets from here on are used again."""
        for offset in [one for one in self._digests if one >= end]:
            del self._digests[offset]


class Health:
    """What the faults that were done leave whole: kept from their own words, not from the machines."""

    def __init__(self) -> None:
        self.cuts: set[tuple[str, str]] = set()
        self.slowed: set[tuple[str, str]] = set()
        self.paused_until: dict[str, float] = {}
        self.full: set[str] = set()
        self.stalled: set[str] = set()
        self.slow_logs: dict[str, float] = {}
        self.weather = Weather()

    def note(self, fault: Any, now: float) -> None:
        """This fault happens now."""
        if isinstance(fault, faults.Cut):
            self.cuts.add((fault.source, fault.target))
        elif isinstance(fault, faults.Mend):
            self.cuts.discard((fault.source, fault.target))
        elif isinstance(fault, faults.Pause):
            self.paused_until[fault.node] = max(self.paused_until.get(fault.node, 0.0), now + fault.pause_s)
        elif isinstance(fault, faults.Full):
            (self.full.add if fault.is_on else self.full.discard)(fault.node)
        elif isinstance(fault, faults.Stall):
            (self.stalled.add if fault.is_on else self.stalled.discard)(fault.traffic)
        elif isinstance(fault, faults.SlowLog):
            self.slow_logs[fault.traffic] = fault.delay_s
        elif isinstance(fault, faults.SetWeather):
            self.weather = fault.weather
        elif isinstance(fault, (faults.Crash, faults.Stop, faults.Wipe)):
            self.paused_until.pop(fault.node, None)

    def log_is_healthy(self) -> bool:
        """Whether whoever reaches the log is served in good time."""
        weather = self.weather
        is_slow = weather.slow and weather.slow_s_max > SLOW_S_MAX
        logs_are_well = not self.stalled and max(self.slow_logs.values(), default=0.0) <= APPEND_S_MAX
        return logs_are_well and not is_slow

    def reaches_log(self, node: str, now: float) -> bool:
        """Whether this node runs and is connected to the brokers, both ways."""
        ways = {(node, BROKER), (BROKER, node)}
        return not ways & self.cuts and self.paused_until.get(node, 0.0) <= now


class Liveness:
    """While the log is healthy and somebody able is up and connected for long enough, somebody is active.

    Time counts from the last thing that was done to anybody. What lasts longer (a half-cut holder, say) is no
    excuse.
    """

    def __init__(self, plant: "FailoverPlant") -> None:
        self.judged = 0
        self._plant = plant
        self._since: dict[str, float] = {}

    def disturbed(self) -> None:
        """Something was done to the plant."""
        self._since.clear()

    def look(self, now: float) -> str | None:
        """Judge the plant as it is; to be called every second or so."""
        plant = self._plant
        for role in {parts.ROLES[name] for name in plant.minters}:
            able = [name for name in plant.minters if parts.ROLES[name] == role and self._is_able(name, now)]
            if not able or not plant.health.log_is_healthy() or self._is_active(role):
                self._since.pop(role, None)
                continue
            since = self._since.setdefault(role, now)
            self.judged += 1
            if now - since > ACTIVE_WITHIN_S:
                told = {name: str(plant.elections[name].state) for name in plant.elections}
                return f"nobody is active for {role} since {since:.1f}, though {able} could be: {told}"
        return None

    def _is_active(self, role: str) -> bool:
        plant = self._plant
        return any(
            election.role == role
            and election.state in (State.ACTIVE, State.AUTONOMOUS)
            and plant.world.local(name) < election.acts_until
            for name, election in plant.elections.items()
        )

    def _is_able(self, name: str, now: float) -> bool:
        plant = self._plant
        authority = plant.authorities.get(name)
        if authority is None or not plant.health.reaches_log(name, now) or name in plant.health.full:
            return False
        told = authority.describe(now)
        if told["locked"] or told["drained"] or told["state"] == State.HALT or told["reason"]:
            return False
        return not plant.shape.hosts or plant.host_is_up(name, now)

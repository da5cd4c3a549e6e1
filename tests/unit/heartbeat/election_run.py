"""Elections around one log, in a time that only the test moves."""

from itertools import count
from typing import Any

from bus.effects import CatchUp, Publish
from bus.envelope import Envelope, Stamp
from bus.messages import Entry, LogBounds
from heartbeat.roles.claim import Claim
from heartbeat.roles.elected.election import Election
from heartbeat.roles.holder import StoreClaim
from heartbeat.roles.states import State
from tests.trusting import anybody

ROLE = "dhcp/lab"
CFMS = ("cfm-1", "cfm-2", "cfm-3")
STEP_S = 0.05


class Log:
    """The log: everybody who follows is given each record at once, unless he is cut off."""

    def __init__(self, start: int = 0) -> None:
        self.start = start
        self.records: list[Envelope | None] = []

    @property
    def end(self) -> int:
        """The offset behind the last record."""
        return self.start + len(self.records)


class Node:
    """One instance. `reads` and `writes` say whether the log is in reach; what was not read waits."""

    def __init__(
        self,
        log: Log,
        name: str = "dhcp-1",
        *,
        rank: int = 0,
        incarnation: int = 1,
        former: Claim | None = None,
    ) -> None:
        ids = count(1)
        self.log = log
        self.reads = self.writes = True
        self.holds_back: list[Envelope] | None = None
        self.stored: list[Claim | None] = []
        self.settings_wanted = 0
        self.answers_settings = True
        self.refuses = self.is_doubtful = False  # the disk, a claim
        self.position: int | None = None
        self.election = Election(
            role=ROLE,
            stamp=Stamp(name, "lab", incarnation),
            rank=rank,
            cfms=CFMS,
            new_id=lambda: f"{rank + 1:08x}{incarnation:04x}{next(ids):04x}",
            writers=anybody,
            former=former,
        )

    def state(self) -> State:
        """Where it stands."""
        return self.election.state

    def acts(self, now: float) -> bool:
        """Whether effects are allowed."""
        return now < self.election.acts_until

    def read(self, now: float) -> None:
        """Take what the log has and we have not."""
        if not self.reads:
            return
        if self.position is None:
            self.position = self.log.start
            self.election.bounds(LogBounds("failover", self.log.start, self.log.end), now)
            if self.answers_settings:
                self.election.settings_read()
        while self.position < self.log.end:
            envelope = self.log.records[self.position - self.log.start]
            self.election.entry(Entry("failover", self.position, envelope), now)
            self.position += 1

    def tick(self, now: float) -> None:
        """Do what is due, if it is."""
        due = self.election.deadline()
        if due is not None and due <= now:
            self.perform(self.election.tick(now, now), now)

    def perform(self, effects: list[Any], now: float) -> None:
        """Write to the log, to the disk, ask for the settings."""
        for effect in effects:
            if isinstance(effect, StoreClaim) and self.refuses:
                self.perform(self.election.unkept(now, is_doubtful=self.is_doubtful), now)
            elif isinstance(effect, StoreClaim):
                self.stored.append(effect.claim)
                self.perform(self.election.kept(effect.claim, now), now)
            elif isinstance(effect, CatchUp):
                self.settings_wanted += 1
            else:
                assert isinstance(effect, Publish)
                self._write(effect.envelope)

    def _write(self, envelope: Envelope) -> None:
        if self.holds_back is not None:
            self.holds_back.append(envelope)
        elif self.writes:
            self.log.records.append(envelope)

    def deliver(self) -> None:
        """What was held back reaches the log now."""
        assert self.holds_back is not None
        self.log.records += self.holds_back
        self.holds_back = []


class Run:
    """Some nodes and the time."""

    def __init__(self, *nodes: Node) -> None:
        self.nodes = nodes
        self.now = 0.0

    def until(self, end: float) -> None:
        """Let time pass up to `end`."""
        while self.now < end:
            self.now = min(end, self.now + STEP_S)
            for _ in range(3):  # a claim is three round trips
                for node in self.nodes:
                    node.read(self.now)
                    node.tick(self.now)
            for node in self.nodes:
                if node.settings_wanted and node.answers_settings:
                    node.settings_wanted = 0
                    node.election.settings_read()

    def pass_s(self, seconds: float) -> None:
        """Let so much time pass."""
        self.until(self.now + seconds)

    def states(self) -> list[State]:
        """Everybody's."""
        return [node.state() for node in self.nodes]

"""What the model leaves out changes nothing: its nodes do what elections do that run on in plain time.

The model moves time into the past, forgets what nobody asks in a state, and gives the number of a lost record
away again. Random runs of two of its nodes are compared with the same elections, untouched.
"""

from collections import Counter
from itertools import product
from random import Random

from bus.effects import CatchUp, Publish
from bus.envelope import Envelope, Stamp
from bus.messages import Entry, LogBounds
from heartbeat.roles.elected.election import Election
from heartbeat.roles.holder import StoreClaim
from heartbeat.roles.states import HOLDING
from tests.model.copies import NOW
from tests.model.nodes import Ids, Nodes
from tests.model.records import Records, record_of
from tests.model.steps import ROLE, TICK_S, TRAFFIC, Begin, Older, Promote, Read, Step, Yield, instance
from tests.trusting import anybody

RUNS, STEPS = 30, 120


class Plain:
    """An election whose time goes on, and which forgets nothing."""

    def __init__(self, name: int) -> None:
        stamp = Stamp(instance(name), "lab", 1)
        self.election = Election(
            role=ROLE, stamp=stamp, rank=0, cfms=(), new_id=Ids(name, 1), writers=anybody
        )
        self.now = NOW

    def take(self, step: Step, read: Envelope | None) -> list[Envelope]:
        """Do the step, and what is due behind it; `read` is the record of a `Read`."""
        if isinstance(step, Older):
            self.now += step.ticks * TICK_S
        elif isinstance(step, Begin):
            self.election.bounds(LogBounds(TRAFFIC, step.start, step.end), self.now)
            self.election.settings_read()
        elif isinstance(step, Read):
            self.election.entry(Entry(TRAFFIC, step.offset, read), self.now)
        elif isinstance(step, Yield):
            self.election.release(self.now)
        else:
            self.election.promote(self.now)
        sent: list[Envelope] = []
        while effects := self.election.tick(self.now, 0.0):
            for stored in [one for one in effects if isinstance(one, StoreClaim)]:
                effects += self.election.kept(stored.claim, self.now)
            sent += [effect.envelope for effect in effects if isinstance(effect, Publish)]
            if any(isinstance(effect, CatchUp) for effect in effects):
                self.election.settings_read()
        return sent


class Run:
    """Two nodes of the model beside two plain ones, and one log. A record is a pair of both's."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.records = Records()
        self.nodes = Nodes(self.records, stalls=False, twins=False)
        self.modelled = [self.nodes.born(name, 1) for name in range(2)]
        self.plain = [Plain(name) for name in range(2)]
        self.log: list[tuple[int, Envelope]] = []
        self.flying: list[list[tuple[int, Envelope]]] = [[], []]
        self.states: Counter[str] = Counter()
        for who in range(2):
            self.take(who, Begin(0, 0))

    def step(self) -> None:
        """Something happens."""
        who = self.random.randrange(2)
        offset = self.nodes.seen[self.modelled[who]].next_offset
        match self.random.choices(("time", "append", "read", "release", "promote"), (30, 30, 60, 1, 4))[0]:
            case "time":
                for one in range(2):
                    self.take(one, Older(1))
            case "append" if self.flying[who]:
                self.log.append(self.flying[who].pop(0))
            case "read" if offset < len(self.log):
                self.take(who, Read(offset, self.log[offset][0]))
            case "release":
                self.take(who, Yield())
            case "promote":
                self.take(who, Promote())

    def take(self, who: int, step: Step) -> None:
        """One step of both; some of what they send is lost."""
        plain = self.plain[who]
        sent = plain.take(step, self.log[step.offset][1] if isinstance(step, Read) else None)
        ways = self.nodes.take(self.modelled[who], step)
        number = self.random.randrange(len(ways))
        fates = list(product((True, False), repeat=len(sent)))
        assert len(ways) == len(fates)
        kept = [one for one, is_kept in zip(sent, fates[number], strict=True) if is_kept]
        self.modelled[who] = ways[number].node
        for record, envelope in zip(ways[number].records, kept, strict=True):
            assert type(self.records.record(record)) is type(record_of(envelope))
            self.flying[who].append((record, envelope))
        self.compare(who)

    def compare(self, who: int) -> None:
        """Both stand at the same place, hold the same claim, and may act or may not."""
        seen, plain = self.nodes.seen[self.modelled[who]], self.plain[who]
        election = plain.election
        assert self.nodes.state(self.modelled[who]) is election.state
        held = election.claim.epoch if election.state in HOLDING else None
        assert (seen.holds.epoch if seen.holds else None) == held
        assert (seen.acts is not None) == (election.acts_until > plain.now)
        self.states[election.state] += 1


def test_a_node_of_the_model_does_what_an_election_does() -> None:
    met: Counter[str] = Counter()
    for seed in range(RUNS):
        run = Run(seed)
        for _ in range(STEPS):
            run.step()
        met += run.states
    assert {"standby", "candidate", "settle", "active", "suspended", "fenced"} <= met.keys()

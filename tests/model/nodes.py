"""The nodes of the model: real `Election`s, and a witness beside each.

What a node's election does at one step is judged here, once for every state it can be in:

- it claims only after its own probe came back in time, and in place of a silent holder `QUIET_S` later;
- it holds the role, and renews, only by a claim that it sent and did not give up;
- it does not follow itself on a claim that its parent gave back.

A record that is *lost* (it left the node and will never be in the log) is as if it had not been numbered, so
that a node whose records are lost comes back to a state it was in.
"""

from collections.abc import Hashable
from itertools import product
from typing import NamedTuple

from bus.effects import CatchUp, Publish
from bus.envelope import Envelope, Stamp
from bus.messages import Entry, LogBounds
from heartbeat.roles.claim import Claim
from heartbeat.roles.elected.campaign import Campaign
from heartbeat.roles.elected.election import Election
from heartbeat.roles.holder import StoreClaim
from heartbeat.roles.log.records import ClaimRecord, Probe, Record, Release, Renew
from heartbeat.roles.states import HOLDING, State
from heartbeat.timing import PROBE_AGAIN_S, QUIET_S
from tests.model.copies import NOW, copied, frozen
from tests.model.interned import Interned
from tests.model.records import Records, record_of
from tests.model.steps import (
    ROLE,
    TICK_S,
    TRAFFIC,
    Begin,
    Lose,
    Older,
    Promote,
    Read,
    Step,
    ViolationError,
    Wake,
    Yield,
    instance,
)
from tests.trusting import anybody

TICKS_MAX = 4  # at one moment


class Next(NamedTuple):
    """Where a step leads: the node, and which records it sent that are not lost."""

    node: int
    records: tuple[int, ...]


class Seen(NamedTuple):
    """What the rest of the model asks of a node."""

    incarnation: int
    is_begun: bool
    next_offset: int
    holds: Claim | None
    acts: Claim | None
    """The claim under which it may have effects now."""
    kept: Claim | None
    """The claim on its disk."""
    digest: str


class Ids:
    """Claim ids and nonces: the name of the incarnation, and a count."""

    def __init__(self, name: int, incarnation: int) -> None:
        self.prefix = f"{name:04x}{incarnation:04x}"
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        return f"{self.prefix}{self.count:08x}"


class Numbers(Stamp):
    """Forgets the number of a record that was lost."""

    def forget(self, seq: int) -> None:
        """The next record gets this number, if it was the last that was given."""
        if self._seqs.get(TRAFFIC) == seq:
            self._seqs[TRAFFIC] = seq - 1


class _Node:
    """One incarnation of a node. `wanted` are the claims it sent and did not give up, `probed` is when each
    probe was sent that is not back, `probe_back` when one came back in time for its candidacy (0.0: never).
    """

    def __init__(
        self, name: int, incarnation: int, former: Claim | None, as_name: int, given_up: str
    ) -> None:
        """`former` is the claim on the disk of its former process, `given_up` the id of one that a parent
        gave back; its instance is that of node `as_name`.
        """
        self.stamp = Numbers(instance(as_name), "lab", incarnation)
        self.ids = Ids(name, incarnation)
        self.election = Election(
            role=ROLE, stamp=self.stamp, rank=0, cfms=(), new_id=self.ids, writers=anybody, former=former
        )
        self.kept = former
        self.given_up = given_up
        self.next_offset = 0
        self.wanted: frozenset[str] = frozenset()
        self.probed: dict[str, float] = {}
        self.probe_back = 0.0

    def copy(self, older_s: float = 0.0) -> "_Node":
        """The same node, this many seconds later."""
        copy = copied(self, older_s)
        copy.election._stamp, copy.election._new_id = copy.stamp, copy.ids
        return copy


class Nodes:
    """Every state of every node, and where each step leads from it."""

    def __init__(self, records: Records, *, stalls: bool, twins: bool) -> None:
        """Without `stalls` a node wakes behind every step, as `bus.runtime.runner` has it. With `twins` every
        node is a process of one instance.
        """
        self._twins = twins
        self.seen: list[Seen] = []
        self._records = records
        self._stalls = stalls
        self._nodes: Interned[_Node] = Interned(_key)
        self._next: dict[tuple[int, type[Step], Step], list[Next]] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def born(self, name: int, incarnation: int, former: Claim | None = None, given_up: str = "") -> int:
        """A node that just started. `former` is what its former process, which is gone, had on its disk, and
        `given_up` the claim that a parent gave back.
        """
        return self._number(_Node(name, incarnation, former, 0 if self._twins else name, given_up))

    def take(self, number: int, step: Step) -> list[Next]:
        """Where this step leads; several ways, as each record that is sent may be lost."""
        key = number, type(step), step  # tuples of different types are equal
        known = self._next.get(key)
        if known is None:
            known = self._next[key] = self._take(self._nodes[number], step)
        return known

    def state(self, number: int) -> State:
        """Where this node stands."""
        return self._nodes[number].election.state

    def _take(self, before: _Node, step: Step) -> list[Next]:
        older_s = step.ticks * TICK_S if isinstance(step, Older) else 0.0
        node = before.copy(older_s)
        self._perform(node, step)
        _judge(node, [])
        sent = _wake(node) if isinstance(step, Wake) or not self._stalls else []
        _judge(node, [record_of(one) for one in sent])
        ways = []
        for fate in product((True, False), repeat=len(sent)):
            way = node.copy()
            for envelope, is_kept in zip(reversed(sent), reversed(fate), strict=True):
                if not is_kept:
                    _forget(way, envelope)
            kept = tuple(
                self._records.number(one) for one, is_kept in zip(sent, fate, strict=True) if is_kept
            )
            ways.append(Next(self._number(way), kept))
        return ways

    def _perform(self, node: _Node, step: Step) -> None:
        election = node.election
        if isinstance(step, Begin):
            node.next_offset = step.start
            election.bounds(LogBounds(TRAFFIC, step.start, step.end), NOW)
            election.settings_read()
        elif isinstance(step, Read):
            envelope = self._records.envelope(step.record)
            _hear(node, envelope)
            node.next_offset += 1
            election.entry(Entry(TRAFFIC, step.offset, envelope), NOW)
        elif isinstance(step, Lose):
            election.broken("cut", NOW)
        elif isinstance(step, Yield):
            election.release(NOW)
        elif isinstance(step, Promote):
            election.promote(NOW)

    def _number(self, node: _Node) -> int:
        election = node.election
        _tidy(node)
        number = self._nodes.number(node)
        if number == len(self.seen):
            acts = election.claim if election.acts_until > NOW else None
            roles = election.reader.roles
            self.seen.append(
                Seen(
                    node.stamp.incarnation,
                    election.state is not State.BOOT,
                    node.next_offset,
                    election.claim if election.state in HOLDING else None,
                    acts,
                    node.kept,
                    roles.digest() if roles is not None else "",
                )
            )
        return number


def _tidy(node: _Node) -> None:
    """Put out of the way what nobody asks in this state, and what is set before anybody asks again; that this
    is so is tested beside the model, with nodes that are not tidied.
    """
    election = node.election
    if election.state not in (State.FENCED, State.SUSPENDED):
        election.since = 0.0
    if election.state is not State.CANDIDATE:
        election._campaign = Campaign()
        node.probe_back = 0.0
    if election.state not in HOLDING:
        election._read_at = election._renew_at = election._lease_until = 0.0
        election._settling._from = election._settling._until = 0.0


def _key(node: _Node) -> Hashable:
    return frozen(node)


def _wake(node: _Node) -> list[Envelope]:
    """One tick. The settings are read at once: then effects begin as early as they can."""
    sent: list[Envelope] = []
    for _ in range(TICKS_MAX):
        effects = node.election.tick(NOW, 0.0)
        if not effects:
            return sent
        for effect in [*effects]:
            if isinstance(effect, StoreClaim):
                effects += node.election.kept(effect.claim, NOW)
        for effect in effects:
            if isinstance(effect, Publish):
                sent.append(effect.envelope)
            elif isinstance(effect, CatchUp):
                node.election.settings_read()
            elif isinstance(effect, StoreClaim):
                node.kept = effect.claim
    raise ViolationError(f"{node.stamp.instance} always has something to do at once")


def _hear(node: _Node, envelope: Envelope) -> None:
    """Note our own probe, when it comes back in time."""
    record = record_of(envelope)
    if not isinstance(record, Probe):
        return
    sent_at = node.probed.pop(record.nonce, 0.0)
    if sent_at >= NOW - PROBE_AGAIN_S and node.election.state is State.CANDIDATE and not node.probe_back:
        node.probe_back = NOW


def _follows_itself(node: _Node) -> bool:
    """The former process of this node held the role, as far as this one has read."""
    roles, former = node.election.reader.roles, node.election.former
    assert roles is not None
    held = roles.role(node.election.role)
    return former is not None and held.claim_id == former.claim_id


def _judge(node: _Node, sent: list[Record]) -> None:
    """See the module's docstring."""
    election = node.election
    who = f"{node.stamp.instance} (incarnation {node.stamp.incarnation})"
    for record in sent:
        if isinstance(record, Probe):
            node.probed[record.nonce] = NOW
        elif isinstance(record, ClaimRecord):
            node.wanted |= {record.claim_id}
            if not node.probe_back and not _follows_itself(node):
                raise ViolationError(f"{who} claims, and no probe came back in time")
            if record.reason == "restarted" and election._held().claim_id == node.given_up:
                raise ViolationError(f"{who} resumes a claim that its parent gave back")
            if record.reason == "silence" and node.probe_back > NOW - QUIET_S:
                raise ViolationError(f"{who} takes over {NOW - node.probe_back} s after its probe came back")
        elif isinstance(record, Renew) and record.claim_id not in node.wanted:
            raise ViolationError(f"{who} renews a claim that it gave up")
        elif isinstance(record, Release):
            node.wanted -= {record.claim_id}
    if election.state in HOLDING:
        if election.claim.claim_id not in node.wanted:
            raise ViolationError(f"{who} holds the role by a claim that it gave up, or never made")
    elif election.state is State.CANDIDATE:
        node.wanted &= {election._campaign.claim_id}
    else:
        node.wanted = frozenset()


def _forget(node: _Node, envelope: Envelope) -> None:
    """This record will never be read: that it was sent does not matter any more."""
    node.election._sent.pop(envelope.seq, None)
    node.stamp.forget(envelope.seq)
    record = record_of(envelope)
    if isinstance(record, Probe):
        node.probed.pop(record.nonce, None)
    if isinstance(record, Probe | ClaimRecord):
        node.ids.count -= 1

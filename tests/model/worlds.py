"""All that there is at one moment: the log, what is on its way to it, the nodes and the acceptors.

Actions
-------
time      a tick passes for everybody; node 0's clock may be up to one tick ahead of the others' or lose that
wake      a node does what is due. Each record it sends is on its way from then on, or lost
append    the log takes a record that is on its way: any writer's, of one writer in order
repeat    as append, and the record is on its way still
begin     a node or an acceptor reaches the log, and is told its bounds
read      a node or an acceptor reads the next record
restart   a node or an acceptor forgets all but its disk; what a node sent is on its way still
bury      a node dies, and its parent gives back the role that it kept; another process follows
release   a node gives the role back
promote   a node is to become the primary without waiting for silence
row       a row of a node that could act once, under the claim it had then, reaches an acceptor
lose      a node or an acceptor is told that the log does not have its next record any more
retain    the log drops its first record
cut       the log loses its last record; its offset is used again
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple, TypeVar

from heartbeat.roles.claim import Claim
from heartbeat.roles.log.fold import Roles, fold
from heartbeat.roles.log.records import ClaimRecord, Logged
from tests.model.acceptors import Acceptors, Restart
from tests.model.bounds import Bounds, Left
from tests.model.burial import bury
from tests.model.nodes import Nodes
from tests.model.records import Records
from tests.model.steps import (
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

Queue = tuple[int, ...]
_Item = TypeVar("_Item")


class Acted(NamedTuple):
    """A node could act once, under this claim."""

    node: int
    claim: Claim


class World(NamedTuple):
    """One moment. `flying` are the records on their way, a queue for each writer; `accepted` is the highest
    claim of which each acceptor took a row.
    """

    nodes: tuple[int, ...]
    acceptors: tuple[int, ...]
    accepted: tuple[Claim, ...]
    left: Left
    log: Queue = ()
    start: int = 0
    flying: tuple[Queue, ...] = ()
    acted: frozenset[Acted] = frozenset()
    ahead: int = 0


class Move(NamedTuple):
    """An action, and the world behind it."""

    action: str
    who: int
    world: World


class Worlds:
    """The worlds within some bounds, and which follow on which."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.records = Records()
        self.nodes = Nodes(self.records, stalls=bounds.stalls, twins=bounds.twins)
        self.is_one_log = not bounds.left.cut
        self.acceptors = Acceptors(self.records, bounds.nodes, is_one_log=self.is_one_log)
        self._digests: dict[Queue, str] = {}
        self._roles: dict[Queue, Roles] = {(): Roles()}

    def first(self) -> World:
        """The world at the end of the lead-in."""
        bounds, count = self.bounds, self.bounds.acceptors
        world = World(
            tuple(self.nodes.born(name, 1 + name * bounds.twins) for name in range(bounds.nodes)),
            (self.acceptors.born(),) * count,
            (Claim(),) * count,
            self.bounds.left,
        )
        for said in self.bounds.lead_in:
            moves = [*self.moves(world), *self.ticks(world)]
            wanted, _, way = said.partition(" #")
            ways = [move.world for move in moves if f"{move.action} {move.who}" == wanted]
            world = ways[int(way or 0)]
        return world

    def moves(self, world: World) -> Iterator[Move]:
        """Everything that may happen next, except that time passes."""
        for who, node in enumerate(world.nodes):
            yield from self._node_moves(world, who, node)
        yield from self._log_moves(world)
        for who, acceptor in enumerate(world.acceptors):
            yield from self._acceptor_moves(world, who, acceptor)

    def ticks(self, world: World) -> Iterator[Move]:
        """A tick passes."""
        elapsed = {world.ahead: 1}
        if self.bounds.drifts:
            elapsed[1 - world.ahead] = 0 if world.ahead else 2
        for ahead, ticks in elapsed.items():
            steps = [Older(ticks), *[Older(1)] * (len(world.nodes) - 1)]
            ways = [self.nodes.take(node, step) for node, step in zip(world.nodes, steps, strict=True)]
            for together in product(*ways):
                after = self._sent(world, [record for way in together for record in way.records])
                if after is not None:
                    nodes = tuple(way.node for way in together)
                    yield Move("time", ticks, self._checked(after._replace(nodes=nodes, ahead=ahead)))

    # Nodes

    def _node_moves(self, world: World, who: int, node: int) -> Iterator[Move]:
        seen, left = self.nodes.seen[node], world.left
        if not seen.is_begun:
            bounds = Begin(world.start, len(world.log))
            yield from self._stepped(world, "begin", who, bounds)
            return
        if self.bounds.stalls:
            yield from self._stepped(world, "wake", who, Wake())
        if seen.next_offset < world.start:
            yield from self._stepped(world, "lose", who, Lose())
        elif seen.next_offset < len(world.log):
            read = Read(seen.next_offset, world.log[seen.next_offset])
            yield from self._stepped(world, "read", who, read)
        if left.release:
            fewer = world._replace(left=left._replace(release=left.release - 1))
            yield from self._stepped(fewer, "release", who, Yield())
        if left.promote:
            fewer = world._replace(left=left._replace(promote=left.promote - 1))
            yield from self._stepped(fewer, "promote", who, Promote())
        if left.restart:
            nodes = _with(world.nodes, who, self.nodes.born(who, seen.incarnation + 1, seen.kept))
            fewer = world._replace(nodes=nodes, left=left._replace(restart=left.restart - 1))
            yield Move("restart", who, fewer)
        if left.bury and seen.kept is not None:
            yield from self._buried(world, who, seen.incarnation, seen.kept)

    def _buried(self, world: World, who: int, incarnation: int, claim: Claim) -> Iterator[Move]:
        """The claim is off the disk, and RELEASE is on its way, or lost."""
        buried = bury(instance(who), incarnation, claim)
        follower = self.nodes.born(who, incarnation + 2, buried.kept, given_up=claim.claim_id)
        left = world.left._replace(bury=world.left.bury - 1)
        after = world._replace(nodes=_with(world.nodes, who, follower), left=left)
        for records in ((), (self.records.number(buried.release),)):
            sent = self._sent(after, records)
            if sent is not None:
                yield Move("bury", who, sent)

    def _stepped(self, world: World, action: str, who: int, step: Step) -> Iterator[Move]:
        node = world.nodes[who]
        for after in self.nodes.take(node, step):
            sent = self._sent(world, after.records) if after.node != node else None
            if sent is None:
                continue
            if isinstance(step, Begin | Read):
                seen = self.nodes.seen[after.node]
                self._compare(world.log[: seen.next_offset], seen.digest)
            nodes = _with(world.nodes, who, after.node)
            yield Move(action, who, self._checked(sent._replace(nodes=nodes)))

    def _sent(self, world: World, records: Sequence[int]) -> World | None:
        """These records are on their way; None if there is no room for them."""
        if not records:
            return world
        if len(records) > self.bounds.records - len(world.log) - sum(map(len, world.flying)):
            return None
        queues = {self.records.writer(queue[0]): queue for queue in world.flying}
        for record in records:
            writer = self.records.writer(record)
            queues[writer] = (*queues.get(writer, ()), record)
        return world._replace(flying=tuple(sorted(queues.values())))

    # The log

    def _log_moves(self, world: World) -> Iterator[Move]:
        left, log = world.left, world.log
        for place, queue in enumerate(world.flying):
            longer = (*log, queue[0])
            rest = (queue[1:],) if queue[1:] else ()
            flying = tuple(sorted((*world.flying[:place], *rest, *world.flying[place + 1 :])))
            self._check_wins(world, queue[0])
            yield Move("append", place, world._replace(log=longer, flying=flying))
            if left.repeat and len(log) + sum(map(len, world.flying)) < self.bounds.records:
                fewer = left._replace(repeat=left.repeat - 1)
                yield Move("repeat", place, world._replace(log=longer, left=fewer))
        if left.retain and world.start < len(log):
            fewer = left._replace(retain=left.retain - 1)
            yield Move("retain", 0, world._replace(start=world.start + 1, left=fewer))
        if left.cut and log:
            yield Move("cut", 0, world._replace(log=log[:-1], left=left._replace(cut=left.cut - 1)))

    # Acceptors

    def _acceptor_moves(self, world: World, who: int, acceptor: int) -> Iterator[Move]:
        seen, take = self.acceptors.seen[acceptor], self.acceptors.take
        after, action = acceptor, "read"
        if not seen.is_begun:
            after, action = take(acceptor, Begin(world.start, len(world.log))), "begin"
        elif seen.next_offset < world.start:
            after, action = take(acceptor, Lose()), "lose"
        elif seen.next_offset < len(world.log):
            after = take(acceptor, Read(seen.next_offset, world.log[seen.next_offset]))
        if after != acceptor:
            now = self.acceptors.seen[after]
            self._compare(world.log[: now.next_offset], now.digest)
            acceptors = _with(world.acceptors, who, after)
            yield Move(f"acceptor {action}", who, world._replace(acceptors=acceptors))
        if world.left.restart:
            fewer = world.left._replace(restart=world.left.restart - 1)
            again = _with(world.acceptors, who, take(acceptor, Restart()))
            yield Move("acceptor restart", who, world._replace(acceptors=again, left=fewer))
        for acted in world.acted:
            if self.acceptors.accepts(acceptor, *acted):
                yield self._accepted(world, who, acted)

    def _accepted(self, world: World, who: int, acted: Acted) -> Move:
        highest = world.accepted[who]
        if self.is_one_log and acted.claim < highest:
            raise ViolationError(f"an acceptor takes a row of {acted.claim} after one of {highest}")
        return Move("row", acted.node, world._replace(accepted=_with(world.accepted, who, acted.claim)))

    # What must hold

    def _checked(self, world: World) -> World:
        """The world, with who can act in it now. `ViolationError` if that must not be."""
        seen = [self.nodes.seen[node] for node in world.nodes]
        acting = [Acted(who, one.acts) for who, one in enumerate(seen) if one.acts is not None]
        if self.is_one_log:
            if len(acting) > 1:
                raise ViolationError(f"two leases overlap: {acting}")
            holding = [one.holds[:2] for one in seen if one.holds is not None]
            if len(set(holding)) < len(holding):
                raise ViolationError(f"two nodes hold the role at one epoch: {holding}")
        for acted in acting:
            if acted not in world.acted:
                self._check_begins(world, acted)
                world = world._replace(acted=world.acted | {acted})
        return world

    def _check_begins(self, world: World, acted: Acted) -> None:
        """The first effect under a claim: the claim is in the log, and its holder has read it."""
        if not self.is_one_log:
            return
        offset = acted.claim.epoch
        if self.nodes.seen[world.nodes[acted.node]].next_offset <= offset:
            raise ViolationError(f"{acted} acts before it read its claim")
        envelope = self.records.envelope(world.log[offset])
        record = self.records.record(world.log[offset])
        is_it = isinstance(record, ClaimRecord) and record.claim_id == acted.claim.claim_id
        if not is_it or envelope.source != instance(0 if self.bounds.twins else acted.node):
            raise ViolationError(f"{acted} acts, and the log has no such claim at {offset}")
        if any(one.claim[:2] == acted.claim[:2] for one in world.acted):
            raise ViolationError(f"the epoch of {acted} had another holder")

    def _check_wins(self, world: World, record: int) -> None:
        """Whether the next record of the log is a claim that ends another's lease; a promotion may, for it
        waits behind its claim.
        """
        claim, envelope = self.records.record(record), self.records.envelope(record)
        acting = [one for node in world.nodes if (one := self.nodes.seen[node].acts) is not None]
        if (
            not acting
            or not isinstance(claim, ClaimRecord)
            or claim.reason == "promoted"
            or not self.is_one_log
        ):
            return
        logged = Logged(len(world.log), envelope.source, claim, envelope.incarnation, envelope.seq)
        if fold(self._folded(world.log), logged, anybody).counts:
            raise ViolationError(f"the claim {claim.claim_id} wins, and the lease of {acting} runs")

    def _folded(self, log: Queue) -> Roles:
        known = self._roles.get(log)
        if known is None:
            offset, envelope = len(log) - 1, self.records.envelope(log[-1])
            record = self.records.record(log[-1])
            logged = Logged(offset, envelope.source, record, envelope.incarnation, envelope.seq)
            known = self._roles[log] = fold(self._folded(log[:-1]), logged, anybody).roles
        return known

    def _compare(self, read: Queue, digest: str) -> None:
        """The same position, the same state."""
        if digest and self.is_one_log and self._digests.setdefault(read, digest) != digest:
            raise ViolationError(f"two readers who read {len(read)} records do not agree")


def _with(items: tuple[_Item, ...], place: int, item: _Item) -> tuple[_Item, ...]:
    return (*items[:place], item, *items[place + 1 :])

"""The acceptors of the model: real `Fence`s, and a witness beside each.

What an acceptor accepts is judged here: only rows under a claim that it has read itself, ever, and behind
which it has not read another. Its disk is written when it reads, as `services.cfm` does before the first row.
"""

from collections.abc import Hashable
from typing import NamedTuple

from bus.messages import Entry, LogBounds
from heartbeat.roles.claim import Claim, log_authority
from heartbeat.roles.log.fence import Fence, Known, StoreFence, Verdict
from heartbeat.roles.log.fold import Roles
from tests.model.copies import copied, frozen
from tests.model.interned import Interned
from tests.model.records import Records
from tests.model.steps import ROLE, TRAFFIC, Begin, Lose, Read, ViolationError, instance
from tests.trusting import anybody
from tests.unit.heartbeat.verdicts import judge

LOG = log_authority("")


class Restart(NamedTuple):
    """The process ends, and another begins with what is on disk."""


Step = Begin | Read | Lose | Restart


class Seen(NamedTuple):
    """What the rest of the model asks of an acceptor."""

    is_begun: bool
    next_offset: int
    digest: str


class Claimed(NamedTuple):
    """A claim that won, as an acceptor read it."""

    claim: Claim
    holder: str


class _Acceptor:
    """`read` are the claims that it read, also before it was restarted."""

    def __init__(self, names: int) -> None:
        self.roles = {instance(name): ROLE for name in range(names)}
        self.kept: dict[str, list[Known]] = {}
        self.read: frozenset[Claimed] = frozenset()
        self.start()

    def start(self) -> None:
        """A new process, from the disk."""
        self.fence = Fence(self.roles, self.kept, writers=anybody)
        self.is_begun = False
        self.next_offset = 0


class Acceptors:
    """Every state of every acceptor, and where each step leads from it."""

    def __init__(self, records: Records, names: int, *, is_one_log: bool) -> None:
        """`names` nodes mint. `is_one_log`: no offset of the log is used twice."""
        self.seen: list[Seen] = []
        self._records = records
        self._is_one_log = is_one_log
        self._acceptors: Interned[_Acceptor] = Interned(_key)
        self._next: dict[tuple[int, type[Step], Step], int] = {}
        self._judged: dict[tuple[int, int, Claim], bool] = {}
        self._names = names

    def __len__(self) -> int:
        return len(self._acceptors)

    def born(self) -> int:
        """An acceptor with an empty disk."""
        return self._number(_Acceptor(self._names))

    def take(self, number: int, step: Step) -> int:
        """Where this step leads."""
        key = number, type(step), step  # tuples of different types are equal
        known = self._next.get(key)
        if known is None:
            acceptor = copied(self._acceptors[number])
            self._perform(acceptor, step)
            known = self._next[key] = self._number(acceptor)
        return known

    def accepts(self, number: int, minter: int, claim: Claim) -> bool:
        """Whether it takes a row of this node, minted under this claim, after a `HELLO` that names it."""
        known = self._judged.get((number, minter, claim))
        if known is None:
            known = self._judged[number, minter, claim] = self._judge(number, minter, claim)
        return known

    def _judge(self, number: int, minter: int, claim: Claim) -> bool:
        acceptor = copied(self._acceptors[number])
        token = Known(claim, instance(minter)).token
        for record in acceptor.fence.hello(instance(minter), claim, 0.0, is_proven=False):
            acceptor.fence.kept(record)
        if judge(acceptor.fence, instance(minter), token) is not Verdict.VALID:
            return False
        if Claimed(claim, instance(minter)) not in acceptor.read:
            raise ViolationError(f"an acceptor takes a row of {claim}, whose claim it never read")
        if self._is_one_log and any(one.claim > claim for one in acceptor.read):
            raise ViolationError(f"an acceptor takes a row of {claim}, and has read a later one")
        packed, _ = acceptor.fence.tokens(instance(minter)) or (b"", b"")
        if not packed:
            raise ViolationError(f"an acceptor judges a row of {claim} other than it judges many")
        return True

    def _perform(self, acceptor: _Acceptor, step: Step) -> None:
        fence = acceptor.fence
        effects = []
        if isinstance(step, Begin):
            acceptor.is_begun, acceptor.next_offset = True, step.start
            effects = fence.bounds(LogBounds(TRAFFIC, step.start, step.end), 0.0)
        elif isinstance(step, Read):
            acceptor.next_offset += 1
            entry = Entry(TRAFFIC, step.offset, self._records.envelope(step.record))
            effects = fence.entry(entry, 0.0)
        elif isinstance(step, Lose):
            fence.broken("cut")
        else:
            acceptor.start()
        held = (fence.reader.roles or Roles()).role(ROLE)
        if held.epoch >= 0:
            era = fence.reader.roles.era if fence.reader.roles else 0
            acceptor.read |= {Claimed(Claim(era, held.epoch, held.claim_id, LOG), held.holder)}
        for effect in effects:
            if isinstance(effect, StoreFence):
                acceptor.kept = effect.known
                fence.kept(effect)

    def _number(self, acceptor: _Acceptor) -> int:
        number = self._acceptors.number(acceptor)
        if number == len(self.seen):
            roles = acceptor.fence.reader.roles
            digest = roles.digest() if roles is not None else ""
            self.seen.append(Seen(acceptor.is_begun, acceptor.next_offset, digest))
        return number


def _key(acceptor: _Acceptor) -> Hashable:
    return frozen(acceptor)

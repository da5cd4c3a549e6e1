"""The holders of all roles: a fold over the role log, the same for all readers at one position.

Theory of operation
-------------------
The log is one partition, so its offsets are a total order. A CLAIM at offset o wins if its `prev` is the
offset of the last record of that role, of any kind: compare-and-set, with the log as the memory. Its epoch is
then o, and no other claim can ever have it. A RENEW between a candidate's last read and its CLAIM makes the
claim lose; so does another candidate's CLAIM. Records that change nothing, such as a zombie's RENEW, are
records of the role too: at worst a right claim loses, and is made again.

    record      counts if                           then
    CLAIM       prev is the role's last record      its writer holds the role, epoch = offset
    RENEW       epoch and claim are the holder's    the lease of the holder is renewed
    RELEASE     epoch and claim are the holder's    nobody holds the role
    ERA         its number is greater than ours     nobody holds any role but those that it names, and no
                                                    claim under way can win
    PROBE       -                                   nothing
    of a later  it names a role                     it is the role's last record: a claim that its writer had
    version                                         not read loses, as it does for readers of that version
    CHECKPOINT  -                                   nothing: for readers that begin there (`start`)
    of anybody  whose key does not prove him, or    nothing: it is no record of the role either
                is revoked by the era in force
    a copy      whose number its writer has used    the same: who may write to the topic could play the last
                                                    renewal of a dead holder for ever

An ERA of a switch (`bus.switch`) says which column of the route table decides the roles from there on, and
names their holders. Where the log gave a role to somebody, it names only him: a claim that its writer had not
read makes it name nobody. While the bus does not lead nothing in the log counts but
the next ERA, and what is held is what it named.

The rules use no time. Each reader counts leases and silence on its own clock, from the moment it *read* a
record that counted (`Folded.counts`).

The fold knows its position. An offset that is not the next one means that the log was cut, or that it is
another log: nobody can know the lost records, so it is a `HaltError`.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple

from bus.errors import RemoteError
from bus.routes import Column
from heartbeat.roles.log.records import (
    NO_OFFSET,
    Checkpoint,
    ClaimRecord,
    Era,
    Holding,
    Logged,
    Record,
    Release,
    Renew,
)
from heartbeat.roles.log.writers import Proves


class HaltError(RemoteError):
    """The log was cut or replaced: decide nothing from now on."""


class Held(NamedTuple):
    """One role: its last record of any kind, and the last claim that won. No claim ever won at epoch -1."""

    last: int = NO_OFFSET
    epoch: int = NO_OFFSET
    claim_id: str = ""
    holder: str = ""
    incarnation: int = 0
    released: bool = True


class Roles(NamedTuple):
    """The state of the log up to `position`. `floor` is the offset of the ERA in force, before which
    nothing is remembered; `revoked` are the keys, in hex, by which nobody writes in it. `numbers` are the
    incarnation and the number of each writer's last record: what is not later is a copy.
    """

    position: int = NO_OFFSET
    era: int = 0
    floor: int = NO_OFFSET
    held: Mapping[str, Held] = {}
    revoked: tuple[str, ...] = ()
    numbers: Mapping[str, tuple[int, int]] = {}
    leads: Column = Column.BUS
    plan: str = ""

    def role(self, name: str) -> Held:
        """The state of a role; an ERA is a record of every role."""
        held = self.held.get(name, Held())
        return held._replace(last=max(held.last, self.floor))

    def digest(self) -> str:
        """SHA-256 over the state, hex: equal positions must have equal digests."""
        held = {name: list(one) for name, one in self.held.items()}
        said = [self.position, self.era, self.floor, held, self.revoked, dict(self.numbers)]
        if self.plan:  # without a switch, as a release computes it that has none
            said += [self.leads, self.plan]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def checkpoint(self) -> Checkpoint:
        """This state as a record."""
        roles = {name: Holding(**one._asdict()) for name, one in self.held.items()}
        revoked = [*self.revoked]
        return Checkpoint(
            as_of=self.position,
            era=self.era,
            floor=self.floor,
            revoked=revoked,
            numbers=dict(self.numbers),
            roles=roles,
            leads=self.leads,
            plan=self.plan,
        )

    @classmethod
    def of(cls, found: Checkpoint) -> "Roles":
        """The state that a checkpoint holds."""
        held = {name: Held(**one.model_dump()) for name, one in found.roles.items()}
        revoked = tuple(sorted(found.revoked))
        return cls(
            found.as_of,
            found.era,
            found.floor,
            held,
            revoked,
            dict(found.numbers),
            found.leads,
            found.plan,
        )


class Folded(NamedTuple):
    """The state after a record, whether the record counted, and its writer's key in hex: empty if it is of
    nobody proven, or a copy.
    """

    roles: Roles
    counts: bool
    key: str

    @property
    def is_proven(self) -> bool:
        """Whether it is its writer's own."""
        return bool(self.key)


_BEFORE_ALL = (-1, 0)


def fold(roles: Roles, logged: Logged, writers: Proves) -> Folded:
    """The next state; `HaltError` if this is not the next record of the same log. `writers` proves who wrote
    it.
    """
    offset, source, record = logged[:3]
    if offset != roles.position + 1:
        raise HaltError(f"the role log goes on at offset {offset}, not at {roles.position + 1}")
    roles = roles._replace(position=offset)
    key, number = writers.key_of(logged), (logged.incarnation, logged.seq)
    if not key or key in roles.revoked or number <= roles.numbers.get(source, _BEFORE_ALL):
        return Folded(roles, False, "")
    roles = roles._replace(numbers={**roles.numbers, source: number})
    if isinstance(record, Era):
        if record.number <= roles.era:
            return Folded(roles, False, key)
        revoked = tuple(sorted(record.revoked))
        named, numbers = _named(roles, record, offset), {source: number}
        era = Roles(offset, record.number, offset, named, revoked, numbers, record.leads, record.plan)
        return Folded(era, True, key)
    if not logged.role or roles.leads is not Column.BUS:
        return Folded(roles, False, key)
    known = roles.role(logged.role)
    held, counts = _apply(known, offset, source, record)
    roles = roles._replace(held={**roles.held, logged.role: held._replace(last=offset)})
    return Folded(roles, counts, key)


def _named(roles: Roles, era: Era, offset: int) -> dict[str, Held]:
    """The roles that an era gives to those that it names. An epoch of the log is an offset; where another
    column leads, the claim has none here.
    """
    epoch = offset if era.leads is Column.BUS else NO_OFFSET
    held = {}
    for name, one in era.named.items():
        known = roles.role(name)
        is_theirs = not known.released and (known.holder, known.incarnation) == (
            one.instance,
            one.incarnation,
        )
        if is_theirs or known.epoch == NO_OFFSET or roles.leads is not Column.BUS:
            held[name] = Held(offset, epoch, one.claim_id, one.instance, one.incarnation, released=False)
    return held


def _apply(known: Held, offset: int, source: str, record: Record | None) -> tuple[Held, bool]:
    """A role after one of its records, and whether the record counted."""
    if not isinstance(record, ClaimRecord | Renew | Release):
        return known, False  # of a later version: it is the role's last record all the same
    if isinstance(record, ClaimRecord):
        if record.prev != known.last:
            return known, False
        return Held(offset, offset, record.claim_id, source, record.incarnation, released=False), True
    theirs = (record.epoch, record.claim_id, source)
    if known.released or theirs != (known.epoch, known.claim_id, known.holder):
        return known, False
    return known._replace(released=isinstance(record, Release)), True

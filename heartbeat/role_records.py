"""The records of the role log: what an instance may say about who holds a role.

Each is the value of one record of the topic, as JSON; who wrote it says the envelope. Offsets are those of
the log. A `claim_id` is made for one CLAIM and never used again, so a record that a client sent twice, or
that arrives after its writer has given up, is known for what it is.
"""

from typing import Annotated, NamedTuple

from pydantic import Field

from bus.envelope import Envelope
from bus.errors import DecodeError
from bus.messages import Contract, decode

OFFSET_MAX = (1 << 63) - 1  # Kafka's own
NO_OFFSET = -1

Offset = Annotated[int, Field(ge=0, le=OFFSET_MAX)]
ClaimId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
RoleName = Annotated[str, Field(pattern=r"^(dhcp|mps)/[a-z0-9][a-z0-9-]{0,62}$")]
"""A service, and the site that has one primary of it."""


class Claim(Contract):
    """I want the role. `prev` is the offset of the last record of that role, -1 if there is none."""

    role: RoleName
    prev: int = Field(ge=NO_OFFSET, le=OFFSET_MAX)
    claim_id: ClaimId
    incarnation: int = Field(ge=1)
    reason: Annotated[str, Field(max_length=200)] = ""


class Renew(Contract):
    """I hold the role since the claim at this epoch, and go on."""

    role: RoleName
    epoch: Offset
    claim_id: ClaimId


class Release(Contract):
    """I held the role, and have no effect any more."""

    role: RoleName
    epoch: Offset
    claim_id: ClaimId


class Probe(Contract):
    """Can this partition be written to? It touches no role."""

    nonce: ClaimId


class Era(Contract):
    """A person begins anew: what was decided in earlier eras is stale."""

    number: int = Field(ge=1, le=0xFFFF)
    authority: Annotated[str, Field(min_length=1, max_length=200)]


class Holding(Contract):
    """What a checkpoint says of one role; `last` is the offset of its last record."""

    last: Offset
    epoch: int = Field(ge=NO_OFFSET, le=OFFSET_MAX)
    claim_id: Annotated[str, Field(pattern=r"^([0-9a-f]{16})?$")]
    holder: str
    incarnation: int = Field(ge=0)
    released: bool


class Checkpoint(Contract):
    """What the log up to the offset `as_of` comes to, for readers who come when its beginning is gone."""

    as_of: Offset
    era: int = Field(ge=0, le=0xFFFF)
    floor: int = Field(ge=NO_OFFSET, le=OFFSET_MAX)
    roles: dict[RoleName, Holding]


Record = Claim | Renew | Release | Probe | Era | Checkpoint

TYPES: dict[str, type[Record]] = {
    f"provbus.failover.{name}.v1": kind
    for name, kind in (
        ("claim", Claim),
        ("renew", Renew),
        ("release", Release),
        ("probe", Probe),
        ("era", Era),
        ("checkpoint", Checkpoint),
    )
}


TYPE_OF = {kind: name for name, kind in TYPES.items()}


class Logged(NamedTuple):
    """A record of the log, at its offset; `record` is None for what nobody of this version can read.

    Incarnation and seq are its envelope's: by them a writer knows its own records again.
    """

    offset: int
    source: str
    record: Record | None
    incarnation: int = 0
    seq: int = 0

    @classmethod
    def of(cls, offset: int, envelope: Envelope | None) -> "Logged":
        """What a record says, whoever wrote it."""
        if envelope is None:
            return cls(offset, "", None)
        kind = TYPES.get(envelope.type)
        try:
            record = None if kind is None else decode(kind, envelope.data)
        except DecodeError:
            record = None
        return cls(offset, envelope.source, record, envelope.incarnation, envelope.seq)

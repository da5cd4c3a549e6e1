"""The records of the role log, by which instances claim, hold and give up roles.

Each is the value of one record of the topic, as JSON; the envelope names its writer. Offsets are those of the
log. A `claim_id` is made for one CLAIM and never used again, so readers recognize a record that a client sent
twice, or that arrives after its writer has given up.
"""

from typing import Annotated, NamedTuple

from pydantic import Field

from bus.contract import Contract, decode
from bus.envelope import Envelope
from bus.errors import DecodeError
from heartbeat.roles.claim import ClaimId, RoleName

OFFSET_MAX = (1 << 63) - 1  # Kafka's own
NO_OFFSET = -1

Offset = Annotated[int, Field(ge=0, le=OFFSET_MAX)]


class ClaimRecord(Contract):
    """A claim to the role. `prev` is the offset of the last record of that role, -1 if there is none."""

    role: RoleName
    prev: int = Field(ge=NO_OFFSET, le=OFFSET_MAX)
    claim_id: ClaimId
    incarnation: int = Field(ge=1)
    reason: Annotated[str, Field(max_length=200)] = ""


class Renew(Contract):
    """The holder, by the claim at this epoch, goes on."""

    role: RoleName
    epoch: Offset
    claim_id: ClaimId


class Release(Contract):
    """The holder gave it back and has no effects."""

    role: RoleName
    epoch: Offset
    claim_id: ClaimId


class Probe(Contract):
    """A test of writing to this partition. It touches no role."""

    nonce: ClaimId


class Era(Contract):
    """A new era: all claims of earlier eras are stale."""

    number: int = Field(ge=1, le=0xFFFF)
    authority: Annotated[str, Field(min_length=1, max_length=200)]


class Holding(Contract):
    """The state of one role in a checkpoint; `last` is the offset of its last record."""

    last: Offset
    epoch: int = Field(ge=NO_OFFSET, le=OFFSET_MAX)
    claim_id: Annotated[str, Field(pattern=r"^([0-9a-f]{16})?$")]
    holder: str
    incarnation: int = Field(ge=0)
    released: bool


class Checkpoint(Contract):
    """The state of all roles after the offset `as_of`, for readers that come when the log's start is gone."""

    as_of: Offset
    era: int = Field(ge=0, le=0xFFFF)
    floor: int = Field(ge=NO_OFFSET, le=OFFSET_MAX)
    roles: dict[RoleName, Holding]


Record = ClaimRecord | Renew | Release | Probe | Era | Checkpoint

TYPES: dict[str, type[Record]] = {
    f"provbus.failover.{name}.v1": kind
    for name, kind in (
        ("claim", ClaimRecord),
        ("renew", Renew),
        ("release", Release),
        ("probe", Probe),
        ("era", Era),
        ("checkpoint", Checkpoint),
    )
}


TYPE_OF = {kind: name for name, kind in TYPES.items()}


class Logged(NamedTuple):
    """A record of the log, at its offset; `record` is None if this version cannot read it.

    Incarnation and seq are its envelope's: by them a writer recognizes its own records.
    """

    offset: int
    source: str
    record: Record | None
    incarnation: int = 0
    seq: int = 0

    @classmethod
    def of(cls, offset: int, envelope: Envelope | None) -> "Logged":
        """The record in an envelope at this offset."""
        if envelope is None:
            return cls(offset, "", None)
        kind = TYPES.get(envelope.type)
        try:
            record = None if kind is None else decode(kind, envelope.data)
        except DecodeError:
            record = None
        return cls(offset, envelope.source, record, envelope.incarnation, envelope.seq)

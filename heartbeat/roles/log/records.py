"""The records of the role log, by which instances claim, hold and give up roles.

Each is the value of one record of the topic, as JSON; the envelope names its writer. Offsets are those of the
log. A `claim_id` is made for one CLAIM and never used again, so readers recognize a record that a client sent
twice, or that arrives after its writer has given up.

A record of a role names it in `role`, on the first level, in every version to come. So a reader of an earlier
one knows that the role has one record more, whatever it says, and a claim that both can read wins or loses
for both alike. What changes a holder (CLAIM, RELEASE, ERA) keeps its type as long as a fleet may have two
versions: who cannot read such a record knows that it is there, and not what it did.
"""

import re
from typing import Annotated, NamedTuple, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from bus.contract import Name, WireContract, decode
from bus.envelope import Envelope
from bus.errors import DecodeError
from bus.routes import Column
from heartbeat.liveness.beat import OFFSET_MAX
from heartbeat.roles.claim import ClaimId, RoleName

NO_OFFSET = -1
REVOKED_MAX = 256  # public keys, in hex; a checkpoint has room for them beside 128 roles

KEY = r"^[0-9a-f]{64}$"  # a public key, in hex

Offset = Annotated[int, Field(ge=0, le=OFFSET_MAX)]


class ClaimRecord(WireContract):
    """A claim to the role. `prev` is the offset of the last record of that role, -1 if there is none."""

    role: RoleName
    prev: int = Field(ge=NO_OFFSET, le=OFFSET_MAX)
    claim_id: ClaimId
    incarnation: int = Field(ge=1)
    reason: Annotated[str, Field(max_length=200)] = ""


class Renew(WireContract):
    """The holder, by the claim at this epoch, goes on."""

    role: RoleName
    epoch: Offset
    claim_id: ClaimId


class Release(WireContract):
    """The holder gave it back and has no effects."""

    role: RoleName
    epoch: Offset
    claim_id: ClaimId


class Probe(WireContract):
    """A test of writing to this partition. It touches no role."""

    nonce: ClaimId


Revoked = Annotated[list[Annotated[str, Field(pattern=KEY)]], Field(max_length=REVOKED_MAX)]


class Named(WireContract):
    """The holder that a role has from the first moment of an era: this incarnation of an instance, under a
    claim of this id.
    """

    instance: Name
    incarnation: int = Field(ge=1)
    claim_id: ClaimId


class Era(WireContract):
    """A new era: all claims of earlier eras are stale, and records by one of the keys `revoked` do not count.
    An era names all of them, for of those before it nothing is remembered.

    One that a switch writes names its `plan`, the column that `leads` from here on, and the holder of each
    role, who goes on at once. While the bus does not lead no record of the log gives anybody a role.
    """

    number: int = Field(ge=1, le=0xFFFF)
    authority: Annotated[str, Field(min_length=1, max_length=200)]
    revoked: Revoked = Field(default_factory=list)
    leads: Column = Column.BUS
    plan: Annotated[str, Field(pattern=r"^([0-9a-f]{16})?$")] = ""
    named: dict[RoleName, Named] = Field(default_factory=dict)


class Holding(WireContract):
    """The state of one role in a checkpoint; `last` is the offset of its last record."""

    last: Offset
    epoch: int = Field(ge=NO_OFFSET, le=OFFSET_MAX)
    claim_id: Annotated[str, Field(pattern=r"^([0-9a-f]{16})?$")]
    holder: str
    incarnation: int = Field(ge=0)
    released: bool


class Checkpoint(WireContract):
    """The state of all roles after the offset `as_of`, for readers that come when the log's start is gone."""

    as_of: Offset
    era: int = Field(ge=0, le=0xFFFF)
    floor: int = Field(ge=NO_OFFSET, le=OFFSET_MAX)
    revoked: Revoked = Field(default_factory=list)
    numbers: dict[str, tuple[int, int]] = Field(default_factory=dict)
    roles: dict[RoleName, Holding]
    leads: Column = Column.BUS
    plan: Annotated[str, Field(pattern=r"^([0-9a-f]{16})?$")] = ""

    @model_validator(mode="after")
    def _says_what_was(self) -> Self:
        """Whoever writes one has read the log up to `as_of`: nothing in it can be from behind that. A reader
        takes the epoch for one that it has read, so it must be one that the log had.
        """
        is_of_then = self.floor <= self.as_of and all(
            one.epoch <= one.last <= self.as_of for one in self.roles.values()
        )
        if not is_of_then:
            raise ValueError(f"says more than the log up to {self.as_of}")
        return self


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


def is_key(text: str) -> bool:
    """Whether this is a public key as an era revokes it: 32 bytes in hex."""
    return re.fullmatch(KEY[1:-1], text) is not None  # `$` takes a line end too


class Logged(NamedTuple):
    """A record of the log, at its offset; `record` is None if this version cannot read it.

    Incarnation and seq are its envelope's: by them a writer recognizes its own records. The envelope has the
    proof of the writer. `unread` is the role that a record names which is not of a role for this
    version.
    """

    offset: int
    source: str
    record: Record | None
    incarnation: int = 0
    seq: int = 0
    envelope: Envelope | None = None
    unread: str = ""

    @property
    def role(self) -> str:
        """The role that it is a record of; empty if of none."""
        return getattr(self.record, "role", self.unread)

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
        unread = "" if hasattr(record, "role") else _role_in(envelope.data)
        return cls(offset, envelope.source, record, envelope.incarnation, envelope.seq, envelope, unread)


class _OfRole(BaseModel):
    """What every version can read of any record of a role."""

    role: RoleName


def _role_in(data: bytes) -> str:
    try:
        return _OfRole.model_validate_json(data).role
    except ValidationError:
        return ""

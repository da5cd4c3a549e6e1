"""The contracts of the JSON messages: what is in the data of each type.

Frozen pydantic models, used at the edges only: a machine reads one when a message arrives and writes one when
it sends. What is not declared here is refused, so a misspelt field is an error of its sender and not a silent
default. The packed messages of class `fileid` are declared in `fileid.row`.
"""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bus.errors import DecodeError

BEAT = "provbus.heartbeat.beat.v1"
CATALOGUE = "provbus.config.catalogue.v1"
AUDIT = "provbus.audit.batch.v1"

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class Contract(BaseModel):
    """Base of every contract: immutable, and nothing undeclared. JSON has no way to write infinity down."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Load(Contract):
    """How busy an instance is. `p99_ms` is over the last seconds; `capacity` is in concurrent downloads."""

    in_flight: int = Field(0, ge=0)
    p99_ms: float = Field(0.0, ge=0)
    capacity: int = Field(1, ge=1)


class LogPosition(Contract):
    """How far a reader of the role log is, and the digest of its state at `mark`, a position at or before
    that one; -1 for nothing yet.
    """

    position: int = Field(ge=-1)
    mark: int = Field(ge=-1)
    digest: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]


class RoleState(Contract):
    """Where an instance stands in the election of its role; `epoch` is -1 unless it holds it."""

    role: str
    state: str
    era: int = Field(ge=0)
    epoch: int = Field(ge=-1)


class Beat(Contract):
    """A sign of life. `generation` is that of the settings in force, 0 for none; `endpoints` may be empty.
    `leaves`: it is the last one. Who reads the role log says how far it is, who stands for a role where, who
    does nothing because another process has its name says so in `namesake`.
    """

    service: Annotated[str, Field(pattern="^(dhcp|mps|cfm)$")]
    load: Load = Load()
    draining: bool = False
    generation: int = Field(0, ge=0, le=0xFFFFFFFF)
    endpoints: dict[str, str] = {}
    leaves: bool = False
    namesake: Annotated[str, Field(pattern="^(yielded|stopped)?$")] = ""
    log: LogPosition | None = None
    standing: RoleState | None = None


class CatalogueRecord(Contract):
    """A whole settings catalogue: taken whole or not at all. `digest` is SHA-256 over the canonical classes
    and lookup, hex. A rule of `lookup` says which class a device has.
    """

    generation: int = Field(ge=1, le=0xFFFFFFFF)
    digest: str
    classes: dict[str, dict[str, Any]]
    lookup: list[dict[str, Any]] = []


class AuditBatch(Contract):
    """What happened to FileIDs, in the order it happened."""

    events: list[dict[str, Any]]


_Model = TypeVar("_Model", bound=Contract)


def decode(model: type[_Model], data: bytes) -> _Model:
    """The contract in `data`, or a `DecodeError` that says what is wrong with it."""
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DecodeError(f"{model.__name__} {place}: {first['msg']}") from error


def encode(contract: Contract) -> bytes:
    """The JSON of a contract."""
    return contract.model_dump_json().encode()

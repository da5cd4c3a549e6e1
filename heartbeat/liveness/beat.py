"""The beat: an instance's report on itself, twice a second."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from bus.contract import WireContract
from bus.switch.standing import SwitchStanding

BEAT = "provbus.heartbeat.beat.v1"
LOAD_MAX = 1_000_000_000
"""Of downloads at once, and of milliseconds: sums and ratios of them are numbers that a float has."""
OFFSET_MAX = (1 << 63) - 1  # Kafka's own
LISTED_MAX = 32
"""How many seal keys are listed by their ids. Those of more are a bitmap: a beat is one datagram."""
_SEAL_IDS = 256


def _unless_unknown(found: Any, decode: ValidatorFunctionWrapHandler) -> Any:
    """None for a column or a step that a later release may have: its beat is a sign of life all the same."""
    try:
        return decode(found)
    except ValidationError:
        return None


class Load(WireContract):
    """How busy an instance is."""

    in_flight: int = Field(
        0, ge=0, le=LOAD_MAX, description="Rows that are handed off, or reads that are served or wait."
    )
    p99_ms: float = Field(
        0.0, ge=0, le=LOAD_MAX, description="99th percentile of the downloads of the last 10 s, in ms."
    )
    capacity: int = Field(1, ge=1, le=LOAD_MAX, description="Downloads at once at which it is fully loaded.")


class LogPosition(WireContract):
    """The position of a reader of the role log, and the digest of its state at `mark`, a position at or
    before that one; -1 for nothing yet.
    """

    position: int = Field(ge=-1, le=OFFSET_MAX)
    mark: int = Field(ge=-1, le=OFFSET_MAX)
    digest: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]


class RoleState(WireContract):
    """Where an instance stands in the election of its role."""

    role: str = Field(description="The role: service and site.")
    state: str = Field(description="Where it stands for it.")
    era: int = Field(ge=0, le=0xFFFF, description="The era of its claim.")
    epoch: int = Field(
        ge=-1, le=OFFSET_MAX, description="The epoch of its claim; -1 unless it holds the role."
    )


class KeyIds(WireContract):
    """Which keys an instance has. No digit of a key is in its id. Each list is hex, two digits for a key; the
    first key of a minter's `seal`, and of `group`, is the one in use. Of a CFM that has more than 32 keys to
    open names with the ids are in `seals`.
    """

    fleet: Annotated[str, Field(pattern=r"^([0-9a-f]{8})?$")] = Field(
        "", description="The fleet file: the head of a SHA-256 over its names and public keys."
    )
    seal: Annotated[str, Field(pattern=r"^([0-9a-f]{2}){0,256}$")] = Field(
        "", description="Of a minter the keys that it has, of a CFM those that it opens names with."
    )
    seals: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = Field(
        "",
        description="In place of `seal` where that had more than 32: a number in hex, with bit N for key N.",
    )
    group: Annotated[str, Field(pattern=r"^([0-9a-f]{2}){0,16}$")] = Field(
        "", description="The keys of the multicast group."
    )
    settings: Annotated[str, Field(pattern=r"^([0-9a-f]{2}){0,2}$")] = Field(
        "", description="The keys for the secrets of the settings, that in use first."
    )

    def seal_ids(self) -> list[str]:
        """The ids of its seal keys, however they are told."""
        if not self.seals:
            return each_id(self.seal)
        bits = int(self.seals, 16)
        return [f"{at:02x}" for at in range(_SEAL_IDS) if bits >> at & 1]


def each_id(ids: str) -> list[str]:
    """The ids in a list of `KeyIds`."""
    return [ids[at : at + 2] for at in range(0, len(ids), 2)]


def seals_of(ids: Iterable[int]) -> str:
    """These ids of seal keys as `KeyIds.seals` has them."""
    bits = sum(1 << one for one in {*ids})
    return f"{bits:0{_SEAL_IDS // 4}x}"


class Beat(WireContract):
    """A sign of life. `generation` is that of the settings in force, 0 for none; `sealed` has the ids of
    the settings keys that it cannot do without, as in `KeyIds`; `endpoints` may be empty.
    `leaves`: it is the last one. `namesake`: it does nothing, for another process has its name. `log` is its
    position in the role log, `standing` its state in a role; None if it has none. `verdict` is what its
    `/readyz` says, `reason` the code of the first reason for that. `switch` is where it stands in a switch of
    the transport; None of a release that cannot switch, or switches to what this one does not know.
    """

    service: Annotated[str, Field(pattern="^(dhcp|mps|cfm)$")]
    load: Load = Load()
    draining: bool = False
    generation: int = Field(0, ge=0, le=0xFFFFFFFF)
    sealed: Annotated[str, Field(pattern=r"^([0-9a-f]{2}){0,2}$")] = ""
    endpoints: dict[str, str] = Field(default_factory=dict)
    leaves: bool = False
    namesake: Annotated[str, Field(pattern="^(yielded|stopped)?$")] = ""
    log: LogPosition | None = None
    standing: RoleState | None = None
    verdict: Annotated[str, Field(pattern="^(ready|degraded|not ready)$")] = "ready"
    reason: Annotated[str, Field(pattern="^[a-z0-9-]{0,40}$")] = ""
    version: Annotated[str, Field(max_length=32)] = ""
    transport: Annotated[str, Field(max_length=16)] = ""
    keys: KeyIds = KeyIds()
    switch: Annotated[SwitchStanding | None, WrapValidator(_unless_unknown)] = None

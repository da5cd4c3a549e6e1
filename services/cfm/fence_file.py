"""The file of a CFM's fence: the claims of each role, so that a start without the log knows them."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from bus import state_file
from bus.contract import Contract, encode
from heartbeat.liveness.beat import OFFSET_MAX
from heartbeat.roles.claim import Claim, RoleName
from heartbeat.roles.log.fence import Known, StoreFence
from heartbeat.roles.log.records import NO_OFFSET

FILE = "fence.json"


class _Claim(Contract):
    era: Annotated[int, Field(ge=0, le=0xFFFF)]
    epoch: Annotated[int, Field(ge=NO_OFFSET, le=OFFSET_MAX)]
    claim_id: str
    authority: str
    holder: str
    released: bool
    read_s: float


class _Kept(Contract):
    roles: dict[RoleName, list[_Claim]] = Field(default_factory=dict)


def load_fence(directory: Path) -> dict[str, list[Known]]:
    """The claims that were kept last (`UnavailableError`)."""
    kept = state_file.load(directory / FILE, _Kept) or _Kept()
    return {role: [_known(one) for one in claims] for role, claims in kept.roles.items()}


def save_fence(directory: Path, found: StoreFence) -> None:
    """Keep the claims on the disk."""
    roles = {
        role: [_Claim(**known.claim._asdict(), **_without_claim(known)) for known in claims]
        for role, claims in found.known.items()
    }
    state_file.keep(directory / FILE, encode(_Kept(roles=roles)))


def _known(one: _Claim) -> Known:
    claim = Claim(one.era, one.epoch, one.claim_id, one.authority)
    return Known(claim, one.holder, one.released, one.read_s)


def _without_claim(known: Known) -> dict[str, object]:
    return {name: value for name, value in known._asdict().items() if name != "claim"}

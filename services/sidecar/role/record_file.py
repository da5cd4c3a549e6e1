"""The file of a sidecar's role: the claim that it holds, and whether an operator locked or drained it."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from bus import state_file
from bus.contract import Contract, encode
from heartbeat.roles.claim import Claim, ClaimId
from heartbeat.roles.log.records import Offset
from services.sidecar.role.record import StoreFailover

FILE = "failover.json"


class _Claim(Contract):
    era: Annotated[int, Field(ge=0, le=0xFFFF)]
    epoch: Offset
    claim_id: ClaimId
    authority: str


class _Kept(Contract):
    claim: _Claim | None = None
    locked: bool = False
    drained: bool = False
    is_ours: bool = True
    mode: str = ""
    lock: str = ""


def load_failover(directory: Path) -> StoreFailover:
    """The record that was kept last (`UnavailableError`)."""
    kept = state_file.load(directory / FILE, _Kept) or _Kept()
    claim = None if kept.claim is None else Claim(**kept.claim.model_dump())
    return StoreFailover(claim, kept.locked, kept.drained, kept.is_ours, kept.mode, kept.lock)


def save_failover(directory: Path, found: StoreFailover) -> None:
    """Keep the record on the disk."""
    claim = None if found.claim is None else _Claim(**found.claim._asdict())
    kept = _Kept(claim=claim, **{name: value for name, value in found._asdict().items() if name != "claim"})
    state_file.keep(directory / FILE, encode(kept))

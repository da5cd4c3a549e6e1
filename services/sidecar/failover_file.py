"""What a sidecar keeps of its role: the claim that it holds, and whether an operator locked or drained it."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from bus import state_file
from bus.messages import Contract, encode
from heartbeat.role_records import ClaimId, Offset
from heartbeat.stand import Stand
from services.sidecar.authority import StoreFailover

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
    """What was kept last (`UnavailableError`)."""
    kept = state_file.load(directory / FILE, _Kept) or _Kept()
    claim = kept.claim
    stand = None if claim is None else Stand(**claim.model_dump())
    return StoreFailover(stand, kept.locked, kept.drained, kept.is_ours, kept.mode, kept.lock)


def save_failover(directory: Path, found: StoreFailover) -> None:
    """Keep it on the disk."""
    stand = found.stand
    claim = None if stand is None else _Claim(**stand._asdict())
    kept = _Kept(claim=claim, **{name: value for name, value in found._asdict().items() if name != "stand"})
    state_file.keep(directory / FILE, encode(kept))

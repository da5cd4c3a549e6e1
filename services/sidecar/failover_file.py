"""What a sidecar keeps of its role: the claim that it holds, and whether an operator locked or drained it."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from bus import state_file
from bus.messages import Contract, encode
from heartbeat.evidence import Stand
from heartbeat.role_records import ClaimId, Offset
from services.sidecar.authority import StoreFailover

FILE = "failover.json"


class _Claim(Contract):
    era: Annotated[int, Field(ge=0, le=0xFFFF)]
    epoch: Offset
    claim_id: ClaimId


class _Kept(Contract):
    claim: _Claim | None = None
    locked: bool = False
    drained: bool = False
    is_ours: bool = True


def load_failover(directory: Path) -> StoreFailover:
    """What was kept last (`ConfigError`)."""
    kept = state_file.load(directory / FILE, _Kept) or _Kept()
    claim = kept.claim
    stand = None if claim is None else Stand(claim.era, claim.epoch, claim.claim_id)
    return StoreFailover(stand, kept.locked, kept.drained, kept.is_ours)


def save_failover(directory: Path, found: StoreFailover) -> None:
    """Keep it on the disk."""
    stand = found.stand
    claim = None if stand is None else _Claim(era=stand.era, epoch=stand.epoch, claim_id=stand.claim_id)
    kept = _Kept(claim=claim, locked=found.locked, drained=found.drained, is_ours=found.is_ours)
    state_file.keep(directory / FILE, encode(kept))

"""What a sidecar keeps of its role: the claim that it holds, and whether an operator locked or drained it."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from bus import state_file
from bus.errors import ConfigError, DecodeError
from bus.messages import Contract, decode, encode
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
    """What was kept last. `ConfigError` if that cannot be read: an operator's lock must not be forgotten."""
    try:
        kept = decode(_Kept, (directory / FILE).read_bytes())
    except FileNotFoundError:
        kept = _Kept()
    except DecodeError as error:
        raise ConfigError(f"state_directory: {directory / FILE}: {error}") from error
    claim = kept.claim
    stand = None if claim is None else Stand(claim.era, claim.epoch, claim.claim_id)
    return StoreFailover(stand, kept.locked, kept.drained, kept.is_ours)


def save_failover(directory: Path, found: StoreFailover) -> None:
    """Keep it on the disk."""
    stand = found.stand
    claim = None if stand is None else _Claim(era=stand.era, epoch=stand.epoch, claim_id=stand.claim_id)
    kept = _Kept(claim=claim, locked=found.locked, drained=found.drained, is_ours=found.is_ours)
    state_file.keep(directory / FILE, encode(kept))

"""What a CFM keeps of its vote: the highest claim of each role that it granted, and to whom."""

from pathlib import Path

from pydantic import Field

from bus import state_file
from bus.messages import Contract, encode
from heartbeat.grant_messages import Ballot, to_ballot
from heartbeat.grants import Promise, StorePromises
from heartbeat.role_records import RoleName

FILE = "promises.json"


class _Promise(Ballot):
    candidate: str


class _Kept(Contract):
    promises: dict[RoleName, _Promise] = Field(default_factory=dict)


def load_promises(directory: Path) -> dict[str, Promise] | None:
    """What was promised last, None if there is no record (`UnavailableError`)."""
    kept = state_file.load(directory / FILE, _Kept)
    return (
        None
        if kept is None
        else {role: Promise(one.stand(), one.candidate) for role, one in kept.promises.items()}
    )


def save_promises(directory: Path, found: StorePromises) -> None:
    """Keep it on the disk; when this returns it is there (`OSError`)."""
    promises = {
        role: _Promise(**to_ballot(promise.ballot).model_dump(), candidate=promise.candidate)
        for role, promise in found.promises.items()
    }
    state_file.keep(directory / FILE, encode(_Kept(promises=promises)))

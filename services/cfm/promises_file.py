"""The file of a CFM's promises: the highest claim that it granted for each role, and its candidate."""

from pathlib import Path

from pydantic import Field

from bus import state_file
from bus.contract import Contract, encode
from heartbeat.roles.claim import RoleName
from heartbeat.roles.granted.grants import Promise, StorePromises
from heartbeat.roles.granted.messages import Ballot, to_ballot

FILE = "promises.json"


class _Promise(Ballot):
    candidate: str


class _Kept(Contract):
    promises: dict[RoleName, _Promise] = Field(default_factory=dict)


def load_promises(directory: Path) -> dict[str, Promise] | None:
    """The last promises, None if there is no record (`UnavailableError`)."""
    kept = state_file.load(directory / FILE, _Kept)
    return (
        None
        if kept is None
        else {role: Promise(one.claim(), one.candidate) for role, one in kept.promises.items()}
    )


def save_promises(directory: Path, found: StorePromises) -> None:
    """Keep promises on the disk; when this returns they are there (`OSError`)."""
    promises = {
        role: _Promise(**to_ballot(promise.ballot).model_dump(), candidate=promise.candidate)
        for role, promise in found.promises.items()
    }
    state_file.keep(directory / FILE, encode(_Kept(promises=promises)))

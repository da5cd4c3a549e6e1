"""What a CFM keeps of its vote: the highest claim of each role that it granted, and to whom."""

from pathlib import Path

from pydantic import Field

from bus import state_file
from bus.errors import ConfigError, DecodeError
from bus.messages import Contract, decode, encode
from heartbeat.grant_messages import Ballot
from heartbeat.grants import Promise, StorePromises
from heartbeat.role_records import RoleName

FILE = "promises.json"


class _Promise(Ballot):
    candidate: str


class _Kept(Contract):
    promises: dict[RoleName, _Promise] = Field(default_factory=dict)


def load_promises(directory: Path) -> dict[str, Promise] | None:
    """What was promised last, None if there is no record. `ConfigError` if there is one and it cannot be
    read: what was promised must not be forgotten.
    """
    path = directory / FILE
    try:
        kept = decode(_Kept, path.read_bytes())
    except FileNotFoundError:
        return None
    except DecodeError as error:
        raise ConfigError(f"state_directory: {path}: {error}") from error
    except OSError as error:
        raise ConfigError(f"state_directory: cannot read {path}: {error.strerror}") from error
    return {role: Promise(one.stand(), one.candidate) for role, one in kept.promises.items()}


def save_promises(directory: Path, found: StorePromises) -> None:
    """Keep it on the disk; when this returns it is there (`OSError`)."""
    promises = {
        role: _Promise(**promise.ballot._asdict(), candidate=promise.candidate)
        for role, promise in found.promises.items()
    }
    state_file.keep(directory / FILE, encode(_Kept(promises=promises)))

"""Files in which a process keeps what a restart must know: whole or not at all, also through a power cut."""

import os
from pathlib import Path
from typing import TypeVar

from bus.errors import ConfigError, DecodeError
from bus.messages import Contract, decode

_Model = TypeVar("_Model", bound=Contract)


def load(path: Path, model: type[_Model]) -> _Model | None:
    """What the file holds, None if there is none. `ConfigError` if it cannot be read: what was kept must not
    be forgotten.
    """
    try:
        return decode(model, path.read_bytes())
    except FileNotFoundError:
        return None
    except DecodeError as error:
        raise ConfigError(f"state_directory: {path}: {error}") from error
    except OSError as error:
        raise ConfigError(f"state_directory: cannot read {path}: {error.strerror}") from error


def keep(path: Path, data: bytes) -> None:
    """Put `data` in the place of what the file held; when this returns it is on the disk (`OSError`)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)

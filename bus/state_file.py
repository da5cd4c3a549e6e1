"""Files that keep state over a restart: written whole or not at all, also through a power cut."""

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bus.contract import Contract, decode
from bus.errors import ConfigError, DecodeError, TryAgainError, UnavailableError

_Model = TypeVar("_Model", bound=Contract)

# Errors that last until somebody corrects the configuration, or the file at that place.
_MISPLACED = frozenset((errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP))


class DoubtError(OSError):
    """The new record is in its place, but the disk did not confirm that it stays there."""


def load(path: Path, model: type[_Model]) -> _Model | None:
    """The record in the file, None if there is no file. `UnavailableError` if it is damaged (no configuration
    is to blame for that, and a record must not be forgotten), the error of `unusable` if it cannot be read.
    """
    try:
        return decode(model, path.read_bytes())
    except FileNotFoundError:
        return None
    except DecodeError as error:
        raise damaged(path, str(error)) from error
    except OSError as error:
        raise unusable("read", path, error) from error


def damaged(path: Path, what: str) -> UnavailableError:
    """The error to raise when the contents of a file of ours are damaged."""
    return UnavailableError(
        f"state_directory: {path} is damaged: {what}; restore it, or see deploy/systemd/README.md before you"
        " remove it"
    )


def keep(path: Path, data: bytes, sync: Callable[[int], None] = os.fsync) -> None:
    """Replace the contents of the file by `data`; when this returns they are on the disk (`OSError`).

    After `DoubtError` a restart may find either of the two, after any other error it finds the old one.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A lack of descriptors or room fails before the old record is touched.
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _replace(path, data, sync)
            _settle(directory, sync)
        finally:
            os.close(directory)
    except OSError as error:
        error.filename = str(path)
        raise


def unusable(verb: str, path: Path, error: OSError) -> Exception:
    """The error of a start that needs this file of the state directory: `ConfigError` if the place is wrong,
    `TryAgainError` if the cause passes or somebody else mends it (a full disk, a missing right).
    """
    reason = f"state_directory: cannot {verb} {path}: {error.strerror}"
    return ConfigError(reason) if error.errno in _MISPLACED else TryAgainError(reason)


def _replace(path: Path, data: bytes, sync: Callable[[int], None]) -> None:
    fresh = path.with_name(f"{path.name}.new")
    try:
        with fresh.open("wb") as file:
            file.write(data)
            file.flush()
            sync(file.fileno())
        fresh.rename(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()  # half a record would take the room that its next try needs
        raise


def _settle(directory: int, sync: Callable[[int], None]) -> None:
    try:
        sync(directory)
    except OSError as error:
        raise DoubtError(error.errno, error.strerror) from error

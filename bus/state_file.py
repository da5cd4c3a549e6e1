"""Files in which a process keeps what a restart must know: whole or not at all, also through a power cut."""

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bus.errors import ConfigError, DecodeError, TryAgainError, UnavailableError
from bus.messages import Contract, decode

_Model = TypeVar("_Model", bound=Contract)

# Only somebody who corrects the configuration, or what stands at that place, can help.
_MISPLACED = frozenset((errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP))


class DoubtError(OSError):
    """The new record stands in its place, but the disk did not say that it stays there."""


def load(path: Path, model: type[_Model]) -> _Model | None:
    """What the file holds, None if there is none. What was kept must not be forgotten: `UnavailableError` if
    it makes no sense (no configuration is to blame for that), and what `unusable` says if it cannot be read.
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
    """The error to raise when a file of ours does not hold what we wrote."""
    return UnavailableError(
        f"state_directory: {path} is damaged: {what}; restore it, or see deploy/systemd/README.md before you"
        " remove it"
    )


def keep(path: Path, data: bytes, sync: Callable[[int], None] = os.fsync) -> None:
    """Put `data` in the place of what the file held; when this returns it is on the disk (`OSError`).

    After `DoubtError` nobody knows which of the two a restart will find, after any other error it finds the
    old one.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Whatever can fail for want of descriptors or room fails before the old record is touched.
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
    """Why a start cannot go on without this file of the state directory: `ConfigError` if the place is wrong,
    `TryAgainError` for what passes or somebody else mends (a full disk, a missing right).
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

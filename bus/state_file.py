"""Files that keep state over a restart: written whole or not at all, also through a power cut.

They hold secrets of the plant, so they are for our own user alone: files have mode 0600 and the directories
made for them 0700, whatever the umask is.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bus.contract import Contract, decode
from bus.errors import ConfigError, DecodeError, TryAgainError, UnavailableError

_Model = TypeVar("_Model", bound=Contract)

# Errors that last until somebody corrects the configuration, or the file at that place.
_MISPLACED = frozenset((errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP))


FILE_MODE = 0o600
DIRECTORY_MODE = 0o700


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


def keep(path: Path, data: bytes, sync: Callable[[int], None] = os.fsync, *, mode: int = FILE_MODE) -> None:
    """Replace the contents of the file by `data`; when this returns they are on the disk (`OSError`). A file
    without a secret that others need may have another `mode`.

    After `DoubtError` a restart may find either of the two, after any other error it finds the old one.
    """
    try:
        make_directory(path.parent)
        # A lack of descriptors or room fails before the old record is touched.
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _replace(path, data, sync, mode)
            _settle(directory, sync)
        finally:
            os.close(directory)
    except OSError as error:
        error.filename = str(path)
        raise


def make_directory(path: Path, mode: int = DIRECTORY_MODE) -> None:
    """Make this directory, and those above it that are missing, with this mode whatever the umask is. One
    that is there keeps its own (`OSError`, `FileExistsError` if something else is there).
    """
    try:
        path.mkdir(mode)
    except FileExistsError:
        if not path.is_dir():
            raise
        return
    except FileNotFoundError:
        make_directory(path.parent, mode)
        make_directory(path, mode)
        return
    path.chmod(mode)


def unusable(verb: str, path: Path, error: OSError) -> Exception:
    """The error of a start that needs this file of the state directory: `ConfigError` if the place is wrong,
    `TryAgainError` if the cause passes or somebody else mends it (a full disk, a missing right).
    """
    reason = f"state_directory: cannot {verb} {path}: {error.strerror}"
    return ConfigError(reason) if error.errno in _MISPLACED else TryAgainError(reason)


def _replace(path: Path, data: bytes, sync: Callable[[int], None], mode: int) -> None:
    fresh = path.with_name(f"{path.name}.new")
    try:
        with open(fresh, "wb", opener=_open_private) as file:
            _give_mode(file.fileno(), mode)
            file.write(data)
            file.flush()
            sync(file.fileno())
        fresh.rename(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()  # half a record would take the room that its next try needs
        raise


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, FILE_MODE)


def _give_mode(descriptor: int, mode: int) -> None:
    """Whatever the umask is; and a draft that a killed process left may have another one."""
    found = os.fstat(descriptor).st_mode
    if stat.S_ISREG(found) and stat.S_IMODE(found) != mode:
        os.fchmod(descriptor, mode)


def _settle(directory: int, sync: Callable[[int], None]) -> None:
    try:
        sync(directory)
    except OSError as error:
        raise DoubtError(error.errno, error.strerror) from error

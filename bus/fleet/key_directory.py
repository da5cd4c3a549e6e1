"""One operator at a time in a directory of keys.

Adding instances and rotating keys read what is there, decide, and write several files. Two at once would each
decide by what the other is about to change: the later one writes a fleet file without the instances, or with
the keys, of the earlier one.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bus.config.unreadable import cannot_read
from bus.errors import BusyError, TryAgainError


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Hold a directory of keys with an exclusive `flock(2)`, which ends with the process, however that ends.

    `TryAgainError` if another process holds it, `BusyError` if it cannot be held, `ConfigError` or
    `UnavailableError` if it cannot be opened.
    """
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise cannot_read(str(directory), error) from error
    try:
        _lock(handle, directory)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, directory: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise TryAgainError(f"another command changes {directory} now: wait until it is done") from error
    except OSError as error:
        raise BusyError(f"cannot lock {directory}: {error.strerror}") from error

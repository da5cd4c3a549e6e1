"""One process per state directory, and the proof that the one before it is gone.

A process holds an exclusive `flock(2)` on a file in its state directory for as long as it lives; the kernel
gives it up with the process, however that ends. The lock's **identity** names the boot of this kernel and
the file, by device and inode. A process that kept a record beside that identity held this very lock; the
present holder knows that it is gone. A copy of the directory has another inode, a copy of the machine another
boot: the lock proves nothing for them.
"""

import fcntl
import os
from pathlib import Path

from bus.errors import BusyError, ConfigError
from bus.state_file import make_directory

FILE = "lock"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class LockedError(BusyError):
    """Another process holds the lock."""


class InstanceLock:
    """The lock of one state directory, held until `close` or the end of the process."""

    def __init__(self, directory: Path) -> None:
        """Take the lock. `LockedError` if another process holds it, `BusyError` if the file cannot be had
        now, `ConfigError` if the directory is none.
        """
        path = directory / FILE
        try:
            make_directory(directory)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except (FileExistsError, NotADirectoryError) as error:
            raise ConfigError(f"state_directory: {directory} is not a directory") from error
        except OSError as error:
            raise BusyError(f"state_directory: cannot open {path}: {error.strerror}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.close()
            if not isinstance(error, BlockingIOError):
                raise BusyError(f"state_directory: cannot lock {path}: {error.strerror}") from error
            raise LockedError(
                f"another process runs with {directory}: give each instance a state_directory of its own"
            ) from error
        found = os.fstat(self._descriptor)
        self.identity = f"{_BOOT_ID.read_text().strip()} {found.st_dev} {found.st_ino}"

    def close(self) -> None:
        """Release the lock."""
        os.close(self._descriptor)

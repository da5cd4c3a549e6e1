"""Disks of machines: a directory on a tmpfs of its own, which can be filled to the last byte. Needs root.

A guard takes each one away when its input ends: so none is left, in whichever way the lab ends.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bus.errors import StateError, UnavailableError

FILLING = "filling"
_BLOCKS = (bytes(1 << 20), bytes(4096))
_GUARD = 'cat > /dev/null; umount --lazy "$1" 2> /dev/null'


@contextlib.contextmanager
def small_disk(directory: Path, kib: int) -> Iterator[None]:
    """Have this directory, which is empty, on a disk of this size. `UnavailableError` if none can be made."""
    words = ["mount", "-t", "tmpfs", "-o", f"size={kib}k,mode=0700", "tmpfs", str(directory)]
    guard = subprocess.Popen(
        ["sh", "-c", _GUARD, "sh", str(directory)],
        stdin=subprocess.PIPE,
        start_new_session=True,
        env={"PATH": os.environ.get("PATH", os.defpath)},  # not marked: nobody guards a guard
    )
    with guard:  # which closes its input, and waits
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise UnavailableError(f"no disk can be mounted here: {done.stderr.strip()}")
        yield


def fill(directory: Path) -> None:
    """Leave no room on the disk of this directory; `StateError` if that is nobody's alone."""
    if not directory.is_mount():
        raise StateError(f"{directory} is not on a disk of its own")
    descriptor = os.open(directory / FILLING, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        if os.fstat(descriptor).st_dev == directory.parent.stat().st_dev:
            raise StateError(f"{directory} is not on its own disk any more")
        for block in _BLOCKS:
            with contextlib.suppress(OSError):  # nothing more of this size fits
                while True:
                    os.write(descriptor, block)
    finally:
        os.close(descriptor)


def make_room(directory: Path) -> None:
    """Take `fill` back."""
    (directory / FILLING).unlink(missing_ok=True)

"""The umask of this process, for as long as a test needs another one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Have this umask in the block."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)

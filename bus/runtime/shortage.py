"""Shortages of a start that may pass: descriptors, threads, memory, room.

While a process runs, a shortage concerns one call: it is counted, and the process goes on. A start names the
shortage and ends to be tried again; it never calls that a mistake in the configuration, after which nobody
would start it any more.
"""

import errno
import os
from threading import Event, Thread

from bus.errors import TryAgainError

THREADS = 32  # libzmq has two, each of two Kafka clients one for each broker and some of its own
_THREADS = "raise TasksMax or LimitNPROC"
_SHORT = {
    errno.EMFILE: "raise LimitNOFILE (ulimit -n)",
    errno.ENFILE: "raise fs.file-max",
    errno.ENOMEM: "give it memory",
    errno.ENOBUFS: "give it memory",
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room in the quota",
    errno.EROFS: "mount it for writing",
    errno.EIO: "see to the disk",
}


def check_threads(count: int = THREADS) -> None:
    """`TryAgainError` unless `count` threads can run at once: without a thread libzmq aborts the process."""
    is_over = Event()
    threads: list[Thread] = []
    try:
        for _ in range(count):
            thread = Thread(target=is_over.wait)
            thread.start()
            threads.append(thread)
    except RuntimeError as error:
        raise TryAgainError(f"{len(threads)} threads of {count} can be had: {_THREADS}") from error
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def explain(error: Exception) -> None:
    """Raise `TryAgainError` if this error of a start is a shortage, of whichever library."""
    number = getattr(error, "errno", None)
    if isinstance(number, int) and number in _SHORT:
        place = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
        raise TryAgainError(f"cannot start: {place}{os.strerror(number)}: {_SHORT[number]}") from error
    if isinstance(error, RuntimeError) and "thread" in str(error):
        raise TryAgainError(f"cannot start: {error}: {_THREADS}") from error

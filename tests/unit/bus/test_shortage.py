"""What a start cannot have now is said, and tried again; what is wrong stays what it is."""

import errno
import os
import threading

import pytest
import zmq

from bus.errors import TryAgainError
from bus.runtime.shortage import check_threads, explain


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files: raise LimitNOFILE"),
        (OSError(errno.ENFILE, "x"), "Too many open files in system: raise fs.file-max"),
        (OSError(errno.ENOSPC, "x", "/state/x"), "/state/x: No space left on device: make room"),
        (OSError(errno.EROFS, "x"), "Read-only file system: mount it for writing"),
        (zmq.ZMQError(errno.EMFILE), "Too many open files: raise LimitNOFILE"),
        (RuntimeError("can't start new thread"), "can't start new thread: raise TasksMax"),
    ],
    ids=repr,
)
def test_a_shortage_of_a_start_is_tried_again(error: Exception, said: str) -> None:
    with pytest.raises(TryAgainError, match=f"cannot start: {said}"):
        explain(error)


@pytest.mark.parametrize(
    "error", [OSError(errno.EACCES, "x"), RuntimeError("x"), ValueError("thread"), zmq.Again()], ids=repr
)
def test_nothing_else_is(error: Exception) -> None:
    explain(error)


def test_threads_are_tried_and_left_behind_by_none() -> None:
    before = threading.active_count()
    check_threads()
    assert threading.active_count() == before


def test_without_threads_a_start_says_so() -> None:
    """In a process of its own, which may have no more: as nobody, for root has no such limit."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, _try().encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    assert said in ("not root", "0 threads of 32 can be had: raise TasksMax or LimitNPROC")


def _try() -> str:
    import resource

    if os.getuid() != 0:
        return "not root"
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    os.setgid(65534)
    os.setuid(65534)
    try:
        check_threads()
    except TryAgainError as error:
        return str(error)
    return "there were some"

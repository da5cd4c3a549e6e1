"""A child that does the work, and its parent, which waits for it.

The parent forks before the first thread and the first client, and keeps none. It learns from waitpid(2) that
the child has ended: a number that was read somewhere may belong to another process by now, the child's own
cannot before the parent has waited for it. The signals that it hands on are blocked while it waits and are
taken one by one, so none comes between a look and a deed.

The child dies with its parent (PR_SET_PDEATHSIG), so that whoever ends the parent has ended both. It has a
process group of its own: Ctrl-C reaches the parent alone, which hands it on once. As process 1 of a container
the parent also waits for the orphans that it inherits.

systemd names the parent in `$WATCHDOG_PID`, and the child feeds the watchdog: the parent would feed it for a
child that hangs. The unit needs `NotifyAccess=all`. It needs `KillMode=mixed` too, or the child is asked to
stop twice.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
HANDED_ON = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGABRT})
"""The signals that are the child's. systemd sends SIGABRT when nobody feeds the watchdog."""
_TAKEN = HANDED_ON | {signal.SIGCHLD}


def fork() -> int:
    """The number of the child; 0 in the child, which dies with its parent from here on."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # one that was ignored would take the child's end away
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _TAKEN)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # or both would write what waits there
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _die_with(parent)
        os.setpgid(0, 0)
        if os.environ.get("WATCHDOG_PID") == str(parent):
            os.environ["WATCHDOG_PID"] = str(os.getpid())
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return child


def wait(child: int, asked: Callable[[int], None]) -> int:
    """Wait for the child's end: its exit code, or the negative number of the signal that ended it. `asked`
    gets every signal of `HANDED_ON` meanwhile.
    """
    while True:
        number = signal.sigwait(_TAKEN)
        if number != signal.SIGCHLD:
            asked(number)
            continue
        code = _reap(child)
        if code is not None:
            return code


def _reap(child: int) -> int | None:
    """Wait for whoever has ended; the child's exit code if it is among them."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == child:
            code = os.waitstatus_to_exitcode(status)


def _die_with(parent: int) -> None:
    """Have the kernel kill us when our parent dies; a parent that is gone already ends us now."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        os._exit(128 + signal.SIGKILL)

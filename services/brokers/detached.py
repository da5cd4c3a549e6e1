"""Processes that outlive us: start them in their own sessions, identify them later, stop only them.

Theory of operation
-------------------
A process id alone identifies no process: it is reused after its process is gone, and a state file may be days
old. A pid together with its start time (field 22 of `/proc/PID/stat`, clock ticks since boot) identifies one
process of one boot, so every question and every signal uses that pair. A signal is sent by pidfd: the handle
is opened first, then the pair is checked, so the pid cannot be reused in between. A zombie counts as dead.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bus.errors import StateError

STOP_S_MAX = 10.0
"""The longest time of a clean stop; measured 0.4 to 0.6 s."""

KILL_S_MAX = 10.0
"""The longest time in which the kernel ends a killed process; beyond it the process hangs in the kernel."""

POLL_S = 0.02


class ProcessIdentity(NamedTuple):
    """One process of this boot: its pid and its start in clock ticks since boot."""

    pid: int
    start_ticks: int


def parse_stat(stat: str) -> tuple[str, int]:
    """State letter and start ticks in a `/proc/PID/stat`, see proc(5); the name in it may be anything."""
    fields = stat[stat.rindex(")") + 1 :].split()
    return fields[0], int(fields[19])


def identify(pid: int) -> ProcessIdentity | None:
    """The living process that has `pid` now, None when there is none."""
    try:
        state, start_ticks = parse_stat(Path(f"/proc/{pid}/stat").read_text(errors="replace"))
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in "ZX" else ProcessIdentity(pid, start_ticks)


def is_alive(process: ProcessIdentity) -> bool:
    """Whether exactly this process still runs."""
    return identify(process.pid) == process


def boot_id() -> str:
    """The kernel's name for the present boot: start ticks of another boot mean nothing."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def rss_mib(process: ProcessIdentity) -> int | None:
    """Resident memory in MiB, None when the process is gone."""
    try:
        pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20 if is_alive(process) else None


def spawn(command: Sequence[str], environ: Mapping[str, str], log: Path) -> ProcessIdentity:
    """Start `command` in a session of its own, its output at the end of `log`, its input empty. It survives
    the caller.

    `os.posix_spawn`, not `subprocess`: we do not wait for the process, and a dropped `Popen` complains.
    """
    output = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        command[0],
        list(command),
        dict(environ),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), output, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=[signal.SIGINT, signal.SIGPIPE],
    )
    # A child keeps its pid, as a zombie if need be, until we reap it: the start time read here is its own.
    _, start_ticks = parse_stat(Path(f"/proc/{pid}/stat").read_text(errors="replace"))
    return ProcessIdentity(pid, start_ticks)


def send_signal(process: ProcessIdentity, number: signal.Signals) -> bool:
    """Signal exactly this process; False when it is gone."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        if not is_alive(process):
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def stop(
    processes: Sequence[ProcessIdentity], finished: Callable[[], bool], stop_s_max: float = STOP_S_MAX
) -> None:
    """SIGTERM all at once, SIGKILL when `finished()` or after `stop_s_max`; return when all are gone.

    Raises `StateError` when a process outlives SIGKILL.
    """
    for process in processes:
        send_signal(process, signal.SIGTERM)
    _wait_until(lambda: finished() or not any(map(is_alive, processes)), stop_s_max)
    kill(processes)


def kill(processes: Sequence[ProcessIdentity]) -> None:
    """SIGKILL all at once; return when all are gone. Raises `StateError` when one outlives it."""
    for process in processes:
        send_signal(process, signal.SIGKILL)
    if not _wait_until(lambda: not any(map(is_alive, processes)), KILL_S_MAX):
        pids = [process.pid for process in processes if is_alive(process)]
        raise StateError(f"the kernel does not end the processes {pids}; see their state with ps")
    for process in processes:
        _reap(process)


def _wait_until(condition: Callable[[], bool], wait_s_max: float) -> bool:
    deadline = time.monotonic() + wait_s_max
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)
    return True


def _reap(process: ProcessIdentity) -> None:
    """Collect the zombie if it is our child; a stranger's belongs to its own parent."""
    try:
        _, start_ticks = parse_stat(Path(f"/proc/{process.pid}/stat").read_text(errors="replace"))
        if start_ticks == process.start_ticks:
            os.waitpid(process.pid, os.WNOHANG)
    except (FileNotFoundError, ProcessLookupError, ChildProcessError):
        pass

"""The processes of a run: start, ask, measure, kill them, and leave none behind."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from bus.errors import TransportError, UnavailableError
from bus.runtime.exchange import exchange

_STOP_S = 5.0
_LOOK_AGAIN_S = 0.02
_CPUCLOCK_SCHED = 2  # with a pid it names the clock that clock_getcpuclockid(3) gives, in ns


class Process:
    """One child, of Python. The report counts its CPU under `group`. The words of `enter`, before its
    command, have it run on its machine. Its modules are those of `tree`, from its next start on; None: ours.
    """

    def __init__(
        self,
        name: str,
        group: str,
        arguments: list[str],
        directory: Path,
        enter: Sequence[str] = (),
        tree: Path | None = None,
    ) -> None:
        self.name = name
        self.group = group
        self.tree = tree
        self.wrapper: Sequence[str] = ()  # the words before its command, from its next start on
        self._enter = enter
        self._arguments = arguments
        self._log = directory / f"{name}.log"
        self._earlier_cpu_s = 0.0
        self._start()

    def _start(self) -> None:
        self._lines = b""
        with self._log.open("ab") as log:
            # A session of its own: Ctrl-C reaches the lab alone, which then stops its children in order.
            self._child = subprocess.Popen(
                [*self._enter, *self.wrapper, *python_of(self.tree), *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment_of(self.tree),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id, as long as it runs."""
        return self._child.pid

    @property
    def worker(self) -> int:
        """The process id of the one that does the work: its child, if it has one, as a sidecar has."""
        return (*_children(self._child.pid), self._child.pid)[0]

    @property
    def out(self) -> IO[bytes]:
        """The child's standard output."""
        assert self._child.stdout is not None
        return self._child.stdout

    def say(self, line: str) -> None:
        """Write a line to the child."""
        assert self._child.stdin is not None
        self._child.stdin.write(line.encode() + b"\n")
        self._child.stdin.flush()

    def lines(self, wait_s: float) -> list[dict[str, Any]]:
        """The JSON lines printed since the last look; waits up to `wait_s` for the first."""
        ready, _, _ = select.select([self.out], [], [], wait_s)
        if ready:
            self._lines += os.read(self.out.fileno(), 65536)
        *whole, self._lines = self._lines.split(b"\n")
        return [json.loads(line) for line in whole if line.startswith(b"{")]

    def is_ready(self, wait_s: float = 0.0) -> bool:
        """Whether it has printed so since the last look."""
        return any("ready" in line for line in self.lines(wait_s))

    def check(self) -> None:
        """`UnavailableError`, with the end of its log, if the child has ended."""
        code = self.exit_code()
        if code is not None:
            tail = self._log.read_text(errors="replace").strip().splitlines()[-5:]
            raise UnavailableError(f"{self.name} ended with exit code {code}: " + " / ".join(tail))

    def exit_code(self) -> int | None:
        """Its exit code; None while it runs."""
        gone = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if self._child.returncode is None and os.waitid(os.P_PID, self._child.pid, gone) is not None:
            self._earlier_cpu_s += self._present_cpu_s()  # which a child that was not waited for still tells
            self._child.wait()
        return self._child.returncode

    def cpu_s(self) -> float:
        """CPU seconds so far, of every incarnation."""
        return self._earlier_cpu_s + self._present_cpu_s()

    def rss_mib(self) -> float:
        """Its resident memory now, in MiB."""
        return rss_mib(self.worker)

    def peak_rss_mib(self) -> float:
        """Its peak of resident memory since it was started last, in MiB."""
        status = Path(f"/proc/{self.worker}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def kill(self) -> None:
        """Kill -9."""
        if self.exit_code() is None:
            self._child.kill()
        self._wait()

    def kill_worker(self) -> None:
        """Kill -9 the one that does the work alone, and wait until its parent has ended."""
        if self.exit_code() is None:
            os.kill(self.worker, signal.SIGKILL)
        self.stop()

    def restart(self) -> None:
        """Start it again, after `kill` or `stop`."""
        self._start()

    def hang_up(self) -> None:
        """Ask it to reload its keys: SIGHUP."""
        if self.exit_code() is None:
            self._child.send_signal(signal.SIGHUP)

    def terminate(self) -> None:
        """Ask it to stop: SIGTERM."""
        if self.exit_code() is None:
            self._child.terminate()

    def stop(self, patience_s: float = _STOP_S) -> None:
        """Wait for its end; kill it if that takes longer than `patience_s`."""
        deadline = time.monotonic() + patience_s
        while self.exit_code() is None and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN_S)
        self.kill()

    def _wait(self) -> None:
        while self.exit_code() is None:
            os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOWAIT)
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()

    def _present_cpu_s(self) -> float:
        if self._child.returncode is not None:
            return 0.0
        return sum(map(_clock_s, (self._child.pid, *_children(self._child.pid)))) + _reaped_s(self._child.pid)


def python_of(tree: Path | None) -> list[str]:
    """Python's command for the modules of this tree, in `environment_of` it."""
    # Without -P the present directory would come first, which may hold a tree too.
    return [sys.executable] if tree is None else [sys.executable, "-P"]


def environment_of(tree: Path | None) -> dict[str, str]:
    """Our environment, in which the modules of this tree come before those that are installed."""
    return {**os.environ} if tree is None else {**os.environ, "PYTHONPATH": str(tree)}


def rss_mib(pid: int) -> float:
    """The resident memory of a process, in MiB; `OSError` if it has ended."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def _children(pid: int) -> list[int]:
    """The children of a process that has one thread; none if it has ended."""
    try:
        return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    except OSError:
        return []


def _clock_s(pid: int) -> float:
    """The CPU seconds of a process; 0 if it was waited for since."""
    try:
        # `/proc/PID/stat` counts in ticks of 10 ms; a storm's bare loop may spend less than one.
        return time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)
    except OSError:
        return 0.0


def _reaped_s(pid: int) -> float:
    """The CPU seconds of the children for which a process has waited."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def stop_all(processes: list[Process]) -> None:
    """Stop all processes: ask all first, then wait for each."""
    for process in processes:
        process.terminate()
    for process in processes:
        process.stop()


def ask(path: Path, request: dict[str, Any], timeout_s: float = 5.0) -> dict[str, Any] | None:
    """The answer to one request over a local socket; None if there is none."""
    try:
        return exchange(path, request, timeout_s)
    except TransportError:
        return None


def wait_until(condition: Callable[[], bool], timeout_s: float, what: str, processes: list[Process]) -> None:
    """Wait for a condition; `UnavailableError` if it takes too long, or if a process ends."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        for process in processes:
            process.check()
        if time.monotonic() > deadline:
            raise UnavailableError(f"waited {timeout_s:.0f} s in vain for {what}")
        time.sleep(0.05)

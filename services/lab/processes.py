"""The processes of a run: started, asked, measured, killed, and never left behind."""

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
from bus.transport.local import exchange

_STOP_S = 5.0
_LOOK_AGAIN_S = 0.02
_TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    """One child. `group` says whose CPU it is in the report."""

    def __init__(self, name: str, group: str, arguments: list[str], directory: Path) -> None:
        self.name = name
        self.group = group
        self.wrapper: Sequence[str] = ()  # the words before its command, from its next start on
        self._arguments = arguments
        self._log = directory / f"{name}.log"
        self._earlier_cpu_s = 0.0
        self._start()

    def _start(self) -> None:
        self._lines = b""
        with self._log.open("ab") as log:
            # A session of its own: Ctrl-C reaches the lab alone, which then stops its children in order.
            self._child = subprocess.Popen(
                [*self.wrapper, sys.executable, *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its number, as long as it runs."""
        return self._child.pid

    @property
    def out(self) -> IO[bytes]:
        """What the child prints."""
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

    def check(self) -> None:
        """`UnavailableError`, with the end of its log, if the child has ended."""
        code = self.exit_code()
        if code is not None:
            tail = self._log.read_text(errors="replace").strip().splitlines()[-5:]
            raise UnavailableError(f"{self.name} ended with exit code {code}: " + " / ".join(tail))

    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        gone = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if self._child.returncode is None and os.waitid(os.P_PID, self._child.pid, gone) is not None:
            self._earlier_cpu_s += self._present_cpu_s()  # which a child that was not waited for still tells
            self._child.wait()
        return self._child.returncode

    def cpu_s(self) -> float:
        """CPU seconds so far, of every incarnation."""
        return self._earlier_cpu_s + self._present_cpu_s()

    def rss_mib(self) -> float:
        """Memory it has resident now."""
        pages = int(Path(f"/proc/{self._child.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)

    def kill(self) -> None:
        """Kill -9."""
        if self.exit_code() is None:
            self._child.kill()
        self._wait()

    def restart(self) -> None:
        """Start it again, after `kill` or `stop`."""
        self._start()

    def hang_up(self) -> None:
        """Ask it to read its keys again."""
        if self.exit_code() is None:
            self._child.send_signal(signal.SIGHUP)

    def terminate(self) -> None:
        """Ask it to stop."""
        if self.exit_code() is None:
            self._child.terminate()

    def stop(self, patience_s: float = _STOP_S) -> None:
        """See that it has stopped; what does not within `patience_s` is killed."""
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
        try:
            fields = Path(f"/proc/{self._child.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / _TICKS


def stop_all(processes: list[Process]) -> None:
    """Stop every one of them: all are asked first, then each is waited for."""
    for process in processes:
        process.terminate()
    for process in processes:
        process.stop()


def ask(path: Path, request: dict[str, Any], timeout_s: float = 5.0) -> dict[str, Any] | None:
    """One question over a local socket; None if nobody answers there."""
    try:
        return exchange(path, request, timeout_s)
    except TransportError:
        return None


def wait_until(condition: Callable[[], bool], timeout_s: float, what: str, processes: list[Process]) -> None:
    """Wait for a condition while all processes live; `UnavailableError` when it takes too long."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        for process in processes:
            process.check()
        if time.monotonic() > deadline:
            raise UnavailableError(f"waited {timeout_s:.0f} s in vain for {what}")
        time.sleep(0.05)

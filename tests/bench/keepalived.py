"""keepalived beside failover-host.yaml: on the same machines, from a death to the first request answered.

    .venv/bin/python -m tests.bench.keepalived [TIMES]

Two machines share an address by VRRP, with keepalived's defaults, and both answer datagrams. The master's
machine dies as in that scenario. The client asks every 10 ms; what it sees is the service, not the daemon.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

from services.lab.network.machines import Machines, lacking
from tests.bench.figure import Figure, Skipped

FIGURES = ("keepalived_takeover_s",)
TIMES = 20
SHARED = "10.0.0.50"
PORT = 7777
WAIT_S = 30.0
ADDRESSES = {"one": "10.0.0.2", "two": "10.0.0.6", "plant": "10.0.0.4"}
PRIORITIES = {"one": 100, "two": 90}
CONFIG = """
vrrp_instance shared {{
    interface eth0
    virtual_router_id 51
    priority {priority}
    virtual_ipaddress {{
        {shared}/8
    }}
}}
"""
ANSWER = """
import socket, sys
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.bind(("0.0.0.0", int(sys.argv[2])))
while True:
    data, peer = one.recvfrom(64)
    one.sendto(sys.argv[1].encode(), peer)
"""
ASK = """
import socket, sys, time
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.settimeout(0.01)
last = ""
while True:
    try:
        one.sendto(b"?", (sys.argv[1], int(sys.argv[2])))
        said = one.recv(64).decode()
        time.sleep(0.01)
    except OSError:
        continue
    if said != last:
        print(time.clock_gettime(time.CLOCK_BOOTTIME), said, flush=True)
        last = said
"""


def keepalived_figures() -> list[Figure]:
    """The takeovers of keepalived, in seconds."""
    program = _program()
    return [Figure(FIGURES[0], takeovers(program, 5), "", "keepalived, machine dies, s")]


def takeovers(program: str, times: int) -> list[float]:
    """The time of each takeover, from the master's death to the first answer of the other one, in s."""
    took: list[float] = []
    random = Random(1)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        machines = stack.enter_context(Machines(ADDRESSES, "plant", lambda process: process))
        for name in PRIORITIES:
            stack.enter_context(_running(machines, name, [sys.executable, "-c", ANSWER, name, str(PORT)]))
        daemons = {name: stack.enter_context(ExitStack()) for name in PRIORITIES}
        for name, daemon in daemons.items():
            daemon.enter_context(_keepalived(machines, program, name, directory))
        client = stack.enter_context(
            _running(machines, "plant", [sys.executable, "-u", "-c", ASK, SHARED, str(PORT)])
        )
        seen = _Seen(client)
        for _ in range(times):
            seen.until("one")
            seen.nothing_for(random.uniform(2.0, 3.0))
            died_at = time.clock_gettime(time.CLOCK_BOOTTIME)
            machines.die("one")
            daemons["one"].close()
            took.append(seen.until("two") - died_at)
            machines.revive("one")
            daemons["one"].enter_context(_keepalived(machines, program, "one", directory))
    return took


def _program() -> str:
    program = shutil.which("keepalived", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if program is None or lacking(slow=False):
        raise Skipped(lacking(slow=False) or "keepalived is not installed", FIGURES)
    return program


class _Seen:
    """The answers that the client sees, as they change."""

    def __init__(self, client: subprocess.Popen[bytes]) -> None:
        assert client.stdout is not None
        self._out = client.stdout

    def nothing_for(self, seconds: float) -> None:
        """For so long nobody else answers; `RuntimeError` if somebody does, for then it was no calm start."""
        if select.select([self._out], [], [], seconds)[0]:
            raise RuntimeError("the address went to another machine by itself")

    def until(self, name: str) -> float:
        """When this machine's first answer came; `RuntimeError` if none does within `WAIT_S`."""
        while select.select([self._out], [], [], WAIT_S)[0]:
            at, said = self._out.readline().split()  # a pipe without a buffer: a line is read as it comes
            if said.decode() == name:
                return float(at)
        raise RuntimeError(f"{name} does not answer")


@contextmanager
def _keepalived(machines: Machines, program: str, name: str, directory: Path) -> Iterator[None]:
    config = directory / f"{name}.conf"
    config.write_text(CONFIG.format(priority=PRIORITIES[name], shared=SHARED))
    words = [program, "--dont-fork", "--use-file", str(config), "--vrrp"]
    pids = [f"--pid={directory}/{name}.pid", f"--vrrp_pid={directory}/{name}-vrrp.pid"]
    with _running(machines, name, [*words, *pids]):
        yield


@contextmanager
def _running(machines: Machines, name: str, words: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process on this machine, killed -9 with its whole group at the end."""
    process = subprocess.Popen(
        [*machines.enter(name), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(WAIT_S)
        if process.stdout is not None:
            process.stdout.close()


def main() -> None:
    """Measure, and print the median, the slowest and all."""
    took = takeovers(_program(), int(sys.argv[1]) if len(sys.argv) > 1 else TIMES)
    ordered = [round(one, 3) for one in sorted(took)]
    print(json.dumps({"p50_s": round(statistics.median(took), 3), "max_s": ordered[-1], "took_s": ordered}))


if __name__ == "__main__":
    main()

"""How many downloads a second our TFTP server gives, and whether more clients at once slow it down.

The server is a process of its own that serves one constant file; this process is all of its clients, with
our client core. The clients cost as much as the server: where both share cores, the number is theirs, too.
"""

import json
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from services.lab.network.run_network import free_port
from services.tftp.client_core import ReadClient
from tests.bench.figure import Figure, alternate

ADDRESS = "127.0.0.11"
FILE_BYTES = 2436
LEVELS = (50, 400, 1200)
READS = 6000
ROUNDS = 7
STALLED_S = 2.0  # without a datagram; then whoever waits asks again, as a modem does


class Server:
    """The process of `tests.bench.constant_tftp`."""

    def __init__(self, port: int) -> None:
        words = [sys.executable, "-m", "tests.bench.constant_tftp", ADDRESS, str(port), str(FILE_BYTES)]
        self._child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = port
        self.granted_bytes = self._answer()["granted_bytes"]

    def ask(self) -> Any:
        """What it counted."""
        assert self._child.stdin is not None
        self._child.stdin.write("\n")
        self._child.stdin.flush()
        return self._answer()

    def stop(self) -> None:
        """End its input, and so itself."""
        self._child.communicate()

    def _answer(self) -> Any:
        assert self._child.stdout is not None
        return json.loads(self._child.stdout.readline())


class Clients:
    """Reads one after the other, so many at once; each from a port of its own."""

    def __init__(self, port: int) -> None:
        self.asked_again = 0
        self._server = (ADDRESS, port)
        self._epoll = select.epoll()
        self._reads: dict[int, tuple[socket.socket, ReadClient]] = {}
        self._started = 0

    def run(self, at_once: int, reads: int) -> float:
        """Reads per second."""
        begin = time.monotonic()
        for _ in range(at_once):
            self._start()
        left = reads - at_once
        while self._reads:
            ready = self._epoll.poll(STALLED_S)
            for number, _ in ready:
                if self._hear(number) and left > 0:
                    left -= 1
                    self._start()
            if not ready:
                self._ask_again()
        return reads / (time.monotonic() - begin)

    def close(self) -> None:
        """Give the epoll descriptor back."""
        self._epoll.close()

    def _start(self) -> None:
        self._started += 1
        client = ReadClient(b"constant-%d" % self._started)
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.setblocking(False)
        one.sendto(client.request, self._server)
        self._epoll.register(one.fileno(), select.EPOLLIN)
        self._reads[one.fileno()] = one, client

    def _hear(self, number: int) -> bool:
        """Take one datagram; whether the read is done."""
        one, client = self._reads[number]
        data, peer = one.recvfrom(2048)
        reply = client.receive(data, peer[1])
        if reply is not None:
            one.sendto(reply, peer)
        if not client.done:
            return False
        assert len(client.file) == FILE_BYTES
        self._epoll.unregister(number)
        del self._reads[number]
        one.close()
        return True

    def _ask_again(self) -> None:
        for one, client in self._reads.values():
            self.asked_again += 1
            one.sendto(client.restart(), self._server)


def tftp_figures() -> list[Figure]:
    """The three levels in alternation."""
    with _server() as server:
        clients = Clients(server.port)
        columns = alternate(
            *(lambda level=level: clients.run(level, READS) for level in LEVELS), rounds=ROUNDS
        )
        counted = server.ask()
        clients.close()
    medians = [statistics.median(speeds) for speeds in columns]
    again = float(counted["retransmits"] + clients.asked_again)
    cpu_us = counted["cpu_s"] * 1e6 / (READS * len(LEVELS) * (ROUNDS + 1))
    granted_kib = server.granted_bytes // 1024
    return [
        *(
            Figure(f"tftp_sessions_per_s_{level}", speeds, "≥ 3450", f"downloads/s, {level} clients at once")
            for level, speeds in zip(LEVELS, columns, strict=True)
        ),
        Figure(
            "tftp_flatness", [min(medians) / max(medians)], "≥ 0.8", "the slowest of the three / the fastest"
        ),
        Figure(
            "tftp_retransmits",
            [again],
            "0",
            f"packets sent again by both sides; receive buffer granted: {granted_kib} KiB",
        ),
        Figure(
            "tftp_cpu_us",
            [cpu_us],
            "",
            f"CPU of the server per download of {FILE_BYTES} bytes, sockets included, µs",
        ),
    ]


@contextmanager
def _server() -> Iterator[Server]:
    server = Server(free_port([ADDRESS], socket.SOCK_DGRAM))
    try:
        yield server
    finally:
        server.stop()

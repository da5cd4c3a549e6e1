"""The server of the matrix: `python -m tests.integration.tftp_clients.server ADDRESS PORT BLKSIZE_MAX`.

Our server core and its sockets, as a CFM has them, and a host that vouches for everybody. A name says how
large its file is (`6000.anything`), so whoever reads it knows every byte. It says `ready`, and ends with its
input.
"""

import sys
import time
from random import Random

from bus.transport.poller import Poller
from services.tftp.effects import Datagram, Effect, ReadRequested, ReadRestarted
from services.tftp.server_core import TftpServer
from services.tftp.sockets import TftpSockets

TRANSFER_SOCKETS = 2


def content(size: int) -> bytes:
    """The file of this size: any byte, CR and LF among them."""
    return Random(size).randbytes(size)


class Host:
    """Has a file of every size."""

    def __init__(self, address: str, port: int, blksize_max: int) -> None:
        self._poller = Poller()
        self._sockets = TftpSockets(self._poller, address, port, TRANSFER_SOCKETS)
        self._server = TftpServer(transfer_sockets=TRANSFER_SOCKETS, blksize_max=blksize_max)
        self._poller.add(sys.stdin.fileno(), lambda: [sys.stdin.readline()])
        print("ready", flush=True)

    def run(self) -> None:
        """Serve until the input ends."""
        while True:
            due = self._server.deadline()
            arrived = self._poller.poll(None if due is None else max(0.0, due - time.monotonic()))
            now = time.monotonic()
            for one in arrived:
                if isinstance(one, str):
                    return
                for data, peer in one.datagrams:
                    self._follow(self._server.receive(one.socket, data, peer, now), now)
            self._follow(self._server.tick(now), now)

    def _follow(self, events: list[Effect], now: float) -> None:
        for event in events:
            if isinstance(event, Datagram):
                self._sockets.send(event)
            elif isinstance(event, ReadRequested):
                self._server.open(event, now)
                self._follow(self._server.serve(event.read, _file(event.request.name), now), now)
            elif isinstance(event, ReadRestarted):
                self._follow(self._server.serve(event.read, _file(event.name), now), now)


def _file(name: bytes) -> bytes:
    return content(int(name.split(b".")[0]))


if __name__ == "__main__":
    Host(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])).run()

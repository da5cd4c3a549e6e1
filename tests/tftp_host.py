"""A TFTP server for tests: our core and sockets, as a CFM has them, and a host that vouches for everybody."""

import sys
import time
from collections.abc import Callable
from typing import Any

from bus.transport.poller import Poller
from services.tftp.effects import Datagram, ReadRequested, ReadRestarted
from services.tftp.server_core import BLKSIZE_BYTES_MAX, TftpServer
from services.tftp.sockets import TftpSockets

TRANSFER_SOCKETS = 2


class TftpHost:
    """Serves `file`, which gives the bytes of a name, and ends with its input; `line` is called for each line
    there.
    """

    def __init__(
        self,
        address: str,
        port: int,
        file: Callable[[bytes], bytes],
        line: Callable[[], None] = lambda: None,
        blksize_max: int = BLKSIZE_BYTES_MAX,
    ) -> None:
        self._file = file
        self._line = line
        self._poller = Poller()
        self.sockets = TftpSockets(self._poller, address, port, TRANSFER_SOCKETS)
        self.server = TftpServer(transfer_sockets=TRANSFER_SOCKETS, blksize_max=blksize_max)
        self._poller.add(sys.stdin.fileno(), lambda: [sys.stdin.readline()])

    def run(self) -> None:
        """Serve until the input ends."""
        while True:
            due = self.server.deadline()
            arrived = self._poller.poll(None if due is None else max(0.0, due - time.monotonic()))
            now = time.monotonic()
            for one in arrived:
                if one == "":
                    return
                if isinstance(one, str):
                    self._line()
                else:
                    for data, peer in one.datagrams:
                        self._follow(self.server.receive(one.socket, data, peer, now), now)
            self._follow(self.server.tick(now), now)

    def _follow(self, events: list[Any], now: float) -> None:
        for event in events:
            if isinstance(event, Datagram):
                self.sockets.send(event)
            elif isinstance(event, ReadRequested):
                self._follow(self.server.answer(event, self._file(event.request.name), now), now)
            elif isinstance(event, ReadRestarted):
                self._follow(self.server.serve(event.read, self._file(event.name), now), now)

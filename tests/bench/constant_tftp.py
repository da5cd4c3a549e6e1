"""The server process of the TFTP bench: `python -m tests.bench.constant_tftp ADDRESS PORT SIZE_BYTES`.

Our server core and its sockets, and a host that serves one constant file to whoever asks. It says what the
kernel granted, then answers each line on its input with what it has counted.
"""

import json
import resource
import sys
import time

from bus.transport.poller import Poller
from services.tftp.effects import Datagram, Effect, ReadRequested, ReadRestarted
from services.tftp.server_core import TftpServer
from services.tftp.sockets import TftpSockets

TRANSFER_SOCKETS = 2  # as a CFM has them


class Host:
    """Vouches for everybody and has one file."""

    def __init__(self, address: str, port: int, file: bytes) -> None:
        self._file = file
        self._poller = Poller()
        self._sockets = TftpSockets(self._poller, address, port, TRANSFER_SOCKETS)
        self._server = TftpServer(transfer_sockets=TRANSFER_SOCKETS)
        self._poller.add(sys.stdin.fileno(), lambda: [sys.stdin.readline()])
        _say({"granted_bytes": self._sockets.granted_bytes})

    def run(self) -> None:
        """Serve until the input ends."""
        while True:
            due = self._server.deadline()
            arrived = self._poller.poll(None if due is None else max(0.0, due - time.monotonic()))
            now = time.monotonic()
            for one in arrived:
                if one == "":
                    return
                if isinstance(one, str):
                    used = resource.getrusage(resource.RUSAGE_SELF)
                    retransmits = self._server.counters.retransmits
                    _say({"retransmits": retransmits, "cpu_s": used.ru_utime + used.ru_stime})
                else:
                    for data, peer in one.datagrams:
                        self._follow(self._server.receive(one.socket, data, peer, now), now)
            self._follow(self._server.tick(now), now)

    def _follow(self, events: list[Effect], now: float) -> None:
        for event in events:
            if isinstance(event, Datagram):
                self._sockets.send(event)
            elif isinstance(event, ReadRequested):
                self._server.open(event, now)
                self._follow(self._server.serve(event.read, self._file, now), now)
            elif isinstance(event, ReadRestarted):
                self._follow(self._server.serve(event.read, self._file, now), now)


def _say(fact: dict[str, float]) -> None:
    print(json.dumps(fact), flush=True)


if __name__ == "__main__":
    Host(sys.argv[1], int(sys.argv[2]), bytes(int(sys.argv[3]))).run()

"""A link that loses datagrams, between a TFTP client and a server on the same host.

Theory of operation
-------------------
TFTP is two conversations: the request goes to the well-known port, everything after it between two ports that
were chosen for this read (RFC 1350, section 4). So the relay stands for the server with one socket per port
of the server's that has spoken to a client, and for the client with one socket:

    client C --> front (well-known) --> back of C --> server, well-known port
    client C <-- front (C, P)       <-- back of C <-- server, port P

Each datagram is lost or goes on at once, by the dice of its direction: the same seed loses the same ones of
the same conversation.
"""

import selectors
import socket
from ipaddress import ip_address
from random import Random
from threading import Thread
from types import TracebackType
from typing import Any

DATAGRAM_BYTES_MAX = 65535
WAKE_S = 0.2  # how late a relay that was stopped ends

Address = Any  # as the socket gives it: host and port, and for IPv6 also flow and scope


class LossyRelay:
    """Use it as a context; `address` is where the client finds its server meanwhile."""

    def __init__(self, host: str, port: int, *, loss: float, seed: str) -> None:
        """`loss` is the share of the datagrams that is lost, from 0 to 1, in each direction."""
        self.passed = 0
        self.lost = 0
        self._family = socket.AF_INET if ip_address(host).version == 4 else socket.AF_INET6
        self._host = host
        self._port = port
        self._loss = loss
        self._to_server, self._to_client = (Random(f"{seed} {way}") for way in ("there", "back"))
        self._selector = selectors.DefaultSelector()
        self._backs: dict[Address, socket.socket] = {}
        self._fronts: dict[tuple[Address, int], socket.socket] = {}
        front = self._bind()
        self.address: tuple[str, int] = front.getsockname()[:2]
        self._selector.register(front, selectors.EVENT_READ, lambda: self._from_client(front, port))
        self._is_over = False
        self._thread = Thread(target=self._run)

    def __enter__(self) -> "LossyRelay":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over = True
        self._thread.join()
        for key in [*self._selector.get_map().values()]:
            key.fileobj.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._is_over:
            for key, _ in self._selector.select(WAKE_S):
                key.data()

    def _from_client(self, front: socket.socket, server_port: int) -> None:
        data, client = front.recvfrom(DATAGRAM_BYTES_MAX)
        back = self._backs.get(client)
        if back is None:
            back = self._backs[client] = self._bind()
            one = back
            self._selector.register(back, selectors.EVENT_READ, lambda: self._from_server(one, client))
        self._pass(self._to_server, back, data, (self._host, server_port))

    def _from_server(self, back: socket.socket, client: Address) -> None:
        data, server = back.recvfrom(DATAGRAM_BYTES_MAX)
        server_port = server[1]
        front = self._fronts.get((client, server_port))
        if front is None:
            front = self._fronts[client, server_port] = self._bind()
            one = front
            self._selector.register(front, selectors.EVENT_READ, lambda: self._from_client(one, server_port))
        self._pass(self._to_client, front, data, client)

    def _pass(self, dice: Random, out: socket.socket, data: bytes, to: Address) -> None:
        if dice.random() < self._loss:
            self.lost += 1
            return
        out.sendto(data, to)
        self.passed += 1

    def _bind(self) -> socket.socket:
        one = socket.socket(self._family, socket.SOCK_DGRAM)
        one.bind((self._host, 0))
        return one

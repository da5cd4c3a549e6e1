"""The sockets of the TFTP server: one that listens, and a fixed pool that transfers.

Every read is answered from a socket of the pool (the server's transfer identifier, RFC 1350 section 4), so
ten thousand sessions need five file descriptors. The receive buffers are asked to be large: what a full
buffer drops costs a modem seconds. The kernel grants what `net.core.rmem_max` allows; `granted_bytes` says
how much that was.
"""

import socket
from typing import Any, NamedTuple

from bus.errors import BusyError
from bus.metrics import Sample
from bus.transport.poller import BATCH_MAX, Poller
from services.tftp.effects import Datagram, Peer

RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
_DATAGRAM_BYTES_MAX = 2048  # a request is shorter, an ACK has 4


class Arrived(NamedTuple):
    """A datagram came to the socket of this index."""

    socket: int
    data: bytes
    peer: Peer


class TftpSockets:
    """Socket 0 listens, sockets 1 to `transfer_sockets` transfer."""

    def __init__(self, poller: Poller, address: str, port: int, transfer_sockets: int) -> None:
        """Bind them all; `BusyError` if the address or port cannot be had."""
        self.unsent = 0
        self._poller = poller
        self._sockets: list[socket.socket] = []
        try:
            for index in range(transfer_sockets + 1):
                self._sockets.append(_bound(address, port if index == 0 else 0))
        except OSError as error:
            self._close_sockets()
            raise BusyError(f"cannot serve TFTP on {address} port {port}: {error.strerror}") from error
        self.granted_bytes = self._sockets[0].getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        for index, one in enumerate(self._sockets):
            poller.add(one.fileno(), self._reader(index, one))

    def send(self, datagram: Datagram) -> None:
        """Send; what the kernel does not take is counted and left to retransmission."""
        try:
            self._sockets[datagram.socket].sendto(datagram.data, datagram.peer)
        except OSError:
            self.unsent += 1

    def samples(self) -> list[Sample]:
        """What the kernel gave us and what it did not take."""
        return [
            Sample("provbus_tftp_unsent_total", self.unsent),
            Sample("provbus_tftp_receive_buffer_bytes", self.granted_bytes),
        ]

    def close(self) -> None:
        """Close every socket."""
        for one in self._sockets:
            self._poller.remove(one.fileno())
        self._close_sockets()

    def _close_sockets(self) -> None:
        for one in self._sockets:
            one.close()

    def _reader(self, index: int, source: socket.socket) -> Any:
        def read() -> list[Arrived]:
            arrived = []
            for _ in range(BATCH_MAX):
                try:
                    data, peer = source.recvfrom(_DATAGRAM_BYTES_MAX)
                except BlockingIOError:
                    break
                arrived.append(Arrived(index, data, peer))
            return arrived

        return read


def _bound(address: str, port: int) -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setblocking(False)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    try:
        one.bind((address, port))
    except OSError:
        one.close()
        raise
    return one

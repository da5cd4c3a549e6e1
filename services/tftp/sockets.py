"""The sockets of the TFTP server: one that listens, and a fixed pool that transfers.

Every read is answered from a socket of the pool (the server's transfer identifier, RFC 1350 section 4), so
ten thousand sessions need three file descriptors with a pool of two. For a firewall an operator gives the
pool a range of ports. The address decides between IPv4 and IPv6; serving both takes two servers.

We ask for large receive buffers: a datagram that a full buffer drops costs a modem seconds. The kernel grants
as much as `net.core.rmem_max` allows, and reports it in its own measure, twice the size asked for: a datagram
takes far more room there than it has bytes.
"""

import logging
import socket
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any, NamedTuple

from bus.errors import BusyError, TransportError, UnavailableError
from bus.telemetry.metrics import Sample
from bus.transport.here import cannot_listen, check_one_host
from bus.transport.poller import BATCH_MAX, Poller
from services.tftp.effects import Datagram, Peer
from services.tftp.packets import REQUEST_BYTES_MAX
from services.tftp.server_core import LISTENING_SOCKET

RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
_ANSWER_BYTES_MAX = 256  # an ACK has 4, and of an ERROR we keep 80 characters


_log = logging.getLogger("provbus.tftp")


class Wakeup(NamedTuple):
    """The datagrams that one wake-up found at the socket of this index, each with its sender."""

    socket: int
    datagrams: list[tuple[bytes, Peer]]


class TftpSockets:
    """Socket 0 listens, the others transfer. `granted_bytes` is the receive buffer of each."""

    def __init__(
        self,
        poller: Poller,
        address: str,
        port: int,
        transfer_sockets: int,
        source_ports: tuple[int, int] | None = None,
        *,
        receive_buffer_bytes: int = RECEIVE_BUFFER_BYTES,
    ) -> None:
        """Bind them all, those that transfer inside `source_ports` (first and last); `BusyError` if a port
        cannot be had, `UnavailableError` if the address is not that of this host alone.
        """
        check_one_host("cfm.tftp.address", address)
        self.unsent = 0
        self.unread = 0
        self._poller = poller
        self._sockets: list[socket.socket] = []
        low, high = source_ports or (0, 0)
        pool = range(low, high + 1)
        try:
            self._sockets.append(_bind(address, (port,), f"port {port}", receive_buffer_bytes))
            for _ in range(transfer_sockets):
                what = f"the source ports {low} to {high}"
                self._sockets.append(_bind(address, pool, what, receive_buffer_bytes))
        except (BusyError, UnavailableError):
            self._close_sockets()
            raise
        self.granted_bytes = self._sockets[0].getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        if self.granted_bytes < receive_buffer_bytes:
            _log.warning(
                "TFTP asked for a receive buffer of %d KiB and has %d: raise net.core.rmem_max to %d",
                2 * receive_buffer_bytes // 1024,
                self.granted_bytes // 1024,
                receive_buffer_bytes,
            )
        for index, one in enumerate(self._sockets):
            poller.add(one.fileno(), self._reader(index, one))

    def send(self, datagram: Datagram) -> None:
        """Send; a datagram that the kernel refuses is counted and left to retransmission."""
        index, data, peer = datagram
        try:
            self._sockets[index].sendto(data, peer)
        except OSError:
            self.unsent += 1

    def samples(self) -> list[Sample]:
        """The metrics of the sockets: failed sends and reads, and the receive buffer."""
        return [
            Sample("provbus_tftp_unsent_total", self.unsent),
            Sample("provbus_tftp_unread_total", self.unread),
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
        receive = source.recvfrom
        bytes_max = REQUEST_BYTES_MAX + 1 if index == LISTENING_SOCKET else _ANSWER_BYTES_MAX

        def read() -> list[Wakeup]:
            datagrams = []
            try:
                for _ in range(BATCH_MAX):
                    datagrams.append(receive(bytes_max))
            except BlockingIOError:
                pass
            except OSError:  # of one datagram, or of memory: it does not affect the next call
                self.unread += 1
            return [Wakeup(index, datagrams)] if datagrams else []

        return read


def _bind(address: str, ports: Iterable[int], what: str, receive_buffer_bytes: int) -> socket.socket:
    """A socket on the first of these ports that is free; 0 is one that the kernel chooses."""
    family = socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6
    where = f"cannot serve TFTP on {address}, {what}"
    refusal: TransportError = BusyError(f"{where}: none is free")
    for port in ports:
        try:
            return _bound(family, (address, port), receive_buffer_bytes)
        except OSError as error:
            refusal = cannot_listen(where, address, error.errno)
    raise refusal


def _bound(family: socket.AddressFamily, place: Peer, receive_buffer_bytes: int) -> socket.socket:
    one = socket.socket(family, socket.SOCK_DGRAM)
    try:
        one.setblocking(False)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, True)  # no IPv4 in disguise
        one.bind(place)
    except OSError:
        one.close()
        raise
    return one

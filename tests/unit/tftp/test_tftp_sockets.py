"""The sockets on loopback: IPv4 and IPv6, the range of ports, and what is said when there is none."""

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from bus.errors import BusyError
from bus.transport.poller import Poller
from services.tftp.client_core import ReadClient
from services.tftp.effects import Datagram, ReadRequested
from services.tftp.server_core import TftpServer
from services.tftp.sockets import TftpSockets

FILE = bytes(3000)
ROUNDS_MAX = 100  # of waiting up to a tenth of a second


@contextmanager
def udp(address: str, port: int = 0) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        one.setblocking(False)
        one.bind((address, port))
        yield one


def free_port(address: str) -> int:
    with udp(address) as one:
        return int(one.getsockname()[1])


def need(address: str) -> None:
    try:
        free_port(address)
    except OSError as error:
        pytest.skip(f"this machine has no {address}: {error.strerror}")


@contextmanager
def opened(
    address: str, port: int, *, source_ports: tuple[int, int] | None = None, transfer_sockets: int = 2
) -> Iterator[tuple[Poller, TftpSockets]]:
    poller = Poller()
    try:
        sockets = TftpSockets(poller, address, port, transfer_sockets, source_ports)
        try:
            yield poller, sockets
        finally:
            sockets.close()
    finally:
        poller.close()


def read(poller: Poller, sockets: TftpSockets, client: ReadClient, address: str, port: int) -> None:
    """One whole read by a client at the same address."""
    server = TftpServer(transfer_sockets=2)
    with udp(address) as modem:
        modem.sendto(client.request, (address, port))
        for _ in range(ROUNDS_MAX):
            for socket, datagrams in poller.poll(0.1):
                for event in [
                    one for data, peer in datagrams for one in server.receive(socket, data, peer, 0.0)
                ]:
                    if isinstance(event, ReadRequested):
                        server.open(event, 0.0)
                        event = server.serve(event.read, FILE, 0.0)[0]
                    if isinstance(event, Datagram):
                        sockets.send(event)
            with suppress(BlockingIOError):
                while True:
                    data, peer = modem.recvfrom(2048)
                    reply = client.receive(data, peer[1])
                    if reply is not None:
                        modem.sendto(reply, (address, peer[1]))
            if client.done and not len(server):
                return
    raise AssertionError("the read did not end")


@pytest.mark.parametrize("windowsize", [None, 4])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_read(address: str, windowsize: int | None) -> None:
    need(address)
    port = free_port(address)
    client = ReadClient(b"cm.bin", windowsize=windowsize)
    with opened(address, port) as (poller, sockets):
        read(poller, sockets, client, address, port)
        assert (client.file, sockets.unsent) == (FILE, 0)
        assert client.server_port != port


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_files_come_from_the_range_and_an_occupied_port_is_passed_over(address: str) -> None:
    need(address)
    with udp(address) as occupant:
        occupied = int(occupant.getsockname()[1])
        low, high = max(occupied - 20, 1), min(occupied + 20, 65535)
        port = free_port(address)
        client = ReadClient(b"cm.bin")
        with opened(address, port, source_ports=(low, high), transfer_sockets=8) as (poller, sockets):
            read(poller, sockets, client, address, port)
    assert client.server_port is not None
    assert low <= client.server_port <= high
    assert client.server_port not in (occupied, port)


def test_a_range_without_a_free_port_is_named() -> None:
    with udp("127.0.0.1") as occupant:
        taken = int(occupant.getsockname()[1])
        port = free_port("127.0.0.1")
        with (
            pytest.raises(BusyError, match=f"the source ports {taken} to {taken}: Address already"),
            opened("127.0.0.1", port, source_ports=(taken, taken)),
        ):
            pass
    with opened("127.0.0.1", port):
        pass  # the failure left the port free


def test_a_port_in_use_is_named() -> None:
    with udp("127.0.0.1") as occupant:
        port = int(occupant.getsockname()[1])
        with (
            pytest.raises(BusyError, match=f"cannot serve TFTP on 127.0.0.1, port {port}: Address already"),
            opened("127.0.0.1", port),
        ):
            pass


@pytest.mark.parametrize(("asked_bytes", "is_much"), [(4096, False), (1 << 30, True)])
def test_a_receive_buffer_much_smaller_than_asked_is_warned_of(
    caplog: pytest.LogCaptureFixture, asked_bytes: int, is_much: bool
) -> None:
    poller = Poller()
    with caplog.at_level(logging.WARNING):
        sockets = TftpSockets(
            poller, "127.0.0.1", free_port("127.0.0.1"), 1, receive_buffer_bytes=asked_bytes
        )
    granted = {one.name: one.value for one in sockets.samples()}["provbus_tftp_receive_buffer_bytes"]
    sockets.close()
    poller.close()
    assert granted == sockets.granted_bytes > 0
    assert ("raise net.core.rmem_max to 1073741824" in caplog.text) == is_much

"""The link loses what it says it loses, and follows a server to its other port."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from services.lab.site.processes import wait_until
from tests.integration.tftp_clients.relay import LossyRelay
from tests.requirement import need_ipv6

WAIT_S = 5.0
HERE = "127.0.0.1"


class Ends:
    """Sockets of one address, closed with the test."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def udp(self, host: str = HERE) -> socket.socket:
        kind = socket.AF_INET6 if ":" in host else socket.AF_INET
        one = self._stack.enter_context(socket.socket(kind, socket.SOCK_DGRAM))
        one.bind((host, 0))
        one.settimeout(WAIT_S)
        return one

    def relay(self, known: socket.socket, loss: float = 0.0) -> LossyRelay:
        host, port = known.getsockname()[:2]
        return self._stack.enter_context(LossyRelay(host, port, loss=loss, seed="1"))


@pytest.fixture
def ends() -> Iterator[Ends]:
    with ExitStack() as stack:
        yield Ends(stack)


@pytest.mark.parametrize("host", [HERE, "::1"])
def test_the_link_follows_the_server_to_its_other_port(ends: Ends, host: str) -> None:
    if host == "::1":
        need_ipv6(os.environ)
    client, known, transfer = (ends.udp(host) for _ in range(3))
    relay = ends.relay(known)
    client.sendto(b"request", relay.address)
    request, back = known.recvfrom(100)
    transfer.sendto(b"data", back)
    data, other = client.recvfrom(100)
    assert other[1] not in (relay.address[1], transfer.getsockname()[1])
    client.sendto(b"ack", other)
    assert (request, data, *transfer.recvfrom(100)) == (b"request", b"data", b"ack", back)
    wait_until(lambda: (relay.passed, relay.lost) == (3, 0), WAIT_S, "the count", [])


def test_two_clients_do_not_hear_each_other(ends: Ends) -> None:
    known, clients = ends.udp(), [ends.udp(), ends.udp()]
    relay = ends.relay(known)
    for name, client in zip((b"one", b"two"), clients, strict=True):
        client.sendto(name, relay.address)
    for _ in clients:
        known.sendto(*known.recvfrom(100))
    assert [client.recvfrom(100)[0] for client in clients] == [b"one", b"two"]


def arrived(relay: LossyRelay, listener: socket.socket, sent: int) -> list[bytes]:
    """What came through, once each of the datagrams that were sent was passed or lost."""
    wait_until(lambda: relay.passed + relay.lost == sent, WAIT_S, "the dice", [])
    listener.setblocking(False)
    found: list[bytes] = []
    while True:
        try:
            found.append(listener.recv(100))
        except BlockingIOError:
            return found


@pytest.mark.parametrize(("loss", "least", "most"), [(0.0, 100, 100), (0.3, 50, 90), (1.0, 0, 0)])
def test_the_link_loses_its_share_and_the_same_ones_again(
    ends: Ends, loss: float, least: int, most: int
) -> None:
    heard = []
    for _ in range(2):
        client, known = ends.udp(), ends.udp()
        relay = ends.relay(known, loss)
        for number in range(100):
            client.sendto(b"%d" % number, relay.address)
        heard.append(arrived(relay, known, 100))
    assert heard[0] == heard[1]
    assert least <= len(heard[0]) <= most


def test_the_way_back_loses_its_share_too(ends: Ends) -> None:
    client, known = ends.udp(), ends.udp()
    relay = ends.relay(known, 0.3)
    for _ in range(100):
        client.sendto(b"request", relay.address)
    back = known.recvfrom(100)[1]
    for _ in range(100):
        known.sendto(b"data", back)
    assert 50 <= len(arrived(relay, client, 200)) <= 90

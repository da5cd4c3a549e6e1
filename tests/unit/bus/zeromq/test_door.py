"""A flood of strangers at the hand-off port: connected minters stay, and nobody burns a processor."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from bus.errors import UnavailableError
from bus.transport.descriptors import lowest_free
from bus.transport.poller import Poller
from bus.transport.zeromq.dealers import Dealers
from bus.transport.zeromq.owners import Owners
from bus.transport.zeromq.router import Router
from tests.unit.bus.zeromq.peers import LISTED, SERVER, Context, Take, Until, deliver, rows
from tests.unit.descriptors import all_allowed, only

pytestmark = pytest.mark.usefixtures("no_leaks", "zap")

ROOM = 24  # descriptors between what is in use and where the door shuts


@pytest.fixture
def router(context: Context, poller: Poller, any_port: str) -> Iterator[Router]:
    shut_at = (lowest_free(0) or 0) + ROOM
    router = Router(context, poller, SERVER, Owners(LISTED), any_port, shut_at=shut_at, spare=all_allowed)
    yield router
    router.close()


@pytest.fixture
def strangers() -> Iterator[list[socket.socket]]:
    found: list[socket.socket] = []
    yield found
    for one in found:
        one.close()


def place_of(router: Router) -> tuple[str, int]:
    host, _, port = router.endpoint.removeprefix("tcp://").rpartition(":")
    return host.strip("[]"), int(port)


def family_of(router: Router) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in place_of(router)[0] else socket.AF_INET


def knock(router: Router, strangers: list[socket.socket], count: int) -> None:
    """Connections that say nothing."""
    for _ in range(count):
        one = socket.socket(family_of(router))
        strangers.append(one)
        one.setblocking(False)
        one.connect_ex(place_of(router))


def is_shut(router: Router) -> bool:
    return bool(router.lacks())


def test_connected_minters_stay_while_strangers_are_kept_out(
    router: Router, dealers: Dealers, poller: Poller, take: Take, until: Until, strangers: list[socket.socket]
) -> None:
    dealers.connect("cfm-1", router.endpoint)
    arrived = deliver(dealers, "cfm-1", rows(1), until)
    arrived += take(1 - len(arrived))
    knock(router, strangers, ROOM)
    until(lambda: is_shut(router))
    for seq in range(2, 20):
        dealers.send("cfm-1", rows(seq))
        (message,) = take(1)
        router.send(message.via, rows(seq))
        take(1)
    samples = {one.name: one.value for one in router.samples()}
    assert (samples["provbus_accepts_failed_total"], samples["provbus_handoff_door_shut"]) == (1, 1)


def test_who_knocks_meanwhile_gets_in_when_strangers_are_gone(
    router: Router, dealers: Dealers, until: Until, strangers: list[socket.socket]
) -> None:
    knock(router, strangers, ROOM)
    until(lambda: is_shut(router))
    dealers.connect("cfm-1", router.endpoint)
    while strangers:
        strangers.pop().close()
    until(lambda: not is_shut(router))
    deliver(dealers, "cfm-1", rows(1), until)


def test_where_others_took_the_rest_the_queue_is_emptied(
    router: Router, poller: Poller, strangers: list[socket.socket]
) -> None:
    """libzmq would ask 180,000 times a second for what waits there."""
    waiting = [socket.socket(family_of(router)) for _ in range(5)]
    strangers += waiting
    with only(0):
        for one in waiting:
            one.connect(place_of(router))
        for one in waiting:
            one.settimeout(5.0)
            drive_until_closed(poller, one)
    assert is_shut(router)


def drive_until_closed(poller: Poller, one: socket.socket) -> None:
    one.setblocking(False)
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline:
        poller.poll(0.05)
        try:
            if one.recv(100):  # libzmq was faster, and gives it up after its handshake time
                continue
        except BlockingIOError:
            continue
        except ConnectionResetError:
            pass
        return
    raise AssertionError("nobody hung up")


def test_the_port_is_free_again_afterwards(
    context: Context, poller: Poller, until: Until, zap: object
) -> None:
    first = Router(context, poller, SERVER, Owners(LISTED), "tcp://127.0.0.1:*")
    first.close()

    def bind_again() -> bool:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            port = int(first.endpoint.rpartition(":")[2])
            return probe.connect_ex(("127.0.0.1", port)) != 0

    until(bind_again)


def test_a_dealer_that_finds_no_socket_is_opened_by_a_later_send(
    router: Router, dealers: Dealers, until: Until
) -> None:
    with only(0):
        with pytest.raises(UnavailableError, match="no socket for cfm-1"):
            dealers.connect("cfm-1", router.endpoint)
        with pytest.raises(UnavailableError, match="no socket for cfm-1"):
            dealers.send("cfm-1", rows(1))
    for spare in (1, 2, 3):  # a dealer takes one, its monitor two, and its connection one in libzmq's thread
        with only(spare), suppress(UnavailableError):
            dealers.send("cfm-1", rows(1))
    deliver(dealers, "cfm-1", rows(1), until)
    until(lambda: dealers.is_connected("cfm-1"))

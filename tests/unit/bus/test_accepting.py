"""Listeners that cannot take a connection: counted, said once, asked again after a rest, and never lost."""

import socket
from collections.abc import Iterator

import pytest

from bus.runtime.accepting import REST_S, Acceptor
from bus.transport.poller import Poller
from tests.unit.descriptors import only

pytestmark = pytest.mark.usefixtures("no_leaks")


class Hall:
    """A listener, and whom it let in."""

    def __init__(self, poller: Poller) -> None:
        self.inside: list[socket.socket] = []
        self.has_room = True
        self._poller = poller
        listener = socket.create_server(("127.0.0.1", 0))
        self.place: tuple[str, int] = listener.getsockname()
        self.acceptor = Acceptor(poller, listener, "hall", self._take)

    def _take(self, connection: socket.socket) -> None:
        if not self.has_room:
            raise OSError(28, "No space left on device")  # as epoll has it, when it watches too many
        self.inside.append(connection)

    def close(self) -> None:
        self.acceptor.close()
        for one in self.inside:
            one.close()


@pytest.fixture
def hall(poller: Poller) -> Iterator[Hall]:
    hall = Hall(poller)
    yield hall
    hall.close()


def turns(poller: Poller, until: float = 5 * REST_S) -> int:
    """How often the loop turns in so long."""
    is_over: list[bool] = []
    poller.later(until, lambda: is_over.append(True))
    found = 0
    while not is_over:
        poller.poll(1.0)
        found += 1
    return found


def test_without_descriptors_nobody_is_taken_and_the_loop_rests(
    poller: Poller, hall: Hall, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_connection(hall.place), only(0):
        assert turns(poller) < 20
        assert hall.inside == []
    assert 1 <= hall.acceptor.failed <= 10
    assert caplog.messages == ["cannot take a connection to hall: Too many open files"]
    (sample,) = [hall.acceptor.sample()]
    assert (sample.value, sample.labels) == (hall.acceptor.failed, {"listener": "hall"})


def test_with_descriptors_again_who_waited_is_taken(poller: Poller, hall: Hall) -> None:
    with socket.create_connection(hall.place):
        with only(0):
            turns(poller, REST_S / 2)
        turns(poller)
        assert len(hall.inside) == 1


def test_a_connection_that_cannot_be_kept_is_hung_up_on(poller: Poller, hall: Hall) -> None:
    hall.has_room = False
    with socket.create_connection(hall.place) as client:
        client.settimeout(5.0)
        while hall.acceptor.failed == 0:
            poller.poll(1.0)
        assert client.recv(1) == b""


def test_a_listener_that_was_closed_while_it_rested_is_forgotten(poller: Poller) -> None:
    hall = Hall(poller)
    hall.has_room = False
    with socket.create_connection(hall.place):
        while hall.acceptor.failed == 0:
            poller.poll(1.0)
    hall.close()
    with socket.create_server(("127.0.0.1", 0)) as other:  # it has the number of the former one
        poller.add(other.fileno(), list)
        turns(poller, 2 * REST_S)
        poller.remove(other.fileno())

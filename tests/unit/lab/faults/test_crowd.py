"""A crowd: strangers that come back when they are hung up on, and whose connections stand."""

import socket
from collections.abc import Iterator

import pytest

from services.lab.faults.crowd import Strangers
from services.lab.faults.established import established


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as one:
        one.settimeout(10.0)
        yield one


def endpoint(listener: socket.socket) -> str:
    return "tcp://127.0.0.1:{1}".format(*listener.getsockname())


def test_strangers_come_back_when_they_are_hung_up_on(listener: socket.socket) -> None:
    strangers = Strangers(endpoint(listener), 3)
    strangers.turn()
    inside = [listener.accept()[0] for _ in range(3)]
    strangers.turn()
    assert strangers.came == 3
    for one in inside:
        one.close()
    while strangers.came < 6:
        strangers.turn()
    for _ in range(3):
        listener.accept()[0].close()
    strangers.close()


def test_the_connections_to_a_port_are_those_that_stand(listener: socket.socket) -> None:
    port = int(listener.getsockname()[1])
    assert established(port) == set()
    with socket.create_connection(("127.0.0.1", port)) as one:
        (found,) = established(port)
        with socket.create_connection(("127.0.0.1", port)):
            assert len(established(port)) == 2
        assert found in established(port)
        local = f"{one.getsockname()[1]:04X}"
    assert local in found
    assert established(port) == set()

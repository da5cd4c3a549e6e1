"""A local socket, its poller, and clients that are closed at the end."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.messages import LocalRequest
from bus.runtime.local_socket import LocalServer
from bus.transport.poller import Poller
from tests.unit.bus.local.clients import ROUNDS_MAX, Dial, Requests, Watched


@pytest.fixture
def poller() -> Iterator[Watched]:
    poller = Watched()
    yield poller
    poller.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "dhcp-1.sock"


@pytest.fixture
def server(poller: Poller, path: Path) -> Iterator[LocalServer]:
    server = LocalServer(poller, path, os.getegid())
    yield server
    server.close()


@pytest.fixture
def dial(server: LocalServer, path: Path) -> Iterator[Dial]:
    """Makes connections and closes them at the end."""
    made: list[socket.socket] = []

    def connect() -> socket.socket:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.append(client)
        client.settimeout(5)
        client.connect(str(path))
        return client

    yield connect
    for client in made:
        client.close()


@pytest.fixture
def requests(poller: Poller) -> Requests:
    """Waits for the next so many requests."""

    def take(count: int) -> list[LocalRequest]:
        found: list[LocalRequest] = []
        for _ in range(ROUNDS_MAX):
            if len(found) >= count:
                break
            found += (one for one in poller.poll(0.001) if isinstance(one, LocalRequest))
        assert len(found) == count
        return found

    return take

"""Clients of the local socket, and what they see of it."""

import json
import socket
from collections.abc import Callable
from typing import Any

from bus.messages import LocalRequest
from bus.transport.poller import Poller

Until = Callable[[Callable[[], object]], list[Any]]
Dial = Callable[[], socket.socket]
Requests = Callable[[int], list[LocalRequest]]
ROUNDS_MAX = 10_000


class Watched(Poller):
    """A poller that tells whether it watches for writability."""

    def __init__(self) -> None:
        super().__init__()
        self.writing: set[int] = set()

    def watch_write(self, descriptor: int, wanted: bool) -> None:
        super().watch_write(descriptor, wanted)
        (self.writing.add if wanted else self.writing.discard)(descriptor)

    def remove(self, pollable: Any) -> None:
        super().remove(pollable)
        self.writing.discard(pollable)


def read_lines(client: socket.socket, poller: Poller, count: int) -> list[Any]:
    """The next `count` answers, read while the server runs."""
    client.setblocking(False)
    text = b""
    for _ in range(ROUNDS_MAX):
        poller.poll(0.001)
        try:
            text += client.recv(1 << 20)
        except BlockingIOError:
            continue
        if text.count(b"\n") >= count:
            break
    lines = text.splitlines()
    assert len(lines) == count
    return [json.loads(line) for line in lines]


def pour(client: socket.socket, data: bytes, poller: Poller) -> list[Any]:
    """Send more than the kernel holds, until all is sent or the server hangs up; what came of it."""
    client.setblocking(False)
    found: list[Any] = []
    while data:
        found += poller.poll(0.001)
        try:
            data = data[client.send(data) :]
        except BlockingIOError:
            continue
        except (BrokenPipeError, ConnectionResetError):
            break
    return [*found, *poller.poll(0.1)]


def is_closed(client: socket.socket) -> bool:
    """Whether the server hung up; what it said before is thrown away."""
    client.setblocking(False)
    try:
        while client.recv(1 << 20):
            pass
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    return True

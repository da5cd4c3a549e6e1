"""What the tests of the bus share: nothing may stay open, and nothing is waited for without a deadline."""

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
import zmq

from bus.transport.poller import Poller

DEADLINE_S = 10.0

Until = Callable[[Callable[[], object]], list[Any]]


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """Fail a test that leaves a thread running; sockets left open warn, and warnings are errors."""
    before = set(threading.enumerate())
    yield
    gc.collect()
    assert set(threading.enumerate()) <= before


@pytest.fixture
def no_descriptors_left() -> Iterator[None]:
    """What is opened is closed, without help from the garbage collector."""
    before = set(os.listdir("/proc/self/fd"))
    yield
    assert set(os.listdir("/proc/self/fd")) == before


@pytest.fixture
def poller() -> Iterator[Poller]:
    poller = Poller()
    yield poller
    poller.close()


@pytest.fixture
def until(poller: Poller) -> Until:
    """Poll until the condition holds; returns every message that arrived meanwhile."""

    def drive(condition: Callable[[], object]) -> list[Any]:
        messages: list[Any] = []
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            messages += poller.poll(0.01)
        return messages

    return drive


class Counted(zmq.Context[Any]):
    """A context that remembers its sockets, monitors included."""

    made: ClassVar[list[zmq.Socket[bytes]]] = []

    def socket(self, *arguments: Any, **options: Any) -> Any:
        made = super().socket(*arguments, **options)
        self.made.append(made)
        return made


@pytest.fixture
def context() -> Iterator[zmq.Context[Any]]:
    """A ZeroMQ context; a socket still open at the end of the test fails it."""
    Counted.made.clear()
    context = Counted()
    yield context
    left_open = [one for one in Counted.made if not one.closed]
    context.destroy(linger=0)
    assert left_open == []

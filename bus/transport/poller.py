"""The one poller: ZeroMQ sockets and file descriptors, each with the function that reads it.

A reader never blocks and takes a bounded batch, so no socket starves another: one message from a ZeroMQ
socket (asking an empty one costs 8 µs for the exception, asking the poller again 2 µs), up to `BATCH_MAX`
datagrams from a UDP socket. The transports add their sockets here; `bus.runner` and the tests poll.
"""

import math
from collections.abc import Callable
from typing import Any

import zmq

Reader = Callable[[], list[Any]]

BATCH_MAX = 128  # datagrams taken from one socket before the others get their turn


class Poller:
    """Polls and reads. Not thread-safe, like the sockets in it."""

    def __init__(self) -> None:
        self._poller = zmq.Poller()
        self._readers: dict[Any, Reader] = {}

    def add(self, pollable: Any, read: Reader) -> None:
        """Read from `pollable` (ZeroMQ socket or file descriptor) with `read` whenever it is readable."""
        self._poller.register(pollable, zmq.POLLIN)
        self._readers[pollable] = read

    def watch_write(self, pollable: Any, wanted: bool) -> None:
        """Also call the reader when `pollable` can be written to, as long as that is wanted."""
        self._poller.register(pollable, zmq.POLLIN | zmq.POLLOUT if wanted else zmq.POLLIN)

    def remove(self, pollable: Any) -> None:
        """Forget it; call this before closing it."""
        self._poller.unregister(pollable)
        del self._readers[pollable]

    def poll(self, timeout_s: float | None) -> list[Any]:
        """The messages of everything readable; waits up to `timeout_s` (None: for ever) for the first."""
        timeout_ms = None if timeout_s is None else math.ceil(max(0.0, timeout_s) * 1000)
        messages: list[Any] = []
        for pollable, _ in self._poller.poll(timeout_ms):
            read = self._readers.get(pollable)
            if read is not None:
                messages += read()
        return messages

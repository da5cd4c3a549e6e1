"""The way from the client's threads to the machine: a bounded queue, and a bell that wakes the poller.

The bell is a socket pair. Many rings before the poller looks count as one, so a full socket is harmless.
"""

import socket
from collections import deque
from collections.abc import Callable
from threading import Condition, Event
from typing import Any

from bus.transport.poller import Poller

FETCHED_MAX = 10_000


class Bell:
    """Threads `put` items; the poller's thread gives each to `take` and goes on with the messages from it."""

    def __init__(self, poller: Poller, take: Callable[[Any], list[Any]], stop: Event) -> None:
        self._poller = poller
        self._take = take
        self._stop = stop
        self._items: deque[Any] = deque()
        self._room = Condition()
        self._bell, self._ring = socket.socketpair()
        for end in (self._bell, self._ring):
            end.setblocking(False)
        poller.add(self._bell.fileno(), self._read)

    def __len__(self) -> int:
        return len(self._items)

    def put(self, items: list[Any]) -> None:
        """Queue these items."""
        self._items += items
        try:
            self._ring.send(b"!")
        except BlockingIOError:
            pass  # it rings already
        except OSError:
            if not self._stop.is_set():
                raise

    def wait_for_room(self) -> None:
        """Wait while the queue is full: Kafka keeps the records that we do not fetch."""
        with self._room:
            self._room.wait_for(lambda: len(self._items) < FETCHED_MAX or self._stop.is_set())

    def wake(self) -> None:
        """Wake the threads that wait for room, for they may have to stop."""
        with self._room:
            self._room.notify_all()

    def close(self) -> None:
        """Drop unread items."""
        self._poller.remove(self._bell.fileno())
        self._bell.close()
        self._ring.close()

    def _read(self) -> list[Any]:
        try:
            while len(self._bell.recv(4096)) == 4096:
                pass
        except BlockingIOError:
            pass
        messages: list[Any] = []
        while self._items:
            messages += self._take(self._items.popleft())
        self.wake()
        return messages

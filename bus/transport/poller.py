"""The one poller: file descriptors and ZeroMQ sockets, each with the function that reads it.

Theory of operation
-------------------
File descriptors are polled with epoll: one system call for a wake-up, however many there are (`zmq_poll`
makes two, and builds its list anew each time; on a CFM that was half the cost of a datagram).

A ZeroMQ socket is not a file descriptor. The one it offers (`ZMQ_FD`) becomes readable when *something*
happened inside; `ZMQ_EVENTS` tells what; and any call on the socket may swallow that sign. So a socket that
showed the sign, or was used, is *suspect*: before the next wait its events are read until nothing is left to
read. Code that sends on a socket reports it with `used`.

A reader never blocks and takes a bounded batch, so no socket starves another: one message from a ZeroMQ
socket, up to `BATCH_MAX` datagrams from a UDP socket. A turn that brought several messages takes up to
`FRAMES_MAX` messages more from each ZeroMQ socket: with one per turn, thousands of modems that read would
keep the rows of the next ones waiting until their senders sent them again, and then for good.

Epoll reports a descriptor as long as there is data to read. One whose data cannot be taken for a while may
`rest`.

A reader that raises has met something that we did not think of, mostly sent by a peer. That costs what it
read, and its descriptor rests for `FAULT_S`, for it may not have taken what makes it raise; the others are
read as before (`bus.telemetry.own_faults`).
"""

import select
import time
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any

import zmq

from bus.telemetry.own_faults import OwnFaults

Reader = Callable[[], list[Any]]

_EVENTS = int(zmq.EVENTS)  # plain numbers: arithmetic on pyzmq's enumerations costs a microsecond
_READABLE = int(zmq.POLLIN)
BATCH_MAX = 128  # datagrams taken from one socket before the others get their turn
FAULT_S = 0.05  # what cannot be read at all costs twenty tries a second, and no processor
FRAMES_MAX = 32  # messages taken from each ZeroMQ socket in a busy turn; one may hold 64 rows


class Poller:
    """Polls and reads. Not thread-safe, like the sockets in it."""

    def __init__(self) -> None:
        self.faults = OwnFaults(("read", "message", "effect", "page"))
        """The faults of this thread: of reading, of the machine that is given what was read, and of pages."""
        self._epoll = select.epoll()
        self._readers: dict[int, Reader] = {}
        self._sockets: dict[int, zmq.Socket[bytes]] = {}
        self._descriptors: dict[zmq.Socket[bytes], int] = {}
        self._suspects: dict[int, zmq.Socket[bytes]] = {}
        self._flushes: list[Callable[[], None]] = []
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def add(self, pollable: Any, read: Reader) -> None:
        """Read from `pollable` (ZeroMQ socket or number of a file descriptor) with `read` whenever there is
        something.
        """
        descriptor: int = pollable if isinstance(pollable, int) else pollable.fileno()
        if isinstance(pollable, zmq.Socket):
            self._descriptors[pollable] = descriptor
            self._sockets[descriptor] = self._suspects[descriptor] = pollable
        self._epoll.register(descriptor, select.EPOLLIN)
        self._readers[descriptor] = read

    def watch_write(self, descriptor: int, wanted: bool) -> None:
        """Also call the reader when `descriptor` can be written to, as long as that is wanted."""
        self._epoll.modify(descriptor, select.EPOLLIN | select.EPOLLOUT if wanted else select.EPOLLIN)

    def later(self, after_s: float, call: Callable[[], None]) -> None:
        """Call `call` once, `after_s` from now; a wait ends for it."""
        heappush(self._timers, (time.monotonic() + after_s, next(self._numbers), call))

    def rest(self, descriptor: int, for_s: float) -> None:
        """Do not look at this descriptor for `for_s`."""
        read = self._readers[descriptor]
        self._epoll.modify(descriptor, 0)

        def resume() -> None:
            if self._readers.get(descriptor) is read:  # else it was closed, and another has its number
                self._epoll.modify(descriptor, select.EPOLLIN)
                if descriptor in self._sockets:  # its sign may have been swallowed meanwhile
                    self._suspects[descriptor] = self._sockets[descriptor]

        self.later(for_s, resume)

    def used(self, socket: zmq.Socket[bytes]) -> None:
        """Note a send on a ZeroMQ socket."""
        descriptor = self._descriptors[socket]
        self._suspects[descriptor] = socket

    def before_wait(self, flush: Callable[[], None]) -> None:
        """Call `flush` before every wait: messages collected since the last one leave together."""
        self._flushes.append(flush)

    def remove(self, pollable: Any) -> None:
        """Forget it; call this before closing it."""
        descriptor = self._descriptors.pop(pollable, pollable)
        self._sockets.pop(descriptor, None)
        self._suspects.pop(descriptor, None)
        self._epoll.unregister(descriptor)
        del self._readers[descriptor]

    def poll(self, timeout_s: float | None) -> list[Any]:
        """The messages of everything readable; waits up to `timeout_s` (None: for ever) for the first."""
        if self._timers:
            timeout_s = self._until_timer(timeout_s)
        for flush in self._flushes:
            flush()
        messages: list[Any] = []
        if self._suspects and self._read_suspects(messages):
            timeout_s = 0
        for descriptor, _ in self._epoll.poll(timeout_s):
            socket = self._sockets.get(descriptor)
            if socket is not None:
                self._suspects[descriptor] = socket
            if descriptor in self._readers:
                try:
                    messages += self._readers[descriptor]()
                except Exception as error:
                    self._failed(descriptor, error)
        if self._suspects and not messages:
            self._read_suspects(messages)
        elif len(messages) > 1:
            for _ in range(FRAMES_MAX):
                if not self._read_suspects(messages):
                    break
        return messages

    def close(self) -> None:
        """Close the epoll descriptor."""
        self._epoll.close()

    def _until_timer(self, timeout_s: float | None) -> float | None:
        """Call the due timers; the wait up to the next one."""
        timers = self._timers
        while timers and timers[0][0] <= time.monotonic():
            heappop(timers)[2]()
        if not timers:
            return timeout_s
        left_s = max(0.0, timers[0][0] - time.monotonic())
        return left_s if timeout_s is None else min(timeout_s, left_s)

    def _failed(self, descriptor: int, error: Exception) -> None:
        """Count a reader that raised, and let its descriptor rest."""
        self.faults.note("read", "read", error)
        self._suspects.pop(descriptor, None)
        if descriptor in self._readers:
            self.rest(descriptor, FAULT_S)

    def _read_suspects(self, messages: list[Any]) -> bool:
        """Read the suspects; True if any had data, even no message of ours: there may be more behind it."""
        found = False
        for descriptor, socket in list(self._suspects.items()):
            if descriptor not in self._suspects:
                continue  # an earlier reader removed it
            if int(socket.getsockopt(_EVENTS)) & _READABLE:
                found = True
                try:
                    messages += self._readers[descriptor]()
                except Exception as error:
                    self._failed(descriptor, error)
            else:
                self._suspects.pop(descriptor, None)
        return found

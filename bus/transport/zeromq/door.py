"""The door of a port on which libzmq listens: shut to new connections while descriptors are short.

Theory of operation
-------------------
libzmq 4.3.5 accepts in its own thread, without a bound. When no descriptor is left it tries again without a
pause, and its thread burns a processor. Its monitor would report each of these failures, some 180,000 a
second. To unbind ends every connection of the endpoint.

So the kernel keeps strangers out: a filter on the listening socket that drops every segment (`socket(7)`,
SO_ATTACH_FILTER, which needs no privilege). Open connections have sockets of their own and are not affected.
TCP of a new client tries again, and gets in when the door is open.

The monitor reports each connection that libzmq took, and no other event; then, and every `LOOK_S`
(`LOOK_SHUT_S` while shut), the lowest free descriptor is compared with `shut_at`. Connections that came
before the door was shut wait in the queue, at most the backlog, and fit into the reserve that is kept from
strangers. If they do not, because others took the rest, the queue is emptied with the spare descriptors: its
connections are closed.
"""

import logging
import os
import socket
import struct
from collections.abc import Callable
from contextlib import AbstractContextManager
from ctypes import addressof, create_string_buffer
from typing import Any

import zmq

from bus.reason import Reason
from bus.telemetry.log import Sparing
from bus.telemetry.metrics import Sample
from bus.transport.descriptors import lowest_free
from bus.transport.poller import Poller
from bus.transport.zeromq.monitor import Monitor

LOOK_S = 0.5
LOOK_SHUT_S = 0.1  # connections that libzmq gives up after its handshake time free descriptors
WARN_EVERY_S = 60.0
EVENTS = int(zmq.EVENT_LISTENING | zmq.EVENT_ACCEPTED)
_EVENTS_AT_ONCE = 256
_QUEUE_MAX = 256  # libzmq asks the kernel for 100
_ATTACH_FILTER, _DETACH_FILTER = 26, 27  # SO_ATTACH_FILTER, SO_DETACH_FILTER of asm-generic/socket.h
_DROP = create_string_buffer(struct.pack("=HBBI", 0x06, 0, 0, 0))  # BPF_RET | BPF_K, 0: keep no byte
_FILTER = struct.pack("@HP", 1, addressof(_DROP))  # struct sock_fprog: one instruction
_log = logging.getLogger("provbus.door")

Spare = Callable[[], AbstractContextManager[None]]
"""A context with a few descriptors more (`bus.transport.descriptors`)."""


class Door:
    """Watches a socket that was just bound, by a monitor for `EVENTS` that it takes over."""

    def __init__(self, poller: Poller, monitor: Monitor, shut_at: int, spare: Spare) -> None:
        """Shut when the lowest free descriptor is `shut_at` or more, and open well below it."""
        self.is_shut = False
        self.shuts = 0
        self._poller = poller
        self._monitor = monitor
        self._shut_at = shut_at
        self._open_at = shut_at - shut_at // 8
        self._spare = spare
        self._warnings = Sparing(_log, WARN_EVERY_S)
        bound = monitor.next()
        assert bound is not None
        assert bound[0] == zmq.EVENT_LISTENING
        self._listener = socket.socket(fileno=os.dup(bound[1]))
        self._listener.setblocking(False)
        poller.add(monitor.socket, self._accepted)
        poller.later(LOOK_S, self._look_again)

    def samples(self) -> list[Sample]:
        """How often it was shut, and whether it is."""
        return [
            Sample("provbus_accepts_failed_total", self.shuts, {"listener": "handoff"}),
            Sample("provbus_handoff_door_shut", self.is_shut),
        ]

    def lacks(self) -> list[Reason]:
        """A fault while it is shut."""
        if not self.is_shut:
            return []
        text = f"descriptors: from {self._shut_at} in use on nobody new connects to the hand-off port"
        return [Reason("descriptors", text)]

    def close(self) -> None:
        """Stop watching. The port is free once libzmq has closed it too."""
        self._poller.remove(self._monitor.socket)
        self._monitor.close()
        self._listener.close()

    def _accepted(self) -> list[Any]:
        for _ in range(_EVENTS_AT_ONCE):
            if not self._monitor.skip():
                break
        self._look()
        return []

    def _look_again(self) -> None:
        if self._listener.fileno() >= 0:
            self._look()
            self._poller.later(LOOK_SHUT_S if self.is_shut else LOOK_S, self._look_again)

    def _look(self) -> None:
        free = lowest_free(self._listener.fileno())
        if not self.is_shut and (free is None or free >= self._shut_at):
            self._shut()
        elif self.is_shut and free is not None and free < self._open_at:
            self._listener.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, 0)
            self.is_shut = False
            _log.warning("the hand-off port takes connections again")
        if free is None:
            self._empty()

    def _shut(self) -> None:
        try:
            self._listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, _FILTER)
        except OSError as error:
            self._warnings.warn("filter", f"the hand-off port cannot be shut: {error.strerror}")
            return
        self.is_shut = True
        self.shuts += 1
        self._warnings.warn(
            "shut",
            f"{self._shut_at} descriptors are in use: the hand-off port takes no new connection for a while;"
            " see who connects, or raise LimitNOFILE",
        )

    def _empty(self) -> None:
        """Close every connection that waits in the queue."""
        with self._spare():
            for _ in range(_QUEUE_MAX):
                try:
                    self._listener.accept()[0].close()
                except OSError:  # nobody waits, or libzmq was faster
                    return

"""Taking connections from a listener, also when that fails.

An error of `accept(2)` concerns this call and not the listener. Either the connection is gone again, or the
process, or the system, has nothing left to hold one with: then the connection stays in the queue and the
listener readable, and whoever asks again at once does nothing else any more. So a listener that got nothing
rests for `REST_S`. Both are counted; the second is a warning.
"""

import errno
import logging
import socket
from collections.abc import Callable
from typing import Any

from bus.log import Sparing
from bus.metrics import Sample
from bus.transport.poller import Poller

REST_S = 0.1
WARN_EVERY_S = 60.0
_GONE = frozenset(
    (
        errno.ECONNABORTED,
        errno.EPROTO,
        errno.EPERM,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENONET,
        errno.ENOPROTOOPT,
        errno.EOPNOTSUPP,
    )
)
"""What Linux says of a connection that ended while it waited."""
_log = logging.getLogger("provbus.accepting")


class Acceptor:
    """Gives every connection of a listener, made non-blocking, to `take`."""

    def __init__(
        self, poller: Poller, listener: socket.socket, name: str, take: Callable[[socket.socket], None]
    ) -> None:
        """`name` is what metrics and warnings call the listener, which is ours from now on."""
        self.failed = 0
        self._poller = poller
        self._listener = listener
        self._name = name
        self._take = take
        self._warnings = Sparing(_log, WARN_EVERY_S)
        listener.setblocking(False)
        poller.add(listener.fileno(), self._accept)

    def sample(self) -> Sample:
        """How often there was nothing to take a connection with."""
        return Sample("provbus_accepts_failed_total", self.failed, {"listener": self._name})

    def close(self) -> None:
        """Stop listening."""
        self._poller.remove(self._listener.fileno())
        self._listener.close()

    def _accept(self) -> list[Any]:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return []
        except OSError as error:
            self._fail(error)
            return []
        try:
            connection.setblocking(False)
            self._take(connection)
        except OSError as error:
            connection.close()
            self._fail(error)
        return []

    def _fail(self, error: OSError) -> None:
        self.failed += 1
        if error.errno not in _GONE:
            self._warnings.warn(self._name, f"cannot take a connection to {self._name}: {error.strerror}")
            self._poller.rest(self._listener.fileno(), REST_S)

"""Taking connections from a listener, also when that fails.

An error of `accept(2)` concerns this call and not the listener. Either the connection is gone again, or the
process or the system is out of resources to hold it: then the connection stays in the queue, the listener
stays readable, and trying again at once would occupy the loop. So the listener then rests for `REST_S`. Both
are counted; the second is a warning.
"""

import errno
import logging
import socket
from collections.abc import Callable
from typing import Any

from bus.telemetry.log import Sparing
from bus.telemetry.metrics import Sample
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
"""The errors by which Linux reports a connection that ended while it waited."""
_log = logging.getLogger("provbus.accepting")


class Acceptor:
    """Gives every connection of a listener, made non-blocking, to `take`."""

    def __init__(
        self, poller: Poller, listener: socket.socket, name: str, take: Callable[[socket.socket], None]
    ) -> None:
        """Take over the listener, which metrics and warnings call `name`."""
        self.failed = 0
        self._poller = poller
        self._listener = listener
        self._name = name
        self._take = take
        self._warnings = Sparing(_log, WARN_EVERY_S)
        listener.setblocking(False)
        poller.add(listener.fileno(), self._accept)

    def sample(self) -> Sample:
        """The number of failed accepts."""
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

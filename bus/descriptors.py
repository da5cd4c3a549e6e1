"""How many descriptors this process may have, how far it is from that, and the last few.

The kernel gives out the lowest number that is free and refuses one that the limit does not allow. So the
lowest free number, which is asked for by opening one and closing it, tells how close we are.

Everything here has a bound of its own, except connections to the hand-off port, which strangers open. From
the limit `RESERVE` are kept from them: for 64 clients of the local socket, 64 of HTTP, the processes that are
watched, Kafka's brokers, and the files of the state directory.

Below `LIMIT_MIN` nobody starts: libzmq 4.3.5 aborts the process where it gets no descriptor for its thread or
for looking an address up before it binds (`epoll.cpp:38`, `ip_resolver.cpp:542`), which is all done at the
start, and again, with the spare ones, when a CFM takes its next key.

The limit that we set is `SPARE` below what we may have. What matters and gives its descriptors back at once
(a promise that is written) is tried again with those, when there are no others.
"""

import logging
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from bus.errors import TryAgainError

LIMIT_MIN = 256  # a CFM without a client has some 60
RESERVE = 256
SPARE = 8
MANY = 1 << 20  # what "no limit" is for us
CONNECTIONS_MAX = 4_096  # each costs libzmq buffers; as many routes are remembered
_log = logging.getLogger("provbus.descriptors")


class Descriptors:
    """The limit of this process, raised to what the system allows. Not thread-safe: for one thread."""

    def __init__(self) -> None:
        """`TryAgainError` if that is too low to start with."""
        before, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
        allowed = MANY if allowed == resource.RLIM_INFINITY else allowed
        self._allowed, self.limit = allowed, allowed - SPARE
        try:
            self._set(self.limit)
        except (OSError, ValueError) as error:  # more than the kernel takes, or we may not
            self._allowed = self.limit = before
            _log.warning("the limit of descriptors stays %d, and none are spare: %s", before, error)
        if self._allowed < LIMIT_MIN:
            raise TryAgainError(
                f"cannot start: only {self._allowed} descriptors can be had: raise LimitNOFILE (ulimit -n) to"
                f" 1024, or {LIMIT_MIN} at least"
            )
        if self.limit > before:
            _log.info("the limit of descriptors was raised from %d to %d", before, self.limit)
        if self.limit < 2 * RESERVE:
            _log.warning("only %d descriptors: raise LimitNOFILE (ulimit -n) to 1024", self._allowed)

    @property
    def for_strangers(self) -> int:
        """From which lowest free number on nobody more may connect to the hand-off port."""
        return min(self.limit - min(RESERVE, self.limit // 2), CONNECTIONS_MAX)

    @contextmanager
    def spare(self) -> Iterator[None]:
        """The last few can be had inside."""
        if self._allowed > self.limit:
            self._set(self._allowed)
        try:
            yield
        finally:
            if self._allowed > self.limit:
                self._set(self.limit)

    def _set(self, limit: int) -> None:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def lowest_free(example: int) -> int | None:
    """The number that the next descriptor would have, found with a copy of `example`; None if there is
    none left.
    """
    try:
        found = os.dup(example)
    except OSError:
        return None
    os.close(found)
    return found

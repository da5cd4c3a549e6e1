"""Descriptors: the limit of this process, its distance from it, and the spare ones.

The kernel gives out the lowest number that is free and refuses one that the limit does not allow. So the
lowest free number, found by opening and closing a descriptor, tells how close we are.

Every use has a bound of its own, except connections to the hand-off port, which strangers open. `RESERVE` of
the limit are kept from them: for 80 clients of the local sockets, 64 of HTTP, the watched processes, Kafka's
brokers, and the files of the state directory.

Below `LIMIT_MIN` no process starts: libzmq 4.3.5 aborts when it gets no descriptor for its thread or for
looking an address up before it binds (`epoll.cpp:38`, `ip_resolver.cpp:542`), all of which it does at the
start, and again, with the spare ones, when a CFM takes its next key.

The limit that we set is `SPARE` below the allowed one. An important use that gives its descriptors back at
once (writing a promise) is tried again with those, when there are no others.
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
MANY = 1 << 20  # our number for "no limit"
CONNECTIONS_MAX = 4_096  # each costs libzmq buffers; as many routes are remembered
_log = logging.getLogger("provbus.descriptors")


class Descriptors:
    """The limit of this process, raised to what the system allows. Not thread-safe: for one thread."""

    def __init__(self) -> None:
        """`TryAgainError` if the limit is too low to start."""
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
        """The lowest free number at which the hand-off port takes no more connections."""
        return min(self.limit - min(RESERVE, self.limit // 2), CONNECTIONS_MAX)

    @contextmanager
    def spare(self) -> Iterator[None]:
        """Inside, the spare ones can be had."""
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
    """The number of the next descriptor, found with a copy of `example`; None if none is left."""
    try:
        found = os.dup(example)
    except OSError:
        return None
    os.close(found)
    return found

"""The host service beside this sidecar: whether it is attached, and the end of its last lease.

Theory of operation
-------------------
The host answers devices, so the role is given back only when it cannot act any more: it says that it has
stopped, or is gone with its whole process group, or the last lease that it was told is over. A host that
closes its session may live on: it has left, and its lease runs out.

A host is told when the answer to its last question changes. While it may act it has to ask before its lease
is over: one that does not can have no effect any more, and nobody else has any in its place. So it is silent,
as if it were not here, until it asks again. Its question may wait in its socket while we slept ourselves, so
it is silent a moment after we saw it overdue. With its questions it may show its progress, a number that the
part of it that answers devices counts up. From then on a question with the former number, or without one, is
none: somebody else asked it.
"""

import math
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, NamedTuple

from bus.messages import Arriving, HostCame, HostGone, LocalRequest, SessionClosed
from heartbeat.timing import LEASE_S

GRACE_S = 0.25
"""Our socket is read at least that often, unless we get no time ourselves."""


class HostState(Enum):
    """The state of the host's attachment."""

    ABSENT = auto()
    HERE = auto()
    SILENT = auto()  # attached, but it let its lease end without a question
    LEFT = auto()  # its session is closed, and its process was not seen to end


class Event(Enum):
    """An event that changes the state."""

    ATTACHED = auto()
    SHOWN = auto()  # it asked, and has made progress
    OVERDUE = auto()
    CLOSED = auto()
    GONE = auto()


TABLE = {
    (HostState.ABSENT, Event.ATTACHED): HostState.HERE,
    (HostState.HERE, Event.ATTACHED): HostState.HERE,
    (HostState.LEFT, Event.ATTACHED): HostState.HERE,
    (HostState.SILENT, Event.ATTACHED): HostState.HERE,
    (HostState.HERE, Event.SHOWN): HostState.HERE,
    (HostState.SILENT, Event.SHOWN): HostState.HERE,
    (HostState.LEFT, Event.SHOWN): HostState.LEFT,
    (HostState.HERE, Event.OVERDUE): HostState.SILENT,
    (HostState.HERE, Event.CLOSED): HostState.LEFT,
    (HostState.SILENT, Event.CLOSED): HostState.LEFT,
    (HostState.LEFT, Event.CLOSED): HostState.LEFT,
    (HostState.HERE, Event.GONE): HostState.ABSENT,
    (HostState.SILENT, Event.GONE): HostState.ABSENT,
    (HostState.LEFT, Event.GONE): HostState.ABSENT,
}
"""Transitions, by events of the attached session; other sessions cause none."""


class News(NamedTuple):
    """The facts whose change is told to a host: a lease that is prolonged is no change."""

    may_act: bool
    epoch: int


class Host:
    """The attachment of one host. `has_leases` tells whether its last lease must end before the role is given
    back.
    """

    def __init__(self, *, has_leases: Callable[[], bool]) -> None:
        self.state = HostState.ABSENT
        self.lease_until = 0.0
        self._has_leases = has_leases
        self._has_begun = False
        self._session: int | None = None
        self._asked: LocalRequest | None = None
        self._told: News | None = None
        self._asks = False  # a host that attached itself asks; one that we follow does not
        self._shown_at = 0.0
        self._may_act_since = math.inf
        self._overdue_since = math.inf
        self.silences = 0
        self._progress: int | None = None
        self._handlers: dict[type, Callable[[Any], None]] = {
            SessionClosed: self._closed,
            HostCame: self._came,
            HostGone: self._gone,
        }

    @property
    def is_here(self) -> bool:
        """Whether a host is attached, and at work."""
        return self.state is HostState.HERE

    @property
    def is_known(self) -> bool:
        """Whether a host is attached, or has left and may still live."""
        return self.state is not HostState.ABSENT

    def is_session(self, session: int) -> bool:
        """Whether this session is that of the attached host."""
        return session == self._session

    def receive(self, message: Arriving) -> None:
        """Take news of sessions and processes."""
        handle = self._handlers.get(type(message))
        if handle is not None:
            handle(message)

    def begin(self, now: float) -> None:
        """At the first call, assume that our former process granted a lease just now."""
        if not self._has_begun:
            self._has_begun = True
            self.granted(now + LEASE_S)

    def attach(self, session: int, now: float) -> tuple[str, str] | None:
        """Attach the host of this session; else the error for its answer, and the reason."""
        if self.is_known and not self.is_session(session):
            if self.state is not HostState.LEFT:
                return "refused", "another host service is attached"
            if now < self.lease_until:
                return "try_again", "the lease of the former host service is not over"
        self._go(Event.ATTACHED, session)
        self._asks, self._shown_at, self._progress = True, now, None
        return None

    def granted(self, until: float) -> None:
        """A host was told that it may act until then."""
        if self._has_leases():
            self.lease_until = max(self.lease_until, until)

    def stopped(self) -> None:
        """The host says that it acts no more."""
        self.lease_until = 0.0

    def asked(self, request: LocalRequest, now: float) -> None:
        """Somebody asked; the attached host is at work, if it shows progress or has none to show."""
        progress = request.body.get("progress")
        is_work = self._progress is None or progress not in (None, self._progress)
        if is_work and self.is_session(request.session):
            self._go(Event.SHOWN, self._session, request)
            self._shown_at, self._progress = now, progress

    def told(self, request: LocalRequest, news: News) -> None:
        """This question is answered with that; the attached host hears when it is another answer."""
        if self.is_session(request.session):
            self._asked, self._told = request, news

    def overdue_at(self) -> float:
        """When the lease of a host that may act ends if it does not ask; infinite for one that never asks."""
        since = max(self._shown_at, self._may_act_since)
        return since + LEASE_S if self._asks and self.is_here else math.inf

    def watch(self, now: float, *, may_act: bool) -> None:
        """Whether the host may act now. While it may, it is silent if it has not asked for a lease's time."""
        if not may_act:
            self._may_act_since = self._overdue_since = math.inf
            return
        self._may_act_since = min(self._may_act_since, now)
        if now < self.overdue_at():
            self._overdue_since = math.inf
            return
        self._overdue_since = min(self._overdue_since, now)
        if now >= self._overdue_since + GRACE_S:
            self._overdue_since = math.inf
            self.silences += 1
            self._go(Event.OVERDUE, self._session, self._asked)

    def watch_at(self) -> float:
        """When `watch` is due: when the host is overdue, and a moment later."""
        if self._overdue_since < math.inf:
            return self._overdue_since + GRACE_S
        return self.overdue_at()

    def waits_for(self, news: News) -> LocalRequest | None:
        """The host's last question, if its answer has changed; else None."""
        return self._asked if self._told != news else None

    def _closed(self, message: SessionClosed) -> None:
        if self.is_session(message.session):
            self._go(Event.CLOSED, self._session, self._asked)

    def _came(self, message: HostCame) -> None:
        self._go(Event.ATTACHED, message.session)
        self._asks = False

    def _gone(self, message: HostGone) -> None:
        if self.is_session(message.session):
            self._go(Event.GONE, None)
            self.stopped()

    def _go(self, event: Event, session: int | None, asked: LocalRequest | None = None) -> None:
        self.state, self._session, self._asked = TABLE[self.state, event], session, asked

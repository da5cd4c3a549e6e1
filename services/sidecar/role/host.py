"""The host service beside this sidecar: whether it is attached, and the end of its last lease.

Theory of operation
-------------------
The host answers devices, so the role is given back only when it cannot act any more: it says that it has
stopped, or is gone with its whole process group, or the last lease that it was told is over. A host that
closes its session may live on: it has left, and its lease runs out.

A host need not poll: when the answer to its last question changes, it is sent anew.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Any, NamedTuple

from bus.messages import Arriving, HostCame, HostGone, LocalRequest, SessionClosed
from heartbeat.timing import LEASE_S


class HostState(Enum):
    """The state of the host's attachment."""

    ABSENT = auto()
    HERE = auto()
    LEFT = auto()  # its session is closed, and its process was not seen to end


class Event(Enum):
    """An event that changes the state."""

    ATTACHED = auto()
    CLOSED = auto()
    GONE = auto()


TABLE = {
    (HostState.ABSENT, Event.ATTACHED): HostState.HERE,
    (HostState.HERE, Event.ATTACHED): HostState.HERE,
    (HostState.LEFT, Event.ATTACHED): HostState.HERE,
    (HostState.HERE, Event.CLOSED): HostState.LEFT,
    (HostState.LEFT, Event.CLOSED): HostState.LEFT,
    (HostState.HERE, Event.GONE): HostState.ABSENT,
    (HostState.LEFT, Event.GONE): HostState.ABSENT,
}
"""Transitions, by events of the attached session; other sessions cause none."""


class News(NamedTuple):
    """The facts whose change is told to a host: a lease that is prolonged is no change."""

    may_act: bool
    epoch: int


class Host:
    """The attachment of one host. `has_leases`: its last lease must end before the role is given back."""

    def __init__(self, *, has_leases: bool) -> None:
        self.state = HostState.ABSENT
        self.lease_until = 0.0
        self._has_leases = has_leases
        self._has_begun = False
        self._session: int | None = None
        self._asked: LocalRequest | None = None
        self._told: News | None = None
        self._handlers: dict[type, Callable[[Any], None]] = {
            SessionClosed: self._closed,
            HostCame: self._came,
            HostGone: self._gone,
        }

    @property
    def is_here(self) -> bool:
        """Whether a host is attached."""
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
            if self.is_here:
                return "refused", "another host service is attached"
            if now < self.lease_until:
                return "try_again", "the lease of the former host service is not over"
        self._go(Event.ATTACHED, session)
        return None

    def granted(self, until: float) -> None:
        """A host was told that it may act until then."""
        if self._has_leases:
            self.lease_until = max(self.lease_until, until)

    def stopped(self) -> None:
        """The host says that it acts no more."""
        self.lease_until = 0.0

    def asked(self, request: LocalRequest, news: News) -> None:
        """The attached host asked, and is answered this."""
        if self.is_session(request.session):
            self._asked, self._told = request, news

    def waits_for(self, news: News) -> LocalRequest | None:
        """The host's last question, if its answer has changed; else None."""
        return self._asked if self._told != news else None

    def _closed(self, message: SessionClosed) -> None:
        if self.is_session(message.session):
            self._go(Event.CLOSED, self._session, self._asked)

    def _came(self, message: HostCame) -> None:
        self._go(Event.ATTACHED, message.session)

    def _gone(self, message: HostGone) -> None:
        if self.is_session(message.session):
            self._go(Event.GONE, None)
            self.stopped()

    def _go(self, event: Event, session: int | None, asked: LocalRequest | None = None) -> None:
        self.state, self._session, self._asked = TABLE[self.state, event], session, asked

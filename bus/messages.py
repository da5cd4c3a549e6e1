"""The input of a machine: messages of others, and events of its carrier, its host, its disk and its process.

A service whose own sockets bring more adds those types to the union.
"""

from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from bus.effects import Effect
from bus.envelope import Envelope
from bus.reason import Reason


class Received(NamedTuple):
    """A message arrived. `via` is the way back to its sender (what `Send.to` takes), empty for a topic. It
    `is_proven` if a key of its source's own vouches for who says it: that of the connection, or a signature.
    `column` is the column of the route table that brought it; empty where there is but one.
    """

    envelope: Envelope
    via: str | bytes
    is_proven: bool = False
    column: str = ""


class Undelivered(NamedTuple):
    """A message did not leave, or its broker did not confirm it. `reason` is for people."""

    envelope: Envelope
    to: str | bytes
    reason: str


class CaughtUp(NamedTuple):
    """All that a class's topic held at our start, at a `CatchUp` or when it was `Recreated` has been
    received. Each of these three is followed by one `CaughtUp`, in their order.
    """

    traffic: str


class LogBounds(NamedTuple):
    """The first offset left in a log, and the offset behind the last, when its reader begins. It comes once,
    before the first `Entry`. `identity` is unique to this log: a topic made anew has another; empty where the
    cluster knows none.
    """

    traffic: str
    start: int
    end: int
    identity: str = ""


class Entry(NamedTuple):
    """A record of a log, at its offset. `envelope` is None if this version cannot read it."""

    traffic: str
    offset: int
    envelope: Envelope | None


class LogLost(NamedTuple):
    """A log lost records or was replaced; no more of it is delivered. `reason` is for people."""

    traffic: str
    reason: str


class Recreated(NamedTuple):
    """The topic of a class that is no log was deleted and made anew. Its old records are gone. `CaughtUp`
    follows, after the new records if the class needs its history.
    """

    traffic: str


class WallClock(NamedTuple):
    """Unix time is `now + offset_s`."""

    offset_s: float


class Lacking(NamedTuple):
    """The faults of the carrier and of the other parts outside of the machine are these from now on."""

    reasons: tuple[Reason, ...]


class Kept(NamedTuple):
    """This record is on the disk."""

    record: Any


class Unkept(NamedTuple):
    """This record is not on the disk, and no effect of `then` was performed. `reason` is for people.

    If the outcome `is_doubtful` the record may be there all the same, for a restart to find.
    """

    record: Any
    then: tuple[Effect, ...]
    reason: str
    is_doubtful: bool = False


class Draining(NamedTuple):
    """The process was asked to stop: finish running work, begin none, tell others, then `Exit`."""


class Stopping(NamedTuple):
    """The process stops now: the effects of this message are the last."""


class User(NamedTuple):
    """The user of a process by the kernel's word: its number, and its name, `uid 1234` where it has none."""

    uid: int
    name: str


NOBODY = User(-1, "nobody")
"""The user of a request that came over no socket."""


class LocalDoor(StrEnum):
    """A local socket of an instance: that of its host service, or that of its operators."""

    HOST = "host"
    ADMIN = "admin"


class LocalRequest(NamedTuple):
    """A request over a local socket; `session` is the way back, `user` the one who connected, `door` the
    socket. One that came over no socket has every right.
    """

    session: int
    body: dict[str, Any]
    user: User = NOBODY
    door: LocalDoor = LocalDoor.ADMIN


class SessionClosed(NamedTuple):
    """The client of this session of the local socket is gone: answers to it reach nobody."""

    session: int


class HostCame(NamedTuple):
    """A host service that sends us no requests is there; `session` is a number that no session has."""

    session: int


class HostGone(NamedTuple):
    """The process behind this session is gone, and its whole process group with it."""

    session: int


Arriving: TypeAlias = (
    Received
    | Undelivered
    | CaughtUp
    | LogBounds
    | Entry
    | LogLost
    | Recreated
    | WallClock
    | Lacking
    | Kept
    | Unkept
    | Draining
    | Stopping
    | LocalRequest
    | SessionClosed
    | HostCame
    | HostGone
)
"""The messages that every machine may receive."""

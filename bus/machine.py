"""What a state machine is, and the words between machines and the world.

Everything with a rule in it is a machine without I/O: time comes in as `now` (seconds of a clock that never
jumps: CLOCK_BOOTTIME), randomness as an argument, what happened as a message, and what should happen goes out
as a list of effects. Two drivers run the same machines: `bus.runner` on real sockets, `bus.testing.world` in
virtual time.

Wall-clock time is a fact like any other: `WallClock` messages tell a machine how far it is from `now`.
"""

from typing import Any, NamedTuple, Protocol

from bus.envelope import Envelope

Effect = Any
"""An effect is a NamedTuple; its type names the handler that performs it."""


class Machine(Protocol):
    """A rule without I/O."""

    def receive(self, message: Any, now: float) -> list[Effect]:
        """Something arrived."""

    def tick(self, now: float) -> list[Effect]:
        """Time passed."""

    def deadline(self) -> float | None:
        """When to call `tick` next, in the seconds of `now`."""


class Received(NamedTuple):
    """A message arrived. `via` is the way back to its sender (what `Send.to` takes), empty for a topic."""

    envelope: Envelope
    via: str | bytes


class Undelivered(NamedTuple):
    """A message did not leave, or its broker did not confirm it. `reason` is for people."""

    envelope: Envelope
    to: str | bytes
    reason: str


class CaughtUp(NamedTuple):
    """Everything that a class's topic held at our start has been received, or when `CatchUp` was answered, or
    when it was `Recreated`: each is followed by one of these, in their order.
    """

    traffic: str


class LogBounds(NamedTuple):
    """Where a log begins and ends as its reader begins: the first offset that is left, and the offset behind
    the last. It comes once, before the first `Entry`. `identity` is another one for every log, also for a
    topic that was made anew; empty where the cluster knows none.
    """

    traffic: str
    start: int
    end: int
    identity: str = ""


class Entry(NamedTuple):
    """A record of a log, at its offset. `envelope` is None for what nobody of this version can read."""

    traffic: str
    offset: int
    envelope: Envelope | None


class LogLost(NamedTuple):
    """A log is not what it was; nothing more of it will be delivered. `reason` is for people."""

    traffic: str
    reason: str


class Recreated(NamedTuple):
    """The topic of a class that is no log was deleted and made anew. What it held is gone; what it holds
    now comes from its beginning, and then `CaughtUp`.
    """

    traffic: str


class WallClock(NamedTuple):
    """Unix time is `now + offset_s`."""

    offset_s: float


class Send(NamedTuple):
    """Send point to point. `to` is an instance, or the `via` of what is answered."""

    to: str | bytes
    envelope: Envelope


class Publish(NamedTuple):
    """Publish to a class's topic. Records of one `key` stay in order."""

    envelope: Envelope
    key: str


class CatchUp(NamedTuple):
    """Capture the end of a class's topic now; `CaughtUp` follows once it has been received up to there."""

    traffic: str


class Connect(NamedTuple):
    """Be connected to this instance at this endpoint from now on."""

    peer: str
    endpoint: str


class Disconnect(NamedTuple):
    """Forget the connection to this instance."""

    peer: str


class TakeIncarnation(NamedTuple):
    """A record to `Keep`: from then on we are this incarnation, and the machine sees it in its stamp."""

    incarnation: int


class Keep(NamedTuple):
    """Put a record on the disk. What `then` says is done only once it is there. Before it is told anything
    else the machine is told `Kept`, or `Unkept` if the disk refuses.

    The type of the record names the handler that writes it. One that raises an `OSError` has refused.
    """

    record: Any
    then: tuple[Effect, ...] = ()


class Kept(NamedTuple):
    """This record is on the disk."""

    record: Any


class Unkept(NamedTuple):
    """This record is not on the disk, and nothing of `then` was done. `reason` is for people.

    If the outcome `is_doubtful` the record may be there all the same, for a restart to find.
    """

    record: Any
    then: tuple[Effect, ...]
    reason: str
    is_doubtful: bool = False


class Exit(NamedTuple):
    """Stop the process with this exit code, saying why."""

    code: int
    reason: str


class Draining(NamedTuple):
    """The process was asked to stop: finish what runs, begin nothing, say so to others, then `Exit`."""


class Stopping(NamedTuple):
    """The process stops now: the effects of this message are the last."""


class LocalRequest(NamedTuple):
    """The host service asks something over the local socket; `session` is the way back."""

    session: int
    body: dict[str, Any]


class SessionClosed(NamedTuple):
    """Whoever asked over this session of the local socket is gone: answers to it reach nobody."""

    session: int


class WatchHost(NamedTuple):
    """Tell `HostGone` once the process behind this session of the local socket, and its whole process group,
    is gone.
    """

    session: int


class HostCame(NamedTuple):
    """The host service that does not ask us is there; `session` is a number that no session has."""

    session: int


class HostGone(NamedTuple):
    """The process that was behind this session is gone, and its whole process group with it."""

    session: int


class Reply(NamedTuple):
    """Answer a `LocalRequest`. A session that is gone needs no answer."""

    session: int
    body: dict[str, Any]

"""Effects: the output of a machine, each performed by the handler of its type.

A service whose machine needs more adds its own types to the union.
"""

from typing import Any, NamedTuple, TypeAlias

from bus.envelope import Envelope


class Send(NamedTuple):
    """Send point to point. `to` is an instance, or the `via` of the message to answer. With a `column` it
    leaves by that one alone, else by all that carry its class now.
    """

    to: str | bytes
    envelope: Envelope
    column: str = ""


class Publish(NamedTuple):
    """Publish to a class's topic. Records of one `key` stay in order. `column` as of `Send`."""

    envelope: Envelope
    key: str
    column: str = ""


class CatchUp(NamedTuple):
    """Capture the end of a class's topic now; `CaughtUp` follows once it has been received up to there."""

    traffic: str


class Connect(NamedTuple):
    """Connect to this instance at this endpoint, and stay connected."""

    peer: str
    endpoint: str


class TakeIncarnation(NamedTuple):
    """A record to `Keep`: from then on we are this incarnation, and the machine sees it in its stamp."""

    incarnation: int


class Keep(NamedTuple):
    """Put a record on the disk, and only then perform the effects of `then`. The machine is told `Kept`, or
    `Unkept` if the disk refuses, before any other message.

    The type of the record names the handler that writes it; its `OSError` is a refusal.
    """

    record: Any
    then: "tuple[Effect, ...]" = ()


class Exit(NamedTuple):
    """Stop the process with this exit code, saying why."""

    code: int
    reason: str


class WatchHost(NamedTuple):
    """Tell `HostGone` once the process behind this session of the local socket, and its whole process group,
    is gone.
    """

    session: int


class Reply(NamedTuple):
    """Answer a `LocalRequest`. A session that is gone needs no answer."""

    session: int
    body: dict[str, Any]


Effect: TypeAlias = Send | Publish | CatchUp | Connect | Keep | Exit | WatchHost | Reply
"""The effects that every machine may return."""

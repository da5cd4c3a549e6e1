"""The interface of a state machine.

All rules are in machines without I/O. Time comes in as `now` (seconds of a clock that never jumps:
CLOCK_BOOTTIME), randomness as an argument, events as messages (`bus.messages`); a machine returns a list of
effects (`bus.effects`). Two drivers run the same machines: `bus.runtime.runner` on real sockets,
`bus.testing.world` in virtual time.

Wall-clock time comes in by `WallClock` messages, as its distance from `now`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from bus.effects import Effect
from bus.messages import (
    CaughtUp,
    Draining,
    Entry,
    HostCame,
    HostGone,
    Kept,
    Lacking,
    LocalRequest,
    LogBounds,
    LogLost,
    Received,
    Recreated,
    SessionClosed,
    Stopping,
    Undelivered,
    Unkept,
    WallClock,
)

Arrives = TypeVar("Arrives", contravariant=True)
Leaves = TypeVar("Leaves", covariant=True)


class Machine(Protocol[Arrives, Leaves]):
    """Rules without I/O: messages and time come in, effects come out."""

    def receive(self, message: Arrives, now: float) -> Sequence[Leaves]:
        """Handle a message."""

    def tick(self, now: float) -> Sequence[Leaves]:
        """Do the work due at `now`."""

    def deadline(self) -> float | None:
        """The time of the next `tick`, in the seconds of `now`."""


AnyMachine = Machine[Any, Any]
"""A machine whose driver does not know its message and effect types: messages come from sockets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hears(Generic[Leaves]):
    """A handler for each message of `Arriving`; a forgotten one is a missing argument. `nothing` ignores a
    message.
    """

    received: Callable[[Received, float], Sequence[Leaves]]
    undelivered: Callable[[Undelivered, float], Sequence[Leaves]]
    caught_up: Callable[[CaughtUp, float], Sequence[Leaves]]
    log_bounds: Callable[[LogBounds, float], Sequence[Leaves]]
    entry: Callable[[Entry, float], Sequence[Leaves]]
    log_lost: Callable[[LogLost, float], Sequence[Leaves]]
    recreated: Callable[[Recreated, float], Sequence[Leaves]]
    wall_clock: Callable[[WallClock, float], Sequence[Leaves]]
    lacking: Callable[[Lacking, float], Sequence[Leaves]]
    kept: Callable[[Kept, float], Sequence[Leaves]]
    unkept: Callable[[Unkept, float], Sequence[Leaves]]
    draining: Callable[[Draining, float], Sequence[Leaves]]
    stopping: Callable[[Stopping, float], Sequence[Leaves]]
    local_request: Callable[[LocalRequest, float], Sequence[Leaves]]
    session_closed: Callable[[SessionClosed, float], Sequence[Leaves]]
    host_came: Callable[[HostCame, float], Sequence[Leaves]]
    host_gone: Callable[[HostGone, float], Sequence[Leaves]]

    def table(self) -> Mapping[type, Callable[[Any, float], Sequence[Leaves]]]:
        """The handler of each type."""
        return {
            Received: self.received,
            Undelivered: self.undelivered,
            CaughtUp: self.caught_up,
            LogBounds: self.log_bounds,
            Entry: self.entry,
            LogLost: self.log_lost,
            Recreated: self.recreated,
            WallClock: self.wall_clock,
            Lacking: self.lacking,
            Kept: self.kept,
            Unkept: self.unkept,
            Draining: self.draining,
            Stopping: self.stopping,
            LocalRequest: self.local_request,
            SessionClosed: self.session_closed,
            HostCame: self.host_came,
            HostGone: self.host_gone,
        }


def nothing(message: object, now: float) -> list[Effect]:
    """Ignore a message."""
    return []

"""A node of the world: the machine that runs there, its clock and its alarm."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from bus.machine import AnyMachine
from bus.testing.local_clock import LocalClock
from bus.testing.timeline import Alarm

Start = Callable[[int, Random], AnyMachine]
"""Makes the machine of an incarnation, with a random source of its own."""


@dataclass(slots=True, eq=False)
class SimulatedNode:
    """A named place for machines; `machine` is None while it is down."""

    name: str
    start: Start
    reads: Sequence[str]
    has_clock: bool
    alarm: Alarm
    clock: LocalClock = field(default_factory=LocalClock)
    machine: AnyMachine | None = None
    incarnation: int = 0
    paused_until: float = 0.0
    clock_error_s: float = 0.0
    idle_ticks: int = 0
    due: float | None = None  # the deadline, in local time, that the alarm is set to

    def arm(self, lag_s: Callable[[], float]) -> None:
        """Set the alarm to the machine's deadline plus `lag_s()`."""
        due = self.machine.deadline() if self.machine is not None else None
        if due == self.due:
            return
        self.due = due
        if due is None:
            self.alarm.cancel()
        else:
            self.alarm.set(self.clock.true(due) + lag_s())

    def lie_down(self) -> None:
        """End the incarnation."""
        self.machine = self.due = None
        self.alarm.cancel()

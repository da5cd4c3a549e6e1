"""A disk for machines under test: it keeps or refuses what they say, and tells them as the runner does."""

from collections.abc import Sequence
from typing import Any

from bus.effects import Keep
from bus.machine import AnyMachine
from bus.messages import Kept, Unkept

FULL = "No space left on device"


class Disk:
    """What was kept, oldest first; while it is `full` nothing more is."""

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self.is_full = False

    def perform(self, machine: AnyMachine, effects: Sequence[Any], now: float) -> list[Any]:
        """The effects with those in the place of each `Keep` that follow from it."""
        done: list[Any] = []
        for effect in effects:
            if not isinstance(effect, Keep):
                done.append(effect)
            elif self.is_full:
                failed = Unkept(effect.record, effect.then, FULL)
                done += self.perform(machine, machine.receive(failed, now), now)
            else:
                self.kept.append(effect.record)
                done += self.perform(machine, machine.receive(Kept(effect.record), now), now)
                done += effect.then
        return done

    def receive(self, machine: AnyMachine, message: Any, now: float) -> list[Any]:
        """What is left to do after a message."""
        return self.perform(machine, machine.receive(message, now), now)

    def tick(self, machine: AnyMachine, now: float) -> list[Any]:
        """What is left to do when time passed."""
        return self.perform(machine, machine.tick(now), now)

"""A disk for machines under test: it keeps or refuses what they say, and tells them as the runner does."""

from typing import Any

from bus.machine import Effect, Keep, Kept, Machine, Unkept

FULL = "No space left on device"


class Disk:
    """What was kept, oldest first; while it is `full` nothing more is."""

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self.is_full = False

    def perform(self, machine: Machine, effects: list[Effect], now: float) -> list[Effect]:
        """The effects with those in the place of each `Keep` that follow from it."""
        done: list[Effect] = []
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

    def receive(self, machine: Machine, message: Any, now: float) -> list[Effect]:
        """What is left to do after a message."""
        return self.perform(machine, machine.receive(message, now), now)

    def tick(self, machine: Machine, now: float) -> list[Effect]:
        """What is left to do when time passed."""
        return self.perform(machine, machine.tick(now), now)

"""How settings come in force: from the topic, or from where they waited for a key that is here now.

Whoever waits for other settings everywhere sees them in beats, so a beat with news does not wait its turn.
"""

from collections.abc import Callable, Sequence
from typing import Any

from bus.effects import Keep
from bus.errors import DecodeError
from services.instance.frame import Frame
from services.settings.catalogue import StoreCatalogue
from services.settings.held import HeldSettings
from services.settings.history import StoreHistory

Takes = Callable[[], Sequence[StoreCatalogue | StoreHistory]]
"""Puts settings in force, or not, and returns what is to be kept (`DecodeError`)."""


class Adopting:
    """Has settings taken into `held` by whoever compiles them. `unlock` takes those that waited for a key."""

    def __init__(self, frame: Frame[Any], held: HeldSettings, unlock: Takes) -> None:
        self._frame = frame
        self._held = held
        self._unlock = unlock

    def take(self, takes: Takes) -> list[Keep]:
        """The records to keep (`DecodeError`). With other settings in force than before we beat at once."""
        before = self._held.record
        stored = takes()
        if self._held.record is not before:
            self._frame.pulse.hurry()
        return [Keep(one) for one in stored]

    def unlock(self, now: float) -> list[Keep]:
        """A move: settings that waited for a key that is here now; unusable ones are counted."""
        try:
            return self.take(self._unlock)
        except DecodeError:
            self._frame.counts["undecodable"] += 1
            return []

"""The pulse: when our own beat is due, and what it says."""

from bus.envelope import Stamp
from bus.machine import Publish
from bus.messages import BEAT, Beat, encode
from heartbeat.detector import BEAT_EVERY_S, SUSPECT_AFTER_S


class Pulse:
    """Beats every `BEAT_EVERY_S`, and never catches up on beats it missed."""

    def __init__(self, stamp: Stamp) -> None:
        self.is_draining = False
        self.leaves = False
        self.draining_beats = 0
        self._stamp = stamp
        self._due = 0.0

    def tick(self, beat: Beat, now: float, wall_s: float) -> Publish:
        """The beat that is due; the next follows `BEAT_EVERY_S` from now."""
        self._due = now + BEAT_EVERY_S
        if self.is_draining:
            self.draining_beats += 1
            beat = beat.model_copy(update={"draining": True, "leaves": self.leaves})
        envelope = self._stamp.envelope(
            BEAT, encode(beat), time_ms=int(wall_s * 1000), expiry_ms=int(SUSPECT_AFTER_S * 1000)
        )
        return Publish(envelope, key=self._stamp.instance)

    def drain(self) -> None:
        """From now on every beat says that we drain, the first of them at once."""
        self.is_draining = True
        self.hurry()

    def leave(self, beat: Beat, now: float, wall_s: float) -> Publish:
        """The last beat of all."""
        self.is_draining = self.leaves = True
        return self.tick(beat, now, wall_s)

    def hurry(self) -> None:
        """Something that others should know has changed: beat at once."""
        self._due = 0.0

    def deadline(self) -> float:
        """When the next beat is due."""
        return self._due

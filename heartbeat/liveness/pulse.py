"""The pulse: the schedule of our own beats."""

from bus.contract import encode
from bus.effects import Publish
from bus.envelope import Stamp
from heartbeat.liveness.beat import BEAT, Beat
from heartbeat.liveness.detector import BEAT_EVERY_S


class Pulse:
    """Beats every `BEAT_EVERY_S`, and never makes up for missed beats."""

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
        envelope = self._stamp.envelope(BEAT, encode(beat), time_ms=int(wall_s * 1000))
        return Publish(envelope, key=self._stamp.instance)

    def drain(self) -> None:
        """Say in every beat from now on that we drain, in the first one at once."""
        self.is_draining = True
        self.hurry()

    def leave(self, beat: Beat, now: float, wall_s: float) -> Publish:
        """The last beat."""
        self.is_draining = self.leaves = True
        return self.tick(beat, now, wall_s)

    def hurry(self) -> None:
        """Beat at once: the beat has news for others."""
        self._due = 0.0

    def deadline(self) -> float:
        """The time of the next beat."""
        return self._due

"""Two processes of one name: the one with the lower incarnation yields.

Theory of operation
-------------------
A machine that was cloned runs a second process of an instance, with its name and its key. Every process has
an incarnation of its own, beats name it, and everybody else follows the higher one. So of two that hear each
other the lower one yields: it begins no work and gives back its role, until the other was silent for
`SILENT_S`. Then it takes an incarnation above the other's and takes part again. Otherwise it would be ignored
for ever after a clone ran for a minute and was stopped.

Two that take turns would do harm with each turn. One that has taken `TAKES_MAX` incarnations within
`WITHIN_S` and would take another stops for good and says so in its beats. The other one stops when it hears
that, if it has taken one too: only a person knows which of them should run.

A former process of ours may be heard for a moment after our start; its beats are no second process.
"""

from collections import deque
from collections.abc import Iterator
from enum import StrEnum

from bus.effects import Effect, Keep, TakeIncarnation
from bus.envelope import Envelope, Stamp
from bus.leaps import GROWTH, Number
from bus.reason import Reason
from bus.telemetry.metrics import Sample, labelled
from heartbeat.timing import SILENCE_S

SILENT_S = 10.0  # twenty beats
WITHIN_S = 600.0
TAKES_MAX = 2
START_S = 5.0  # a record that its broker did not confirm in 2 s is given up
TAKE_AGAIN_S = 1.0


class NamesakeState(StrEnum):
    """The relation of a process to another one of its name."""

    ALONE = "alone"
    AHEAD = "ahead"  # the other one has a lower incarnation: it yields
    YIELDED = "yielded"  # the other one has a higher incarnation
    STOPPED = "stopped"  # they took turns


class _Cause(StrEnum):
    HIGHER = "a higher incarnation is heard"
    LOWER = "a lower incarnation is heard"
    QUIET = "the lower one is not heard any more"
    TAKEN = "the higher one was silent, and a higher incarnation is on our disk"
    TURNS = "they took turns too often"


TABLE: dict[tuple[NamesakeState, _Cause], NamesakeState] = {
    (NamesakeState.ALONE, _Cause.LOWER): NamesakeState.AHEAD,
    (NamesakeState.ALONE, _Cause.HIGHER): NamesakeState.YIELDED,
    (NamesakeState.AHEAD, _Cause.HIGHER): NamesakeState.YIELDED,
    (NamesakeState.AHEAD, _Cause.QUIET): NamesakeState.ALONE,
    (NamesakeState.AHEAD, _Cause.TURNS): NamesakeState.STOPPED,
    (NamesakeState.YIELDED, _Cause.TAKEN): NamesakeState.ALONE,
    (NamesakeState.YIELDED, _Cause.TURNS): NamesakeState.STOPPED,
}
"""A pair that is not here changes nothing."""


def is_namesake(beat: Envelope, stamp: Stamp) -> bool:
    """Whether this beat has our name and another process sent it."""
    return beat.source == stamp.instance and beat.incarnation != stamp.incarnation


class Namesake:
    """One process's view of another one of its name."""

    def __init__(self, incarnation: int) -> None:
        self.state = NamesakeState.ALONE
        self.rival = 0
        """The incarnation of the other one, heard last; 0 if none was heard."""
        self._incarnation = incarnation
        self._own = {incarnation}
        self._since: float | None = None
        self._heard_at = 0.0
        self._take_at = 0.0
        self._takes: deque[float] = deque(maxlen=TAKES_MAX)

    @property
    def is_alone(self) -> bool:
        """Whether no other process of our name is heard."""
        return self.state is NamesakeState.ALONE

    @property
    def yields(self) -> bool:
        """Whether this process must begin no work."""
        return self.state in (NamesakeState.YIELDED, NamesakeState.STOPPED)

    @property
    def beat(self) -> str:
        """The field `namesake` of our beats."""
        return str(self.state) if self.yields else ""

    def heard(self, incarnation: int, said: str, now: float) -> None:
        """Note a beat of our name; `said` is its field `namesake`."""
        if incarnation in self._own:
            return
        is_higher = incarnation > self._incarnation
        if not is_higher and (self._since is None or now < self._since + START_S):
            return
        if self.yields and incarnation < self.rival:
            return
        self.rival, self._heard_at = incarnation, now
        self._go(_Cause.HIGHER if is_higher else _Cause.LOWER)
        if said == NamesakeState.STOPPED and self._has_taken(now):
            self._go(_Cause.TURNS)

    def tick(self, incarnation: int, now: float, wall_s: float) -> list[Effect]:
        """Do what is due; `incarnation` is our present one. Unix time makes the next one."""
        if self._since is None:
            self._since = now
        if incarnation != self._incarnation:
            self._incarnation = incarnation
            self._own.add(incarnation)
            self._takes.append(now)
            self._go(_Cause.TAKEN)
        if self.state is NamesakeState.AHEAD and now >= self._heard_at + SILENCE_S:
            self._go(_Cause.QUIET)
        if self.state is not NamesakeState.YIELDED or now < max(self._heard_at + SILENT_S, self._take_at):
            return []
        if len(self._takes) == TAKES_MAX and now < self._takes[0] + WITHIN_S:
            self._go(_Cause.TURNS)
            return []
        self._take_at = now + TAKE_AGAIN_S
        above = max(int(wall_s * 1000), self.rival + 1, incarnation + 1)
        if above > GROWTH[Number.INCARNATION].last:  # only a person can end a process of the last one
            self._go(_Cause.TURNS)
            return []
        return [Keep(TakeIncarnation(above))]

    def deadline(self) -> float | None:
        """The time of the next `tick`."""
        if self._since is None:
            return 0.0
        if self.state is NamesakeState.AHEAD:
            return self._heard_at + SILENCE_S
        if self.state is NamesakeState.YIELDED:
            return max(self._heard_at + SILENT_S, self._take_at)
        return None

    def missing(self) -> list[Reason]:
        """Why this process does nothing."""
        if self.state is NamesakeState.YIELDED:
            return [
                Reason(
                    "name-taken", f"its name: another process has it, of the later incarnation {self.rival}"
                )
            ]
        if self.state is NamesakeState.STOPPED:
            text = f"its name: it took turns with incarnation {self.rival}; stop one, restart the other"
            return [Reason("name-contended", text)]
        return []

    def degraded(self) -> list[Reason]:
        """The faults with which this process goes on."""
        if self.state is NamesakeState.AHEAD:
            text = f"its name is in use twice: incarnation {self.rival} beats too; stop that process"
            return [Reason("name-twice", text)]
        return []

    def samples(self) -> Iterator[Sample]:
        """The state, as metrics."""
        states = {str(state): float(state is self.state) for state in NamesakeState}
        yield from labelled("provbus_namesake_state", "state", states)

    def _has_taken(self, now: float) -> bool:
        return bool(self._takes) and now < self._takes[-1] + WITHIN_S

    def _go(self, cause: _Cause) -> None:
        self.state = TABLE.get((self.state, cause), self.state)

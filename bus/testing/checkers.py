"""Checkers: rules that hold at every step of a world, and the error for a broken one.

A checker is shown each step after the machine has moved and before its effects are performed. It returns the
violation, or None. It may remember; it must not change the step. The rules of a service are beside the tests
of that service; here are the rules of the bus itself.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

from bus.effects import Publish, Send
from bus.envelope import Envelope
from bus.testing.trace import Trace

STEPS_MAX = 2_000_000  # a run that is longer is a mistake of its test


class Tick(NamedTuple):
    """In a step: time passed."""


class Started(NamedTuple):
    """In a step: a new incarnation began."""


class Crashed(NamedTuple):
    """In a step: the incarnation is gone, and its memory with it."""


class Paused(NamedTuple):
    """In a step: the node gets no time for `pause_s`."""

    pause_s: float


class WorldStep(NamedTuple):
    """The input of one node and the effects that it returned. `message` may be `Tick`, `Started`, `Crashed`
    or `Paused`.
    """

    now: float
    node: str
    incarnation: int
    message: Any
    effects: Sequence[Any]


Checker = Callable[[WorldStep], str | None]
"""Returns the violation in a step, or None."""


class ViolationError(AssertionError):
    """A broken rule: its name, time and seed, and the command that replays it."""

    def __init__(self, what: str, *, seed: int, now: float, replay: str) -> None:
        self.what = what
        self.seed = seed
        self.now = now
        super().__init__(f"{what} (seed {seed}, at {now:.6f} s; replay: {replay})")


class Numbered:
    """A number belongs to one message of its incarnation and class; published numbers have no gaps.

    The identity of a message depends on it: if a number is used twice `bus.wire.dedup` drops the second
    message, and with a gap a reader of a topic could not tell that one is lost. Point to point gaps are
    legal: a frame is numbered when it is made and may then find no connection.
    """

    def __init__(self, remembered_max: int = 10_000) -> None:
        self._remembered_max = remembered_max
        self._last: dict[tuple[str, int, str], int] = {}
        self._said: dict[tuple[str, int, str, int], Envelope] = {}

    def __call__(self, step: WorldStep) -> str | None:
        """Check the messages of the step."""
        for effect in step.effects:
            if isinstance(effect, Send | Publish):
                envelope = effect.envelope
                stream = (envelope.source, envelope.incarnation, envelope.traffic)
                if stream[:2] != (step.node, step.incarnation):
                    return f"{step.node} speaks as {envelope.source}, incarnation {envelope.incarnation}"
                if isinstance(effect, Publish):
                    last, self._last[stream] = self._last.get(stream, 0), envelope.seq
                    if envelope.seq != last + 1:
                        return f"{step.node} publishes {envelope.traffic} {envelope.seq} after {last}"
                if self._said.setdefault((*stream, envelope.seq), envelope) != envelope:
                    return f"{step.node} says {envelope.id} twice with different content"
                if len(self._said) > self._remembered_max:
                    del self._said[next(iter(self._said))]
        return None


class Witness:
    """Sees every step in the world of one seed: keeps the trace and asks the checkers."""

    def __init__(self, seed: int, replay: str) -> None:
        """`replay` is the command that runs this seed again; `{seed}` in it is replaced."""
        self.steps = 0
        self.checkers: list[Checker] = []
        self._trace = Trace()
        self._seed = seed
        self._replay = replay.format(seed=seed)

    def see(self, step: WorldStep) -> None:
        """Record a step; `ViolationError` if a checker objects, or after more than `STEPS_MAX` steps."""
        self.steps += 1
        now, node, incarnation, message, effects = step
        self._trace.add(now, f"{node}#{incarnation}", message, effects)
        if self.steps > STEPS_MAX:
            self.fail(f"no end after {STEPS_MAX} steps", now)
        for checker in self.checkers:
            fault = checker(step)
            if fault is not None:
                self.fail(fault, now)

    def note(self, now: float, text: str) -> None:
        """Add a line to the trace."""
        self._trace.note(now, text)

    @property
    def tail(self) -> list[str]:
        """The last lines of the trace."""
        return self._trace.tail()

    def fail(self, what: str, now: float) -> NoReturn:
        """Raise the `ViolationError` that names the seed."""
        raise ViolationError(what, seed=self._seed, now=now, replay=self._replay)

    def trace_hash(self) -> str:
        """A hash over the trace."""
        return self._trace.digest()

"""Faults of ours: each costs what it was found at, is counted and told, and ends nothing else.

A message that makes a handler raise shows a mistake in this program, and whoever can send that message could
otherwise end the process as often as it likes. So the fault costs that one message, that effect or that read.

The log has one line a minute for each kind: the type of the error and where it was raised, but never its
text, which may hold a subscriber's values or a secret. For a minute the instance is degraded.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from traceback import extract_tb

from bus.reason import Reason
from bus.telemetry.log import Sparing
from bus.telemetry.metrics import Sample, labelled

LATELY_S = 60.0  # also the time between two lines of one kind
FRAMES = 4  # the innermost ones: where it was raised, and on whose behalf
KINDS_MAX = 64  # of lines in the log: types of messages and of effects are fewer
_log = logging.getLogger("provbus.faults")


class OwnFaults:
    """The faults of one thread. `places` are where they may be found, and the label of their metric."""

    def __init__(self, places: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self.counts = dict.fromkeys(places, 0)
        self._clock = clock
        self._warnings = Sparing(_log, LATELY_S, clock)
        self._kinds: set[str] = set()
        self._latest: tuple[float, str] | None = None

    def note(self, place: str, what: str, error: Exception, about: str = "") -> None:
        """Count a fault at this place and tell it. `what` was lost is of a few kinds, `about` says more."""
        self.counts[place] += 1
        name = type(error).__name__
        self._latest = self._clock(), f"{name} at {what}"
        kind = f"{what} {name}"
        if len(self._kinds) >= KINDS_MAX and kind not in self._kinds:
            kind = "other"
        self._kinds.add(kind)
        more = f" ({about})" if about else ""
        self._warnings.warn(kind, f"a fault of ours cost one {what}{more}: {name} at {_where(error)}")

    def lacks(self) -> list[Reason]:
        """That there was a fault lately."""
        if self._latest is None or self._clock() >= self._latest[0] + LATELY_S:
            return []
        return [Reason("faults", f"a fault of its own, which cost a message or more: {self._latest[1]}")]

    def samples(self) -> Iterator[Sample]:
        """The number of faults, by place."""
        return labelled("provbus_faults_total", "place", self.counts)


def brief(error: Exception) -> str:
    """The error for an answer to a stranger: what kind it is, and nothing that it holds."""
    return f"a fault of ours: {type(error).__name__}"


def _where(error: Exception) -> str:
    """The innermost frames: `fence_file.py:47 in save_fence, for process.py:183 in <lambda>`."""
    frames = list(extract_tb(error.__traceback__))[-FRAMES:]
    places = [f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in reversed(frames)]
    return ", for ".join(places) or "an unknown place"

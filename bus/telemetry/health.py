"""Health: the pages on which an instance reports its state.

Three questions, three pages. `/livez`: does the main loop turn? The answer itself proves it, so the page
looks at nothing else, least of all at Kafka: a broker's outage must not restart every sidecar. `/readyz`: can
this instance do its work with the transport in force? An instance that works without all its parts is
*degraded* and still ready. `/metrics`: the numbers, of the last second.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from bus.machine import AnyMachine
from bus.reason import Reason
from bus.telemetry.changes import Changes
from bus.telemetry.exposition import CONTENT_TYPE, Exposition
from bus.telemetry.metrics import Metric, Sample
from bus.telemetry.page import TEXT, KeptPage, Page


class Status(Protocol):
    """A machine's report on itself."""

    def samples(self, now: float) -> Iterable[Sample]:
        """Its metrics."""

    def facts(self, now: float) -> Mapping[str, str]:
        """Its state by kind, in sentences (`bus.telemetry.changes`)."""

    def missing(self) -> list[Reason]:
        """The missing things without which no work is possible; empty if none."""

    def degraded(self) -> list[Reason]:
        """The faults with which work goes on, those of the carrier and the other parts too; empty if none."""


class Worker(AnyMachine, Protocol):
    """A machine that does an instance's work."""

    @property
    def status(self) -> Status:
        """Its report on itself."""


NOT_READY = "not ready"


class Readiness(NamedTuple):
    """Whether an instance is `ready`, `degraded` or `not ready`, and why."""

    word: str
    reasons: list[Reason]

    @property
    def code(self) -> str:
        """The code of the first reason, which stands for all where there is room for one; empty if ready."""
        return self.reasons[0].code if self.reasons else ""

    def __str__(self) -> str:
        return self._with(self.reasons)

    def with_codes(self) -> str:
        """The same, with the code of each reason behind it."""
        return self._with(f"{reason} [{reason.code}]" for reason in self.reasons)

    def _with(self, reasons: Iterable[str]) -> str:
        return f"{self.word}: {'; '.join(reasons)}" if self.reasons else self.word


def judge(status: Status) -> Readiness:
    """The verdict on this status. What is missing outweighs what is merely out of order."""
    missing = status.missing()
    if missing:
        return Readiness(NOT_READY, missing)
    degraded = status.degraded()
    return Readiness("degraded" if degraded else "ready", degraded)


class Health:
    """The pages of an instance, computed when they are asked for."""

    def __init__(
        self, status: Status, metrics: Mapping[str, Metric], gather: Callable[[], Iterable[Sample]]
    ) -> None:
        self._status = status
        self._exposition = Exposition(metrics, gather)
        self._changes = Changes()

    def news(self, now: float) -> list[str]:
        """The verdict and its reasons with their codes, for the log, if they changed. What flaps has the
        allowance of every other change.
        """
        return self._changes.lines({"verdict": judge(self._status).with_codes()}, now)

    def pages(self) -> Mapping[str, Callable[[float], Page]]:
        """The pages by path, each of a moment."""
        return {"/livez": _alive, "/readyz": self._ready, "/metrics": KeptPage(self._metrics)}

    def _ready(self, now: float) -> Page:
        found = judge(self._status)
        return _page(503 if found.word == NOT_READY else 200, found)

    def _metrics(self) -> Page:
        return Page(200, CONTENT_TYPE, self._exposition.render())


def _alive(now: float) -> Page:
    return _page(200, Readiness("alive", []))


def _page(status: int, found: Readiness) -> Page:
    """The verdict and its reasons in the first line, then each reason in a line of its own, with its code."""
    lines = [str(found), *(f"{reason.code}: {reason}" for reason in found.reasons)]
    return Page(status, TEXT, "".join(f"{line}\n" for line in lines).encode())

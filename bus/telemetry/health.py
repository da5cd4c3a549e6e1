"""Health: the pages on which an instance reports its state.

Three questions, three pages. `/livez`: does the main loop turn? The answer itself proves it, so the page
looks at nothing else, least of all at Kafka: a broker's outage must not restart every sidecar. `/readyz`: can
this instance do its work with the transport in force? An instance that works without all its parts is
*degraded* and still ready. `/metrics`: the numbers.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from bus.machine import AnyMachine
from bus.telemetry.exposition import CONTENT_TYPE, Exposition
from bus.telemetry.metrics import Metric, Sample

TEXT = "text/plain; charset=utf-8"


class Page(NamedTuple):
    """The answer to one question."""

    status: int
    content_type: str
    body: bytes


class Status(Protocol):
    """A machine's report on itself."""

    def samples(self, now: float) -> Iterable[Sample]:
        """Its metrics."""

    def missing(self) -> list[str]:
        """The missing things without which no work is possible, in words; empty if none."""

    def degraded(self) -> list[str]:
        """The faults with which work goes on, in words; empty if none."""


class Worker(AnyMachine, Protocol):
    """A machine that does an instance's work."""

    @property
    def status(self) -> Status:
        """Its report on itself."""


class Health:
    """The pages of an instance, computed when they are asked for."""

    def __init__(
        self,
        status: Status,
        transport: Callable[[], list[str]],
        metrics: Mapping[str, Metric],
        gather: Callable[[], Iterable[Sample]],
    ) -> None:
        """`transport` returns the faults of the transport in force, in words; empty if none."""
        self._status = status
        self._transport = transport
        self._exposition = Exposition(metrics, gather)
        self._looked: tuple[str, list[str]] = ("ready", [])

    def news(self) -> str:
        """The verdict and its reasons, for the log; empty if they did not change."""
        missing, degraded = self._status.missing(), [*self._status.degraded(), *self._transport()]
        verdict = _verdict(missing, degraded)
        reasons = missing or degraded
        if (verdict, reasons) == self._looked:
            return ""
        self._looked = verdict, reasons
        return f"{verdict}: {'; '.join(reasons)}" if reasons else verdict

    def pages(self) -> Mapping[str, Callable[[], Page]]:
        """The pages by path."""
        return {"/livez": _alive, "/readyz": self._ready, "/metrics": self._metrics}

    def _ready(self) -> Page:
        missing, degraded = self._status.missing(), [*self._status.degraded(), *self._transport()]
        return _page(503 if missing else 200, _verdict(missing, degraded), missing or degraded)

    def _metrics(self) -> Page:
        return Page(200, CONTENT_TYPE, self._exposition.render())


def _verdict(missing: list[str], degraded: list[str]) -> str:
    if missing:
        return "not ready"
    return "degraded" if degraded else "ready"


def _alive() -> Page:
    return _page(200, "alive", [])


def _page(status: int, verdict: str, reasons: list[str]) -> Page:
    """The verdict and its reasons in the first line, then each reason in a line of its own."""

    def lines() -> Iterator[str]:
        yield f"{verdict}: {'; '.join(reasons)}" if reasons else verdict
        yield from reasons

    return Page(status, TEXT, "".join(f"{line}\n" for line in lines()).encode())

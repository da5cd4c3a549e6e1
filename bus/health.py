"""Health: what an instance answers when it is asked how it is.

Three questions, three pages. `/livez`: does the main loop turn? Whoever gets an answer knows, so it looks at
nothing else, least of all at Kafka: a broker's outage must not restart every sidecar. `/readyz`: can this
instance do its work with the transport in force? Working with less than it should have is *degraded* and
still ready. `/metrics`: the numbers.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from bus.exposition import CONTENT_TYPE, Exposition
from bus.machine import Machine
from bus.metrics import Sample

TEXT = "text/plain; charset=utf-8"


class Page(NamedTuple):
    """What is answered to one question."""

    status: int
    content_type: str
    body: bytes


class Status(Protocol):
    """What a machine says of itself."""

    def samples(self, now: float) -> Iterable[Sample]:
        """Its numbers."""

    def missing(self) -> list[str]:
        """What is not there and without which no work is possible, in words; empty if nothing."""

    def degraded(self) -> list[str]:
        """What is not as it should be although work goes on, in words; empty if nothing."""


class Worker(Machine, Protocol):
    """A machine that does an instance's work."""

    @property
    def status(self) -> Status:
        """What it says of itself."""


class Health:
    """The pages of an instance, computed when they are asked for."""

    def __init__(
        self, status: Status, transport: Callable[[], list[str]], gather: Callable[[], Iterable[Sample]]
    ) -> None:
        """`transport` says in words what the transport in force lacks; empty if nothing."""
        self._status = status
        self._transport = transport
        self._exposition = Exposition(gather)
        self._looked: tuple[str, list[str]] = ("ready", [])

    def news(self) -> str:
        """What changed since the last look, for the log; empty if nothing did."""
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

"""A signal: the machine finishes what it has begun, within a limit; a second signal ends it at once."""

import math
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest

from bus.effects import Exit
from bus.messages import Draining, Stopping, WallClock
from bus.runtime.notify import Notifier
from bus.runtime.runner import Runner
from bus.transport.poller import Poller

pytestmark = pytest.mark.usefixtures("no_leaks")

LONG_S = 3_600.0


class Signal(NamedTuple):
    """An effect of these tests: the process gets this signal."""

    number: signal.Signals


class Last(NamedTuple):
    """An effect of these tests: what the machine says at the very end."""


@dataclass
class Worker:
    """Gets a signal at its first tick, and says what `answer` says to what it is told afterwards."""

    answer: Callable[["Worker", str], list[Any]]
    told: list[str] = field(default_factory=list)

    def receive(self, message: Any, now: float) -> list[Any]:
        if isinstance(message, WallClock):
            return []
        self.told.append(type(message).__name__)
        return self.answer(self, self.told[-1])

    def tick(self, now: float) -> list[Any]:
        self.told.append("tick")
        return [Signal(signal.SIGTERM)] if self.told == ["tick"] else self.answer(self, "tick")

    def deadline(self) -> float | None:
        return 0.0


class Spy(Notifier):
    """Writes down what the service manager is told."""

    def __init__(self) -> None:
        super().__init__({})
        self.said: list[str] = []

    def _send(self, text: str) -> None:
        self.said += [line for line in text.splitlines() if not line.startswith("STATUS=")]


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """The process's own signal handlers, put back whatever a runner does."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def run(
    poller: Poller, worker: Worker, *, drain_s: float = LONG_S, notifier: Notifier | None = None
) -> tuple[Exit, int]:
    """How the run ended, and how often the machine had a last word."""
    last: list[Last] = []
    handlers: dict[type, Callable[[Any], None]] = {
        Signal: lambda effect: os.kill(os.getpid(), effect.number),
        Last: last.append,
    }
    runner = Runner(worker, poller, handlers, drain_s=drain_s, notifier=notifier)
    return runner.run(), len(last)


def test_the_machine_is_told_goes_on_and_says_when_it_has_finished(poller: Poller) -> None:
    def finish(worker: Worker, told: str) -> list[Any]:
        if told == "Stopping":
            return [Last()]
        return [Exit(0, "drained")] if worker.told.count("tick") == 4 else []

    worker = Worker(finish)
    assert run(poller, worker) == (Exit(0, "drained"), 1)
    assert worker.told == ["tick", "Draining", "tick", "tick", "tick", "Stopping"]


class Waits(Poller):
    """Brings nothing, and writes down how long it may wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waits_s: list[float] = []

    def poll(self, timeout_s: float | None) -> list[Any]:
        self.waits_s.append(timeout_s or 0.0)
        return []


class Sleeper(Worker):
    """Has nothing to do until it is told to drain."""

    def deadline(self) -> float | None:
        return math.inf if self.told == ["tick"] else 0.0


def test_what_draining_made_due_is_not_waited_for() -> None:
    poller = Waits()
    try:
        run(poller, Sleeper(lambda _, told: [Exit(0, "drained")] if told == "tick" else []))
    finally:
        poller.close()
    assert poller.waits_s == [0.0, 0.0]


def test_it_may_have_nothing_to_finish(poller: Poller) -> None:
    worker = Worker(lambda _, told: [Exit(0, "idle")] if told == "Draining" else [])
    assert run(poller, worker)[0] == Exit(0, "idle")
    assert worker.told == ["tick", "Draining", "Stopping"]


def test_who_does_not_finish_is_stopped_at_the_limit_and_may_still_say_something(
    poller: Poller, caplog: pytest.LogCaptureFixture
) -> None:
    worker = Worker(lambda _, told: [Last()] if told == "Stopping" else [])
    assert run(poller, worker, drain_s=0.02) == (Exit(0, "SIGTERM"), 1)
    assert worker.told[:2] == ["tick", "Draining"]
    assert "tick" in worker.told[2:-1]
    assert "with work left" in caplog.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(poller: Poller, number: signal.Signals) -> None:
    def again(worker: Worker, told: str) -> list[Any]:
        return [Signal(number)] if told == "tick" else []

    worker = Worker(again)
    assert run(poller, worker)[0] == Exit(0, number.name)
    assert worker.told == ["tick", "Draining", "tick", "Stopping"]


def test_who_exits_by_itself_is_not_drained(poller: Poller) -> None:
    worker = Worker(lambda *_: [Exit(77, "fenced")], told=["tick"])
    assert run(poller, worker)[0] == Exit(77, "fenced")
    assert worker.told == ["tick", "tick"]
    assert not {Draining.__name__, Stopping.__name__} & set(worker.told)


def test_the_service_manager_follows_in_order(poller: Poller) -> None:
    spy = Spy()
    run(poller, Worker(lambda _, told: [Exit(0, "idle")] if told == "Draining" else []), notifier=spy)
    assert spy.said == ["READY=1", "STOPPING=1"]

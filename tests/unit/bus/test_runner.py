"""The runner: a machine gets its messages, its time and its failures, and its effects get their way out."""

import errno
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest

from bus.effects import Effect, Exit, Keep, Publish, Send
from bus.envelope import Envelope
from bus.errors import BackpressureError, ConfigError, OversizeError, UnavailableError
from bus.messages import Kept, Undelivered, Unkept, WallClock
from bus.runtime.runner import Handler, Runner, boottime
from bus.state_file import DoubtError
from bus.transport.poller import Poller

ENVELOPE = Envelope("provbus.fileid.rows.v1", "dhcp-1", 7, 1, 0, b"row")
OTHER = ENVELOPE._replace(seq=2)

pytestmark = pytest.mark.usefixtures("no_leaks")


class Note(NamedTuple):
    """An effect of these tests."""

    text: str


@dataclass
class Script:
    """A machine that writes down what it is told and answers as it was told to."""

    on_message: Callable[[Any], list[Any]] = lambda message: []
    on_tick: list[Any] = field(default_factory=list)
    due: float | None = None
    messages: list[Any] = field(default_factory=list)
    ticks: list[float] = field(default_factory=list)

    def receive(self, message: Any, now: float) -> list[Any]:
        if isinstance(message, WallClock):
            return []
        self.messages.append(message)
        return self.on_message(message)

    def tick(self, now: float) -> list[Any]:
        self.ticks.append(now)
        self.due = None
        return self.on_tick

    def deadline(self) -> float | None:
        return self.due


@dataclass
class Wire:
    """A socket pair: what is written to `far` reaches the machine as text."""

    near: socket.socket
    far: socket.socket


@pytest.fixture
def wire(poller: Poller) -> Iterator[Wire]:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with near, far:
        poller.add(near.fileno(), lambda: [near.recv(100).decode()])
        yield Wire(near, far)


def refuse(error: Exception) -> Handler:
    def handler(_: Any) -> None:
        raise error

    return handler


def test_a_message_becomes_effects(poller: Poller, wire: Wire) -> None:
    notes: list[Note] = []
    machine = Script(on_message=lambda text: [Note(text), Note(text.upper())])
    wire.far.send(b"hello")
    Runner(machine, poller, {Note: notes.append}).round()
    assert notes == [Note("hello"), Note("HELLO")]


def test_what_arrived_together_is_told_before_time_passes(poller: Poller, wire: Wire) -> None:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    order: list[Any] = []
    machine = Script(on_tick=[Note("tick")], due=0.0)
    machine.on_message = lambda text: [Note(text)]
    with near, far:
        poller.add(near.fileno(), lambda: [near.recv(100).decode()])
        wire.far.send(b"one")
        far.send(b"two")
        Runner(machine, poller, {Note: lambda note: order.append(note.text)}).round()
    assert sorted(order[:2]) == ["one", "two"]
    assert order[2:] == ["tick"]


def test_a_deadline_in_the_past_is_due_now(poller: Poller) -> None:
    machine = Script(due=boottime() - 5)
    Runner(machine, poller, {}).round(wait_s_max=60)
    assert len(machine.ticks) == 1


def test_a_deadline_in_the_future_is_waited_for_and_not_anticipated(poller: Poller) -> None:
    due = boottime() + 0.02
    machine = Script(due=due)
    runner = Runner(machine, poller, {})
    while not machine.ticks:
        runner.round(wait_s_max=60)
    assert machine.ticks[0] >= due


def test_without_a_deadline_time_does_not_pass(poller: Poller, wire: Wire) -> None:
    machine = Script()
    wire.far.send(b"x")
    Runner(machine, poller, {}).round()
    assert (machine.messages, machine.ticks) == (["x"], [])


def test_a_message_ends_the_wait_before_the_deadline(poller: Poller, wire: Wire) -> None:
    machine = Script(due=boottime() + 3_600)
    wire.far.send(b"x")
    Runner(machine, poller, {}).round(wait_s_max=3_600)
    assert (machine.messages, machine.ticks) == (["x"], [])


def test_the_deadline_that_a_message_sets_counts_in_the_same_round(poller: Poller, wire: Wire) -> None:
    machine = Script()

    def hurry(_: str) -> list[Any]:
        machine.due = 0.0
        return []

    machine.on_message = hurry
    wire.far.send(b"x")
    Runner(machine, poller, {}).round()
    assert len(machine.ticks) == 1


def test_the_wall_clock_is_told_before_anything_else(poller: Poller, wire: Wire) -> None:
    @dataclass
    class Watch(Script):
        def receive(self, message: Any, now: float) -> list[Any]:
            self.messages.append((message, now))
            return []

    machine = Watch()
    wire.far.send(b"x")
    Runner(machine, poller, {}).round()
    (clock, now), (text, _) = machine.messages
    assert isinstance(clock, WallClock)
    assert abs(now + clock.offset_s - time.time()) < 60
    assert text == "x"


@pytest.mark.parametrize(
    ("effect", "to"),
    [
        (Send("cfm-1", ENVELOPE), "cfm-1"),
        (Send(b"route", ENVELOPE), b"route"),
        (Publish(ENVELOPE, "key"), ""),
    ],
)
@pytest.mark.parametrize(
    "error",
    [UnavailableError("gone"), BackpressureError("full"), OversizeError(2, 1)],
    ids=lambda error: type(error).__name__,
)
def test_what_did_not_leave_comes_back(
    poller: Poller, wire: Wire, effect: Effect, to: str | bytes, error: Exception
) -> None:
    machine = Script()
    machine.on_message = lambda message: [effect] if message == "go" else []
    wire.far.send(b"go")
    runner = Runner(machine, poller, {type(effect): refuse(error)})
    runner.round()
    assert machine.messages == ["go", Undelivered(ENVELOPE, to, str(error))]
    assert runner.undelivered == 1


def test_the_machine_may_try_another_way(poller: Poller, wire: Wire) -> None:
    """The failed send, its replacement, then what stood behind the failed one."""
    sent: list[str | bytes] = []

    def send(effect: Send) -> None:
        if effect.to == "cfm-1":
            raise UnavailableError("gone")
        sent.append(effect.to)

    def answer(message: Any) -> list[Any]:
        if isinstance(message, Undelivered):
            return [Send("cfm-2", message.envelope)]
        return [Send("cfm-1", ENVELOPE), Send("cfm-3", OTHER)]

    wire.far.send(b"go")
    Runner(Script(on_message=answer), poller, {Send: send}).round()
    assert sent == ["cfm-2", "cfm-3"]


class Vow(NamedTuple):
    """A record of these tests."""

    number: int


def test_what_is_kept_is_told_before_the_next_message_and_then_acted_upon(poller: Poller, wire: Wire) -> None:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    order: list[Any] = []

    def answer(message: Any) -> list[Any]:
        order.append(message)
        return [Keep(Vow(len(order)), (Note(f"after {message}"),))] if isinstance(message, str) else []  # type: ignore[arg-type]

    with near, far:
        poller.add(near.fileno(), lambda: [near.recv(100).decode()])
        wire.far.send(b"one")
        far.send(b"two")
        handlers = {Vow: order.append, Note: lambda note: order.append(note.text)}
        Runner(Script(on_message=answer), poller, handlers).round()
    first, second = order[0], order[4]
    assert {first, second} == {"one", "two"}
    assert order[:4] == [first, Vow(1), Kept(Vow(1)), f"after {first}"]
    assert order[4:] == [second, Vow(5), Kept(Vow(5)), f"after {second}"]


@pytest.mark.parametrize(
    ("error", "is_doubtful"),
    [(OSError(errno.ENOSPC, "No space left on device"), False), (DoubtError(errno.EIO, "No"), True)],
    ids=["full", "in doubt"],
)
def test_a_disk_that_refuses_ends_nothing_and_nothing_follows(
    poller: Poller, wire: Wire, error: OSError, is_doubtful: bool, caplog: pytest.LogCaptureFixture
) -> None:
    notes: list[Note] = []
    then = (Note("acted"),)
    error.filename = "/state/vow.json"

    def answer(message: Any) -> list[Any]:
        return [Note("given back")] if isinstance(message, Unkept) else [Keep(Vow(1), then), Note("else")]  # type: ignore[arg-type]

    machine = Script(on_message=answer)
    runner = Runner(machine, poller, {Vow: refuse(error), Note: notes.append})
    for _ in range(3):
        wire.far.send(b"go")
        runner.round()
    refused = Unkept(Vow(1), then, str(error.strerror), is_doubtful)  # type: ignore[arg-type]
    assert machine.messages[:2] == ["go", refused]
    assert notes == [Note("given back"), Note("else")] * 3
    assert caplog.messages == [f"cannot write /state/vow.json: {error.strerror}; tried again every second"]


def test_without_descriptors_a_record_is_written_with_the_spare_ones(poller: Poller, wire: Wire) -> None:
    has_spare: list[bool] = []
    written: list[Vow] = []

    @contextmanager
    def spare() -> Iterator[None]:
        has_spare.append(True)
        yield
        has_spare.clear()

    def write(vow: Vow) -> None:
        if not has_spare:
            raise OSError(errno.EMFILE, "Too many open files")
        written.append(vow)

    machine = Script(on_message=lambda message: [Keep(Vow(1))] if message == "go" else [])
    wire.far.send(b"go")
    Runner(machine, poller, {Vow: write}, spare=spare).round()
    assert (written, has_spare) == ([Vow(1)], [])
    assert machine.messages == ["go", Kept(Vow(1))]


def test_a_disk_that_takes_it_again_is_news(
    poller: Poller, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes = [OSError(errno.ENOSPC, "full"), None, None, OSError(errno.ENOSPC, "full")]

    def write(_: Vow) -> None:
        error = outcomes.pop(0)
        if error is not None:
            raise error

    machine = Script(on_message=lambda message: [Keep(Vow(1))] if message == "go" else [])
    runner = Runner(machine, poller, {Vow: write})
    while outcomes:
        wire.far.send(b"go")
        runner.round()
    assert [text.split(" ")[0] for text in caplog.messages] == ["cannot", "the", "cannot"]


def test_exit_ends_the_run_after_what_stands_with_it(poller: Poller) -> None:
    notes: list[Note] = []
    machine = Script(on_tick=[Exit(77, "fenced"), Note("last words")], due=0.0)
    assert Runner(machine, poller, {Note: notes.append}).run() == Exit(77, "fenced")
    assert notes == [Note("last words")]


def test_stop_ends_the_run(poller: Poller) -> None:
    machine = Script(on_tick=[Note("x")], due=0.0)
    runner = Runner(machine, poller, {Note: lambda _: runner.stop(75, "enough")})
    assert runner.run() == Exit(75, "enough")


@pytest.fixture
def handlers() -> Iterator[list[Any]]:
    """The process's own signal handlers, put back whatever a runner does."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield before
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_without_failure(
    poller: Poller, handlers: list[Any], number: signal.Signals
) -> None:
    machine = Script(on_tick=[Note("x")], due=0.0)
    runner = Runner(machine, poller, {Note: lambda _: os.kill(os.getpid(), number)}, drain_s=0.0)
    assert runner.run() == Exit(0, number.name)


@pytest.mark.parametrize("fails", [False, True])
def test_afterwards_signals_are_as_they_were(poller: Poller, handlers: list[Any], fails: bool) -> None:
    class Fails(Script):
        def tick(self, now: float) -> list[Any]:
            raise ValueError("no input is to blame")

    machine = Fails(due=0.0) if fails else Script(on_tick=[Exit(0, "done")], due=0.0)
    runner = Runner(machine, poller, {})
    if fails:
        with pytest.raises(ValueError, match="no input"):
            runner.run()
    else:
        runner.run()
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    assert [signal.getsignal(number) for number in numbers] == handlers


@pytest.mark.parametrize("error", [None, ConfigError("what is this"), UnavailableError("what is this")])
def test_a_hang_up_reloads_and_files_that_are_wrong_or_away_change_nothing(
    poller: Poller, handlers: list[Any], error: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    machine = Script(on_tick=[Note("x")], due=0.0)

    def reload() -> None:
        runner.stop(reason="reloaded")
        if error is not None:
            raise error

    runner = Runner(machine, poller, {Note: lambda _: os.kill(os.getpid(), signal.SIGHUP)}, reload=reload)
    assert runner.run() == Exit(0, "reloaded")
    assert ("nothing was reloaded: what is this" in caplog.text) == (error is not None)


def test_a_hang_up_without_anything_to_reload_is_ignored(poller: Poller, handlers: list[Any]) -> None:
    machine = Script(on_tick=[Note("x"), Exit(0, "done")], due=0.0)
    runner = Runner(machine, poller, {Note: lambda _: os.kill(os.getpid(), signal.SIGHUP)})
    assert runner.run() == Exit(0, "done")

"""Faults of ours: what a peer's message brings about costs that message, and is counted and told."""

import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bus.effects import Connect, Effect, Keep, Publish, Reply, Send
from bus.envelope import Envelope
from bus.errors import BusyError, ConfigError
from bus.messages import Kept, LocalRequest, Received, Undelivered, Unkept, WallClock
from bus.runtime.runner import Handler, Runner
from bus.telemetry.own_faults import KINDS_MAX, LATELY_S, OwnFaults
from bus.transport.poller import Poller
from tests.unit.bus.test_runner import Note, Script, Vow, refuse

ENVELOPE = Envelope("provbus.fileid.hello.v1", "dhcp-2", 7, 1, 0, b"secret")
RECEIVED, NEXT = Received(ENVELOPE, b"route"), Received(ENVELOPE._replace(seq=2), b"route")

pytestmark = pytest.mark.usefixtures("no_leaks")

Arrives = Callable[..., None]


@pytest.fixture
def arrives(poller: Poller) -> Iterator[Arrives]:
    """Lets these messages arrive in one wake-up."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    waiting: list[Any] = []

    def read() -> list[Any]:
        near.recv(100)
        taken, waiting[:] = [*waiting], []
        return taken

    def arrive(*messages: Any) -> None:
        waiting.extend(messages)
        far.send(b"!")

    with near, far:
        poller.add(near.fileno(), read)
        yield arrive


def raises_at(message: Any) -> Callable[[Any], list[Any]]:
    """A machine's answer: it raises at this message, and notes any other."""

    def answer(told: Any) -> list[Any]:
        if told is message:
            raise ValueError("a subscriber's value")
        return [Note(type(told).__name__)]

    return answer


def test_what_a_message_raises_costs_that_message_alone(
    poller: Poller, arrives: Arrives, caplog: pytest.LogCaptureFixture
) -> None:
    notes: list[Note] = []
    runner = Runner(Script(on_message=raises_at(RECEIVED)), poller, {Note: notes.append})
    for _ in range(3):
        arrives(RECEIVED, NEXT)
        runner.round()
    assert notes == [Note("Received")] * 3
    assert {one.labels["place"]: one.value for one in runner.samples() if one.labels} == {
        "read": 0,
        "message": 3,
        "effect": 0,
        "page": 0,
    }
    (line,) = caplog.messages
    what = "a fault of ours cost one Received ('provbus.fileid.hello.v1 of dhcp-2')"
    assert line.startswith(f"{what}: ValueError at test_own_faults.py:")
    assert "subscriber" not in line


def test_who_asks_over_the_local_socket_is_told(poller: Poller, arrives: Arrives) -> None:
    replies: list[Reply] = []
    request = LocalRequest(3, {"op": "failover.era", "id": 9})
    arrives(request)
    Runner(Script(on_message=raises_at(request)), poller, {Reply: replies.append}).round()
    assert replies == [Reply(3, {"id": 9, "error": "indeterminate", "detail": "a fault of ours: ValueError"})]


def test_an_instance_with_a_fault_says_so_for_a_minute(poller: Poller, arrives: Arrives) -> None:
    machine = Script(on_message=raises_at(RECEIVED))
    runner = Runner(machine, poller, {Note: lambda _: None})
    runner.round(0.0)
    arrives(RECEIVED)
    runner.round()
    (reason,) = poller.faults.lacks()
    assert (reason.code, str(reason)) == (
        "faults",
        "a fault of its own, which cost a message or more: ValueError at Received",
    )


@pytest.mark.parametrize(
    ("effect", "to"), [(Send("cfm-1", ENVELOPE), "cfm-1"), (Publish(ENVELOPE, "key"), "")]
)
def test_a_message_whose_handler_raises_is_undelivered(
    poller: Poller, arrives: Arrives, effect: Effect, to: str
) -> None:
    machine = Script(on_message=lambda told: [effect] if told is RECEIVED else [])
    arrives(RECEIVED)
    runner = Runner(machine, poller, {type(effect): refuse(ConfigError("wrong"))})
    runner.round()
    assert machine.messages == [RECEIVED, Undelivered(ENVELOPE, to, "a fault of ours: ConfigError")]
    assert (runner.undelivered, poller.faults.counts["effect"]) == (1, 1)


@pytest.mark.parametrize("effect", [Connect("cfm-1", "tcp://x"), Reply(1, {})])
@pytest.mark.parametrize("handlers", [{}, {Connect: refuse(BusyError("x")), Reply: refuse(TypeError("x"))}])
def test_any_other_effect_is_lost_and_those_behind_it_are_not(
    poller: Poller, arrives: Arrives, effect: Effect, handlers: dict[type, Handler]
) -> None:
    notes: list[Note] = []
    machine = Script(on_message=lambda _: [effect, Note("next")])
    arrives(RECEIVED)
    Runner(machine, poller, {**handlers, Note: notes.append}).round()
    assert notes == [Note("next")]
    assert poller.faults.counts["effect"] == 1


def test_a_promise_that_cannot_be_written_down_is_not_acted_upon(poller: Poller, arrives: Arrives) -> None:
    """What its record cannot say is not on the disk, so nothing follows; and the machine is told so."""
    notes: list[Note] = []
    then: Any = (Note("acted"),)
    machine = Script(on_message=lambda told: [Keep(Vow(1), then), Note("else")] if told is RECEIVED else [])
    arrives(RECEIVED)
    Runner(machine, poller, {Vow: refuse(ValueError("epoch -5")), Note: notes.append}).round()
    assert machine.messages == [RECEIVED, Unkept(Vow(1), then, "a fault of ours: ValueError", True)]
    assert notes == [Note("else")]


def test_a_machine_that_raises_at_a_kept_promise_does_not_act_upon_it_less(
    poller: Poller, arrives: Arrives
) -> None:
    """The record is on the disk, so its answer may go out; the message behind it is handled."""
    kept = Kept(Vow(1))
    notes: list[Note] = []

    def answer(told: Any) -> list[Any]:
        if told == kept:
            raise ValueError("x")
        then: Any = (Note("answer"),)
        return [Keep(Vow(1), then)] if told is RECEIVED else [Note("next")]

    arrives(RECEIVED, NEXT)
    Runner(Script(on_message=answer), poller, {Vow: lambda _: None, Note: notes.append}).round()
    assert notes == [Note("answer"), Note("next")]


def test_a_machine_that_raises_at_the_clock_goes_on(poller: Poller, arrives: Arrives) -> None:
    class Deaf(Script):
        def receive(self, message: Any, now: float) -> list[Any]:
            if isinstance(message, WallClock):
                raise ValueError("x")
            return [Note("heard")]

    notes: list[Note] = []
    arrives(RECEIVED)
    Runner(Deaf(), poller, {Note: notes.append}).round()
    assert notes == [Note("heard")] * 2  # what arrived, and that there was a fault


def test_a_tick_that_raises_ends_the_process(poller: Poller) -> None:
    """There is no message to leave out, and the same tick would be due at once."""

    class Broken(Script):
        def tick(self, now: float) -> list[Any]:
            raise ValueError("our own")

    with pytest.raises(ValueError, match="our own"):
        Runner(Broken(due=0.0), poller, {}).round()


def test_a_reader_that_raises_costs_what_it_read(poller: Poller, arrives: Arrives) -> None:
    """It rests for a moment, and is read again; the others are read as before."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    words: list[bytes] = []

    def read() -> list[Any]:
        words.append(near.recv(100))
        if words[-1] == b"bad":
            raise KeyError("a subscriber's value")
        return [words[-1]]

    with near, far:
        poller.add(near.fileno(), read)
        far.send(b"bad")
        far.send(b"good")
        arrives(RECEIVED)
        found: list[Any] = []
        while b"good" not in found:
            found += poller.poll(1.0)
        poller.remove(near.fileno())
    assert found == [RECEIVED, b"good"]
    assert poller.faults.counts == {"read": 1, "message": 0, "effect": 0, "page": 0}


class At:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_line_a_minute_for_each_kind_and_kinds_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    clock = At()
    faults = OwnFaults(["message"], clock)
    for number in range(3 * KINDS_MAX):
        faults.note("message", f"kind {number}", ValueError("x"))
        faults.note("message", f"kind {number}", ValueError("x"))
    assert faults.counts == {"message": 6 * KINDS_MAX}
    assert len(caplog.messages) == KINDS_MAX + 1
    caplog.clear()
    clock.now = LATELY_S
    faults.note("message", "kind 0", ValueError("x"))
    assert [one.levelno for one in caplog.records] == [logging.WARNING]
    assert caplog.messages == [
        "a fault of ours cost one kind 0: ValueError at an unknown place (1 more times)"
    ]


def test_after_a_minute_without_one_nothing_is_said() -> None:
    clock = At()
    faults = OwnFaults(["message"], clock)
    assert faults.lacks() == []
    faults.note("message", "Received", ValueError("x"))
    clock.now = LATELY_S - 0.1
    assert [one.code for one in faults.lacks()] == ["faults"]
    clock.now = LATELY_S
    assert faults.lacks() == []

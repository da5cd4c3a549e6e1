"""Machines with next to no rule, for the tests of the world itself."""

from collections.abc import Callable
from random import Random
from typing import Any

from bus.effects import Connect, Publish, Send
from bus.envelope import Envelope, Stamp
from bus.machine import AnyMachine
from bus.messages import Entry
from bus.testing.node import Start
from fileid.row import HELLO

BEAT = "provbus.heartbeat.beat.v1"
CATALOGUE = "provbus.config.catalogue.v1"
AUDIT = "provbus.audit.batch.v1"
RENEW = "provbus.failover.renew.v1"

Answer = Callable[["Toy", Any, float], list[Any]]
"""What a toy does about a message; a `Tick` is shown as None."""


class Toy:
    """Remembers what it got, and does what its answer says. Set `due` to be ticked."""

    def __init__(self, name: str, incarnation: int, random: Random, answer: Answer) -> None:
        self.stamp = Stamp(name, "sim", incarnation)
        self.random = random
        self.got: list[tuple[float, Any]] = []
        self.due: float | None = None
        self._answer = answer

    def receive(self, message: Any, now: float) -> list[Any]:
        """Remember and answer."""
        self.got.append((now, message))
        return self._answer(self, message, now)

    def tick(self, now: float) -> list[Any]:
        """Remember and answer."""
        self.due = None
        self.got.append((now, None))
        return self._answer(self, None, now)

    def deadline(self) -> float | None:
        """What `due` says."""
        return self.due

    def messages(self, kind: type) -> list[Any]:
        """The messages of one type, in order."""
        return [message for _, message in self.got if isinstance(message, kind)]

    def texts(self) -> list[bytes]:
        """The data of every message of the bus, in order."""
        return [message.envelope.data for _, message in self.got if hasattr(message, "via")]

    def offsets(self) -> list[int]:
        """Where the records of a log were that came, in order."""
        return [entry.offset for entry in self.messages(Entry)]

    def note(self, type_: str, text: bytes) -> Envelope:
        """The next envelope of this toy."""
        return self.stamp.envelope(type_, text, time_ms=0)

    def send(self, to: str | bytes, text: bytes) -> Send:
        """A point-to-point message."""
        return Send(to, self.note(HELLO, text))

    def publish(self, text: bytes, type_: str = BEAT) -> Publish:
        """A record."""
        return Publish(self.note(type_, text), "key")


def mute(toy: Toy, message: Any, now: float) -> list[Any]:
    """Do nothing."""
    return []


def obedient(toy: Toy, message: Any, now: float) -> list[Any]:
    """Do what the message asks for, if it asks for anything: a message may be a function of the toy."""
    effects: list[Any] = message(toy) if callable(message) else []
    return effects


class Box:
    """Keeps every incarnation of its toys, the youngest last."""

    def __init__(self) -> None:
        self.toys: dict[str, list[Toy]] = {}

    def start(self, name: str, answer: Answer = obedient) -> Start:
        """Starts toys of this name."""

        def make(incarnation: int, random: Random) -> AnyMachine:
            toy = Toy(name, incarnation, random, answer)
            self.toys.setdefault(name, []).append(toy)
            return toy

        return make

    def __getitem__(self, name: str) -> Toy:
        return self.toys[name][-1]


def connect(peer: str) -> Callable[[Toy], list[Any]]:
    """Asks a toy to connect and say who it is."""
    return lambda toy: [Connect(peer, "sim://"), toy.send(peer, b"hello")]


def say(to: str | bytes, text: bytes) -> Callable[[Toy], list[Any]]:
    """Asks a toy to send this."""
    return lambda toy: [toy.send(to, text)]


def announce(text: bytes, type_: str = BEAT) -> Callable[[Toy], list[Any]]:
    """Asks a toy to publish this."""
    return lambda toy: [toy.publish(text, type_)]

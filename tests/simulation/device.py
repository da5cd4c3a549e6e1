"""A cable modem or telephone adapter of the simulated plant: it asks for a file name, then reads the file.

Theory of operation
-------------------
    OFF ─power─> ASKING ─offer─> BOUND ─(read delay)─> READING ─file ok─> ONLINE

ASKING and READING repeat themselves after each rung of the field's ladder, and after the last one start over
at ASKING. What is not simulated here is DHCP itself: one question, one offer. A read that stalls before
anything came asks again from its port; one that stalls in the middle starts over from a new port (RFC 1350
section 4).
"""

import enum
import math
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from services.tftp.client_core import ReadClient

LADDER_S = (2.0, 4.0, 8.0, 16.0)
JITTER = 0.1
LISTENING_PORT = 69

Judge = Callable[[bytes], str]
"""What is wrong with a file that this device got, or `ok`."""


class PowerOn(NamedTuple):
    """Message: the device has power, perhaps again."""


class Offered(NamedTuple):
    """Message: the answer to question `xid`."""

    xid: int
    file: bytes
    next_server: str


class FromServer(NamedTuple):
    """Message: a datagram for this port of the device."""

    data: bytes
    server: str
    port: int
    to_port: int


class Ask(NamedTuple):
    """Effect: ask the host for an address and a file name."""

    xid: int


class ToServer(NamedTuple):
    """Effect: a datagram from this port of the device."""

    data: bytes
    server: str
    port: int
    from_port: int


class Finished(NamedTuple):
    """Effect: the device has read the whole file of this name."""

    file: bytes
    verdict: str


class State(enum.Enum):
    """Where a device is."""

    OFF = enum.auto()
    ASKING = enum.auto()
    BOUND = enum.auto()
    READING = enum.auto()
    ONLINE = enum.auto()


class Device:
    """One device; it starts with `PowerOn`."""

    def __init__(self, random: Random, judge: Judge, read_delay_s_max: float, blksize: int | None) -> None:
        self.state = State.OFF
        self._random = random
        self._judge = judge
        self._read_delay_s_max = read_delay_s_max
        self._blksize = blksize
        self._xid = 0
        self._port = 2000
        self._rung = 0
        self._timer = math.inf
        self._server = ""
        self._name = b""
        self._client = ReadClient(b"-")

    def receive(self, message: Any, now: float) -> list[Any]:
        """Power, an offer, or a datagram."""
        if isinstance(message, PowerOn):
            return self._ask(now)
        if isinstance(message, Offered):
            return self._bind(message, now)
        assert isinstance(message, FromServer), message
        return self._read_on(message, now)

    def tick(self, now: float) -> list[Any]:
        """Begin to read, or climb the ladder."""
        if self.state is State.BOUND:
            self.state, self._rung = State.READING, 0
            return self._request(now)
        self._rung += 1
        if self._rung >= len(LADDER_S):
            return self._ask(now)
        if self.state is State.ASKING:
            self._wind(now)
            return [Ask(self._xid)]
        if self._client.server_port is not None:
            self._client.restart()
            self._port += 1
        return self._request(now)

    def deadline(self) -> float | None:
        """When to call `tick`; None while there is nothing to wait for."""
        return None if self._timer == math.inf else self._timer

    def _ask(self, now: float) -> list[Any]:
        self.state, self._rung = State.ASKING, 0
        self._xid += 1
        self._wind(now)
        return [Ask(self._xid)]

    def _bind(self, offer: Offered, now: float) -> list[Any]:
        if self.state is State.ASKING and offer.xid == self._xid:
            self.state = State.BOUND
            self._server, self._name = offer.next_server, offer.file
            self._client = ReadClient(offer.file, blksize=self._blksize, tsize=self._blksize is not None)
            self._port += 1
            self._timer = now + self._random.uniform(0.0, self._read_delay_s_max)
        return []

    def _request(self, now: float) -> list[Any]:
        self._wind(now)
        return [ToServer(self._client.request, self._server, LISTENING_PORT, self._port)]

    def _read_on(self, message: FromServer, now: float) -> list[Any]:
        is_mine = message.server == self._server and message.to_port == self._port
        if self.state not in (State.READING, State.ONLINE) or not is_mine:
            return []
        client = self._client
        before = client.blocks
        reply = client.receive(message.data, message.port)
        effects: list[Any] = []
        if reply is not None:
            effects.append(ToServer(reply, self._server, message.port, self._port))
        if self.state is State.READING:
            if client.done:
                effects += self._finish(now)
            elif client.failed is not None:
                self._give_in()
            elif client.blocks != before:
                self._wind(now)
        return effects

    def _finish(self, now: float) -> list[Any]:
        verdict = self._judge(self._client.file)
        if verdict == "ok":
            self.state, self._timer = State.ONLINE, math.inf
        else:
            self._give_in()
        return [Finished(self._name, verdict)]

    def _give_in(self) -> None:
        """This file is of no use: start over when the timer comes."""
        self.state, self._rung = State.ASKING, len(LADDER_S)

    def _wind(self, now: float) -> None:
        self._timer = now + LADDER_S[self._rung] * self._random.uniform(1 - JITTER, 1 + JITTER)

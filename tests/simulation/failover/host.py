"""The host service beside a sidecar: the DHCP server, as far as authority is concerned.

It attaches, asks how long it may act, and looks before every effect whether its session is open and that
time is not over: before it asks for a name, and again before it hands the name to the device. Its right ends
with its session, so one that slept has none when it wakes. When the right ends it says `host.yielded`.
"""

import math
from typing import Any, NamedTuple

ASK_EVERY_S = 0.4
ACT_EVERY_S = 0.5


class ToSidecar(NamedTuple):
    """Effect: a line on the local socket."""

    body: dict[str, Any]


class FromSidecar(NamedTuple):
    """Message: an answer on the local socket."""

    body: dict[str, Any]


class Wanted(NamedTuple):
    """Message: a device asks for an address and a file name."""

    request: dict[str, Any]


class Acted(NamedTuple):
    """Effect: the host did something that a device saw, under this authority."""

    era: int
    epoch: int
    reply: dict[str, Any] | None = None


class Host:
    """One process of the host service."""

    def __init__(self) -> None:
        self.era = 0
        self.epoch = -1
        self.until = 0.0
        self.is_autonomous = False
        self._is_open = False
        self._is_attached = False
        self._ask_at = 0.0
        self._act_at = math.inf

    def opened(self) -> None:
        """A line was sent: there is a session."""
        self._is_open = True

    def closed(self) -> None:
        """The kernel closes the session, whether this process runs or sleeps."""
        self._is_open = self._is_attached = False
        self.until = 0.0

    def receive(self, message: Any, now: float) -> list[Any]:
        """An answer, or a device."""
        if isinstance(message, Wanted):
            return [ToSidecar(message.request)] if now < self.until else []
        assert isinstance(message, FromSidecar), message
        body = message.body
        if not self._is_open:
            return []
        if "file" in body:
            return [Acted(self.era, self.epoch, body)] if now < self.until else []
        if "lease_until_s" not in body:
            return []
        self._is_attached = self._is_attached or "attached" in body
        acted = self.until > 0.0
        self.era, self.epoch, self.until = body["era"], body["epoch"], body["lease_until_s"]
        self.is_autonomous = body["state"] == "autonomous"
        if self.until:
            self._act_at = min(self._act_at, now)
        return [ToSidecar({"op": "host.yielded"})] if acted and not self.until else []

    def tick(self, now: float) -> list[Any]:
        """Ask, and act."""
        effects: list[Any] = []
        if now >= self._ask_at:
            self._ask_at = now + ASK_EVERY_S
            effects.append(ToSidecar({"op": "authority" if self._is_attached else "host.attach"}))
        if now >= self._act_at:
            self._act_at = now + ACT_EVERY_S
            if now < self.until:
                effects.append(Acted(self.era, self.epoch))
            else:
                self._act_at = math.inf
        return effects

    def deadline(self) -> float | None:
        """When `tick` is due."""
        return min(self._ask_at, self._act_at)

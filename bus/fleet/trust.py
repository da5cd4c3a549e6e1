"""Trust: which messages of topics and groups are believed.

A message counts only if an instance of the fleet file signed it, by a key that stands there. `Trust` decides
that before any rule sees the message, so no rule asks who wrote one. Each refusal is counted under its
reason, and a fault of this instance for `WARN_S`, for somebody in the fleet is behind with its keys, or is no
friend.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Protocol

from bus.envelope import Envelope
from bus.errors import DecodeError
from bus.fleet.fleet import SERVICES, Fleet
from bus.reason import Reason
from bus.telemetry.metrics import Sample, labelled
from bus.wire.signature import Verify, is_signed, verify

WARN_S = 60.0
REASONS = ("unsigned", "stranger", "forged", "wrong-service")


class UnprovenError(DecodeError):
    """Nobody of the fleet who may write such a message has signed it; it is counted already."""


class Believing(Protocol):
    """Decides who is believed. `refused` are the classes of which a message was not, since our start."""

    refused: set[str]

    def check(self, envelope: Envelope, now: float, services: Collection[str] = SERVICES) -> None:
        """`UnprovenError` unless an instance of one of these services wrote this message."""

    def is_of(self, name: str, content: bytes, signature: bytes) -> bool:
        """Whether this instance signed these bytes, which are no message."""

    def is_current(self, envelope: Envelope) -> bool:
        """Whether the instance that signed this message still signs by that key."""


class Trust:
    """Believes what is signed by a key of the fleet file."""

    def __init__(self, fleet: Fleet, by: Verify = verify) -> None:
        """`by` verifies a signature."""
        self.counts: Counter[str] = Counter(dict.fromkeys(REASONS, 0))
        self.refused: set[str] = set()
        self._verify = by
        self._last = ""
        self._warn_until = 0.0
        self.use(fleet)

    def use(self, fleet: Fleet) -> None:
        """Believe the keys of this fleet file from now on."""
        self._services = fleet.services()
        self._keys = fleet.signing_keys()

    def check(self, envelope: Envelope, now: float, services: Collection[str] = SERVICES) -> None:
        """`UnprovenError` unless an instance of one of these services signed this message."""
        reason = self._refusal(envelope, services)
        if reason:
            self.counts[reason] += 1
            self.refused.add(envelope.traffic)
            self._last, self._warn_until = f"{reason}, in the name of {envelope.source!r:.70}", now + WARN_S
            raise UnprovenError(f"{envelope.type} is {self._last}")

    def is_of(self, name: str, content: bytes, signature: bytes) -> bool:
        """Whether this instance signed these bytes, which are no message."""
        return any(self._verify(key, signature, content) for key in self._keys.get(name, ()))

    def is_current(self, envelope: Envelope) -> bool:
        """Whether the instance that signed this message still signs by that key."""
        return is_signed(envelope, self._keys.get(envelope.source, ())[:1], self._verify)

    def degraded(self, now: float) -> list[Reason]:
        """The messages of late that were not believed."""
        if now >= self._warn_until:
            return []
        return [Reason("unproven", f"messages that are not believed: the last one is {self._last}")]

    def samples(self) -> Iterator[Sample]:
        """How many messages were not believed, by reason."""
        return labelled("provbus_unproven_total", "reason", self.counts)

    def _refusal(self, envelope: Envelope, services: Collection[str]) -> str:
        service = self._services.get(envelope.source)
        if service is None:
            return "stranger"
        if not envelope.proof:
            return "unsigned"
        if not is_signed(envelope, self._keys[envelope.source], self._verify):
            return "forged"
        return "" if service in services else "wrong-service"

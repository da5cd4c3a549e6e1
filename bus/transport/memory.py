"""Memory: the transport without a network, and the specification of what the others must do.

Instances in one process share a `Hub`. A send reaches the peer's queue at once, or is refused for the same
reasons as on a real transport: too large, the peer's queue is full, the peer is not there. Nothing is ever
dropped in silence.
"""

from collections import deque
from typing import Any

from bus.codec import from_frame, from_headers, to_frame, to_headers
from bus.envelope import Envelope
from bus.errors import BackpressureError, DecodeError, UnavailableError
from bus.machine import Received
from bus.routes import Carrier, check_size, route


class Hub:
    """Where the instances of one process meet."""

    def __init__(self, queue_max: int = 1_000) -> None:
        self.queue_max = queue_max
        self.members: dict[str, Memory] = {}


class Memory:
    """One instance's connection to the hub."""

    def __init__(self, hub: Hub, instance: str) -> None:
        self.undecodable = 0
        self.instance = instance
        self._hub = hub
        self._queue: deque[tuple[str, Any]] = deque()
        hub.members[instance] = self

    def send(self, to: str, envelope: Envelope) -> None:
        """Put a message into a peer's queue (`OversizeError`, `UnavailableError`, `BackpressureError`)."""
        check_size(envelope.traffic, len(envelope.data))
        peer = self._hub.members.get(to)
        if peer is None:
            raise UnavailableError(f"{to} is not there")
        peer.put(self.instance, encode(envelope))

    def put(self, source: str, raw: Any) -> None:
        """What the network does: queue bytes from `source`, whatever they are."""
        if len(self._queue) >= self._hub.queue_max:
            raise BackpressureError(f"{self._hub.queue_max} messages wait for {self.instance}")
        self._queue.append((source, raw))

    def receive(self) -> list[Received]:
        """Everything that arrived; what cannot be decoded is counted and skipped."""
        messages = []
        while self._queue:
            source, raw = self._queue.popleft()
            try:
                messages.append(Received(decode(raw, source), source))
            except DecodeError:
                self.undecodable += 1
        return messages

    def close(self) -> None:
        """Leave the hub; what is still queued is lost."""
        self._hub.members.pop(self.instance, None)


def encode(envelope: Envelope) -> Any:
    """The form in which the class's carrier would write it down."""
    if route(envelope.traffic).carrier is Carrier.ZEROMQ:
        return to_frame(envelope)
    return (to_headers(envelope), envelope.data)


def decode(raw: Any, source: str) -> Envelope:
    """The inverse of `encode`; `DecodeError` for anything else."""
    if isinstance(raw, bytes):
        return from_frame(raw, source)
    return from_headers(*raw)

"""Memory: the carrier without a network, and the specification of the others.

Instances in one process share a `Hub`. A message reaches the queues of its receivers at once, or is refused
for the same reasons as on a real transport: too large, a queue is full, the peer is not there. No message is
ever dropped in silence.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from bus.envelope import Envelope
from bus.errors import BackpressureError, DecodeError, LocalError, UnavailableError
from bus.fleet.identity import Identity
from bus.machine import AnyMachine
from bus.messages import CaughtUp, Received
from bus.routes import ROUTES, Medium, check_size, route
from bus.wire.codec import from_frame, from_headers, to_frame, to_headers


class Hub:
    """Connects the instances of one process."""

    def __init__(self, queue_max: int = 1_000) -> None:
        self.queue_max = queue_max
        self.members: dict[str, Memory] = {}

    def readers(self, traffic: str) -> "list[Memory]":
        """The members that read this class."""
        return [member for member in self.members.values() if traffic in member.read]


class Memory:
    """One instance's carrier in the hub (`bus.transport.carrier`); it reads the classes `read`."""

    mode = scheme = "memory"
    has_log = False
    data_bytes_max = ROUTES["fileid"].payload_bytes_max

    def __init__(self, hub: Hub, instance: str, read: Sequence[str] = ()) -> None:
        self.undecodable = 0
        self.instance = instance
        self.read = frozenset(read)
        self._hub = hub
        self._queue: deque[tuple[str, Any]] = deque()
        self._members: Collection[str] | None = None  # None: every instance of the hub
        hub.members[instance] = self

    @property
    def endpoint(self) -> str:
        """Our name in the hub."""
        return f"memory://{self.instance}"

    def send(self, to: str | bytes, envelope: Envelope) -> None:
        """Put a message into a peer's queue (`OversizeError`, `UnavailableError`, `BackpressureError`)."""
        check_size(envelope.traffic, len(envelope.data))
        peer = self._hub.members.get(to) if isinstance(to, str) else None
        if peer is None or not self._is_member(peer.instance):
            raise UnavailableError(f"{to!r} is not there")
        peer.put(self.instance, encode(envelope))

    def publish(self, envelope: Envelope, key: str) -> None:
        """Put a message into the queues of all readers of its class, or into none."""
        check_size(envelope.traffic, len(envelope.data))
        readers = self._hub.readers(envelope.traffic)
        for reader in readers:
            reader.check_room()
        for reader in readers:
            reader.put("", encode(envelope))

    def connect(self, peer: str, endpoint: str) -> None:
        """Do nothing: the hub knows everybody."""

    def catch_up(self, traffic: str) -> None:
        """Queue `CaughtUp` behind what was published."""
        if traffic not in self.read:
            raise LocalError(f"{traffic} is not read here")
        self._queue.append(("", CaughtUp(traffic)))

    def handlers(self) -> Mapping[type, Callable[[Any], None]]:
        """None: the machine has no effects of ours."""
        return {}

    def around(self, machine: AnyMachine) -> AnyMachine:
        """The machine itself."""
        return machine

    def renew(self, identity: Identity) -> Callable[[], None]:
        """A function that keeps to these instances; within a process nobody needs a key."""

        def renewed() -> None:
            self._members = identity.fleet.instances.keys()

        return renewed

    def check_room(self) -> None:
        """`BackpressureError` while our queue is full."""
        if len(self._queue) >= self._hub.queue_max:
            raise BackpressureError(f"{self._hub.queue_max} messages wait for {self.instance}")

    def put(self, via: str, raw: Any) -> None:
        """Queue bytes that came by this way, whatever they are, as a network would."""
        self.check_room()
        if self._is_member(via):
            self._queue.append((via, raw))

    def _is_member(self, name: str) -> bool:
        return not name or self._members is None or name in self._members

    def receive(self) -> list[Received | CaughtUp]:
        """The messages that arrived; those that cannot be decoded are counted and skipped."""
        messages: list[Received | CaughtUp] = []
        while self._queue:
            via, raw = self._queue.popleft()
            if isinstance(raw, CaughtUp):
                messages.append(raw)
                continue
            try:
                messages.append(Received(decode(raw, via), via, True))
            except DecodeError:
                self.undecodable += 1
        return messages

    def close(self) -> None:
        """Leave the hub; queued messages are lost."""
        self._hub.members.pop(self.instance, None)


def encode(envelope: Envelope) -> Any:
    """The encoding of the class's carrier."""
    if route(envelope.traffic).medium is Medium.ZEROMQ:
        return to_frame(envelope)
    return (to_headers(envelope), envelope.data)


def decode(raw: Any, source: str) -> Envelope:
    """The inverse of `encode`; `DecodeError` for anything else."""
    if isinstance(raw, bytes):
        return from_frame(raw, source)
    return from_headers(*raw)

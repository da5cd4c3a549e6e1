"""Carriers: the interface of all transports of an instance's messages.

A machine returns `Send` and `Publish`, which name a class of traffic; a carrier delivers them. It gives the
poller arriving messages (`bus.messages`: `Received`, and for a log `LogBounds`, `Entry`, `LogLost`),
`CaughtUp` when a class's history was received, and `Undelivered` for a message that it took and could not
deliver. It drops no message in silence: it refuses one that cannot leave, with an error that says who must
act.

There is a carrier per column of the route table: `bus.columns.hybrid_bus` and
`bus.transport.multicast.carrier`; `bus.columns.columns`, which has both behind it; and
`bus.transport.memory`, which has no network. The contract's tests check all of them against this page.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from bus.envelope import Envelope
from bus.fleet.identity import Identity
from bus.fleet.key_pair import KeyPair
from bus.machine import AnyMachine
from bus.reason import Reason
from bus.routes import Column
from bus.telemetry.metrics import Sample

CHECK_TIMEOUT_S = 5.0
Sends = Callable[[], Sequence[Column]]
"""Tells the columns by which messages leave now, the leading one first."""


class Carrier(Protocol):
    """Sends and receives for one instance, from the poller's thread."""

    @property
    def mode(self) -> str:
        """Its `transport.mode`."""

    @property
    def endpoint(self) -> str:
        """The endpoint for messages to us alone, as our beats announce it; empty if nobody connects to us."""

    @property
    def scheme(self) -> str:
        """The scheme of the endpoints that `connect` takes."""

    @property
    def data_bytes_max(self) -> int:
        """The limit of data in a message of class `fileid`, in bytes."""

    @property
    def has_log(self) -> bool:
        """Whether class `failover` has a log here, whose readers all see the same entries in the same order.
        Without one nobody can win a role by writing.
        """

    def send(self, to: str | bytes, envelope: Envelope) -> None:
        """Take a message for one peer: an instance by name, or the `via` of its message. Messages to one peer
        arrive in order; only an answer proves that they arrived.

        `OversizeError`: its class may not carry that much. `UnavailableError`: the peer is not there, or was
        not heard lately. `BackpressureError`: it is there, and its queue is full.
        """

    def publish(self, envelope: Envelope, key: str) -> None:
        """Take a message for all readers of its class, ourselves included if the class is read here. Messages
        of one `key` stay in order. Errors as for `send`.
        """

    def connect(self, peer: str, endpoint: str) -> None:
        """Connect to this peer at this endpoint, and reconnect until another one is named. `LocalError` if
        that cannot be, `UnavailableError` if it cannot be now: the next `send` tries.
        """

    def catch_up(self, traffic: str) -> None:
        """Capture the present end of a class; `CaughtUp` follows once it was received up to there.
        `LocalError` if the class is not read here.
        """

    def around(self, machine: AnyMachine) -> AnyMachine:
        """The machine for the runner to drive in place of this one; called once, before it runs."""

    def handlers(self) -> Mapping[type, Callable[[Any], None]]:
        """The handlers of the effects that the machine of `around` has besides those of every machine."""

    def renew(self, identity: Identity) -> Callable[[], None]:
        """A function that puts these keys and members in force: a message to us alone of an instance that the
        fleet does not have is not delivered from then on, and none is sent to it. `ConfigError` or
        `UnavailableError` here if the keys cannot be read; then nothing has changed.
        """

    def close(self) -> None:
        """Give queued messages a moment to leave, and stop."""


class Describes(Protocol):
    """A part of an instance that reports on itself."""

    def samples(self) -> Iterable[Sample]:
        """Its metrics, for a scrape."""

    def lacks(self) -> list[Reason]:
        """Its faults with which work goes on, in words; empty if none."""


class Begins(Describes, Protocol):
    """A part that begins before the runner runs."""

    def begin(self, has_copy: bool) -> None:
        """Check within `CHECK_TIMEOUT_S` that messages are carried (`UnavailableError`), and open the
        endpoint for peers. An instance that `has_copy` of the settings starts also while only brokers are
        away.
        """


class DescribedCarrier(Carrier, Begins, Protocol):
    """The carrier of a running instance."""


class ColumnCarrier(DescribedCarrier, Protocol):
    """The carrier of one column."""

    @property
    def settings_digest(self) -> str:
        """The digest of the settings that it holds for peers; empty if it holds none, as with a topic."""

    def leave(self) -> None:
        """Close while the runner goes on, without waiting for others."""

    def begin_live(self) -> None:
        """Begin while the runner runs, without waiting for others (`UnavailableError`, `ConfigError`)."""


class Link(Describes, Protocol):
    """One end of the hand-off connections: a minter's dealers, or the router of a CFM. Methods as those of
    `Carrier`.
    """

    @property
    def endpoint(self) -> str:
        """The endpoint for peers; empty if we connect."""

    def send(self, to: str | bytes, envelope: Envelope) -> None:
        """Take a message of class `fileid` for one peer."""

    def connect(self, peer: str, endpoint: str) -> None:
        """Connect to this peer at this endpoint."""

    def use(self, keys: KeyPair, peers: Mapping[str, Sequence[bytes]]) -> None:
        """Use this pair, and accept these public keys of these peers."""

    def close(self) -> None:
        """End every connection."""

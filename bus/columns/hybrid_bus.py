"""The hybrid bus: topics on Kafka, and the hand-off point to point over ZeroMQ.

The route table gives each class its medium (`bus.routes`); `Publish` goes to Kafka, `Send` over ZeroMQ.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bus.envelope import Envelope
from bus.errors import UnavailableError
from bus.fleet.identity import Identity
from bus.fleet.key_pair import KeyPair
from bus.machine import AnyMachine
from bus.reason import Reason
from bus.routes import ROUTES
from bus.telemetry.metrics import Sample
from bus.transport.carrier import CHECK_TIMEOUT_S, Link
from bus.transport.kafka.client import Kafka

_log = logging.getLogger("provbus.node")


class _Unopened:
    """The link before it is open."""

    endpoint = ""

    def send(self, to: str | bytes, envelope: Envelope) -> None:
        """Nobody is reached yet."""
        raise UnavailableError(f"no connection to {to!r}")

    def connect(self, peer: str, endpoint: str) -> None:
        """Not open yet."""
        raise UnavailableError(f"no connection to {peer}")

    def use(self, keys: KeyPair, peers: Mapping[str, Sequence[bytes]]) -> None:
        """Nothing to do: it opens with the keys in force then."""

    def samples(self) -> tuple[Sample, ...]:
        """None."""
        return ()

    def lacks(self) -> list[Reason]:
        """None."""
        return []

    def close(self) -> None:
        """Do nothing."""


class HybridBus:
    """The carrier of mode bus (`bus.transport.carrier`). `open_link` opens our end of the hand-off, to
    instances of the services `peers`. The carrier closes both halves.
    """

    mode = "bus"
    scheme = "tcp"
    has_log = True
    data_bytes_max = ROUTES["fileid"].payload_bytes_max

    def __init__(self, kafka: Kafka, open_link: Callable[[], Link], peers: Sequence[str]) -> None:
        self.publish = kafka.publish
        self.catch_up = kafka.catch_up
        self._kafka = kafka
        self._open_link = open_link
        self._peers = peers
        self._have(_Unopened())

    def _have(self, link: Link) -> None:
        # Bound once: a hand-off costs only the link's own call.
        self.send = link.send
        self.connect = link.connect
        self._link = link

    @property
    def endpoint(self) -> str:
        """The endpoint for minters; empty for a minter."""
        return self._link.endpoint

    @property
    def settings_digest(self) -> str:
        """Empty: the topic holds them."""
        return ""

    def begin(self, has_copy: bool) -> None:
        """See that a broker answers (`UnavailableError`), and open the link. With a copy of the settings an
        instance starts without brokers.
        """
        try:
            self._kafka.check_broker(CHECK_TIMEOUT_S)
        except UnavailableError as error:
            if not has_copy:
                raise
            _log.warning("%s; starting with the settings kept on disk", error)
        self.begin_live()

    def begin_live(self) -> None:
        """Open the link. Whether a broker answers, its records and `lacks` tell."""
        self._have(self._open_link())

    def around(self, machine: AnyMachine) -> AnyMachine:
        """The machine itself: topics have a history."""
        self._kafka.speak()
        return machine

    def handlers(self) -> Mapping[type, Callable[[Any], None]]:
        """None: the machine has no effects of ours."""
        return {}

    def renew(self, identity: Identity) -> Callable[[], None]:
        """A function that gives the hand-off these keys, and no others; Kafka's are in its own settings."""
        return lambda: self._link.use(identity.keys, identity.fleet.keys(*self._peers))

    def samples(self) -> Iterator[Sample]:
        """The metrics of both halves."""
        yield from self._kafka.samples()
        yield from self._link.samples()

    def lacks(self) -> list[Reason]:
        """The faults of both halves."""
        return [*self._kafka.lacks(), *self._link.lacks()]

    def leave(self) -> None:
        """Close both without waiting for the brokers."""
        self._link.close()
        self._kafka.leave()

    def close(self) -> None:
        """Close the hand-off's end, then the topics."""
        self._link.close()
        self._kafka.close()

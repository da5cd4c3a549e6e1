"""The minter's end of the hand-off connections: one DEALER per CFM.

One DEALER with many connections would deal its messages out in turn. A refused send is `BackpressureError`
while the CFM is connected and `UnavailableError` while it is not. The acks above cover all other losses.
"""

import errno
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import zmq

from bus.envelope import Envelope
from bus.errors import BackpressureError, ConfigError, DecodeError, UnavailableError
from bus.fleet.key_pair import KeyPair
from bus.messages import Received
from bus.reason import Reason
from bus.routes import Column, check_size
from bus.telemetry.metrics import Tally
from bus.transport.poller import Poller
from bus.transport.zeromq.address_families import connect
from bus.transport.zeromq.curve import secure_client
from bus.transport.zeromq.frames import NOW, QUEUE_MAX, TRAFFIC, harden, send_now
from bus.transport.zeromq.monitor import Monitor
from bus.wire.codec import from_frame, to_frame

_FAILED = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
    zmq.EVENT_HANDSHAKE_FAILED_AUTH,
)
_TIMED_OUT = (zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL, errno.EAGAIN)
"""A handshake without an answer, as with a process that stands still, has this error number (libzmq 4.3.5);
one that the other end broke off, because it has another key, has EPIPE.
"""
_CONNECTED = zmq.EVENT_HANDSHAKE_SUCCEEDED
_LOST = zmq.EVENT_DISCONNECTED
_RETRIED = zmq.EVENT_CONNECT_RETRIED

REFUSED_S = 3.0  # greetings try every quarter of a second


@dataclass(slots=True)
class _Dealer:
    socket: zmq.Socket[bytes]
    monitor: Monitor
    endpoint: str
    server: bytes
    last_event: int = 0
    has_failed: bool = False
    was_refused: bool = False


class Dealers:
    """The connections of one minter to its CFMs. `servers` maps CFM names to their public keys: two while one
    is being rotated.
    """

    def __init__(
        self,
        context: zmq.Context[Any],
        poller: Poller,
        keys: KeyPair,
        servers: Mapping[str, Sequence[bytes]],
        queue_max: int = QUEUE_MAX,
    ) -> None:
        self.tally = Tally("zeromq", [TRAFFIC])
        self.samples = self.tally.samples
        self._context = context
        self._poller = poller
        self._keys = keys
        self._servers = servers
        self._queue_max = queue_max
        self._dealers: dict[str, _Dealer] = {}
        self._refused_at: dict[str, float] = {}
        self._unopened: dict[str, tuple[str, bytes]] = {}  # for lack of descriptors; tried at every send

    @property
    def endpoint(self) -> str:
        """Empty: CFMs answer on the connections that we open."""
        return ""

    def lacks(self) -> list[Reason]:
        """The handshakes that were refused lately: with a wrong key at either end no connection is made."""
        now = time.monotonic()
        return [
            Reason(
                "handshake-refused",
                f"the handshake with {peer} at {dealer.endpoint}: it has another key, or does not know ours",
            )
            for peer, dealer in self._dealers.items()
            if not _update(dealer) and now < self._refused_at.get(peer, -math.inf) + REFUSED_S
        ]

    @property
    def undecodable(self) -> int:
        """Received frames that hold no message."""
        return self.tally.undecodable[TRAFFIC]

    def connect(self, peer: str, endpoint: str) -> None:
        """Connect to this CFM at this endpoint; a no-op if that is done. `ConfigError` if that cannot be,
        `UnavailableError` if no socket can be opened: then every send tries it again.
        """
        known = self._dealers.get(peer)
        if known is not None and known.endpoint == endpoint:
            return
        if not self._servers.get(peer):
            raise ConfigError(f"{peer} has no key in the fleet file")
        self._open(peer, endpoint, self._servers[peer][0])

    def use(self, keys: KeyPair, servers: Mapping[str, Sequence[bytes]]) -> None:
        """Use these keys; renew each connection that was made with another."""
        is_new, self._keys, self._servers = keys != self._keys, keys, servers
        places = {peer: (dealer.endpoint, dealer.server) for peer, dealer in self._dealers.items()}
        for peer, (endpoint, server) in {**places, **self._unopened}.items():
            known = servers.get(peer, ())
            if not known:
                self.disconnect(peer)
            elif is_new or server not in known:
                with suppress(UnavailableError):
                    self._open(peer, endpoint, server if server in known else known[0])

    def _open(self, peer: str, endpoint: str, server: bytes) -> None:
        self.disconnect(peer)
        self._unopened[peer] = endpoint, server
        dealer = self._dealer(peer, endpoint, server)
        del self._unopened[peer]
        socket = dealer.socket
        harden(socket, self._queue_max)
        secure_client(socket, self._keys, server)
        try:
            connect(socket, endpoint)
        except (ValueError, zmq.ZMQError) as error:
            _close(dealer)
            raise ConfigError(f"{peer} announces an endpoint that cannot be used: {endpoint!r}") from error
        self._dealers[peer] = dealer
        self._poller.add(socket, self._reader(peer, socket))

    def disconnect(self, peer: str) -> None:
        """Forget the connection to this CFM."""
        self._unopened.pop(peer, None)
        dealer = self._dealers.pop(peer, None)
        if dealer is not None:
            self._poller.remove(dealer.socket)
            _close(dealer)

    def is_connected(self, peer: str) -> bool:
        """Whether the handshake with this CFM is done and the connection is open."""
        dealer = self._dealers.get(peer)
        return dealer is not None and _update(dealer)

    def send(self, to: str | bytes, envelope: Envelope) -> None:
        """Queue a message for a CFM (`OversizeError`, `UnavailableError`, `BackpressureError`)."""
        self.tally.offered[TRAFFIC] += 1
        check_size("fileid", len(envelope.data))
        name = to if isinstance(to, str) else ""
        dealer = self._dealers.get(name)
        if dealer is None:
            if name in self._unopened:
                self._open(name, *self._unopened[name])
            raise UnavailableError(f"no connection to {to!r}")
        self._poller.used(dealer.socket)
        try:
            send_now(dealer.socket, to_frame(envelope), NOW)
            self.tally.sent[TRAFFIC] += 1
        except zmq.Again:
            if _update(dealer):
                raise BackpressureError(f"{self._queue_max} frames wait for {to!r}") from None
            if dealer.was_refused:
                self._refused_at[name] = time.monotonic()
            if dealer.last_event == _LOST or dealer.has_failed:
                self._reopen(str(to), dealer)
            raise UnavailableError(f"{to!r} is not connected") from None

    def close(self) -> None:
        """Close every connection; queued messages are lost, like all unacked ones."""
        for peer in list(self._dealers):
            self.disconnect(peer)

    def _dealer(self, peer: str, endpoint: str, server: bytes) -> _Dealer:
        """A socket and its monitor (`UnavailableError`)."""
        try:
            socket = self._context.socket(zmq.DEALER)
        except zmq.ZMQError as error:
            raise UnavailableError(f"no socket for {peer}: {error}") from error
        try:
            events = sum(_FAILED, _CONNECTED | _LOST | _RETRIED)
            return _Dealer(socket, Monitor(socket, events), endpoint, server)
        except zmq.ZMQError as error:
            socket.close()
            raise UnavailableError(f"no socket for {peer}: {error}") from error

    def _reopen(self, peer: str, dealer: _Dealer) -> None:
        """Open it anew, with the peer's other key if it has two. After a refused key or a protocol error
        libzmq does not retry. The peer may have been restarted with another fleet file, or have its next key
        already.
        """
        known = self._servers[peer]
        after = known.index(dealer.server) + 1 if dealer.server in known else 0
        self._open(peer, dealer.endpoint, known[after % len(known)])

    def _reader(self, peer: str, socket: zmq.Socket[bytes]) -> Callable[[], list[Any]]:
        def read() -> list[Any]:
            try:
                message = Received(from_frame(socket.recv(NOW), peer), peer, True, Column.BUS)
                self.tally.received[TRAFFIC] += 1
                return [message]
            except zmq.Again:
                return []
            except DecodeError:
                self.tally.undecodable[TRAFFIC] += 1
                return []

        return read


def _update(dealer: _Dealer) -> bool:
    """Read the monitor's events; True if the newest one says connected."""
    while (found := dealer.monitor.next()) is not None:
        dealer.last_event = found[0]
        dealer.was_refused |= found[0] in _FAILED and found != _TIMED_OUT
        dealer.has_failed = dealer.last_event != _CONNECTED and (
            dealer.has_failed or dealer.last_event in _FAILED
        )
    return dealer.last_event == _CONNECTED


def _close(dealer: _Dealer) -> None:
    dealer.monitor.close()
    dealer.socket.close()

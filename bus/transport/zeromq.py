"""ZeroMQ, point to point: the sidecars' dealers and the CFM's router.

Theory of operation
-------------------
A sidecar keeps one DEALER per CFM (one DEALER with many connections would deal its messages out in turn). The
CFM's ROUTER names a connection by a route of libzmq's own making; the first frame of a route binds it to the
instance whose key opened the connection. Nobody chooses a routing id, so nobody can take another's. What the
CFM has to say to a minter travels back on the minter's newest route.

A send is not a delivery. What libzmq would drop in silence it is told to report: `IMMEDIATE` (no queueing for
a peer that is not there), `ROUTER_MANDATORY`, explicit high-water marks, `LINGER=0`. A refused send is
`BackpressureError` while the peer is connected and `UnavailableError` while it is not. Everything else is for
the acks above.

Endpoints hold addresses of either family, and no names (`bus.endpoint` says why).
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import zmq

from bus.codec import FRAME_HEADER, from_frame, to_frame
from bus.descriptors import CONNECTIONS_MAX
from bus.endpoint import parse
from bus.envelope import Envelope
from bus.errors import BackpressureError, BusyError, ConfigError, DecodeError, UnavailableError
from bus.machine import Received
from bus.metrics import Sample, Tally
from bus.routes import ROUTES, check_size
from bus.transport.curve import KeyPair, secure_client, secure_server
from bus.transport.door import EVENTS, Door, Spare
from bus.transport.families import bind, connect
from bus.transport.here import cannot_listen
from bus.transport.monitor import Monitor
from bus.transport.poller import Poller

_CLASS = "fileid"
QUEUE_MAX = 1_000  # frames per connection: a second of the busiest minter
ROUTES_MAX = 4_096
REBIND_S = 2.0
FRAME_BYTES_MAX = ROUTES["fileid"].payload_bytes_max + FRAME_HEADER.size
_CURVE_BYTES = 33  # what CurveZMQ adds to a frame: command name 8, nonce 8, authenticator 16, flags 1
# Plain numbers: arithmetic on pyzmq's enumerations costs a microsecond, and this is the path of every
# hand-off.
_NOW = int(zmq.NOBLOCK)
_MORE = int(zmq.SNDMORE | zmq.NOBLOCK)
_send = zmq.backend.Socket.send  # without the wrapper that looks for draft options
_FAILED = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
    zmq.EVENT_HANDSHAKE_FAILED_AUTH,
)
_CONNECTED = zmq.EVENT_HANDSHAKE_SUCCEEDED
_LOST = zmq.EVENT_DISCONNECTED
_RETRIED = zmq.EVENT_CONNECT_RETRIED


def _harden(socket: zmq.Socket[bytes], queue_max: int) -> None:
    for option, value in (
        (zmq.LINGER, 0),
        (zmq.SNDHWM, queue_max),
        (zmq.RCVHWM, queue_max),
        (zmq.MAXMSGSIZE, FRAME_BYTES_MAX + _CURVE_BYTES),
        (zmq.HANDSHAKE_IVL, 2000),
        (zmq.HEARTBEAT_IVL, 500),
        (zmq.HEARTBEAT_TIMEOUT, 1500),
        (zmq.RECONNECT_IVL, 100),
        (zmq.RECONNECT_IVL_MAX, 1000),
        (zmq.IMMEDIATE, 1),
    ):
        socket.setsockopt(option, value)


@dataclass(slots=True)
class _Dealer:
    socket: zmq.Socket[bytes]
    monitor: Monitor
    endpoint: str
    server: bytes
    last_event: int = 0
    has_failed: bool = False


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
        self.tally = Tally("zeromq", [_CLASS])
        self.samples = self.tally.samples
        self._context = context
        self._poller = poller
        self._keys = keys
        self._servers = servers
        self._queue_max = queue_max
        self._dealers: dict[str, _Dealer] = {}
        self._unopened: dict[str, tuple[str, bytes]] = {}  # for want of descriptors; tried at every send

    @property
    def undecodable(self) -> int:
        """Messages that came and were none."""
        return self.tally.undecodable[_CLASS]

    def connect(self, peer: str, endpoint: str) -> None:
        """Be connected to this CFM at this endpoint; a no-op if it is so already. `UnavailableError` if there
        is nothing to open a socket with: then every send tries it again.
        """
        known = self._dealers.get(peer)
        if known is not None and known.endpoint == endpoint:
            return
        if not self._servers.get(peer):
            raise ConfigError(f"{peer} has no key in the fleet file")
        self._open(peer, endpoint, self._servers[peer][0])

    def use(self, keys: KeyPair, servers: Mapping[str, Sequence[bytes]]) -> None:
        """Have these keys, and connect anew where another one than these was used."""
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
        _harden(socket, self._queue_max)
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
        """Whether the handshake with this CFM is done and the connection stands."""
        dealer = self._dealers.get(peer)
        return dealer is not None and _update(dealer)

    def send(self, to: str | bytes, envelope: Envelope) -> None:
        """Queue a message for a CFM, or say why not (`OversizeError`, `UnavailableError`,
        `BackpressureError`).
        """
        self.tally.offered[_CLASS] += 1
        check_size("fileid", len(envelope.data))
        name = to if isinstance(to, str) else ""
        dealer = self._dealers.get(name)
        if dealer is None:
            if name in self._unopened:
                self._open(name, *self._unopened[name])
            raise UnavailableError(f"no connection to {to!r}")
        self._poller.used(dealer.socket)
        try:
            _send(dealer.socket, to_frame(envelope), _NOW)
            self.tally.sent[_CLASS] += 1
        except zmq.Again:
            if _update(dealer):
                raise BackpressureError(f"{self._queue_max} frames wait for {to!r}") from None
            if dealer.last_event == _LOST or dealer.has_failed:
                self._reopen(str(to), dealer)
            raise UnavailableError(f"{to!r} is not connected") from None

    def close(self) -> None:
        """Close every connection; what is queued is lost, as unacked messages are."""
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
        """libzmq gives up for good on a peer that refused our key or broke the protocol: no retry follows the
        loss. That peer may have been restarted with another fleet file since; or it has its next key already,
        so the other one that we know is tried.
        """
        known = self._servers[peer]
        after = known.index(dealer.server) + 1 if dealer.server in known else 0
        self._open(peer, dealer.endpoint, known[after % len(known)])

    def _reader(self, peer: str, socket: zmq.Socket[bytes]) -> Callable[[], list[Any]]:
        def read() -> list[Any]:
            try:
                message = Received(from_frame(socket.recv(_NOW), peer), peer)
                self.tally.received[_CLASS] += 1
                return [message]
            except zmq.Again:
                return []
            except DecodeError:
                self.tally.undecodable[_CLASS] += 1
                return []

        return read


def _update(dealer: _Dealer) -> bool:
    """Read what the monitor reported since the last look; the newest event tells."""
    while (found := dealer.monitor.next()) is not None:
        dealer.last_event = found[0]
        dealer.has_failed = dealer.last_event != _CONNECTED and (
            dealer.has_failed or dealer.last_event in _FAILED
        )
    return dealer.last_event == _CONNECTED


def _close(dealer: _Dealer) -> None:
    dealer.monitor.close()
    dealer.socket.close()


class Router:
    """The CFM's side: every minter's connection, each bound to its key."""

    def __init__(
        self,
        context: zmq.Context[Any],
        poller: Poller,
        keys: KeyPair,
        endpoint: str,
        queue_max: int = QUEUE_MAX,
        *,
        shut_at: int = CONNECTIONS_MAX,
        spare: Spare = nullcontext,
    ) -> None:
        """Bind; `BusyError` if the port is somebody else's, `UnavailableError` if the address is not ours. A
        `ZapHandler` must serve this context. For `shut_at` and `spare` see `Door`.
        """
        self.tally = Tally("zeromq", [_CLASS])
        self._shut_at = shut_at
        self._spare = spare
        self._poller = poller
        self._queue_max = queue_max
        self._sources: dict[bytes, str] = {}
        self._routes: dict[str, bytes] = {}
        self._context = context
        self._keys = keys
        self._bind_to(endpoint)

    def samples(self) -> Iterator[Sample]:
        """Messages, and who was not let in."""
        yield from self.tally.samples()
        yield from self._door.samples()

    def lacks(self) -> list[str]:
        """What is degraded."""
        return self._door.lacks()

    def use(self, keys: KeyPair) -> None:
        """Be the server of this key pair. Another than before ends every connection; minters come back."""
        if keys == self._keys:
            return
        self._keys = keys
        self.close()
        self._sources.clear()
        self._routes.clear()
        deadline = time.monotonic() + REBIND_S
        with self._spare():  # what the former one had is given back behind our back
            while True:
                try:
                    self._bind_to(self.endpoint)
                    return
                except BusyError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.005)

    def _bind_to(self, endpoint: str) -> None:
        self._socket = self._context.socket(zmq.ROUTER)
        _harden(self._socket, self._queue_max)
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        secure_server(self._socket, self._keys)
        monitor = Monitor(self._socket, EVENTS)
        try:
            bind(self._socket, endpoint)
        except ValueError as error:
            monitor.close()
            self._socket.close()
            raise ConfigError(f"cannot listen on {endpoint}: {error}") from error
        except zmq.ZMQError as error:
            monitor.close()
            self._socket.close()
            host = parse(endpoint).host
            raise cannot_listen(f"cannot listen on {endpoint}", host, error.errno) from error
        self._door = Door(self._poller, monitor, self._shut_at, self._spare)
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self._poller.add(self._socket, self._read)

    @property
    def undecodable(self) -> int:
        """Messages that came and were none."""
        return self.tally.undecodable[_CLASS]

    def send(self, to: str | bytes, envelope: Envelope) -> None:
        """Queue a message for a route or for an instance's newest route, or say why not."""
        self.tally.offered[_CLASS] += 1
        check_size("fileid", len(envelope.data))
        route = self._routes.get(to) if isinstance(to, str) else to
        if route is None:
            raise UnavailableError(f"{to!r} is not connected")
        frame = to_frame(envelope)  # before the route: half a message would begin the next one
        self._poller.used(self._socket)
        try:
            _send(self._socket, route, _MORE)
            _send(self._socket, frame, _NOW)
            self.tally.sent[_CLASS] += 1
        except zmq.Again:
            raise BackpressureError(f"{self._queue_max} frames wait for {to!r}") from None
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self._forget(route)
            raise UnavailableError(f"{to!r} is not connected") from None

    def close(self) -> None:
        """Stop listening and close every connection."""
        self._door.close()
        self._poller.remove(self._socket)
        self._socket.close()

    def _read(self) -> list[Any]:
        receive = self._socket.recv
        try:
            route = receive(_NOW)
            part = receive(copy=False)
            source = self._sources.get(route) or self._bind(route, str(part.get("User-Id")))
            if part.more:
                # Left in the queue, the surplus parts would be read as the route and frame of somebody else.
                self._socket.recv_multipart()
                raise DecodeError("a message of ours has one part")
            message = Received(from_frame(part.bytes, source), route)
            self.tally.received[_CLASS] += 1
            return [message]
        except zmq.Again:
            return []
        except DecodeError:
            self.tally.undecodable[_CLASS] += 1
            return []

    def _bind(self, route: bytes, source: str) -> str:
        self._sources[route] = source
        self._routes[source] = route
        if len(self._sources) > ROUTES_MAX:
            self._forget(next(iter(self._sources)))
        return source

    def _forget(self, route: bytes) -> None:
        source = self._sources.pop(route, None)
        if source is not None and self._routes.get(source) == route:
            del self._routes[source]

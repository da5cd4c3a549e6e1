"""The CFM's end of the hand-off connections: one ROUTER.

libzmq makes the route (the routing id) of each connection; the first frame of a route binds it to the
instance whose key opened the connection. Nobody chooses a routing id, so nobody can take another's. The CFM
sends to a minter on the minter's newest route.
"""

import time
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import zmq

from bus.envelope import Envelope
from bus.errors import BackpressureError, BusyError, ConfigError, DecodeError, UnavailableError
from bus.fleet.key_pair import KeyPair
from bus.messages import Received
from bus.reason import Reason
from bus.routes import check_size
from bus.telemetry.metrics import Sample, Tally
from bus.transport.descriptors import CONNECTIONS_MAX
from bus.transport.here import cannot_listen
from bus.transport.poller import Poller
from bus.transport.zeromq.address_families import bind
from bus.transport.zeromq.curve import secure_server
from bus.transport.zeromq.door import EVENTS, Door, Spare
from bus.transport.zeromq.frames import MORE, NOW, QUEUE_MAX, TRAFFIC, harden, send_now
from bus.transport.zeromq.monitor import Monitor
from bus.wire.codec import from_frame, to_frame
from bus.wire.endpoint import parse

ROUTES_MAX = 4_096
REBIND_S = 2.0


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
        """Bind; `BusyError` if the port is taken, `UnavailableError` if the address is not ours. A
        `ZapHandler` must serve this context. For `shut_at` and `spare` see `Door`.
        """
        self.tally = Tally("zeromq", [TRAFFIC])
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
        """Messages, and the state of the door."""
        yield from self.tally.samples()
        yield from self._door.samples()

    def lacks(self) -> list[Reason]:
        """The faults of the door."""
        return self._door.lacks()

    def use(self, keys: KeyPair) -> None:
        """Use this key pair as the server's. A new one ends every connection; minters reconnect."""
        if keys == self._keys:
            return
        self._keys = keys
        self.close()
        self._sources.clear()
        self._routes.clear()
        deadline = time.monotonic() + REBIND_S
        with self._spare():  # libzmq's thread gives back the former socket's descriptors later
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
        harden(self._socket, self._queue_max)
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
        """Received frames that hold no message."""
        return self.tally.undecodable[TRAFFIC]

    def send(self, to: str | bytes, envelope: Envelope) -> None:
        """Queue a message for a route or for an instance's newest route (errors as of `Carrier.send`)."""
        self.tally.offered[TRAFFIC] += 1
        check_size("fileid", len(envelope.data))
        route = self._routes.get(to) if isinstance(to, str) else to
        if route is None:
            raise UnavailableError(f"{to!r} is not connected")
        frame = to_frame(envelope)  # before the route: half a message would begin the next one
        self._poller.used(self._socket)
        try:
            send_now(self._socket, route, MORE)
            send_now(self._socket, frame, NOW)
            self.tally.sent[TRAFFIC] += 1
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
            route = receive(NOW)
            part = receive(copy=False)
            source = self._sources.get(route) or self._bind(route, str(part.get("User-Id")))
            if part.more:
                # Surplus parts left in the queue would be read as the route and frame of somebody else.
                self._socket.recv_multipart()
                raise DecodeError("a message of ours has one part")
            message = Received(from_frame(part.bytes, source), route)
            self.tally.received[TRAFFIC] += 1
            return [message]
        except zmq.Again:
            return []
        except DecodeError:
            self.tally.undecodable[TRAFFIC] += 1
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

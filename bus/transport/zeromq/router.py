"""The CFM's end of the hand-off connections: one ROUTER.

libzmq makes the route (the routing id) of each connection; the first frame of a route binds it to the
instance whose key opened the connection. Nobody chooses a routing id, so nobody can take another's. The CFM
sends to a minter on the minter's newest route.

A key may be dropped while connections made with it stand, and libzmq ends no single connection of a ROUTER.
So the binding ends: frames of a key that is not in force are dropped and counted, and nothing is sent on
their route, also not by its routing id. Other connections are not touched.
"""

import logging
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
from bus.routes import Column, check_size
from bus.telemetry.log import Sparing
from bus.telemetry.metrics import Sample, Tally
from bus.transport.descriptors import CONNECTIONS_MAX
from bus.transport.here import cannot_listen
from bus.transport.poller import Poller
from bus.transport.zeromq.address_families import bind
from bus.transport.zeromq.curve import secure_server
from bus.transport.zeromq.door import EVENTS, Door, Spare
from bus.transport.zeromq.frames import MORE, NOW, QUEUE_MAX, TRAFFIC, harden, send_now
from bus.transport.zeromq.monitor import Monitor
from bus.transport.zeromq.owners import Owners, name_in
from bus.wire.codec import from_frame, to_frame
from bus.wire.endpoint import parse

ROUTES_MAX = 4_096
REBIND_S = 2.0
DROPPED_S = 10.0
WARN_EVERY_S = 60.0
_log = logging.getLogger("provbus.handoff")


class Router:
    """The CFM's side: every minter's connection, each bound to its key."""

    def __init__(
        self,
        context: zmq.Context[Any],
        poller: Poller,
        keys: KeyPair,
        owners: Owners,
        endpoint: str,
        queue_max: int = QUEUE_MAX,
        *,
        shut_at: int = CONNECTIONS_MAX,
        spare: Spare = nullcontext,
    ) -> None:
        """Bind; `BusyError` if the port is taken, `UnavailableError` if the address is not ours. A
        `ZapHandler` with these owners must serve this context. For `shut_at` and `spare` see `Door`.
        """
        self.tally = Tally("zeromq", [TRAFFIC])
        self._shut_at = shut_at
        self._spare = spare
        self._poller = poller
        self._queue_max = queue_max
        self.dropped = 0
        """Frames of keys that were not in force any more."""
        self._dropped_at: dict[str, float] = {}
        self._warnings = Sparing(_log, WARN_EVERY_S)
        self._owners = owners
        self._sources: dict[bytes, str] = {}
        self._user_ids: dict[bytes, str] = {}
        self._routes: dict[str, bytes] = {}
        self._context = context
        self._keys = keys
        self._bind_to(endpoint)

    def samples(self) -> Iterator[Sample]:
        """Messages, frames of keys that were dropped, and the state of the door."""
        yield from self.tally.samples()
        yield Sample("provbus_handoff_frames_dropped_total", self.dropped)
        yield from self._door.samples()

    def lacks(self) -> list[Reason]:
        """The faults of the door, and the instances that spoke with a former key lately."""
        since = time.monotonic() - DROPPED_S
        former = [
            Reason("former-key", f"{name} speaks with a key that was dropped: its frames do not count")
            for name, at in self._dropped_at.items()
            if at > since
        ]
        return [*self._door.lacks(), *former]

    def use(self, keys: KeyPair) -> None:
        """Forget the routes of keys that are not in force any more, and use this key pair as the server's. A
        new one ends every connection; minters reconnect.
        """
        for route, user_id in list(self._user_ids.items()):
            if self._owners.source(user_id) is None:
                del self._sources[route], self._user_ids[route]
        self._routes = {source: route for route, source in self._sources.items()}  # the newest that is left
        if keys == self._keys:
            return
        self._keys = keys
        self.close()
        self._sources.clear()
        self._user_ids.clear()
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
        if route not in self._sources:  # a route may stand and its key be dropped
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
            if source is None:
                return []
            message = Received(from_frame(part.bytes, source), route, True, Column.BUS)
            self.tally.received[TRAFFIC] += 1
            return [message]
        except zmq.Again:
            return []
        except DecodeError:
            self.tally.undecodable[TRAFFIC] += 1
            return []

    def _bind(self, route: bytes, user_id: str) -> str | None:
        """The instance to which this route belongs from now on; None, and a count, if the key of its
        connection is not in force.
        """
        source = self._owners.source(user_id)
        if source is None:
            self._drop(name_in(user_id))
            return None
        self._sources[route] = source
        self._user_ids[route] = user_id
        self._routes[source] = route
        if len(self._sources) > ROUTES_MAX:
            self._forget(next(iter(self._sources)))
        return source

    def _drop(self, name: str) -> None:
        self.dropped += 1
        self._dropped_at[name] = time.monotonic()
        self._warnings.warn(name, f"{name} speaks with a key that was dropped: its frames do not count")

    def _forget(self, route: bytes) -> None:
        source = self._sources.pop(route, None)
        self._user_ids.pop(route, None)
        if source is not None and self._routes.get(source) == route:
            del self._routes[source]

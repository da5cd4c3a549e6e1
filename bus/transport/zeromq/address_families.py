"""IPv4 and IPv6 of ZeroMQ sockets.

libzmq speaks only IPv4 by default, and a connect to an IPv6 address then waits for ever without an error. We
set `ZMQ_IPV6` only for an endpoint that needs it: with it libzmq would report an IPv4 address that it listens
on as `[::ffff:127.0.0.1]`. `*` listens on both families, or on IPv4 alone if the kernel has no other. A
kernel whose IPv6 is switched off takes a socket on `[::]`: IPv4 reaches it, and `[::]` does not.
"""

from typing import Any

import zmq

from bus.wire.endpoint import is_any, needs_ipv6, parse


def bind(socket: zmq.Socket[Any], endpoint: str) -> None:
    """Bind over the family of the endpoint (`zmq.ZMQError`; `ValueError` if it is none)."""
    socket.setsockopt(zmq.IPV6, needs_ipv6(endpoint))
    socket.bind(endpoint)


def connect(socket: zmq.Socket[Any], endpoint: str) -> None:
    """Connect over the family of the endpoint (`zmq.ZMQError`; `ValueError` if it is none)."""
    socket.setsockopt(zmq.IPV6, needs_ipv6(endpoint))
    socket.connect(endpoint)


def own(endpoint: str) -> str:
    """The endpoint at which we reach ourselves when we listen on this one; any address includes loopback."""
    place = parse(endpoint)
    return str(place._replace(host="127.0.0.1")) if is_any(place.host) else endpoint

"""IPv4 and IPv6 of ZeroMQ sockets.

libzmq speaks IPv4 alone unless it is told otherwise, and a connect to an IPv6 address then waits for ever
without an error. It is told where an endpoint needs it and nowhere else: with `ZMQ_IPV6` it would report an
IPv4 address that it listens on as `[::ffff:127.0.0.1]`. `*` listens on both families, on IPv4 alone where a
kernel has no other. One whose IPv6 is switched off takes a socket on `[::]`: over IPv4 it is reached, and at
`[::]` it is not.
"""

from typing import Any

import zmq

from bus.endpoint import is_any, needs_ipv6, parse


def bind(socket: zmq.Socket[Any], endpoint: str) -> None:
    """Bind over the family of the endpoint (`zmq.ZMQError`; `ValueError` if it is none)."""
    socket.setsockopt(zmq.IPV6, needs_ipv6(endpoint))
    socket.bind(endpoint)


def connect(socket: zmq.Socket[Any], endpoint: str) -> None:
    """Connect over the family of the endpoint (`zmq.ZMQError`; `ValueError` if it is none)."""
    socket.setsockopt(zmq.IPV6, needs_ipv6(endpoint))
    socket.connect(endpoint)


def own(endpoint: str) -> str:
    """Where we reach ourselves when we listen on this endpoint; any address is there on loopback too."""
    place = parse(endpoint)
    return str(place._replace(host="127.0.0.1")) if is_any(place.host) else endpoint

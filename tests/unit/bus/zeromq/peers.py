"""Minters and CFMs of the tests: their keys, their messages, and what happens to a send."""

from collections.abc import Callable
from typing import Any

import zmq

from bus.envelope import Envelope
from bus.errors import BackpressureError, BusyError, TransportError
from bus.fleet.key_pair import new_key_pair
from bus.messages import Received
from bus.routes import route
from bus.transport.poller import Poller
from bus.transport.zeromq.dealers import Dealers
from bus.transport.zeromq.owners import Owners
from bus.transport.zeromq.router import Router
from bus.wire.codec import from_frame

Until = Callable[[Callable[[], object]], list[Any]]
Context = zmq.Context[Any]
Dial = Callable[[str], zmq.Socket[bytes]]
Take = Callable[[int], list[Received]]

PAYLOAD_BYTES_MAX = route("fileid").payload_bytes_max
SERVER = new_key_pair()
MINTERS = {"dhcp-1": new_key_pair(), "mps-1": new_key_pair()}
LISTED = {pair.public: name for name, pair in MINTERS.items()}
CFMS = {"cfm-1": [SERVER.public], "cfm-2": [SERVER.public]}


def rows(seq: int, data: bytes = b"") -> Envelope:
    """A message of dhcp-1."""
    return Envelope("provbus.fileid.rows.v1", "dhcp-1", 7, seq, 0, data)


def hear(client: zmq.Socket[bytes], until: Until) -> Envelope:
    """The next message that a client gets."""
    until(lambda: client.poll(0))
    (frame,) = client.recv_multipart()
    return from_frame(frame, "cfm-1")


def fill(send: Callable[[Envelope], None]) -> int:
    """Send until there is no room; returns how many were accepted, numbered from 0."""
    for seq in range(5_000):
        try:
            send(rows(seq, bytes(32_768)))
        except BackpressureError:
            return seq
    raise AssertionError("nothing bounds the queue")


def listen(context: Context, poller: Poller, endpoint: str) -> Router:
    """A router where another one has just closed; libzmq gives the port back in its own time."""
    for _ in range(1_000):
        try:
            return Router(context, poller, SERVER, Owners(LISTED), endpoint)
        except BusyError:
            poller.poll(0.01)
    raise AssertionError("the port is never given back")


def refused(send: Callable[[], None], kind: type[TransportError]) -> bool:
    """Whether sending is refused for this reason now."""
    try:
        send()
    except kind:
        return True
    except TransportError:
        pass
    return False


def deliver(dealers: Dealers, peer: str, envelope: Envelope, until: Until) -> list[Any]:
    """Send as soon as it is possible; returns what arrived meanwhile. (libzmq reports a connection a moment
    before it takes messages.)
    """
    return until(lambda: not refused(lambda: dealers.send(peer, envelope), TransportError))

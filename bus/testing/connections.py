"""Point-to-point connections in the world.

Theory of operation
-------------------
A connection belongs to one incarnation at each end, as a socket does. The side that connected addresses its
peer by name, in whatever incarnation the peer is: reconnecting is the transport's business. The other side
answers on `via`, a token of the caller's incarnation, or by the caller's name once that caller was heard; a
token of a dead incarnation leads nowhere. So a message to one incarnation never reaches the next.

Frames go through the codec and are refused for the reasons of `bus.transport.zeromq.dealers`. If a peer is
down or cut off, the weather decides whether the send is refused or the frame is lost: a real connection does
either, depending on whether it already noticed.
"""

from collections.abc import Callable

from bus.effects import Send
from bus.errors import LocalError, UnavailableError
from bus.messages import Received
from bus.routes import Medium, check_size, route
from bus.testing.network import Network
from bus.wire.codec import from_frame, to_frame

IncarnationOf = Callable[[str], int]
"""The incarnation of a running node; 0 if it is down or unknown."""
Arrive = Callable[[float, str, int, Received], None]
"""Gives the message to this incarnation of this node after a delay in seconds."""


class Connections:
    """The connections between nodes."""

    def __init__(self, network: Network, incarnation_of: IncarnationOf, arrive: Arrive) -> None:
        self._network = network
        self._incarnation_of = incarnation_of
        self._arrive = arrive
        self._peers: dict[str, set[str]] = {}
        self._callers: dict[str, dict[str, bytes]] = {}

    def connect(self, node: str, peer: str) -> None:
        """Let `node` address `peer` from now on."""
        self._peers.setdefault(node, set()).add(peer)

    def forget(self, node: str) -> None:
        """Drop the connections of a node that is gone, and its knowledge of callers."""
        self._peers.pop(node, None)
        self._callers.pop(node, None)

    def heard(self, node: str, message: Received) -> None:
        """Note a message that reached the node: from now on a sender that had connected to it has a name."""
        if isinstance(message.via, bytes):
            self._callers.setdefault(node, {})[message.envelope.source] = message.via

    def send(self, node: str, effect: Send) -> None:
        """Put a frame on its way (`LocalError`, `OversizeError`, `UnavailableError`)."""
        envelope = effect.envelope
        if route(envelope.traffic).medium is not Medium.ZEROMQ:
            raise LocalError(f"{envelope.traffic} does not travel point to point")
        check_size(envelope.traffic, len(envelope.data))
        target, via = self._way(node, effect.to)
        incarnation = self._incarnation_of(target)
        if not incarnation or self._network.is_cut(node, target):
            if self._network.is_refused():
                raise UnavailableError(f"{target} is not connected")
            return
        message = Received(from_frame(to_frame(envelope), node), via, True)
        for delay_s in self._network.copies(node, target):
            self._arrive(delay_s, target, incarnation, message)

    def _way(self, node: str, to: str | bytes) -> tuple[str, str | bytes]:
        """The target of `to`, and the `via` that leads back."""
        if isinstance(to, str) and to in self._peers.get(node, ()):
            return to, self._token(node)
        token = self._callers.get(node, {}).get(to) if isinstance(to, str) else to
        caller = token.partition(b"#")[0].decode() if token is not None else ""
        if token != self._token(caller) or node not in self._peers.get(caller, ()):
            raise UnavailableError(f"{to!r} is not connected")
        return caller, node

    def _token(self, node: str) -> bytes:
        return f"{node}#{self._incarnation_of(node)}".encode()

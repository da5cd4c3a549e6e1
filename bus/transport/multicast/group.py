"""Multicast: one UDP group for everybody, one UDP socket of one's own for the rest.

Theory of operation
-------------------
All messages leave from the socket that is bound to our own address. `publish` sends to the group; `send` goes
to the address of the peer's last datagram that passed the checks (`bus.wire.datagram_reader`). Rows are the
exception: they go to the group, so that every CFM has them, and name the one that has to ack. A peer that was
silent for `SILENT_S` is not there.

A send is not a delivery, even less than elsewhere: UDP drops datagrams without room in silence. The receiver
sees the gap in the numbers and counts it; the acks above do the rest. Audit events are dropped here and
counted.
"""

import errno
import os
import select
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

from bus.envelope import Envelope, Stamp, number_of
from bus.errors import BackpressureError, BusyError, UnavailableError
from bus.messages import Received
from bus.routes import ROUTES, Column, route
from bus.telemetry.metrics import Sample, Tally, labelled
from bus.transport.here import check_one_host
from bus.transport.poller import BATCH_MAX, Poller
from bus.wire.datagram import DATAGRAM_BYTES_MAX, EVERYBODY, GroupKey, Writer
from bus.wire.datagram_reader import DatagramReader, IsOf, Met, Shake
from bus.wire.proof import Proofs

SILENT_S = 3.5  # seven beats
RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
_PROBE_EVERY_S = 0.25
_IP_MULTICAST_ALL = 49  # ip(7); the socket module has no name for it


class Place(NamedTuple):
    """The address of the group, and our own address, whose interface is used."""

    group: str
    port: int
    address: str
    ttl: int = 1


class Arrived(NamedTuple):
    """A datagram and the address of its sender."""

    data: bytes
    address: tuple[str, int]


Weather = Callable[[Arrived], Iterable[Arrived]]
"""Turns a datagram into none, one or several, as a network may. For labs, drills and tests."""


class _Peer(NamedTuple):
    address: tuple[str, int]
    heard: float


class Multicast:
    """One instance in the group."""

    def __init__(
        self,
        poller: Poller,
        place: Place,
        stamp: Stamp,
        names: Sequence[str],
        keys: Sequence[GroupKey],
        overhear: Sequence[str],
        clock: Callable[[], float],
        *,
        rate_per_s: float,
        burst: int,
        proofs: Proofs,
        is_of: IsOf,
        weather: Weather | None = None,
    ) -> None:
        """Join the group; `BusyError` if another has the port, `UnavailableError` if we cannot join there.

        `names` is the whole fleet. `overhear`: the classes whose messages to others we want too. `clock`
        gives the seconds of the runner's `now`. `rate_per_s` and `burst`: see
        `bus.wire.datagram_reader.DatagramReader`. `proofs` and `is_of` are for it, too.
        """
        check_one_host("multicast.address", place.address)
        self.tally = Tally("multicast", ROUTES)
        self._poller = poller
        self._place = place
        self._overhear = frozenset(overhear)
        self._clock = clock
        self._weather = weather
        self._writer = Writer(stamp, keys[0])
        self.reader = DatagramReader(
            stamp, names, keys, rate_per_s, burst, place.address, self._writer, proofs, is_of
        )
        self._peers: dict[str, _Peer] = {}
        self._sockets: list[socket.socket] = []
        self._failed = self._unsent = 0
        try:
            self._own = self._open((place.address, 0))
            self._group = self._open((place.group, place.port))
            _join(self._own, self._group, place)
        except OSError as error:
            self.close()
            reason = f"cannot join {place.group} port {place.port} from {place.address}: {error.strerror}"
            if error.errno == errno.EADDRINUSE:
                raise BusyError(reason) from error
            raise UnavailableError(
                f"{reason}; correct multicast.address, or use transport.mode bus"
            ) from error

    @property
    def endpoint(self) -> str:
        """The endpoint of messages to us alone, and from us."""
        address, port = self._own.getsockname()
        return f"udp://{address}:{port}"

    def use(self, keys: Sequence[GroupKey]) -> None:
        """Seal with the first of these keys and accept all of them, from now on."""
        self._writer.use(keys[0])
        self.reader.use(keys)

    def keep_to(self, names: Sequence[str]) -> None:
        """Believe the instances of these names alone from now on, and send to no other."""
        self.reader.keep_to(names)
        self._peers = {name: peer for name, peer in self._peers.items() if name in names}

    def publish(self, envelope: Envelope, key: str) -> None:
        """Send to the group (errors as of `send`); drop a class not `in_group`. `key` is unused."""
        traffic = envelope.traffic
        self.tally.offered[traffic] += 1
        if not route(traffic).in_group:
            return
        self._send(self._writer.write(envelope, EVERYBODY, to_group=True), self._group_address)
        self.tally.sent[traffic] += 1

    def send(self, to: str | bytes, envelope: Envelope) -> None:
        """Send to a peer that was heard lately (errors as of `Carrier.send`)."""
        traffic = envelope.traffic
        self.tally.offered[traffic] += 1
        name = to if isinstance(to, str) else ""
        peer = self._peers.get(name)
        if peer is None or self._clock() - peer.heard > SILENT_S:
            raise UnavailableError(f"{name} was not heard for {SILENT_S:g} s")
        target = number_of(name)
        if envelope.type in route(traffic).told_all:
            self._send(self._writer.write(envelope, target, to_group=True), self._group_address)
        else:
            self._send(self._writer.write(envelope, target, to_group=False), peer.address)
        self.tally.sent[traffic] += 1

    def check_heard(self, timeout_s: float) -> None:
        """`UnavailableError` unless we hear ourselves in the group in time. Call before the runner runs."""
        probe = b"provbus probe " + os.urandom(16)
        deadline = self._clock() + timeout_s
        poll = select.poll()
        poll.register(self._group, select.POLLIN)
        try:
            while self._clock() < deadline:
                self._own.sendto(probe, self._group_address)
                while poll.poll(_PROBE_EVERY_S * 1000) and self._clock() < deadline:
                    if self._group.recv(DATAGRAM_BYTES_MAX) == probe:
                        return
            reason = f"within {timeout_s:g} s"
        except OSError as error:
            reason = f"({error.strerror})"
        place = self._place
        raise UnavailableError(
            f"nothing sent to {place.group} port {place.port} can be heard on {place.address} {reason}:"
            " this network does not carry multicast; use transport.mode bus"
        )

    def samples(self) -> Iterator[Sample]:
        """Messages, and the refusals of the reader."""
        yield from self.tally.samples()
        counts = {**self.reader.counts, "unread": self._failed, "unsent": self._unsent}
        yield from labelled("provbus_multicast_datagrams_total", "reason", counts)

    def close(self) -> None:
        """Leave the group."""
        for one in self._sockets:
            self._poller.remove(one.fileno())
            one.close()
        self._sockets.clear()

    @property
    def _group_address(self) -> tuple[str, int]:
        return (self._place.group, self._place.port)

    def _open(self, address: tuple[str, int]) -> socket.socket:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sockets.append(one)
        self._poller.add(one.fileno(), self._receiver(one))
        one.setblocking(False)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        if address == self._group_address:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # every instance of this host listens
        one.bind(address)
        return one

    def _send(self, datagram: bytes, address: tuple[str, int]) -> None:
        try:
            self._own.sendto(datagram, address)
        except BlockingIOError:
            raise BackpressureError("the socket's send buffer is full") from None
        except OSError as error:
            raise UnavailableError(f"cannot send to {address[0]}: {error.strerror}") from error

    def _shake(self, datagram: bytes, address: tuple[str, int]) -> None:
        """Send a part of a handshake. Without it the peer's next datagram begins a new one."""
        try:
            self._send(datagram, address)
        except (BackpressureError, UnavailableError):
            self._unsent += 1

    def _receiver(self, one: socket.socket) -> Callable[[], list[Any]]:
        def receive() -> list[Any]:
            messages: list[Any] = []
            now = self._clock()
            for _ in range(BATCH_MAX):
                try:
                    arrived = Arrived(*one.recvfrom(DATAGRAM_BYTES_MAX + 1))
                except BlockingIOError:
                    break
                except OSError:  # of this datagram, or of memory: it does not affect the next call
                    self._failed += 1
                    break
                for datagram in (arrived,) if self._weather is None else self._weather(arrived):
                    messages += self._believe(datagram, now)
            return messages

        return receive

    def _believe(self, datagram: Arrived, now: float) -> list[Received]:
        opened = self.reader.read(datagram.data, datagram.address[0], now)
        if opened is None:
            return []
        if isinstance(opened, Shake):
            for one in opened.datagrams:
                self._shake(one, datagram.address)
            return []
        if isinstance(opened, Met):
            self._peers[opened.name] = _Peer(datagram.address, now)
            if opened.last is None:
                return []
            opened = opened.last
        envelope = opened.envelope
        self.tally.received[envelope.traffic] += 1
        self._peers[envelope.source] = _Peer(datagram.address, now)
        if opened.for_us:
            return [Received(envelope, envelope.source, column=Column.MULTICAST)]
        return [Received(envelope, "", column=Column.MULTICAST)] if envelope.traffic in self._overhear else []


def lossy(random: Random, share: float) -> Weather:
    """A network that loses this share."""
    return lambda arrived: () if random.random() < share else (arrived,)


def _join(own: socket.socket, group: socket.socket, place: Place) -> None:
    interface = socket.inet_aton(place.address)
    membership = socket.inet_aton(place.group) + interface
    group.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    # Do not hear this group on other interfaces, where another process joined it.
    group.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
    own.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
    own.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, place.ttl)
    # The others of this host hear us, and we hear ourselves.
    own.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)

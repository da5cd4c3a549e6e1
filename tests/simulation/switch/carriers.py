"""Both columns in the world, as carriers of one process: the bus, and the group.

Theory of operation
-------------------
The bus is the topics of the world and connections; the group is datagrams, of which each copy may be lost. A
process opens and closes either of them while it runs: what is under way to a column that is not open any more
is lost. The bus is opened anew as another reader of its topics, and as another end of its connections; a
datagram goes to whoever hears the group when it arrives.

A node is at another place in each column, so that either can be cut or slowed alone: `dhcp-1` on the bus, and
`dhcp-1~` in the group (`in_group`).
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any, ClassVar

from bus.effects import Send
from bus.envelope import Envelope, Stamp
from bus.errors import LocalError, OversizeError, UnavailableError
from bus.fleet.identity import Identity
from bus.fleet.trust import Believing
from bus.machine import AnyMachine
from bus.messages import Received
from bus.reason import Reason
from bus.routes import ROUTES, Column, route
from bus.telemetry.metrics import Sample
from bus.testing.connections import Connections
from bus.testing.world import World
from bus.transport.carrier import Sends
from bus.transport.multicast.group import SILENT_S
from bus.transport.multicast.replica import Replica
from bus.wire.codec import DATAGRAM_KINDS, from_frame, to_frame
from bus.wire.datagram import DATA_BYTES_MAX


def in_group(name: str) -> str:
    """The place of a node in the group."""
    return f"{name}~"


class _Side:
    """What both columns have in common."""

    endpoint = ""

    @property
    def settings_digest(self) -> str:
        """Empty: it holds no settings for peers."""
        return ""

    def begin(self, has_copy: bool) -> None:
        """It is open."""

    def begin_live(self) -> None:
        """It is open."""

    def handlers(self) -> Mapping[type, Callable[[Any], None]]:
        """None."""
        return {}

    def renew(self, identity: Identity) -> Callable[[], None]:
        """The fleet stays as it is."""
        return lambda: None

    def samples(self) -> Iterator[Sample]:
        """None."""
        return iter(())

    def lacks(self) -> list[Reason]:
        """None."""
        return []

    def leave(self) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """As each of them does."""
        raise NotImplementedError


class Cables:
    """The bus of a world: who has it open."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._numbers = count(1)
        self._links: dict[str, int] = {}
        self.connections = Connections(world.network, lambda name: self._links.get(name, 0), self._arrive)

    def open(self, name: str, incarnation: int, reads: Sequence[str]) -> Callable[[Any], None]:
        """Open the bus for a process; what gives it a message."""
        link = self._links[name] = next(self._numbers)
        give = partial(self._give, name, incarnation, link)
        for traffic in reads:
            self._world.topics.open(name, traffic, give)
        return give

    def close(self, name: str) -> None:
        """A process hears it no more."""
        self._links.pop(name, None)
        self._world.topics.close(name)
        self.connections.forget(name)

    def _arrive(self, delay_s: float, name: str, link: int, message: Received) -> None:
        incarnation = self._world.incarnation(name)
        self._world.after(delay_s, partial(self._give, name, incarnation, link, message))

    def _give(self, name: str, incarnation: int, link: int, message: Any) -> None:
        if self._links.get(name) != link:
            return
        if type(message) is Received:
            message = message._replace(column=Column.BUS)
            if message.via:
                self.connections.heard(name, message)
        self._world.hand(name, incarnation, message)


class BusSide(_Side):
    """The bus as one process has it open."""

    mode: ClassVar[str] = "bus"
    scheme: ClassVar[str] = "tcp"
    has_log: ClassVar[bool] = True
    data_bytes_max: ClassVar[int] = ROUTES["fileid"].payload_bytes_max

    def __init__(
        self, cables: Cables, world: World, name: str, incarnation: int, reads: Sequence[str], endpoint: str
    ) -> None:
        self.endpoint = endpoint
        self._cables = cables
        self._world = world
        self._name = name
        self._give = cables.open(name, incarnation, reads)

    def send(self, to: str | bytes, envelope: Envelope) -> None:
        """Over a connection."""
        self._cables.connections.send(self._name, Send(to, envelope))

    def publish(self, envelope: Envelope, key: str) -> None:
        """Into a topic."""
        self._world.topics.publish(self._name, envelope, self._give)

    def connect(self, peer: str, endpoint: str) -> None:
        """Connect to a peer."""
        self._cables.connections.connect(self._name, peer)

    def catch_up(self, traffic: str) -> None:
        """Capture the end of a topic."""
        self._world.topics.catch_up(self._name, traffic)

    def around(self, machine: AnyMachine) -> AnyMachine:
        """The machine itself."""
        return machine

    def close(self) -> None:
        """Close it."""
        self._cables.close(self._name)


class Air:
    """The group of a world: who hears it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sides: dict[str, GroupSide] = {}

    def join(self, side: "GroupSide") -> None:
        """A process hears the group from now on."""
        self._sides[side.name] = side

    def leave(self, side: "GroupSide") -> None:
        """It does not any more."""
        if self._sides.get(side.name) is side:
            del self._sides[side.name]

    def tell_all(self, source: str, envelope: Envelope, for_whom: str = "") -> None:
        """A datagram for everybody, or one that all hear and one has to answer."""
        for target in sorted(self._sides):
            if target != source:
                self.tell(source, target, envelope, via=source if for_whom in ("", target) else "")

    def tell(self, source: str, target: str, envelope: Envelope, via: str) -> None:
        """A datagram for one."""
        carried = from_frame(to_frame(envelope), source, DATAGRAM_KINDS)
        message = Received(carried, via, column=Column.MULTICAST)
        for delay_s in self._world.network.copies(in_group(source), in_group(target)):
            self._world.after(delay_s, partial(self._arrive, source, target, message))

    def _arrive(self, source: str, target: str, message: Received) -> None:
        side = self._sides.get(target)
        if side is None:
            return
        side.heard[source] = self._world.now
        if message.via or message.envelope.traffic in side.overhears:
            self._world.hand(target, side.incarnation, message)


class GroupSide(_Side):
    """The group as one process has it open, with a replica of the settings around its machine."""

    mode: ClassVar[str] = "multicast"
    scheme: ClassVar[str] = "udp"
    has_log: ClassVar[bool] = False
    data_bytes_max: ClassVar[int] = DATA_BYTES_MAX

    def __init__(
        self,
        air: Air,
        world: World,
        stamp: Stamp,
        trust: Believing,
        sends: Sends,
        *,
        incarnation: int,
        overhears: Collection[str],
        endpoint: str,
    ) -> None:
        self.name = stamp.instance
        self.incarnation = incarnation
        self.overhears = overhears
        self.endpoint = endpoint
        self.heard: dict[str, float] = {}
        self._air = air
        self._world = world
        self._stamp = stamp
        self._trust = trust
        self._sends = sends
        self._replica: Replica | None = None
        air.join(self)

    @property
    def settings_digest(self) -> str:
        """The digest of the settings in the replica."""
        return "" if self._replica is None else self._replica.settings_digest

    def send(self, to: str | bytes, envelope: Envelope) -> None:
        """To a peer that was heard lately."""
        name = to if isinstance(to, str) else ""
        if self._world.now - self.heard.get(name, -math.inf) > SILENT_S:
            raise UnavailableError(f"{name} was not heard for {SILENT_S:g} s")
        _check_size(envelope)
        if envelope.type in route(envelope.traffic).told_all:
            self._air.tell_all(self.name, envelope, name)
        else:
            self._air.tell(self.name, name, envelope, via=self.name)

    def publish(self, envelope: Envelope, key: str) -> None:
        """To everybody."""
        if route(envelope.traffic).in_group:
            _check_size(envelope)
            self._air.tell_all(self.name, envelope)

    def connect(self, peer: str, endpoint: str) -> None:
        """Its datagrams tell the place of a peer."""

    def catch_up(self, traffic: str) -> None:
        """Listen anew for settings."""
        if traffic != "config" or self._replica is None:
            raise LocalError(f"{traffic} has no history in the group")
        self._replica.catch_up()

    def around(self, machine: AnyMachine) -> AnyMachine:
        """The machine in a replica, which stays the same while the group is heard: it holds the settings."""
        if self._replica is None:
            self._replica = Replica(machine, self._stamp, self._trust, self._sends)
        self._replica._inner = machine
        return self._replica

    def close(self) -> None:
        """Leave it."""
        self._air.leave(self)


def _check_size(envelope: Envelope) -> None:
    if len(envelope.data) > DATA_BYTES_MAX:
        raise OversizeError(len(envelope.data), DATA_BYTES_MAX)

"""Pairs of carriers in the hands of the contract's tests: a minter's and a CFM's, each with a machine.

Where `tests.contract.harness` looks at one transport, a pair is what two instances are run with: everything
that a machine may say, both ways, and what it is given. A new carrier is one new class here.
"""

import secrets
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import zmq

from bus.columns.columns import Columns
from bus.columns.hybrid_bus import HybridBus
from bus.effects import Keep, Publish, Send
from bus.envelope import Envelope, Stamp
from bus.errors import TransportError
from bus.fleet.identity import Identity
from bus.fleet.key_pair import new_key_pair
from bus.messages import Kept, Received, WallClock
from bus.routes import Column, route
from bus.switch.carrying import sending_both
from bus.transport.carrier import Carrier, Describes, Link, Sends
from bus.transport.kafka.client import Kafka
from bus.transport.memory import Hub, Memory
from bus.transport.multicast.carrier import GroupCarrier
from bus.transport.multicast.group import Multicast, Place
from bus.transport.multicast.incarnations import save_incarnations
from bus.transport.poller import Poller
from bus.transport.zeromq.dealers import Dealers
from bus.transport.zeromq.listening import Listening
from bus.transport.zeromq.router import Router
from bus.wire.datagram import KEY_BYTES, GroupKey
from bus.wire.proof import SECRET_BYTES, Proofs
from services.lab.network.run_network import free_port
from tests.contract.brokers import Brokers
from tests.fleets import fleet_of, member, signing_of
from tests.trusting import ANYBODY

DEADLINE_S = 30.0
TURN_S = 0.01
READ = ("heartbeat", "config")
ADDRESSES = {"dhcp-1": "127.0.0.2", "cfm-1": "127.0.0.11"}


class Recorder:
    """A machine that remembers what it was told, and says what its test wants said (`wants`)."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.wants: list[Any] = []

    def receive(self, message: Any, now: float) -> list[Any]:
        """Remember."""
        self.told.append(message)
        return []

    def tick(self, now: float) -> list[Any]:
        """What is wanted."""
        wants, self.wants = self.wants, []
        return wants

    def deadline(self) -> float | None:
        """At once, if anything is wanted."""
        return 0.0 if self.wants else None

    def received(self) -> list[Received]:
        """The messages alone."""
        return [one for one in self.told if isinstance(one, Received)]


class End:
    """A carrier with its machine, driven by turns as a runner would."""

    carrier: Carrier

    def __init__(
        self, stamp: Stamp, carrier: Carrier, poll: Callable[[], list[Any]], directory: Path
    ) -> None:
        """What is to be kept goes into this `directory`."""
        self.machine = Recorder()
        self.stamp = stamp
        self.carrier = carrier
        self._poll = poll
        self._directory = directory
        self._driven = carrier.around(self.machine)

    def message(self, type_: str, data: bytes = b"{}") -> Envelope:
        """The next message of this instance."""
        return self.stamp.envelope(type_, data, time_ms=1_800_000_000_123)

    def turn(self) -> None:
        """Give the machine what arrived, and do what it or its carrier's part of it wants."""
        now = time.monotonic()
        for message in [*self._poll(), WallClock(0.0)]:
            self._perform(self._driven.receive(message, now))
        due = self._driven.deadline()
        if due is not None and due <= now:
            self._perform(self._driven.tick(now))

    def publish(self, effect: Publish) -> None:
        """Do what the machine wants published."""
        self.carrier.publish(effect.envelope, effect.key)

    def send(self, effect: Send) -> None:
        """Do what the machine wants sent."""
        self.carrier.send(effect.to, effect.envelope)

    def _perform(self, effects: Sequence[Any]) -> None:
        for effect in effects:
            if isinstance(effect, Publish):
                self.publish(effect)
            elif isinstance(effect, Keep):
                save_incarnations(self._directory, effect.record)
                self._perform(self._driven.receive(Kept(effect.record), time.monotonic()))
            else:
                assert isinstance(effect, Send), effect
                self.send(effect)


class Pair:
    """A minter `dhcp-1` and a CFM `cfm-1` that can reach each other once `open` returns."""

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    """The fixtures whose values the constructor takes."""

    minter: End
    cfm: End

    def __init__(self) -> None:
        self.parts = ExitStack()
        self.keys = {name: new_key_pair() for name in ADDRESSES}

    def open(self) -> None:
        """Open both, and see that they know each other."""
        self.start()
        for place in self.places():
            self.minter.carrier.connect("cfm-1", place)
        self.until(self._have_met, "the two to reach each other")

    def close(self) -> None:
        """Close both."""
        self.parts.close()

    def start(self) -> None:
        """Open the carriers, and leave it to `parts` to close them."""
        raise NotImplementedError

    def identity(self, name: str) -> Identity:
        """Who an end is, with the keys of now."""
        members = {one: member(one, one[:-2], [keys.public.decode()]) for one, keys in self.keys.items()}
        mine = members[name]
        return Identity(fleet_of(members), mine, self.keys[name], signing_of(name, mine))

    def end(self, stamp: Stamp, carrier: Carrier, poll: Callable[[], list[Any]]) -> End:
        """One of the two."""
        self.parts.callback(carrier.close)
        return End(stamp, carrier, poll, self.directory())

    def directory(self) -> Path:
        """One more, which is empty."""
        return Path(self.parts.enter_context(TemporaryDirectory()))

    def poller(self) -> Poller:
        """One more."""
        poller = Poller()
        self.parts.callback(poller.close)
        return poller

    def until(self, condition: Callable[[], object], wanted: str) -> None:
        """Take turns until it holds."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, f"{self.name}: waited in vain for {wanted}"
            self.minter.turn()
            self.cfm.turn()

    def described(self) -> list[Describes]:
        """The carriers that say how they are."""
        return []

    def places(self) -> list[str]:
        """Where the CFM is, as its beats say."""
        return [self.cfm.carrier.endpoint]

    def too_many_bytes(self) -> int:
        """More than a message of class `fileid` may have."""
        return self.minter.carrier.data_bytes_max + 1

    def _have_met(self) -> bool:
        return self._have_met_by()

    def _have_met_by(self, column: str = "") -> bool:
        try:
            self.cfm.publish(Publish(self.cfm.message("provbus.heartbeat.beat.v1"), "cfm-1", column))
            self.minter.send(Send("cfm-1", self.minter.message("provbus.fileid.hello.v1"), column))
        except TransportError:
            return False
        return True


class MemoryPair(Pair):
    """Two members of one hub."""

    name = "memory"

    def start(self) -> None:
        hub = Hub()
        minter, cfm = (Memory(hub, name, READ) for name in ADDRESSES)
        self.minter = self.end(Stamp("dhcp-1", "lab", 1), minter, minter.receive)
        self.cfm = self.end(Stamp("cfm-1", "lab", 1), cfm, cfm.receive)


class _Bus:
    """Opens the bus for either end of a pair: Kafka, and ZeroMQ between the two."""

    def __init__(self, pair: Pair, brokers: Brokers) -> None:
        self._context: zmq.Context[Any] = zmq.Context()
        pair.parts.callback(self._context.term)
        self._keys = pair.keys
        self._brokers = brokers

    def carrier(self, name: str, poller: Poller) -> HybridBus:
        """That of an end, not begun yet."""
        link, peers = (self._dealers, ("cfm",)) if name == "dhcp-1" else (self._listening, ("dhcp", "mps"))
        kafka = Kafka(poller, self._brokers.settings, read=READ, fetch_wait_s=0.01)
        return HybridBus(kafka, lambda: link(poller), peers)

    def _dealers(self, poller: Poller) -> Link:
        cfms = {"cfm-1": [self._keys["cfm-1"].public]}
        return Dealers(self._context, poller, self._keys["dhcp-1"], cfms)

    def _listening(self, poller: Poller) -> Link:
        minters = {"dhcp-1": [self._keys["dhcp-1"].public]}
        keys, any_port = self._keys["cfm-1"], "tcp://127.0.0.1:*"
        return Listening(
            self._context,
            poller,
            keys,
            minters,
            lambda owners: Router(self._context, poller, keys, owners, any_port),
        )


class _Group:
    """Opens a multicast group on loopback for either end of a pair."""

    def __init__(self) -> None:
        self._group = f"239.255.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
        self._port = free_port([""], socket.SOCK_DGRAM)
        self._key = GroupKey(7, secrets.token_bytes(KEY_BYTES))

    def carrier(self, stamp: Stamp, poller: Poller, sends: Sends) -> GroupCarrier:
        """That of an end."""
        proofs = Proofs(secrets.token_bytes(SECRET_BYTES), {})
        group = Multicast(
            poller,
            Place(self._group, self._port, ADDRESSES[stamp.instance]),
            stamp,
            list(ADDRESSES),
            [self._key],
            (),
            time.monotonic,
            rate_per_s=1e6,
            burst=1_000_000,
            proofs=proofs,
            is_of=ANYBODY.is_of,
        )
        return GroupCarrier(group, stamp, ANYBODY, lambda: [self._key], proofs, sends)


class HybridPair(Pair):
    """Two instances in mode bus."""

    name = "bus"
    needs = ("embedded_cluster",)

    def __init__(self, brokers: Brokers) -> None:
        super().__init__()
        self._brokers = brokers
        self._buses: list[Describes] = []

    def start(self) -> None:
        bus = _Bus(self, self._brokers)
        self.cfm, self.minter = self._end("cfm-1", bus), self._end("dhcp-1", bus)

    def described(self) -> list[Describes]:
        return self._buses

    def _end(self, name: str, bus: _Bus) -> End:
        poller = self.poller()
        carrier = bus.carrier(name, poller)
        carrier.begin(has_copy=False)
        self._buses.append(carrier)
        return self.end(Stamp(name, "lab", 1), carrier, lambda: poller.poll(TURN_S))


class GroupPair(Pair):
    """Two members of one multicast group."""

    name = "multicast"

    def start(self) -> None:
        self._groups: list[GroupCarrier] = []
        group = _Group()
        self.minter, self.cfm = self._end("dhcp-1", group), self._end("cfm-1", group)

    def described(self) -> list[Describes]:
        return [*self._groups]

    def _end(self, name: str, group: _Group) -> End:
        poller, stamp = self.poller(), Stamp(name, "lab", 1)
        carrier = group.carrier(stamp, poller, lambda: (Column.MULTICAST,))
        self._groups.append(carrier)
        return self.end(stamp, carrier, lambda: poller.poll(TURN_S))


class DualEnd(End):
    """An end that hears and sends by both columns, and does by one what is to be done by one."""

    carrier: Columns

    def publish(self, effect: Publish) -> None:
        self.carrier.publish(effect.envelope, effect.key, effect.column)

    def send(self, effect: Send) -> None:
        self.carrier.send(effect.to, effect.envelope, effect.column)


class DualPair(Pair):
    """Two instances that hear and send by the bus, which leads, and by a group."""

    name = "dual"
    needs = ("embedded_cluster",)

    minter: DualEnd
    cfm: DualEnd

    def __init__(self, brokers: Brokers) -> None:
        super().__init__()
        self._brokers = brokers

    def start(self) -> None:
        bus, group = _Bus(self, self._brokers), _Group()
        self.cfm, self.minter = self._end("cfm-1", bus, group), self._end("dhcp-1", bus, group)

    def described(self) -> list[Describes]:
        return [self.minter.carrier, self.cfm.carrier]

    def places(self) -> list[str]:
        return [self.cfm.carrier.endpoints[f"fileid.{scheme}"] for scheme in ("tcp", "udp")]

    def too_many_bytes(self) -> int:
        """The bus takes what the group does not."""
        return route("fileid").payload_bytes_max + 1

    def _have_met(self) -> bool:
        return all(self._have_met_by(column) for column in Column)

    def _end(self, name: str, bus: _Bus, group: _Group) -> DualEnd:
        poller, stamp = self.poller(), Stamp(name, "lab", 2)  # others wrote into the topics before
        carrier = Columns(
            {
                Column.BUS: lambda _: bus.carrier(name, poller),
                Column.MULTICAST: lambda sends: group.carrier(stamp, poller, sends),
            },
            lambda: frozenset(Column),
            sending_both(Column.BUS),
            ANYBODY,
            name,
            handlers={},
        )
        self.parts.callback(carrier.close)
        carrier.begin(has_copy=False)
        return DualEnd(stamp, carrier, lambda: poller.poll(TURN_S), self.directory())


PAIRS: tuple[type[Pair], ...] = (MemoryPair, HybridPair, GroupPair, DualPair)

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

from bus.effects import Keep, Publish, Send
from bus.envelope import Envelope, Stamp
from bus.errors import TransportError
from bus.fleet.identity import Identity
from bus.fleet.key_pair import new_key_pair
from bus.messages import Kept, Received, WallClock
from bus.runtime.hybrid_bus import HybridBus
from bus.transport.carrier import Carrier, Describes, Link
from bus.transport.kafka.client import Kafka
from bus.transport.memory import Hub, Memory
from bus.transport.multicast.carrier import GroupCarrier
from bus.transport.multicast.group import Multicast, Place
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

    def __init__(self, name: str, carrier: Carrier, poll: Callable[[], list[Any]]) -> None:
        self.machine = Recorder()
        self.stamp = Stamp(name, "lab", 1)
        self.carrier = carrier
        self._poll = poll
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

    def _perform(self, effects: Sequence[Any]) -> None:
        for effect in effects:
            if isinstance(effect, Publish):
                self.carrier.publish(effect.envelope, effect.key)
            elif isinstance(effect, Keep):
                self.carrier.handlers()[type(effect.record)](effect.record)
                self._perform(self._driven.receive(Kept(effect.record), time.monotonic()))
            else:
                assert isinstance(effect, Send), effect
                self.carrier.send(effect.to, effect.envelope)


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
        self.minter.carrier.connect("cfm-1", self.cfm.carrier.endpoint)
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

    def end(self, name: str, carrier: Carrier, poll: Callable[[], list[Any]]) -> End:
        """One of the two."""
        self.parts.callback(carrier.close)
        return End(name, carrier, poll)

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

    def _have_met(self) -> bool:
        try:
            self.cfm.carrier.publish(self.cfm.message("provbus.heartbeat.beat.v1"), "cfm-1")
            self.minter.carrier.send("cfm-1", self.minter.message("provbus.fileid.hello.v1"))
        except TransportError:
            return False
        return True


class MemoryPair(Pair):
    """Two members of one hub."""

    name = "memory"

    def start(self) -> None:
        hub = Hub()
        minter, cfm = (Memory(hub, name, READ) for name in ADDRESSES)
        self.minter = self.end("dhcp-1", minter, minter.receive)
        self.cfm = self.end("cfm-1", cfm, cfm.receive)


class HybridPair(Pair):
    """Kafka, and ZeroMQ between the two."""

    name = "bus"
    needs = ("embedded_cluster",)

    def __init__(self, brokers: Brokers) -> None:
        super().__init__()
        self._brokers = brokers
        self._buses: list[Describes] = []

    def start(self) -> None:
        self._context: zmq.Context[Any] = zmq.Context()
        self.parts.callback(self._context.term)
        poller = self.poller()
        minters = {"dhcp-1": [self.keys["dhcp-1"].public]}
        keys, any_port = self.keys["cfm-1"], "tcp://127.0.0.1:*"
        self.cfm = self._end(
            "cfm-1",
            poller,
            lambda: Listening(
                self._context,
                poller,
                keys,
                minters,
                lambda owners: Router(self._context, poller, keys, owners, any_port),
            ),
            ("dhcp", "mps"),
        )
        near = self.poller()
        cfms = {"cfm-1": [self.keys["cfm-1"].public]}
        self.minter = self._end(
            "dhcp-1", near, lambda: Dealers(self._context, near, self.keys["dhcp-1"], cfms), ("cfm",)
        )

    def described(self) -> list[Describes]:
        return self._buses

    def _end(self, name: str, poller: Poller, link: Callable[[], Link], peers: tuple[str, ...]) -> End:
        kafka = Kafka(poller, self._brokers.settings, read=READ, fetch_wait_s=0.01)
        bus = HybridBus(kafka, link, peers)
        bus.begin(has_copy=False)
        self._buses.append(bus)
        return self.end(name, bus, lambda: poller.poll(TURN_S))


class GroupPair(Pair):
    """Two members of one multicast group on loopback."""

    name = "multicast"

    def start(self) -> None:
        self._group = f"239.255.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
        self._port = free_port([""], socket.SOCK_DGRAM)
        self._key = GroupKey(7, secrets.token_bytes(KEY_BYTES))
        self._groups: list[GroupCarrier] = []
        self.minter, self.cfm = self._end("dhcp-1"), self._end("cfm-1")

    def described(self) -> list[Describes]:
        return [*self._groups]

    def _end(self, name: str) -> End:
        poller, stamp = self.poller(), Stamp(name, "lab", 1)
        proofs = Proofs(secrets.token_bytes(SECRET_BYTES), {})
        group = Multicast(
            poller,
            Place(self._group, self._port, ADDRESSES[name]),
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
        carrier = GroupCarrier(
            group,
            stamp,
            ANYBODY,
            lambda: [self._key],
            proofs,
            Path(self.parts.enter_context(TemporaryDirectory())),
        )
        self._groups.append(carrier)
        return self.end(name, carrier, lambda: poller.poll(TURN_S))


PAIRS: tuple[type[Pair], ...] = (MemoryPair, HybridPair, GroupPair)

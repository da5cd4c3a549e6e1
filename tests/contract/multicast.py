"""Multicast for the contract: two members of one group on loopback, in good weather and in bad.

In bad weather the network loses, doubles and holds back datagrams, and the sender does what every sender of
ours does: it says a message again until it is there.
"""

import secrets
import socket
from collections.abc import Iterable
from random import Random

from bus.envelope import Envelope, Stamp
from bus.errors import UnavailableError
from bus.transport.multicast.group import SILENT_S, Arrived, Multicast, Place, Weather
from bus.transport.poller import Poller
from bus.wire.codec import DATAGRAM_KINDS, KINDS
from bus.wire.datagram import DATA_BYTES_MAX, HEADER, KEY_BYTES, GroupKey, Writer
from bus.wire.proof import SECRET_BYTES, Proofs
from heartbeat.liveness.beat import BEAT
from services.lab.network.run_network import free_port
from tests.contract.harness import TURN_S, Harness
from tests.trusting import ANYBODY

ADDRESSES = {"dhcp-1": "127.0.0.2", "cfm-1": "127.0.0.11"}
FAULT = 0.1  # the share of datagrams that each fault hits
SEED = 20


class MulticastHarness(Harness):
    """From `dhcp-1` to `cfm-1`: rows and what is published by the group, everything else by unicast."""

    name = "multicast"
    types = tuple(DATAGRAM_KINDS.values())
    attests_source = True
    refuses_when_full = False

    def __init__(self) -> None:
        super().__init__()
        self.key = GroupKey(7, secrets.token_bytes(KEY_BYTES))
        self.port = free_port([""], socket.SOCK_DGRAM)
        self.group = f"239.255.{secrets.randbelow(256)}.{secrets.randbelow(256)}"

    def start(self) -> None:
        self.now = 0.0
        self.sender = self.member("dhcp-1", self.near, None)
        self.receiver = self.member("cfm-1", self.far, self.weather())
        beat = Stamp("cfm-1", "lab", 1).envelope(BEAT, b"{}", time_ms=0)

        def is_known() -> bool:
            self.receiver.publish(beat, "")
            self.sender.publish(self.some(1, type_=BEAT)[0], "")
            self.near.poll(TURN_S)
            self.far.poll(TURN_S)
            try:
                self.sender.send("cfm-1", self.some(1)[0])
                self.receiver.send("dhcp-1", beat)
            except UnavailableError:
                return False
            return True

        self.until(is_known, "the members to hear each other")
        self.renew()

    def weather(self) -> Weather | None:
        """What the network does to what comes to the receiver."""
        return None

    def member(self, name: str, poller: Poller, weather: Weather | None) -> Multicast:
        """One more member of the group."""
        member = Multicast(
            poller,
            Place(self.group, self.port, ADDRESSES[name]),
            Stamp(name, "lab", 1),
            list(ADDRESSES),
            [self.key],
            (),
            lambda: self.now,
            rate_per_s=1e6,
            burst=1_000_000,
            proofs=Proofs(secrets.token_bytes(SECRET_BYTES), {}),
            is_of=ANYBODY.is_of,
            weather=weather,
        )
        self.parts.callback(member.close)
        return member

    def limit(self, envelope: Envelope) -> int:
        return DATA_BYTES_MAX

    def send(self, envelope: Envelope) -> None:
        if envelope.type in KINDS.values():
            self.sender.send("cfm-1", envelope)
        else:
            self.sender.publish(envelope, "")

    def break_peer(self) -> None:
        self.receiver.close()
        self.now += SILENT_S + 1.0

    def resume(self) -> None:
        """What waits in the receiver's buffer is read first: there is no room for more."""
        if self._reads:
            return
        super().resume()
        while messages := self.far.poll(TURN_S):
            self._note(messages)

    def inject_garbage(self) -> int:
        """From the sender's own host; and, with the right key, a frame that is none."""
        known = Stamp("dhcp-1", "lab", 2).envelope(KINDS[1], b"row", time_ms=0)
        good = Writer(Stamp("dhcp-1", "lab", 2), self.key).write(known, 0, to_group=True)
        garbage = (b"", b"garbage", bytes(2_000), good[: HEADER.size], good[:-1] + bytes((good[-1] ^ 1,)))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind((ADDRESSES["dhcp-1"], 0))
            one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(ADDRESSES["dhcp-1"]))
            for data in garbage:
                one.sendto(data, (self.group, self.port))
        return len(garbage)

    @property
    def undecodable(self) -> int:
        counts = self.receiver.reader.counts
        return counts["malformed"] + counts["forged"]

    @property
    def lost(self) -> int:
        return self.receiver.reader.counts["lost"]

    def expected(self, envelope: Envelope) -> Envelope:
        return envelope._replace(source=self.source, site="")


class StormyMulticastHarness(MulticastHarness):
    """The same while the network loses, doubles and reorders."""

    name = "multicast-stormy"

    def weather(self) -> Weather:
        random = Random(SEED)
        self._is_calm = False
        held: list[Arrived] = []

        def storm(arrived: Arrived) -> Iterable[Arrived]:
            if self._is_calm:
                return (arrived,)
            fate = random.random()
            if fate < FAULT:
                return ()
            if fate < 2 * FAULT:
                return (arrived, arrived)
            if fate < 3 * FAULT:
                held.append(arrived)
                return ()
            late = [held.pop()] if held else []
            return (arrived, *late)

        return storm

    def send(self, envelope: Envelope) -> None:
        """Until it is there. It takes its turns itself, so what arrived is kept for `receive`."""
        self._is_calm = False
        if len(envelope.data) > DATA_BYTES_MAX or not self._reads:
            super().send(envelope)
            return
        seen = len(self.arrived)
        while not any(one.id == envelope.id for one in self.arrived[seen:]):
            super().send(envelope)
            self.near.poll(0)
            self._note(self.far.poll(TURN_S))

    def inject_garbage(self) -> int:
        """Each exactly once: the count is what the contract compares."""
        self._is_calm = True
        return super().inject_garbage()

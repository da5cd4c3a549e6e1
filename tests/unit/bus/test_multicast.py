"""Multicast on real sockets: who hears what, and what an attacker in the same network achieves: nothing."""

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain, count
from random import Random
from typing import Any

import pytest

from bus.envelope import Envelope, Stamp, number_of
from bus.errors import BusyError, OversizeError, UnavailableError
from bus.messages import Received
from bus.routes import Column
from bus.telemetry.audit import AUDIT
from bus.transport.multicast.group import SILENT_S, Arrived, Multicast, Place, Weather, lossy
from bus.transport.poller import Poller
from bus.wire.datagram import ANSWER, CHALLENGE, EVERYBODY, KEY_BYTES, GroupKey, Writer
from bus.wire.datagram_reader import REASONS
from bus.wire.proof import SECRET_BYTES, Proofs
from heartbeat.liveness.beat import BEAT
from services.lab.network.run_network import free_port
from tests.trusting import ANYBODY

ADDRESSES = {"dhcp-1": "127.0.0.2", "mps-1": "127.0.0.3", "cfm-1": "127.0.0.11", "cfm-2": "127.0.0.12"}
ATTACKER = "127.0.0.66"
ROWS, ACK = "provbus.fileid.rows.v1", "provbus.fileid.ack.v1"
DEADLINE_S = 20.0
BURST = 1_000
JUNK, BATCH = 50_000, 100  # the batch fits into any receive buffer

pytestmark = pytest.mark.usefixtures("no_leaks", "no_descriptors_left")


def in_group(envelope: Envelope, via: str) -> Received:
    """What a machine is given of a datagram."""
    return Received(envelope, via, column=Column.MULTICAST)


class Mute(Multicast):
    """What it says to the group gets lost (in a port that nobody listens on), as in a network that does not
    carry multicast.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._place = self._place._replace(port=free_port([""], socket.SOCK_DGRAM))


@dataclass
class Member:
    """One instance, and what it heard."""

    name: str
    stamp: Stamp
    poller: Poller
    carrier: Multicast
    heard: list[Received] = field(default_factory=list)

    def beat(self) -> Envelope:
        """Tell the group something new."""
        envelope = self.stamp.envelope(BEAT, b"{}", time_ms=0)
        self.carrier.publish(envelope, self.name)
        return envelope._replace(site="")

    def send(self, to: str, type_: str) -> Envelope:
        """Send something new to a peer."""
        envelope = self.stamp.envelope(type_, b"row", time_ms=0)
        self.carrier.send(to, envelope)
        return envelope._replace(site="")

    @property
    def counts(self) -> dict[str, int]:
        """What was refused, without what others said before they had proven themselves."""
        counts = self.carrier.reader.counts
        return {reason: count for reason, count in counts.items() if count and reason != "unproven"}

    @property
    def outcomes(self) -> dict[tuple[str, str], float]:
        return {
            (one.labels["class"], one.labels["outcome"]): one.value
            for one in self.carrier.samples()
            if "outcome" in one.labels and isinstance(one.value, int) and one.value
        }


class Site:
    """A group of its own on loopback; time stands still unless the test moves it."""

    def __init__(self, parts: ExitStack) -> None:
        self.now = 0.0
        self.key = GroupKey(7, secrets.token_bytes(KEY_BYTES))
        self.group = f"239.255.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
        self.port = free_port([""], socket.SOCK_DGRAM)
        self.members: list[Member] = []
        self._parts = parts

    def join(
        self,
        name: str,
        *,
        kind: type[Multicast] = Multicast,
        address: str = "",
        overhear: tuple[str, ...] = (),
        clock: Callable[[], float] | None = None,
        incarnation: int = 5,
        weather: Weather | None = None,
    ) -> Member:
        poller = Poller()
        self._parts.callback(poller.close)
        stamp = Stamp(name, "lab", incarnation)
        carrier = kind(
            poller,
            Place(self.group, self.port, address or ADDRESSES[name]),
            stamp,
            list(ADDRESSES),
            [self.key],
            overhear,
            clock or (lambda: self.now),
            rate_per_s=1e-6,
            burst=BURST,
            proofs=Proofs(secrets.token_bytes(SECRET_BYTES), {}),
            is_of=ANYBODY.is_of,
            weather=weather,
        )
        self._parts.callback(carrier.close)
        self.members.append(Member(name, stamp, poller, carrier))
        return self.members[-1]

    def turn(self) -> None:
        for one in self.members:
            one.heard += one.poller.poll(0.002)

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            self.turn()

    def settle(self, speaker: Member) -> None:
        """One more word of this member to everybody: what it said before has arrived, or will not."""
        last = speaker.beat()
        rest = [one for one in self.members if one is not speaker]
        self.until(lambda: all(last in [message.envelope for message in one.heard] for one in rest))
        for one in self.members:
            one.heard = [message for message in one.heard if message.envelope != last]

    def meet(self) -> None:
        """Everybody hears of everybody."""
        for one in self.members:
            self.settle(one)


def recording(into: list[Arrived]) -> Weather:
    """Fair weather, in which somebody writes down everything that arrives."""

    def record(arrived: Arrived) -> list[Arrived]:
        into.append(arrived)
        return [arrived]

    return record


@pytest.fixture
def site() -> Iterator[Site]:
    with ExitStack() as parts:
        yield Site(parts)


@pytest.fixture
def attacker() -> Iterator[socket.socket]:
    """A socket of another host in the same network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((ATTACKER, 0))
        one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(ATTACKER))
        yield one


def test_what_is_published_reaches_everybody_else_once(site: Site) -> None:
    members = [site.join(name) for name in ADDRESSES]
    site.meet()
    sent = members[0].beat()
    site.settle(members[0])
    assert [one.heard for one in members] == [[], *[[in_group(sent, "dhcp-1")]] * 3]
    assert [one.counts for one in members] == [{}] * 4


@pytest.mark.parametrize("type_", [ACK, "provbus.config.want.v1"])
def test_what_is_sent_reaches_one(site: Site, type_: str) -> None:
    seen_by_mps: list[Arrived] = []
    dhcp, cfm = site.join("dhcp-1"), site.join("cfm-1")
    site.join("mps-1", weather=recording(seen_by_mps))
    site.meet()
    seen_by_mps.clear()
    sent = cfm.send("dhcp-1", type_)
    site.until(lambda: dhcp.heard)
    site.settle(cfm)
    assert dhcp.heard == [in_group(sent, "cfm-1")]
    assert len(seen_by_mps) == 1  # the word that settled it


def test_rows_reach_all_who_want_them_and_one_has_to_ack(site: Site) -> None:
    dhcp, mps = site.join("dhcp-1"), site.join("mps-1")
    one, other = (site.join(name, overhear=("fileid",)) for name in ("cfm-1", "cfm-2"))
    site.meet()
    sent = dhcp.send("cfm-1", ROWS)
    site.settle(dhcp)
    assert one.heard == [in_group(sent, "dhcp-1")]
    assert other.heard == [in_group(sent, "")]
    assert mps.heard == []


def test_who_was_never_heard_or_fell_silent_is_not_there(site: Site) -> None:
    dhcp, cfm = site.join("dhcp-1"), site.join("cfm-1")
    for to in ("cfm-1", "cfm-9", ""):
        with pytest.raises(UnavailableError, match="was not heard"):
            dhcp.send(to, ROWS)
    site.settle(cfm)
    site.now = SILENT_S
    dhcp.send("cfm-1", ROWS)
    site.now = SILENT_S + 0.01
    with pytest.raises(UnavailableError, match=r"cfm-1 was not heard for 3\.5 s"):
        dhcp.send("cfm-1", ROWS)
    site.settle(cfm)
    sent = dhcp.send("cfm-1", ACK)
    site.until(lambda: in_group(sent, "dhcp-1") in cfm.heard)
    assert dhcp.outcomes[("fileid", "refused")] == 4


def test_a_peer_that_moved_is_found_where_it_speaks_from(site: Site) -> None:
    dhcp, before = site.join("dhcp-1"), site.join("cfm-1")
    site.meet()
    site.members.remove(before)
    before.carrier.close()
    after = site.join("cfm-1", address="127.0.0.99", incarnation=6)
    site.meet()
    sent = dhcp.send("cfm-1", ACK)
    site.until(lambda: after.heard)
    assert after.heard == [in_group(sent, "dhcp-1")]
    assert after.carrier.endpoint.startswith("udp://127.0.0.99:")


def test_audit_has_no_place_here_and_is_counted(site: Site) -> None:
    dhcp, cfm = site.join("dhcp-1"), site.join("cfm-1")
    dhcp.carrier.publish(dhcp.stamp.envelope(AUDIT, b"{}", time_ms=0), "")
    site.settle(dhcp)
    assert cfm.heard == []
    assert cfm.counts == {}
    assert dhcp.outcomes == {("audit", "refused"): 1, ("heartbeat", "sent"): 1}
    assert cfm.outcomes == {("heartbeat", "received"): 1}


def test_what_is_too_large_is_told_to_its_sender(site: Site) -> None:
    dhcp = site.join("dhcp-1")
    with pytest.raises(OversizeError):
        dhcp.carrier.publish(dhcp.stamp.envelope(BEAT, bytes(1_400), time_ms=0), "")
    assert dhcp.outcomes == {("heartbeat", "refused"): 1}


def test_a_lossy_network_is_told_by_the_numbers(site: Site) -> None:
    dhcp, cfm = site.join("dhcp-1"), site.join("cfm-1", weather=lossy(Random(4), 0.5))
    sent = []
    while not cfm.heard:
        sent.append(dhcp.beat())
        site.turn()
    sent += [dhcp.beat() for _ in range(100)]
    lost = cfm.counts.get("lost", 0)
    first = cfm.heard[-1].envelope.seq
    cfm.heard.clear()
    while not cfm.heard or cfm.heard[-1].envelope.seq < len(sent):
        sent.append(dhcp.beat())
        site.turn()
    arrived = [message.envelope for message in cfm.heard]
    assert arrived == sorted(arrived, key=lambda envelope: envelope.seq)
    assert cfm.counts == {"lost": lost + len(sent) - first - len(arrived)}


def test_a_group_that_is_carried_is_heard(site: Site) -> None:
    site.join("dhcp-1", clock=time.monotonic).carrier.check_heard(DEADLINE_S)


def test_a_group_that_is_not_carried_is_unavailable(site: Site) -> None:
    mute = site.join("dhcp-1", kind=Mute, clock=time.monotonic)
    with pytest.raises(UnavailableError, match=rf"{site.group} .* within 0\.1 s.*mode bus"):
        mute.carrier.check_heard(0.1)


def test_the_traffic_of_others_does_not_put_off_that_verdict(site: Site) -> None:
    """Each look at the clock takes 0.1 s here; there is more to read than the time allows."""
    cfm = site.join("cfm-1")
    mute = site.join("dhcp-1", kind=Mute, clock=count(0.0, 0.1).__next__)
    site.settle(cfm)
    for _ in range(50):
        cfm.beat()
    with pytest.raises(UnavailableError, match="mode bus"):
        mute.carrier.check_heard(2.0)
    site.settle(cfm)
    assert len(mute.heard) > 20


@pytest.mark.parametrize("address", ["192.0.2.1", "203.0.113.255"])
def test_an_address_that_is_not_ours_cannot_be_had_and_nothing_stays_open(site: Site, address: str) -> None:
    before = set(os.listdir("/proc/self/fd"))
    poller = Poller()
    place = Place(site.group, site.port, address)
    stamp = Stamp("dhcp-1", "lab", 1)
    with pytest.raises(UnavailableError, match=f"cannot join {site.group} port {site.port} from {address}: "):
        Multicast(
            poller,
            place,
            stamp,
            [],
            [site.key],
            (),
            lambda: 0.0,
            rate_per_s=1.0,
            burst=1,
            proofs=Proofs(bytes(1), {}),
            is_of=ANYBODY.is_of,
        )
    poller.close()
    assert set(os.listdir("/proc/self/fd")) == before


def test_a_port_that_somebody_has_for_himself_is_busy(site: Site) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as selfish:
        selfish.bind(("", site.port))
        with pytest.raises(BusyError, match="Address already in use"):
            site.join("dhcp-1")


def test_keys_change_on_open_sockets(site: Site) -> None:
    dhcp, cfm = site.join("dhcp-1"), site.join("cfm-1")
    fresh = GroupKey(8, secrets.token_bytes(KEY_BYTES))
    cfm.carrier.use([site.key, fresh])
    site.settle(dhcp)
    dhcp.carrier.use([fresh, site.key])
    site.settle(dhcp)
    site.settle(cfm)
    cfm.carrier.use([fresh])
    site.settle(dhcp)
    dhcp.carrier.use([site.key])
    dhcp.beat()
    site.until(lambda: cfm.counts == {"unknown_key": 1})


def test_who_is_taken_out_of_the_fleet_is_not_heard_and_not_sent_to(site: Site) -> None:
    dhcp, cfm = site.join("dhcp-1"), site.join("cfm-1")
    site.meet()
    cfm.carrier.keep_to([name for name in ADDRESSES if name != "dhcp-1"])
    with pytest.raises(UnavailableError):
        cfm.send("dhcp-1", ACK)
    heard = len(cfm.heard)
    dhcp.beat()
    site.until(lambda: cfm.counts == {"stranger": 1})
    assert len(cfm.heard) == heard


def test_an_attacker_changes_nothing_and_is_counted(site: Site, attacker: socket.socket) -> None:
    """He hears every datagram, and can send whatever he likes from wherever he is."""
    recorded: list[Arrived] = []
    cfm = site.join("cfm-1", weather=recording(recorded))
    dhcp = site.join("dhcp-1")
    site.meet()
    dhcp.beat()
    dhcp.send("cfm-1", ACK)
    site.until(lambda: len(cfm.heard) == 2)
    cfm.heard.clear()
    assert cfm.counts == {}
    said = [arrived.data for arrived in recorded if arrived.address[0] == ADDRESSES["dhcp-1"]]
    of_dhcp = [one for one in said if not one[1] & CHALLENGE]  # who challenges is answered, at most
    row = dhcp.stamp.envelope(ROWS, b"forged", time_ms=0)

    def sealed(source: str, key: GroupKey, target: str = "") -> bytes:
        number = number_of(target) if target else EVERYBODY
        return Writer(Stamp(source, "lab", 9), key).write(row, number, to_group=not target)

    answers = [one for one in of_dhcp if one[1] & ANSWER]
    attacks = {
        "replayed": answers,  # the others are of one who is not proven there
        "forged": [bytes((*one[:-1], one[-1] ^ 1)) for one in of_dhcp],
        "wrong_key": [sealed("dhcp-1", GroupKey(7, bytes(KEY_BYTES)))],
        "unknown_key": [sealed("dhcp-1", GroupKey(8, site.key.key))],
        "stranger": [sealed("dhcp-9", site.key)],
        "misdirected": [sealed("dhcp-1", site.key, "cfm-2")],
        "malformed": [b"", b"hello", bytes(1_500)],
    }
    endpoint = cfm.carrier.endpoint.removeprefix("udp://").split(":")
    places = [(site.group, site.port), (endpoint[0], int(endpoint[1]))]
    known = cfm.carrier.reader.counts["unproven"]
    for place in places:
        for datagram in chain((one for one in of_dhcp if one not in answers), *attacks.values()):
            attacker.sendto(datagram, place)
    expected = {reason: len(datagrams) * len(places) for reason, datagrams in attacks.items()}
    unproven = len(of_dhcp) - len(answers)
    site.until(lambda: sum(cfm.counts.values()) == sum(expected.values()))
    assert cfm.carrier.reader.counts["unproven"] == known + unproven * len(places)
    assert cfm.counts == expected
    assert cfm.heard == []
    for name in ("dhcp-9", "cfm-2"):
        with pytest.raises(UnavailableError):
            cfm.send(name, ACK)
    answer, beat = cfm.send("dhcp-1", ACK), dhcp.beat()
    site.until(lambda: cfm.heard and dhcp.heard)
    assert (dhcp.heard, cfm.heard) == ([in_group(answer, "cfm-1")], [in_group(beat, "dhcp-1")])
    assert cfm.counts == expected
    labels = [one.labels["reason"] for one in cfm.carrier.samples() if "reason" in one.labels]
    assert labels == [*REASONS, "unread", "unsent"]


def test_a_flood_of_junk_delays_nobody_elses_messages(site: Site, attacker: socket.socket) -> None:
    cfm, dhcp = site.join("cfm-1"), site.join("dhcp-1")
    site.meet()
    sent = []
    for flood in range(1, JUNK // BATCH + 1):
        for _ in range(BATCH):
            attacker.sendto(b"junk" * 20, (site.group, site.port))
        sent.append(in_group(dhcp.beat(), "dhcp-1"))
        site.until(lambda flood=flood: sum(cfm.counts.values()) == flood * BATCH and len(cfm.heard) == flood)  # type: ignore[misc]
    assert cfm.heard == sent
    assert cfm.counts.keys() == {"malformed", "shed"}
    assert BURST - 2 <= cfm.counts["malformed"] <= BURST  # the peers were strangers when they met
    answer = cfm.send("dhcp-1", ACK)
    site.until(lambda: in_group(answer, "cfm-1") in dhcp.heard)

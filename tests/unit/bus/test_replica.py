"""The settings without a log: whoever lacks the newest record gets it, whole or not at all.

A `Group` stands for the network: it delivers what replicas publish and send, moves time from deadline to
deadline, and never gives a tick that nobody asked for.
"""

import hashlib
import struct
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import pytest

from bus.effects import Effect, Publish, Reply, Send
from bus.envelope import Envelope, Stamp, Token
from bus.messages import CaughtUp, LocalRequest, Received, Undelivered, WallClock
from bus.routes import Column, route
from bus.transport.multicast.replica import (
    ASK_AGAIN_S,
    ASKED_MAX,
    CHUNK,
    CHUNK_BYTES,
    CHUNKS_AT_ONCE,
    HELD,
    HELD_EVERY_S,
    LISTEN_S,
    NUMBER_MAX,
    RECORD,
    WANT,
    Replica,
)
from bus.wire.codec import DATAGRAM_KINDS, FRAME_HEADER, from_frame, pack_token, to_frame
from bus.wire.datagram import DATA_BYTES_MAX
from heartbeat.liveness.beat import BEAT
from services.settings.record import CATALOGUE
from tests.stamps import stamp_under
from tests.trusting import ANYBODY

LIMIT = route("config").payload_bytes_max
OVERHEAD = 1 + len("dhcp-1") + 8 + 2 * FRAME_HEADER.size
FAULT = 0.1
TICKS_MAX = 5  # at one instant; more would be a loop that burns the processor
TOKEN = Token(1, 9)


def in_group() -> tuple[Column, ...]:
    """Messages leave by the group alone."""
    return (Column.MULTICAST,)


class Say(NamedTuple):
    """What the inner machine is told to do."""

    effects: tuple[Effect, ...]


class Inner:
    """A machine that does what it is told, and remembers what it heard."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.ticked: list[float] = []
        self.due: float | None = None

    def receive(self, message: Any, now: float) -> list[Any]:
        if isinstance(message, Say):
            return list(message.effects)
        self.heard.append(message)
        return []

    def tick(self, now: float) -> list[Any]:
        self.ticked.append(now)
        self.due = None
        return [Reply(1, {"ticked": now})]

    def deadline(self) -> float | None:
        return self.due

    @property
    def records(self) -> list[Envelope]:
        """The settings that it was given."""
        return [one.envelope for one in self.heard if isinstance(one, Received)]

    @property
    def caught_up(self) -> int:
        return self.heard.count(CaughtUp("config"))


class Member(NamedTuple):
    """One replica of the group."""

    name: str
    stamp: Stamp
    inner: Inner
    replica: Replica


class Delivery(NamedTuple):
    """A message on its way."""

    to: str
    envelope: Envelope


Weather = Callable[[list[Delivery]], list[Delivery]]


class Group:
    """Replicas, and the network between them."""

    def __init__(self, *names: str, weather: Weather | None = None) -> None:
        self.now = 0.0
        self.sent: list[tuple[float, Effect]] = []
        self.members: dict[str, Member] = {}
        self._weather = weather
        self._on_the_way: list[Delivery] = []
        for name in names:
            self.join(name)

    def join(self, name: str) -> Member:
        """A new replica, which is told the time as the runner does."""
        stamp, inner = stamp_under(TOKEN, name, "lab", 5), Inner()
        member = self.members[name] = Member(name, stamp, inner, Replica(inner, stamp, ANYBODY, in_group))
        self.tell(name, WallClock(0.0))
        return member

    def leave(self, name: str) -> None:
        del self.members[name]

    def tell(self, name: str, message: Any) -> list[Any]:
        """Give one member a message; returns the effects that are not for the network."""
        return self._perform(name, self.members[name].replica.receive(message, self.now))

    def publish(self, name: str, data: bytes) -> Envelope:
        """A member publishes settings; returns what its readers have to get."""
        envelope = self.members[name].stamp.envelope(CATALOGUE, data, time_ms=1_800_000_000_000)
        assert self.tell(name, Say((Publish(envelope, "catalogue"),))) == []
        return envelope._replace(site="")

    def run(self, until_s: float) -> None:
        """Let time pass, by deadlines alone."""
        ticks = 0
        while True:
            self._deliver()
            dues = [
                (due, name)
                for name, one in self.members.items()
                if (due := one.replica.deadline()) is not None
            ]
            due, name = min(dues, default=(until_s, ""))
            if due >= until_s:
                break
            ticks = 1 if due > self.now else ticks + 1
            assert ticks <= TICKS_MAX * len(self.members), f"{name} wants a tick at {due} again and again"
            self.now = max(self.now, due)
            self._perform(name, self.members[name].replica.tick(self.now))
        self.now = until_s

    def _perform(self, name: str, effects: list[Any]) -> list[Any]:
        local = []
        for effect in effects:
            if not isinstance(effect, Publish | Send):
                local.append(effect)
                continue
            self.sent.append((self.now, effect))
            assert len(effect.envelope.data) <= DATA_BYTES_MAX
            to = (
                [effect.to]
                if isinstance(effect, Send)
                else [other for other in self.members if other != name]
            )
            envelope = from_frame(to_frame(effect.envelope), name, DATAGRAM_KINDS)
            self._on_the_way += [Delivery(str(other), envelope) for other in to]
        return local

    def _deliver(self) -> None:
        while self._on_the_way:
            batch, self._on_the_way = self._on_the_way, []
            for to, envelope in batch if self._weather is None else self._weather(batch):
                if to in self.members:
                    self.tell(to, Received(envelope, envelope.source))


def stormy(seed: int) -> Weather:
    """A network that loses, doubles and reorders."""
    random = Random(seed)

    def storm(batch: list[Delivery]) -> list[Delivery]:
        arriving = [one for one in batch if random.random() >= FAULT]
        arriving += [one for one in arriving if random.random() < FAULT]
        return sorted(arriving, key=lambda _: random.random()) if random.random() < FAULT else arriving

    return storm


class Peer:
    """A member played by hand: what it says is said by the test."""

    def __init__(self, record: Envelope, number: int = 1) -> None:
        name = record.source.encode()
        self.record = record
        self.number = number
        inner = struct.pack(">Q", number) + to_frame(record)
        around = Stamp(record.source, "lab", record.incarnation).envelope(RECORD, inner, time_ms=0)
        self.data = struct.pack(">B", len(name)) + name + to_frame(around)
        self.digest = hashlib.sha256(self.data).digest()
        self._stamp = Stamp("cfm-9", "lab", 3)

    def held(self, number: int | None = None) -> Received:
        version = (
            pack_token(self.record.token),
            self.number if number is None else number,
            self.record.incarnation,
        )
        return self.says(HELD, struct.pack(">32sIQQQ", self.digest, len(self.data), *version))

    def chunk(self, index: int, data: bytes | None = None) -> Received:
        own = self.data[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]
        return self.says(CHUNK, struct.pack(">32sI", self.digest, index) + (own if data is None else data))

    def says(self, type_: str, data: bytes) -> Received:
        return Received(self._stamp.envelope(type_, data, time_ms=0), "cfm-9")


def catalogue(size: int = 2_500, seq: int = 1, token: Token = TOKEN, incarnation: int = 5) -> Envelope:
    return Envelope(CATALOGUE, "dhcp-1", incarnation, seq, 0, Random(seq).randbytes(size), token)


def wants(group: Group) -> list[tuple[float, int]]:
    """When which chunk was asked for."""
    return [
        (at, struct.unpack(">32sI", one.envelope.data)[1])
        for at, one in group.sent
        if one.envelope.type == WANT
    ]


def counted(member: Member) -> dict[str, int]:
    return {outcome: count for outcome, count in member.replica.counts.items() if count}


def test_what_is_published_is_read_back_and_announced_at_once_and_every_second() -> None:
    group = Group("dhcp-1")
    group.run(0.3)
    sent = group.publish("dhcp-1", b"settings")
    dhcp = group.members["dhcp-1"]
    assert dhcp.inner.records == [sent]
    group.run(3.0)
    assert [at for at, _ in group.sent] == pytest.approx([0.3 + HELD_EVERY_S * count for count in range(3)])
    assert {one.envelope.type for _, one in group.sent} == {HELD}


@pytest.mark.parametrize("size", [0, 1, 999 - OVERHEAD, 1_000 - OVERHEAD, 1_001 - OVERHEAD, 40_000, LIMIT])
def test_who_lacks_a_record_fetches_it_and_passes_it_on_when_its_publisher_is_gone(size: int) -> None:
    group = Group("dhcp-1", "cfm-1")
    sent = group.publish("dhcp-1", Random(size).randbytes(size))
    group.run(1.0)
    assert group.members["cfm-1"].inner.records == [sent]
    group.leave("dhcp-1")
    late = group.join("cfm-2")
    group.run(5.0)
    assert late.inner.records == [sent]
    assert [counted(one) for one in group.members.values()] == [{"fetched": 1}] * 2


def test_what_its_class_may_not_carry_comes_back_to_its_publisher() -> None:
    """Nobody would fetch it: better its publisher knows."""
    group = Group("dhcp-1", "cfm-1")
    dhcp, cfm = group.members.values()
    envelope = dhcp.stamp.envelope(CATALOGUE, bytes(LIMIT + 1), time_ms=0)
    group.tell("dhcp-1", Say((Publish(envelope, "catalogue"),)))
    group.run(2.0)
    refused = dhcp.inner.heard[-1]
    assert isinstance(refused, Undelivered)
    assert (refused.envelope, refused.to) == (envelope, "")
    assert (group.sent, dhcp.inner.records, cfm.inner.records) == ([], [], [])


@pytest.mark.parametrize("seed", range(5))
def test_in_a_storm_everybody_gets_the_record_once(seed: int) -> None:
    group = Group("dhcp-1", "cfm-1", "cfm-2", "cfm-3", weather=stormy(seed))
    sent = group.publish("dhcp-1", Random(seed).randbytes(100_000))
    group.run(30.0)
    for member in group.members.values():
        assert member.inner.records == [sent]
        assert member.inner.caught_up == 1
    asked = wants(group)
    assert len(asked) > len({index for _, index in asked}) * 3  # some were asked for again


def test_chunks_are_asked_for_some_at_a_time_and_again_when_they_do_not_come() -> None:
    group = Group("cfm-1")
    peer = Peer(catalogue(20 * CHUNK_BYTES))
    group.tell("cfm-1", peer.held())
    assert [index for _, index in wants(group)] == list(range(CHUNKS_AT_ONCE))
    for index in range(1, CHUNKS_AT_ONCE):
        group.tell("cfm-1", peer.chunk(index))
    assert len(wants(group)) == CHUNKS_AT_ONCE
    group.run(ASK_AGAIN_S + 0.01)
    again = wants(group)[CHUNKS_AT_ONCE:]
    assert again == [(ASK_AGAIN_S, index) for index in (0, *range(CHUNKS_AT_ONCE, 21))]
    for index in (20, 19, 18, 17, 16, 16, 5, 0):
        group.tell("cfm-1", peer.chunk(index))
    assert group.members["cfm-1"].inner.records == [peer.record]
    assert counted(group.members["cfm-1"]) == {"fetched": 1}


def test_a_record_with_another_digest_is_not_delivered_and_fetched_right_later() -> None:
    group = Group("cfm-1")
    peer, cfm = Peer(catalogue(CHUNK_BYTES)), group.members["cfm-1"]
    group.tell("cfm-1", peer.held())
    group.tell("cfm-1", peer.chunk(0, bytes(CHUNK_BYTES)))
    group.tell("cfm-1", peer.chunk(1))
    assert (cfm.inner.records, counted(cfm)) == ([], {"wrong_digest": 1})
    for message in (peer.held(), peer.chunk(0), peer.chunk(1)):
        group.tell("cfm-1", message)
    assert cfm.inner.records == [peer.record]
    assert counted(cfm) == {"wrong_digest": 1, "fetched": 1}


@pytest.mark.parametrize("record", [catalogue()._replace(type=BEAT), catalogue()._replace(type=HELD)])
def test_a_record_that_is_no_catalogue_is_not_delivered(record: Envelope) -> None:
    group, peer = Group("cfm-1"), Peer(record)
    for message in (peer.held(), *(peer.chunk(index) for index in range(3))):
        group.tell("cfm-1", message)
    cfm = group.members["cfm-1"]
    assert (cfm.inner.records, counted(cfm)) == ([], {"undecodable": 1})


@pytest.mark.parametrize("number", [0, 2])
def test_a_record_that_was_announced_as_another_version_is_not_delivered(number: int) -> None:
    group, peer = Group("cfm-1"), Peer(catalogue(10))
    group.tell("cfm-1", peer.held(number))
    group.tell("cfm-1", peer.chunk(0))
    cfm = group.members["cfm-1"]
    assert (cfm.inner.records, counted(cfm)) == ([], {"undecodable": 1})


@pytest.mark.parametrize(
    "data",
    [
        b"\x00",
        bytes(9),
        bytes(8) + b"\xff",
        bytes(8) + b"\x06dhcp-1" + bytes(40),
        bytes(8) + b"\x02\xff\xff" + bytes(60),
    ],
)
def test_a_record_that_is_nothing_at_all_raises_nothing(data: bytes) -> None:
    group, peer = Group("cfm-1"), Peer(catalogue())
    peer.data, peer.digest = data, hashlib.sha256(data).digest()
    group.tell("cfm-1", peer.held())
    group.tell("cfm-1", peer.chunk(0))
    group.run(10.0)
    assert counted(group.members["cfm-1"]) == {"undecodable": 1}


def test_a_peer_that_announces_and_does_not_serve_is_given_up_until_it_announces_again() -> None:
    group = Group("cfm-1")
    peer, cfm = Peer(catalogue(10)), group.members["cfm-1"]
    group.tell("cfm-1", peer.held())
    group.run(10.0)
    asked = [at for at, _ in wants(group)]
    assert asked == pytest.approx([ASK_AGAIN_S * count for count in range(ASKED_MAX)])
    assert counted(cfm) == {"given_up": 1}
    group.tell("cfm-1", peer.chunk(0))
    assert cfm.inner.records == []
    group.tell("cfm-1", peer.held())
    group.tell("cfm-1", peer.chunk(0))
    assert cfm.inner.records == [peer.record]


def test_each_new_chunk_gives_the_peer_its_patience_back() -> None:
    group, peer = Group("cfm-1"), Peer(catalogue(3 * CHUNK_BYTES))
    group.tell("cfm-1", peer.held())
    for index in (3, 1, 2):
        group.run(group.now + ASK_AGAIN_S * (ASKED_MAX - 1))
        group.tell("cfm-1", peer.chunk(index))
        group.tell("cfm-1", peer.chunk(index))
    group.tell("cfm-1", peer.chunk(0))
    assert counted(group.members["cfm-1"]) == {"fetched": 1}


@pytest.mark.parametrize(
    "older",
    [
        Peer(catalogue(), 3),
        Peer(catalogue(seq=9), 2),
        Peer(catalogue(incarnation=9), 2),
        Peer(catalogue(incarnation=4), 3),
        Peer(catalogue(incarnation=9, token=Token(1, 8)), 3),
        Peer(catalogue(incarnation=9, token=Token(0, 99)), 3),
    ],
    ids=["the same", "seq", "number", "incarnation", "epoch", "era"],
)
def test_what_is_not_newer_is_neither_asked_for_nor_delivered(older: Peer) -> None:
    group, peer = Group("cfm-1"), Peer(catalogue(10), 3)
    for message in (peer.held(), peer.chunk(0)):
        group.tell("cfm-1", message)
    asked = len(wants(group))
    for message in (peer.held(), older.held(), older.chunk(0)):
        group.tell("cfm-1", message)
    assert len(wants(group)) == asked
    assert group.members["cfm-1"].inner.records == [peer.record]


@pytest.mark.parametrize(
    "newer",
    [
        Peer(catalogue(incarnation=2), 2),
        Peer(catalogue(incarnation=6)),
        Peer(catalogue(token=Token(2, 0))),
        Peer(catalogue(token=Token(0, 0)), 2),
    ],
    ids=["number", "incarnation", "era", "number of one that stands by"],
)
def test_a_newer_record_takes_the_place_of_the_one_on_its_way(newer: Peer) -> None:
    group, peer = Group("cfm-1"), Peer(catalogue(seq=7))
    for message in (peer.held(), peer.chunk(0), newer.held(), peer.held(), peer.chunk(1), peer.chunk(2)):
        group.tell("cfm-1", message)
    cfm = group.members["cfm-1"]
    assert cfm.inner.records == []
    for index in range(3):
        group.tell("cfm-1", newer.chunk(index))
    assert cfm.inner.records == [newer.record]
    assert counted(cfm) == {"fetched": 1}


@pytest.mark.parametrize("number", [1, 7, NUMBER_MAX])
def test_what_is_published_in_knowledge_of_another_record_is_newer(number: int) -> None:
    """Whatever the publishers' clocks say: an incarnation is Unix time at its host."""
    group = Group("dhcp-1", "cfm-1")
    ahead = Peer(catalogue(10, incarnation=5 if number == NUMBER_MAX else 9_999), number)
    for name in group.members:
        for message in (ahead.held(), ahead.chunk(0)):
            group.tell(name, message)
    sent = group.publish("dhcp-1", b"settings")
    group.run(1.0)
    newest = ahead.record if number == NUMBER_MAX else sent
    assert [one.inner.records[-1] for one in group.members.values()] == [newest] * 2


def test_who_published_in_ignorance_of_a_later_record_gets_that_one() -> None:
    """A publisher that was cut off when it started does not put the group back."""
    group, ahead = Group("dhcp-1", "cfm-1"), Peer(catalogue(10, incarnation=2), 7)
    for message in (ahead.held(), ahead.chunk(0)):
        group.tell("cfm-1", message)
    group.publish("dhcp-1", b"settings of last week")
    group.run(2.5)
    assert [one.inner.records[-1] for one in group.members.values()] == [ahead.record] * 2


def test_a_record_of_our_own_that_is_newer_than_what_comes_stays() -> None:
    group, peer = Group("dhcp-1"), Peer(catalogue(10), 1)
    group.tell("dhcp-1", peer.held())
    group.publish("dhcp-1", b"first")
    newest = group.publish("dhcp-1", b"second")
    group.tell("dhcp-1", peer.chunk(0))
    assert group.members["dhcp-1"].inner.records[-1] == newest


def test_caught_up_comes_once_when_nobody_announced_anything() -> None:
    group = Group("cfm-1")
    inner = group.members["cfm-1"].inner
    group.run(LISTEN_S)
    assert inner.caught_up == 0
    group.run(LISTEN_S + 0.001)
    assert inner.caught_up == 1
    group.run(100.0)
    assert inner.caught_up == 1


def test_caught_up_does_not_come_before_what_is_being_fetched() -> None:
    group = Group("cfm-1")
    peer, inner = Peer(catalogue(30 * CHUNK_BYTES)), group.members["cfm-1"].inner
    group.tell("cfm-1", peer.held())
    for index in range(31):
        group.run(group.now + ASK_AGAIN_S)
        assert inner.caught_up == 0
        group.tell("cfm-1", peer.chunk(index))
    assert group.now > LISTEN_S
    group.run(group.now + 0.001)
    assert [type(one) for one in inner.heard[1:]] == [Received, CaughtUp]


def test_caught_up_waits_for_another_announcement_after_a_fetch_that_failed() -> None:
    """There is a newer record; a minter that thought itself caught up would publish over it."""
    group = Group("cfm-1")
    peer, inner = Peer(catalogue(10)), group.members["cfm-1"].inner
    group.run(LISTEN_S - 0.1)
    group.tell("cfm-1", peer.held())
    ends = group.now + ASK_AGAIN_S * ASKED_MAX + LISTEN_S
    group.run(ends - 0.01)
    assert counted(group.members["cfm-1"]) == {"given_up": 1}
    assert inner.caught_up == 0
    group.run(ends + 0.01)
    assert inner.caught_up == 1


PEER_TWO = Peer(catalogue(), number=2)
PEER = Peer(catalogue())


@pytest.mark.parametrize(
    "message",
    [
        PEER.says(HELD, b""),
        PEER.says(HELD, PEER.held().envelope.data + b"x"),
        PEER.says(HELD, struct.pack(">32sIQQQ", PEER.digest, 0, 2**63, 99, 99)),
        PEER.says(HELD, struct.pack(">32sIQQQ", PEER.digest, 2**32 - 1, 2**63, 99, 99)),
        PEER.says(WANT, b""),
        PEER.says(WANT, PEER.digest + b"\x00\x00\x00"),
        PEER.says(WANT, struct.pack(">32sI", PEER.digest, 3)),
        PEER.says(WANT, struct.pack(">32sI", PEER.digest, 2**32 - 1)),
        PEER.says(CHUNK, b""),
        PEER.says(CHUNK, PEER.digest),
        PEER.says("provbus.config.catalogue.v1", b"{}"),
        PEER.says("provbus.config.never-heard-of.v1", b""),
    ],
)
def test_what_says_nothing_is_counted_and_changes_nothing(message: Received) -> None:
    group = Group("cfm-1")
    for one in (PEER.held(), *(PEER.chunk(index) for index in range(3))):
        group.tell("cfm-1", one)
    before = list(group.sent)
    assert group.tell("cfm-1", message) == []
    cfm = group.members["cfm-1"]
    assert (cfm.inner.records, group.sent) == ([PEER.record], before)
    assert counted(cfm) == {"fetched": 1, "undecodable": 1}


@pytest.mark.parametrize(
    ("index", "data"),
    [
        (0, b""),
        (0, bytes(CHUNK_BYTES - 1)),
        (0, bytes(CHUNK_BYTES + 1)),
        (2, bytes(CHUNK_BYTES)),
        (3, b"x"),
        (9, b""),
    ],
)
def test_a_chunk_that_does_not_fit_is_counted_and_the_fetch_goes_on(index: int, data: bytes) -> None:
    group = Group("cfm-1")
    group.tell("cfm-1", PEER.held())
    group.tell("cfm-1", PEER.chunk(index, data))
    for number in range(3):
        group.tell("cfm-1", PEER.chunk(number))
    cfm = group.members["cfm-1"]
    assert cfm.inner.records == [PEER.record]
    assert counted(cfm) == {"fetched": 1, "undecodable": 1}


def test_who_holds_nothing_or_another_record_does_not_answer() -> None:
    group = Group("cfm-1")
    group.tell("cfm-1", PEER.says(WANT, struct.pack(">32sI", PEER.digest, 0)))
    group.publish("cfm-1", b"another")
    group.tell("cfm-1", PEER.says(WANT, struct.pack(">32sI", PEER.digest, 0)))
    assert group.sent == []
    assert counted(group.members["cfm-1"]) == {}


def test_the_largest_announcement_that_is_believed_is_that_of_the_class_limit() -> None:
    name = "a" * 63
    peer = Peer(catalogue(LIMIT)._replace(source=name))
    group = Group("cfm-1")
    group.tell("cfm-1", peer.held())
    assert counted(group.members["cfm-1"]) == {}
    assert len(wants(group)) == CHUNKS_AT_ONCE


def test_what_is_not_settings_passes_in_both_directions() -> None:
    group = Group("cfm-1")
    cfm = group.members["cfm-1"]
    beat = cfm.stamp.envelope(BEAT, b"{}", time_ms=0)
    row = cfm.stamp.envelope("provbus.fileid.rows.v1", b"", time_ms=0)
    messages = [
        Received(beat, "dhcp-1"),
        Received(row, ""),
        Undelivered(row, "cfm-2", "gone"),
        LocalRequest(1, {}),
        CaughtUp("audit"),
    ]
    for message in messages:
        group.tell("cfm-1", message)
    assert cfm.inner.heard[1:] == messages
    settings = cfm.stamp.envelope(CATALOGUE, b"", time_ms=0)
    effects = (Publish(beat, "cfm-1"), Publish(settings, ""), Send("cfm-2", row), Reply(1, {}))
    assert cfm.replica.receive(Say(effects), group.now) == [effects[0], *effects[2:]]


@pytest.mark.parametrize("type_", [HELD, WANT, CHUNK])
def test_its_own_messages_that_did_not_leave_are_no_concern_of_the_machine(type_: str) -> None:
    group = Group("cfm-1")
    cfm = group.members["cfm-1"]
    envelope = cfm.stamp.envelope(type_, b"", time_ms=0)
    assert group.tell("cfm-1", Undelivered(envelope, "cfm-2", "gone")) == []
    assert [type(one) for one in cfm.inner.heard] == [WallClock]


def test_the_inner_machine_is_ticked_at_its_own_deadline_and_at_no_other() -> None:
    group = Group("dhcp-1")
    dhcp = group.members["dhcp-1"]
    group.publish("dhcp-1", b"settings")
    for due in (0.5, 1.0, 1.7, LISTEN_S):
        dhcp.inner.due = due
        group.run(due + 0.01)
    assert dhcp.inner.ticked == [0.5, 1.0, 1.7, LISTEN_S]


def test_before_the_first_message_there_is_no_deadline_but_the_inner_one() -> None:
    inner = Inner()
    replica = Replica(inner, Stamp("cfm-1", "lab", 1), ANYBODY, in_group)
    assert replica.deadline() is None
    inner.due = 7.0
    assert replica.deadline() == 7.0
    assert replica.tick(7.0) == [Reply(1, {"ticked": 7.0})]


def test_who_announces_and_never_serves_holds_up_nobody_for_long() -> None:
    """Its version is above all others, and a chunk now and then makes no question the last."""
    group = Group("cfm-1")
    endless = Peer(catalogue(size=900_000, incarnation=9), number=NUMBER_MAX)
    for second in range(120):
        group.tell("cfm-1", endless.held())
        group.run(float(second))
        group.tell("cfm-1", endless.chunk(second))
        group.tell("cfm-1", PEER_TWO.held())
        for index in range(3):
            group.tell("cfm-1", PEER_TWO.chunk(index))
    assert group.members["cfm-1"].inner.records == [PEER_TWO.record]
    assert group.members["cfm-1"].inner.caught_up == 1

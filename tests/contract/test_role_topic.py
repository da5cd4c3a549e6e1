"""The role log's topic on real brokers, and what its reader is told when it is not the log that it was."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bus.codec import to_headers
from bus.envelope import Envelope, Stamp, Token
from bus.errors import LocalError
from bus.machine import CaughtUp, Entry, LogBounds, LogLost, Received
from bus.routes import Topic, route
from bus.transport.kafka.client import BEGINNING, COMMON, CONSUMER, Kafka
from bus.transport.kafka.log_watch import CHECK_EVERY_S, LogWatch, bounds_by
from bus.transport.kafka.topic_pins import TopicPins
from bus.transport.kafka.topics import IN_SYNC_MIN, REPLICATION, create_topics
from bus.transport.poller import Poller
from tests.contract.brokers import Brokers
from tests.contract.harness import DEADLINE_S, TURN_S

LOG, RENEW = "failover", "provbus.failover.renew.v1"
ROLES = "provbus.roles.v1"
HOUR_S = 3600

real = pytest.mark.kafka


class Client:
    """A Kafka client with a poller of its own, and everything that its machine was given."""

    def __init__(self, brokers: Brokers, *read: str, **options: Any) -> None:
        self.given: list[Any] = []
        self._poller = Poller()
        self._stamp = Stamp("dhcp-1", "lab", time.time_ns(), Token(1, 0))
        self.kafka = Kafka(self._poller, brokers.settings, read=read, fetch_wait_s=TURN_S, **options)

    def until(self, condition: Callable[[], object], wanted: str) -> None:
        """Turn until the condition holds."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain for {wanted}: {self.given}"
            self.given += self._poller.poll(TURN_S)

    def until_told(self, *wanted: Any) -> list[Any]:
        """Turn until it was given all of these; returns what it was given since the last call."""
        self.until(lambda: all(one in self.given for one in wanted), str(wanted))
        given, self.given = self.given, []
        return given

    def until_lost(self) -> list[Any]:
        """Turn until the log is lost; returns what it was given since the last call."""
        self.until(lambda: any(isinstance(one, LogLost) for one in self.given), "the log to be lost")
        given, self.given = self.given, []
        return given

    def write(self, count: int, type_: str = RENEW) -> list[Envelope]:
        """Publish so many records and wait until the brokers have them."""
        envelopes = [self._stamp.envelope(type_, b"{}", time_ms=1_800_000_000_123) for _ in range(count)]
        for envelope in envelopes:
            self.kafka.publish(envelope, "dhcp-1")
        assert self.kafka.flush(DEADLINE_S) == 0
        return envelopes

    def close(self) -> None:
        self.kafka.close()
        self._poller.close()


@contextmanager
def client(brokers: Brokers, *read: str, **options: Any) -> Iterator[Client]:
    """A client, closed at the end."""
    one = Client(brokers, *read, **options)
    try:
        yield one
    finally:
        one.close()


@pytest.fixture
def brokers(real_cluster: Brokers) -> Brokers:
    """The real brokers, with an empty role log."""
    remake(real_cluster)
    return real_cluster


@pytest.fixture
def writer(brokers: Brokers) -> Iterator[Client]:
    with client(brokers) as one:
        yield one


def remake(brokers: Brokers, traffic: str = LOG) -> None:
    """Delete a class's topic and make it anew: both by the controller, for a broker may hear of it later."""
    made = topic(traffic)
    settings = {"min.insync.replicas": str(IN_SYNC_MIN), **made.settings}
    with AdminClient(brokers.settings) as admin:
        if made.name in present(admin):
            admin.delete_topics([made.name])[made.name].result(DEADLINE_S)
        fresh = NewTopic(made.name, made.partitions, REPLICATION, config=settings)
        admin.create_topics([fresh])[made.name].result(DEADLINE_S)
    create_topics(brokers.settings, [made])  # which waits until it is ready


def present(admin: AdminClient) -> set[str]:
    return set(admin.list_topics(timeout=DEADLINE_S).topics)


def eventually(condition: Callable[[], object]) -> None:
    """Wait for a condition that does its own waiting."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline


def watching(
    brokers: Brokers, told: list[Any], read: Sequence[str], starts: Sequence[TopicPartition]
) -> tuple[Consumer, LogWatch]:
    """The watch of a reader without its thread, and its consumer; `told` gets what it puts."""
    consumer = Consumer({**COMMON, **brokers.settings, **CONSUMER, "auto.offset.reset": "error"})
    pins = TopicPins(None, [ROLES])
    return consumer, LogWatch(
        consumer, brokers.settings, read, starts, pins, told.extend, bounds_by(brokers.settings)
    )


def topic(traffic: str) -> Topic:
    found = route(traffic).topic
    assert found is not None
    return found


def cut(brokers: Brokers, traffic: str, offset: int) -> None:
    """Delete the records of a class before this offset, as retention would."""
    with AdminClient(brokers.settings) as admin:
        place = TopicPartition(topic(traffic).name, 0, offset)
        [answer] = admin.delete_records([place]).values()
        answer.result(DEADLINE_S)


def entries(start: int, envelopes: list[Envelope]) -> list[Entry]:
    return [Entry(LOG, offset, one) for offset, one in enumerate(envelopes, start)]


def test_a_log_is_its_bounds_its_records_and_its_end_on_the_embedded_brokers_too(
    embedded_cluster: Brokers, tmp_path: Path
) -> None:
    with client(embedded_cluster) as writer:
        sent = writer.write(3)
        with client(embedded_cluster, LOG, pin_directory=tmp_path) as reader:
            [bounds, *rest] = reader.until_told(CaughtUp(LOG))
            assert bounds == LogBounds(LOG, 0, bounds.end)
            assert rest == [*entries(0, [one.envelope for one in rest[:-1]]), CaughtUp(LOG)]
            assert [one.envelope for one in rest[-4:-1]] == sent
            reader.kafka.catch_up(LOG)
            assert reader.until_told(CaughtUp(LOG)) == [CaughtUp(LOG)]
    assert list(tmp_path.iterdir()) == [], "these brokers tell no id that could be kept"


@real
def test_a_reader_is_told_bounds_records_and_that_it_has_caught_up(brokers: Brokers, writer: Client) -> None:
    sent = writer.write(5)
    with client(brokers, LOG) as reader:
        told = reader.until_told(CaughtUp(LOG))
        assert told == [LogBounds(LOG, 0, 5), *entries(0, sent), CaughtUp(LOG)]
        more = writer.write(2)
        assert reader.until_told(*entries(5, more)) == entries(5, more)


@real
def test_a_reader_of_an_empty_log_has_caught_up_at_once(brokers: Brokers, writer: Client) -> None:
    with client(brokers, LOG) as reader:
        assert reader.until_told(CaughtUp(LOG)) == [LogBounds(LOG, 0, 0), CaughtUp(LOG)]
        sent = writer.write(1)
        assert reader.until_told(*entries(0, sent)) == entries(0, sent)


@real
def test_a_log_whose_oldest_records_are_gone_begins_behind_them(brokers: Brokers, writer: Client) -> None:
    sent = writer.write(5)
    cut(brokers, LOG, 3)
    with client(brokers, LOG) as reader:
        told = reader.until_told(CaughtUp(LOG))
        assert told == [LogBounds(LOG, 3, 5), *entries(3, sent[3:]), CaughtUp(LOG)]


@real
def test_what_nobody_can_read_is_an_entry(brokers: Brokers, writer: Client) -> None:
    first = writer.write(1)
    stranger = Producer(brokers.settings)
    beat = first[0]._replace(type="provbus.heartbeat.beat.v1")
    stranger.produce(ROLES, b"not ours", partition=0)
    stranger.produce(ROLES, b"{}", partition=0, headers=to_headers(beat))
    assert stranger.flush(DEADLINE_S) == 0
    stranger.close()
    last = writer.write(1)
    expected = [*entries(0, first), Entry(LOG, 1, None), Entry(LOG, 2, None), *entries(3, last)]
    with client(brokers, LOG) as reader:
        assert reader.until_told(CaughtUp(LOG)) == [LogBounds(LOG, 0, 4), *expected, CaughtUp(LOG)]
        assert reader.kafka.undecodable == 2


@real
def test_who_asks_is_told_behind_what_was_written_before(brokers: Brokers, writer: Client) -> None:
    with client(brokers, LOG, "config") as reader:
        reader.until_told(CaughtUp(LOG), CaughtUp("config"))
        sent = writer.write(4)
        reader.kafka.catch_up(LOG)
        told = reader.until_told(CaughtUp(LOG), *entries(0, sent))
        assert told == [*entries(0, sent), CaughtUp(LOG)]
        settings = writer.write(2, "provbus.config.catalogue.v1")
        reader.kafka.catch_up("config")
        reader.kafka.catch_up("config")
        reader.until(lambda: reader.given.count(CaughtUp("config")) == 2, "two answers")
        assert reader.given == [*(Received(one, "") for one in settings), *[CaughtUp("config")] * 2]
        with pytest.raises(LocalError, match="audit is not read here"):
            reader.kafka.catch_up("audit")


@real
def test_a_log_made_anew_under_its_reader_is_lost(brokers: Brokers, writer: Client) -> None:
    writer.write(5)
    with client(brokers, LOG, "config") as reader:
        reader.until_told(CaughtUp(LOG), CaughtUp("config"))
        remake(brokers)
        [lost] = reader.until_lost()
        assert "has no offset 5 any more" in lost.reason
        writer.write(8)
        settings = writer.write(1, "provbus.config.catalogue.v1")
        assert reader.until_told(Received(settings[0], "")) == [Received(settings[0], "")]


@real
def test_a_log_made_anew_is_known_by_its_id_where_its_offsets_tell_nothing(
    brokers: Brokers, writer: Client
) -> None:
    """The watch of a live reader, with half a minute that does not have to pass."""
    writer.write(3)
    told: list[Any] = []
    consumer, watch = watching(brokers, told, (LOG,), [])

    turns = itertools.count(step=CHECK_EVERY_S + 1)

    def is_told(count: int) -> bool:
        watch.turn(next(turns))
        consumer.poll(TURN_S)
        return len(told) == count

    try:
        eventually(lambda: is_told(1))
        assert told == [LogBounds(LOG, 0, 3)]
        remake(brokers)
        writer.write(9)
        eventually(lambda: is_told(2))
        assert isinstance(told[1], LogLost)
        assert "was deleted and made anew" in told[1].reason
    finally:
        watch.close()
        consumer.close()


@real
def test_a_log_made_anew_is_known_after_a_restart(brokers: Brokers, writer: Client, tmp_path: Path) -> None:
    sent = writer.write(2)
    for _ in range(2):
        with client(brokers, LOG, pin_directory=tmp_path) as reader:
            assert reader.until_told(CaughtUp(LOG))[1:3] == entries(0, sent)
    remake(brokers)
    writer.write(4)
    [pin] = tmp_path.iterdir()
    with client(brokers, LOG, "config", pin_directory=tmp_path) as reader:
        told = [one for one in reader.until_lost() if getattr(one, "traffic", "") == LOG]
        assert [type(one) for one in told] == [LogLost]
        assert str(pin) in told[0].reason
    pin.unlink()
    with client(brokers, LOG, pin_directory=tmp_path) as reader:
        assert reader.until_told(CaughtUp(LOG))[0] == LogBounds(LOG, 0, 4)


@real
def test_a_reader_that_is_out_of_range_has_lost_its_log_and_reads_on_in_other_classes(
    brokers: Brokers, writer: Client
) -> None:
    """A seek puts it where retention or a truncation would leave it."""
    settings = topic("config").name
    told: list[Any] = []
    seen: set[str | None] = set()
    writer.write(3)
    writer.write(1, "provbus.config.catalogue.v1")
    start = TopicPartition(settings, 0, BEGINNING)
    consumer, watch = watching(brokers, told, (LOG, "config"), [start])

    def is_told(count: int) -> bool:
        watch.turn(0.0)
        event = consumer.poll(TURN_S)
        if event is not None:
            watch.mend(event)
            seen.update([event.topic()] if event.error() is None else [])
        return len(told) == count

    try:
        consumer.assign([start])
        eventually(lambda: is_told(1) and seen == {ROLES, settings})
        for name in (ROLES, settings):
            consumer.seek(TopicPartition(name, 0, 1_000_000))
        seen.clear()
        eventually(lambda: is_told(2) and seen)
        assert isinstance(told[1], LogLost)
        assert "has no offset 1000000 any more" in told[1].reason
        assert seen == {settings}
    finally:
        watch.close()
        consumer.close()


@real
def test_settings_made_anew_under_their_reader_are_read_from_their_beginning(
    brokers: Brokers, writer: Client
) -> None:
    writer.write(3, "provbus.config.catalogue.v1")
    with client(brokers, LOG, "config") as reader:
        reader.until_told(CaughtUp(LOG), CaughtUp("config"))
        remake(brokers, "config")
        anew = [Received(one, "") for one in writer.write(2, "provbus.config.catalogue.v1")]
        assert reader.until_told(*anew) == anew


@real
def test_a_writer_whose_clock_is_wrong_writes_all_the_same(brokers: Brokers) -> None:
    failed: list[Any] = []
    producer = Producer(brokers.settings)
    for wrong_s in (-365 * 24 * HOUR_S, 2 * HOUR_S):
        at_ms = round((time.time() + wrong_s) * 1000)
        producer.produce(
            ROLES, b"", partition=0, timestamp=at_ms, on_delivery=lambda error, _: failed.append(error)
        )
    assert producer.flush(DEADLINE_S) == 0
    producer.close()
    assert failed == [None, None]


@real
def test_a_reader_without_its_topic_waits_for_it(real_cluster: Brokers) -> None:
    with AdminClient(real_cluster.settings) as admin:
        admin.delete_topics([ROLES])[ROLES].result(DEADLINE_S)
    try:
        with client(real_cluster, LOG, "config") as reader:
            told = reader.until_told(CaughtUp("config"))
            assert [one for one in told if not isinstance(one, Received)] == [CaughtUp("config")]
            remake(real_cluster)
            assert reader.until_told(CaughtUp(LOG)) == [LogBounds(LOG, 0, 0), CaughtUp(LOG)]
    finally:
        create_topics(real_cluster.settings)

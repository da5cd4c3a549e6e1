"""The role log's topic on real brokers, and what its reader is told when it is not the log that it was."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from confluent_kafka import (
    OFFSET_INVALID,
    OFFSET_STORED,
    Consumer,
    Message,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from bus.envelope import Envelope
from bus.errors import LocalError
from bus.messages import CaughtUp, Entry, LogBounds, LogLost, Received
from bus.transport.kafka.admin.topics import create_topics
from bus.transport.kafka.answers import ClearText
from bus.transport.kafka.asking import Asking
from bus.transport.kafka.client_settings import COMMON, CONSUMER
from bus.transport.kafka.consuming import Consuming
from bus.transport.kafka.feeds import OUT_OF_RANGE
from bus.transport.kafka.topic_pins import TopicPins
from bus.transport.kafka.topic_watch import CHECK_EVERY_S, TopicWatch
from bus.wire.codec import to_headers
from tests.contract.brokers import Brokers
from tests.contract.clients import Client, client, eventually, from_topic, remake, topic
from tests.contract.harness import DEADLINE_S

LOG, RENEW, CATALOGUE = "failover", "provbus.failover.renew.v1", "provbus.config.catalogue.v1"
ROLES = "provbus.roles.v1"
HOUR_S = 3600

real = pytest.mark.kafka


@pytest.fixture
def brokers(real_cluster: Brokers) -> Brokers:
    """The real brokers, with an empty role log."""
    remake(real_cluster)
    return real_cluster


@pytest.fixture
def writer(brokers: Brokers) -> Iterator[Client]:
    with client(brokers) as one:
        yield one


class Driven:
    """A reader without its threads: its time is the test's, and so is its consumer."""

    def __init__(self, brokers: Brokers, *read: str) -> None:
        self.put: list[Any] = []
        self.consumer = Consumer({**COMMON, **brokers.settings, **CONSUMER})
        self._asking, self._stop, names = Asking(brokers.settings), Event(), [topic(one).name for one in read]
        self._topics = TopicWatch(
            self._asking,
            names,
            TopicPins(None, [ROLES]),
            read=names,
            written=list,
            logs=[ROLES],
            clear=ClearText({}),
        )
        self._consuming = Consuming(
            read, lambda: self.consumer, self._asking, self._topics, self.put.extend, self._stop
        )
        self.now = 0.0

    def turn(self) -> list[Any]:
        """One turn, half a second after the one before; everything that the machine's side ever got."""
        self.now += 0.5
        for one in self._topics.turn(self.now):
            self._consuming.made_anew(one)
        self._consuming.turn(self.now)
        return self.put

    def told(self, kind: type) -> list[Any]:
        """What it got of this kind, after one more turn."""
        return [one for one in self.turn() if isinstance(one, kind)]

    def fetched(self, name: str) -> list[int | None]:
        """The offsets of the records of a topic that it got, after one more turn."""
        found = self.told(Message)
        return [one.offset() for one in found if one.topic() == name and one.error() is None]

    def close(self) -> None:
        self._consuming.close()
        self._asking.close()


@pytest.fixture
def drive() -> Iterator[Callable[..., Driven]]:
    """Makes a driven reader, closed at the end."""
    with ExitStack() as parts:

        def make(brokers: Brokers, *read: str) -> Driven:
            one = Driven(brokers, *read)
            parts.callback(one.close)
            return one

        yield make


def is_out_of_range(event: Message) -> bool:
    error = event.error()
    return error is not None and error.code() in OUT_OF_RANGE


def id_of(brokers: Brokers, traffic: str) -> str:
    """The id that a class's topic has now."""
    name = topic(traffic).name
    with AdminClient(brokers.settings) as admin:
        return str(admin.describe_topics(TopicCollection([name]))[name].result(DEADLINE_S).topic_id)


def begins(brokers: Brokers, start: int, end: int) -> LogBounds:
    """What a reader of the log as it is now is told first."""
    return LogBounds(LOG, start, end, id_of(brokers, LOG))


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
        sent = writer.write(3, RENEW)
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
    sent = writer.write(5, RENEW)
    with client(brokers, LOG) as reader:
        told = reader.until_told(CaughtUp(LOG))
        assert told == [begins(brokers, 0, 5), *entries(0, sent), CaughtUp(LOG)]
        more = writer.write(2, RENEW)
        assert reader.until_told(*entries(5, more)) == entries(5, more)


@real
def test_a_reader_of_an_empty_log_has_caught_up_at_once(brokers: Brokers, writer: Client) -> None:
    with client(brokers, LOG) as reader:
        assert reader.until_told(CaughtUp(LOG)) == [begins(brokers, 0, 0), CaughtUp(LOG)]
        sent = writer.write(1, RENEW)
        assert reader.until_told(*entries(0, sent)) == entries(0, sent)


@real
def test_a_log_whose_oldest_records_are_gone_begins_behind_them(brokers: Brokers, writer: Client) -> None:
    sent = writer.write(5, RENEW)
    cut(brokers, LOG, 3)
    with client(brokers, LOG) as reader:
        told = reader.until_told(CaughtUp(LOG))
        assert told == [begins(brokers, 3, 5), *entries(3, sent[3:]), CaughtUp(LOG)]


@real
def test_what_nobody_can_read_is_an_entry(brokers: Brokers, writer: Client) -> None:
    first = writer.write(1, RENEW)
    stranger = Producer(brokers.settings)
    beat = first[0]._replace(type="provbus.heartbeat.beat.v1")
    stranger.produce(ROLES, b"not ours", partition=0)
    stranger.produce(ROLES, b"{}", partition=0, headers=to_headers(beat))
    assert stranger.flush(DEADLINE_S) == 0
    stranger.close()
    last = writer.write(1, RENEW)
    expected = [*entries(0, first), Entry(LOG, 1, None), Entry(LOG, 2, None), *entries(3, last)]
    with client(brokers, LOG) as reader:
        assert reader.until_told(CaughtUp(LOG)) == [begins(brokers, 0, 4), *expected, CaughtUp(LOG)]
        assert reader.kafka.undecodable == 2


@real
def test_who_asks_is_told_behind_what_was_written_before(brokers: Brokers, writer: Client) -> None:
    with client(brokers, LOG, "config") as reader:
        reader.until_told(CaughtUp(LOG), CaughtUp("config"))
        sent = writer.write(4, RENEW)
        reader.kafka.catch_up(LOG)
        told = reader.until_told(CaughtUp(LOG), *entries(0, sent))
        assert told == [*entries(0, sent), CaughtUp(LOG)]
        settings = writer.write(2, CATALOGUE)
        reader.kafka.catch_up("config")
        reader.kafka.catch_up("config")
        reader.until(lambda: reader.given.count(CaughtUp("config")) == 2, "two answers")
        assert reader.given == [*(from_topic(one) for one in settings), *[CaughtUp("config")] * 2]
        with pytest.raises(LocalError, match="audit is not read here"):
            reader.kafka.catch_up("audit")


@real
def test_a_log_made_anew_under_its_reader_is_lost(brokers: Brokers, writer: Client) -> None:
    writer.write(5, RENEW)
    with client(brokers, LOG, "config") as reader:
        reader.until_told(CaughtUp(LOG), CaughtUp("config"))
        remake(brokers)
        [lost] = reader.until_lost()
        assert any(
            why in lost.reason for why in ("was deleted and made anew", "was cut: it ends at offset 0")
        )
        writer.write(8, RENEW)
        settings = writer.write(1, CATALOGUE)
        assert reader.until_told(from_topic(settings[0])) == [from_topic(settings[0])]


@real
def test_a_log_made_anew_is_known_by_its_id_where_its_offsets_tell_nothing(
    brokers: Brokers, writer: Client, drive: Callable[..., Driven]
) -> None:
    """The watch of a live reader, with a time between two looks that does not have to pass."""
    writer.write(3, RENEW)
    driven = drive(brokers, LOG)
    eventually(lambda: driven.told(LogBounds))
    [bounds] = driven.told(LogBounds)
    assert bounds == begins(brokers, 0, 3)
    remake(brokers)
    writer.write(9, RENEW)
    driven.now += CHECK_EVERY_S
    eventually(lambda: driven.told(LogLost))
    [lost] = driven.told(LogLost)
    assert f"its id is {id_of(brokers, LOG)}, and was {bounds.identity}" in lost.reason


@real
def test_a_log_made_anew_is_known_after_a_restart(brokers: Brokers, writer: Client, tmp_path: Path) -> None:
    sent = writer.write(2, RENEW)
    for _ in range(2):
        with client(brokers, LOG, pin_directory=tmp_path) as reader:
            assert reader.until_told(CaughtUp(LOG))[1:3] == entries(0, sent)
    remake(brokers)
    writer.write(4, RENEW)
    [pin] = tmp_path.iterdir()
    with client(brokers, LOG, "config", pin_directory=tmp_path) as reader:
        told = [one for one in reader.until_lost() if getattr(one, "traffic", "") == LOG]
        assert [type(one) for one in told] == [LogLost]
        assert str(pin) in told[0].reason
    pin.unlink()
    with client(brokers, LOG, pin_directory=tmp_path) as reader:
        assert reader.until_told(CaughtUp(LOG))[0] == begins(brokers, 0, 4)


@real
def test_a_reader_that_is_out_of_range_has_lost_its_log_and_reads_on_in_other_classes(
    brokers: Brokers, writer: Client, drive: Callable[..., Driven]
) -> None:
    """Retention overtakes it; a seek makes it notice."""
    settings = topic("config").name
    writer.write(3, RENEW)
    writer.write(1, CATALOGUE)
    driven = drive(brokers, LOG, "config")
    eventually(lambda: driven.fetched(ROLES) == [0, 1, 2] and driven.fetched(settings))
    known = len(driven.fetched(settings))
    writer.write(4, RENEW)
    cut(brokers, LOG, 6)
    driven.consumer.seek(TopicPartition(ROLES, 0, 3))
    driven.consumer.seek(TopicPartition(settings, 0, 1_000_000))
    eventually(lambda: driven.told(LogLost) and len(driven.fetched(settings)) > known)
    [lost] = driven.told(LogLost)
    assert "begins at offset 6 now: those from 3 on were never read" in lost.reason


@real
@pytest.mark.parametrize("place", [OFFSET_INVALID, OFFSET_STORED, 1_000_000])
def test_a_position_that_the_client_lost_does_not_cost_the_log(
    brokers: Brokers, writer: Client, drive: Callable[..., Driven], place: int
) -> None:
    """The client is somewhere else than we are, and says so; the log has our position still."""
    writer.write(3, RENEW)
    driven = drive(brokers, LOG)
    eventually(lambda: driven.fetched(ROLES) == [0, 1, 2])
    elsewhere = TopicPartition(ROLES, 0, place)
    driven.consumer.incremental_unassign([elsewhere])
    driven.consumer.incremental_assign([elsewhere])
    eventually(lambda: any(is_out_of_range(one) for one in driven.told(Message)))
    writer.write(2, RENEW)
    eventually(lambda: len(driven.fetched(ROLES)) >= 5)
    assert driven.fetched(ROLES) == [0, 1, 2, 3, 4]
    assert driven.told(LogLost) == []


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
            assert reader.until_told(CaughtUp(LOG)) == [begins(real_cluster, 0, 0), CaughtUp(LOG)]
    finally:
        create_topics(real_cluster.settings)

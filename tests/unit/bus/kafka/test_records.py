"""What was fetched from Kafka, as messages: entries of a log, other records, and who has caught up."""

from typing import Any

import pytest
from confluent_kafka import KafkaError, Message

from bus.envelope import Envelope
from bus.messages import CaughtUp, Entry, LogBounds, LogLost, Received, Recreated, Undelivered
from bus.routes import ROUTES, Column, route
from bus.telemetry.metrics import Tally
from bus.transport.kafka.feeds import End, FeedOpened
from bus.transport.kafka.records import Records
from bus.wire.codec import to_headers

LOG, BEATS, AUDIT, SETTINGS = "failover", "heartbeat", "audit", "config"
RENEW = Envelope("provbus.failover.renew.v1", "dhcp-1", 7, 1, 0, b"{}")
BEAT = RENEW._replace(type="provbus.heartbeat.beat.v1")
BATCH = RENEW._replace(type="provbus.audit.batch.v1")
EOF = KafkaError(KafkaError._PARTITION_EOF)
HELD = [CaughtUp(LOG)]


class Reader:
    """Records, and everything that a machine was given of them."""

    def __init__(self) -> None:
        self.tally = Tally("kafka", ROUTES)
        self._records = Records(self.tally)

    def take(self, *items: Any) -> list[Any]:
        return [message for item in items for message in self._records.take(item)]


def record(offset: int, envelope: Envelope = RENEW, topic_of: str = "", partition: int = 0) -> Message:
    """An envelope as a record, on the topic of its class or of another one."""
    topic = route(topic_of or envelope.traffic).topic
    assert topic is not None
    headers: Any = to_headers(envelope)
    return Message(topic=topic.name, partition=partition, offset=offset, value=envelope.data, headers=headers)


def from_topic(envelope: Envelope) -> Received:
    """What a machine is given of a record of no log."""
    return Received(envelope, "", column=Column.BUS)


def event(traffic: str, offset: int, error: KafkaError = EOF, partition: int = 0) -> Message:
    """What the client says of a partition."""
    topic = route(traffic).topic
    assert topic is not None
    return Message(topic=topic.name, partition=partition, offset=offset, error=error)


def test_a_log_is_its_bounds_its_entries_and_then_its_end() -> None:
    reader = Reader()
    assert reader.take(LogBounds(LOG, 5, 7)) == [LogBounds(LOG, 5, 7)]
    assert reader.take(record(5)) == [Entry(LOG, 5, RENEW)]
    assert reader.take(record(6)) == [Entry(LOG, 6, RENEW), CaughtUp(LOG)]
    assert reader.take(event(LOG, 7), record(7), event(LOG, 8)) == [Entry(LOG, 7, RENEW)]
    assert reader.tally.received[LOG] == 3


@pytest.mark.parametrize("at", [0, 5])
def test_an_empty_log_has_caught_up_at_once(at: int) -> None:
    assert Reader().take(LogBounds(LOG, at, at)) == [LogBounds(LOG, at, at), CaughtUp(LOG)]


def test_a_log_whose_last_offsets_hold_no_record_has_caught_up_at_its_end() -> None:
    reader = Reader()
    assert CaughtUp(LOG) not in reader.take(LogBounds(LOG, 0, 3), record(0), event(LOG, 2))
    assert reader.take(event(LOG, 3)) == [CaughtUp(LOG)]


def test_a_gap_is_not_ours_to_judge() -> None:
    reader = Reader()
    reader.take(LogBounds(LOG, 0, 9))
    assert reader.take(record(0), record(4)) == [Entry(LOG, 0, RENEW), Entry(LOG, 4, RENEW)]


@pytest.mark.parametrize(
    "stranger",
    [
        Message(topic="provbus.roles.v1", partition=0, offset=3, value=b"{}"),
        record(3, BEAT, topic_of=LOG),
        record(3, RENEW._replace(type="provbus.gossip.x.v1"), topic_of=LOG),
        record(3, RENEW._replace(data=bytes(route(LOG).payload_bytes_max + 1))),
    ],
    ids=["not ours", "another class", "no class", "too large"],
)
def test_what_nobody_can_read_is_an_entry_all_the_same(stranger: Message) -> None:
    reader = Reader()
    reader.take(LogBounds(LOG, 3, 4))
    assert reader.take(stranger) == [Entry(LOG, 3, None), CaughtUp(LOG)]
    assert (reader.tally.undecodable[LOG], reader.tally.received[LOG]) == (1, 0)


@pytest.mark.parametrize("offset", [0, 4, 6])
def test_an_offset_that_was_there_already_loses_the_log(offset: int) -> None:
    reader = Reader()
    reader.take(LogBounds(LOG, 5, 9), record(5), record(6))
    [lost] = reader.take(record(offset))
    assert isinstance(lost, LogLost)
    assert lost.traffic == LOG
    assert f"at offset {offset}, behind 6" in lost.reason


def test_of_a_lost_log_nothing_more_is_told() -> None:
    reader = Reader()
    reader.take(LogBounds(LOG, 0, 9), record(0))
    lost = LogLost(LOG, "the topic is another one")
    assert reader.take(lost) == [lost]
    rest = [record(1), record(8), event(LOG, 9), End(LOG, {0: 1}), LogLost(LOG, "again")]
    assert reader.take(*rest) == []
    assert reader.take(record(3, BEAT)) == [from_topic(BEAT)], "another class fell silent too"


def test_a_class_that_is_no_log_has_caught_up_with_the_ends_that_it_had() -> None:
    reader = Reader()
    ends = dict.fromkeys(range(6), 3)
    assert reader.take(FeedOpened(AUDIT, dict.fromkeys(range(6), 0), ends)) == []
    for number in range(5):
        assert reader.take(event(AUDIT, 3, partition=number)) == []
    assert reader.take(record(1, BATCH, partition=5)) == [from_topic(BATCH)]
    assert reader.take(record(2, BATCH, partition=5)) == [from_topic(BATCH), CaughtUp(AUDIT)]
    assert reader.take(event(AUDIT, 3, partition=5)) == []


def test_a_class_that_is_read_from_its_end_has_caught_up_at_once() -> None:
    assert Reader().take(FeedOpened(BEATS, {0: 40}, {0: 40})) == [CaughtUp(BEATS)]


def test_an_end_in_the_midst_of_the_records_decides_nothing() -> None:
    """As a client tells one after a failover."""
    reader = Reader()
    assert reader.take(FeedOpened(SETTINGS, {0: 0}, {0: 3}), event(SETTINGS, 0), event(SETTINGS, 2)) == []
    assert reader.take(event(SETTINGS, 3)) == [CaughtUp(SETTINGS)]


def test_a_class_that_is_begun_anew_tells_who_waited_and_nobody_else() -> None:
    reader = Reader()
    assert reader.take(FeedOpened(SETTINGS, {0: 0}, {0: 0})) == [CaughtUp(SETTINGS)]
    assert reader.take(FeedOpened(SETTINGS, {0: 0}, {0: 0})) == []
    assert reader.take(End(SETTINGS, {0: 9}), FeedOpened(SETTINGS, {0: 0}, {0: 2}), event(SETTINGS, 1)) == []
    assert reader.take(event(SETTINGS, 2)) == [CaughtUp(SETTINGS)]
    assert reader.take(End(SETTINGS, {0: 9}), FeedOpened(SETTINGS, {0: 2}, {0: 2})) == [CaughtUp(SETTINGS)]


def test_a_topic_made_anew_is_told_and_then_its_end() -> None:
    reader = Reader()
    reader.take(FeedOpened(SETTINGS, {0: 0}, {0: 5}), event(SETTINGS, 5))
    assert reader.take(FeedOpened(SETTINGS, {0: 0}, {0: 2}, is_anew=True)) == [Recreated(SETTINGS)]
    assert reader.take(event(SETTINGS, 2)) == [CaughtUp(SETTINGS)]
    empty = FeedOpened(SETTINGS, {0: 0}, {0: 0}, is_anew=True)
    assert reader.take(End(SETTINGS, {0: 9}), empty) == [Recreated(SETTINGS), *[CaughtUp(SETTINGS)] * 2]


def test_who_asks_is_told_behind_the_record_that_was_the_last_then() -> None:
    reader = Reader()
    reader.take(LogBounds(LOG, 0, 0), record(0))
    assert reader.take(End(LOG, {0: 3})) == []
    assert reader.take(record(1)) == [Entry(LOG, 1, RENEW)]
    assert reader.take(record(2), record(3)) == [Entry(LOG, 2, RENEW), CaughtUp(LOG), Entry(LOG, 3, RENEW)]


def test_who_asks_and_has_everything_is_told_at_once() -> None:
    reader = Reader()
    reader.take(LogBounds(LOG, 0, 0), record(0), FeedOpened(BEATS, {0: 40}, {0: 40}))
    assert reader.take(End(LOG, {0: 1})) == [CaughtUp(LOG)]
    assert reader.take(End(BEATS, {0: 40})) == [CaughtUp(BEATS)]


def test_of_a_class_that_is_no_log_the_end_is_waited_for_too() -> None:
    reader = Reader()
    reader.take(FeedOpened(BEATS, {0: 40}, {0: 40}))
    assert reader.take(End(BEATS, {0: 42}), record(40, BEAT)) == [from_topic(BEAT)]
    assert reader.take(record(41, BEAT)) == [from_topic(BEAT), CaughtUp(BEATS)]
    assert reader.take(End(BEATS, {0: 42})) == [], "who knows the end only from a record waits for the client"
    assert reader.take(event(BEATS, 42)) == [CaughtUp(BEATS)]


def test_everybody_who_asks_is_told_once() -> None:
    reader = Reader()
    reader.take(LogBounds(LOG, 0, 2))
    assert reader.take(End(LOG, {0: 1}), End(LOG, {0: 2}), End(LOG, {0: 2})) == []
    told = reader.take(record(0), record(1))
    assert told == [Entry(LOG, 0, RENEW), CaughtUp(LOG), Entry(LOG, 1, RENEW), *[CaughtUp(LOG)] * 3]


def test_where_a_partition_was_read_to_is_forgotten_when_it_is_begun_anew() -> None:
    reader = Reader()
    reader.take(FeedOpened(BEATS, {0: 40}, {0: 40}))
    assert reader.take(FeedOpened(BEATS, {0: 2}, {0: 2}, is_anew=True)) == [Recreated(BEATS), CaughtUp(BEATS)]
    assert reader.take(End(BEATS, {0: 3})) == []
    assert reader.take(event(BEATS, 3)) == [CaughtUp(BEATS)]


def test_what_the_client_says_of_no_topic_is_only_logged() -> None:
    down = Message(error=KafkaError(KafkaError._ALL_BROKERS_DOWN))
    assert Reader().take(down) == []


def test_what_is_a_message_already_is_handed_on() -> None:
    came_back = Undelivered(RENEW, "", "timed out")
    assert Reader().take(came_back) == [came_back]

"""What was fetched from Kafka, as messages: entries of a log, other records, and who has caught up."""

from typing import Any

import pytest
from confluent_kafka import KafkaError, Message

from bus.codec import to_headers
from bus.envelope import Envelope
from bus.machine import CaughtUp, Entry, LogBounds, LogLost, Received, Undelivered
from bus.metrics import Tally
from bus.routes import ROUTES, route
from bus.transport.kafka.log_watch import End
from bus.transport.kafka.records import Records

LOG, BEATS, AUDIT = "failover", "heartbeat", "audit"
RENEW = Envelope("provbus.failover.renew.v1", "dhcp-1", 7, 1, 0, b"{}")
BEAT = RENEW._replace(type="provbus.heartbeat.beat.v1")
BATCH = RENEW._replace(type="provbus.audit.batch.v1")
EOF = KafkaError(KafkaError._PARTITION_EOF)
GONE = KafkaError(KafkaError._AUTO_OFFSET_RESET)
HELD = [CaughtUp(LOG)]


class Reader:
    """Records, and everything that a machine was given of them."""

    def __init__(self, *read: str) -> None:
        self.tally = Tally("kafka", ROUTES)
        self._records = Records(read, self.tally)

    def take(self, *items: Any) -> list[Any]:
        return [message for item in items for message in self._records.take(item)]


def record(offset: int, envelope: Envelope = RENEW, topic_of: str = "", partition: int = 0) -> Message:
    """An envelope as a record, on the topic of its class or of another one."""
    topic = route(topic_of or envelope.traffic).topic
    assert topic is not None
    headers: Any = to_headers(envelope)
    return Message(topic=topic.name, partition=partition, offset=offset, value=envelope.data, headers=headers)


def event(traffic: str, offset: int, error: KafkaError = EOF, partition: int = 0) -> Message:
    """What the client says of a partition."""
    topic = route(traffic).topic
    assert topic is not None
    return Message(topic=topic.name, partition=partition, offset=offset, error=error)


def test_a_log_is_its_bounds_its_entries_and_then_its_end() -> None:
    reader = Reader(LOG)
    assert reader.take(LogBounds(LOG, 5, 7)) == [LogBounds(LOG, 5, 7)]
    assert reader.take(record(5)) == [Entry(LOG, 5, RENEW)]
    assert reader.take(record(6)) == [Entry(LOG, 6, RENEW), CaughtUp(LOG)]
    assert reader.take(event(LOG, 7), record(7), event(LOG, 8)) == [Entry(LOG, 7, RENEW)]
    assert reader.tally.received[LOG] == 3


@pytest.mark.parametrize("at", [0, 5])
def test_an_empty_log_has_caught_up_at_once(at: int) -> None:
    assert Reader(LOG).take(LogBounds(LOG, at, at)) == [LogBounds(LOG, at, at), CaughtUp(LOG)]


def test_a_log_whose_last_offsets_hold_no_record_has_caught_up_at_its_end() -> None:
    reader = Reader(LOG)
    assert CaughtUp(LOG) not in reader.take(LogBounds(LOG, 0, 3), record(0), event(LOG, 2))
    assert reader.take(event(LOG, 3)) == [CaughtUp(LOG)]


def test_a_gap_is_not_ours_to_judge() -> None:
    reader = Reader(LOG)
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
    reader = Reader(LOG)
    reader.take(LogBounds(LOG, 3, 4))
    assert reader.take(stranger) == [Entry(LOG, 3, None), CaughtUp(LOG)]
    assert (reader.tally.undecodable[LOG], reader.tally.received[LOG]) == (1, 0)


@pytest.mark.parametrize("offset", [0, 4, 6])
def test_an_offset_that_was_there_already_loses_the_log(offset: int) -> None:
    reader = Reader(LOG)
    reader.take(LogBounds(LOG, 5, 9), record(5), record(6))
    [lost] = reader.take(record(offset))
    assert isinstance(lost, LogLost)
    assert lost.traffic == LOG
    assert f"at offset {offset}, behind 6" in lost.reason


def test_of_a_lost_log_nothing_more_is_told() -> None:
    reader = Reader(LOG, BEATS)
    reader.take(LogBounds(LOG, 0, 9), record(0))
    lost = LogLost(LOG, "the topic is another one")
    assert reader.take(lost) == [lost]
    rest = [record(1), record(8), event(LOG, 9), End(LOG, {0: 1}), LogLost(LOG, "again")]
    assert reader.take(*rest) == []
    assert reader.take(record(3, BEAT)) == [Received(BEAT, "")], "another class fell silent too"


def test_a_class_that_is_no_log_has_caught_up_when_each_partition_was_at_an_end() -> None:
    reader = Reader(AUDIT, BEATS)
    assert reader.take(event(BEATS, 40)) == [CaughtUp(BEATS)]
    ends = [event(AUDIT, 0, partition=number) for number in range(6)]
    assert reader.take(*ends[:5], record(9, BATCH, partition=5)) == [Received(BATCH, "")]
    assert reader.take(ends[5]) == [CaughtUp(AUDIT)]
    assert reader.take(*ends) == []


def test_who_asks_is_told_behind_the_record_that_was_the_last_then() -> None:
    reader = Reader(LOG)
    reader.take(LogBounds(LOG, 0, 0), record(0))
    assert reader.take(End(LOG, {0: 3})) == []
    assert reader.take(record(1)) == [Entry(LOG, 1, RENEW)]
    assert reader.take(record(2), record(3)) == [Entry(LOG, 2, RENEW), CaughtUp(LOG), Entry(LOG, 3, RENEW)]


def test_who_asks_and_has_everything_is_told_at_once() -> None:
    reader = Reader(LOG, BEATS)
    reader.take(LogBounds(LOG, 0, 0), record(0), event(BEATS, 40))
    assert reader.take(End(LOG, {0: 1})) == [CaughtUp(LOG)]
    assert reader.take(End(BEATS, {0: 40})) == [CaughtUp(BEATS)]


def test_of_a_class_that_is_no_log_the_end_is_waited_for_too() -> None:
    reader = Reader(BEATS)
    reader.take(event(BEATS, 40))
    assert reader.take(End(BEATS, {0: 42}), record(40, BEAT)) == [Received(BEAT, "")]
    assert reader.take(record(41, BEAT)) == [Received(BEAT, ""), CaughtUp(BEATS)]
    assert reader.take(End(BEATS, {0: 42})) == [], "who knows the end only from a record waits for the client"
    assert reader.take(event(BEATS, 42)) == [CaughtUp(BEATS)]


def test_everybody_who_asks_is_told_once() -> None:
    reader = Reader(LOG)
    reader.take(LogBounds(LOG, 0, 2))
    assert reader.take(End(LOG, {0: 1}), End(LOG, {0: 2}), End(LOG, {0: 2})) == []
    told = reader.take(record(0), record(1))
    assert told == [Entry(LOG, 0, RENEW), CaughtUp(LOG), Entry(LOG, 1, RENEW), *[CaughtUp(LOG)] * 3]


def test_the_end_of_a_partition_that_is_read_anew_is_not_known() -> None:
    reader = Reader(BEATS)
    reader.take(event(BEATS, 40))
    assert reader.take(event(BEATS, 40, GONE), End(BEATS, {0: 3})) == []
    assert reader.take(event(BEATS, 3)) == [CaughtUp(BEATS)]


def test_what_the_client_says_of_no_topic_is_only_logged() -> None:
    down = Message(error=KafkaError(KafkaError._ALL_BROKERS_DOWN))
    assert Reader(LOG).take(down) == []


def test_what_is_a_message_already_is_handed_on() -> None:
    came_back = Undelivered(RENEW, "", "timed out")
    assert Reader(LOG).take(came_back) == [came_back]

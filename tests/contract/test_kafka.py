"""What Kafka owes beyond the contract of all: history, an end that is announced, and plain CloudEvents."""

from datetime import datetime

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from bus.envelope import Envelope
from bus.errors import LocalError, UnavailableError
from bus.messages import CaughtUp, Received
from bus.transport.kafka.bell import FETCHED_MAX
from bus.transport.kafka.client import Kafka
from bus.transport.poller import Poller
from heartbeat.liveness.beat import BEAT
from services.brokers.places import free_ports
from services.settings.record import CATALOGUE
from tests.contract.harness import TURN_S
from tests.contract.kafka import FETCH_WAIT_S, KafkaHarness


class Latecomer:
    """A second reader of one class, started after the first."""

    def __init__(self, kafka: KafkaHarness, traffic: str) -> None:
        self.messages: list[Received | CaughtUp] = []
        self._kafka = kafka
        self._poller = Poller()
        self._client = Kafka(self._poller, kafka.brokers.settings, read=(traffic,), fetch_wait_s=FETCH_WAIT_S)

    def __enter__(self) -> "Latecomer":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._poller.close()

    def take(self) -> int:
        """Give it one turn; returns how many messages it was ever given."""
        self.messages += self._poller.poll(TURN_S)
        return len(self.messages)

    def is_caught_up(self) -> bool:
        """Whether it was told so, after one turn."""
        self.take()
        return any(isinstance(one, CaughtUp) for one in self.messages)

    def envelopes(self) -> list[Envelope]:
        """What arrived of this test's own messages, after one turn."""
        self.take()
        mine = self._kafka.stamp.incarnation
        found = [one.envelope for one in self.messages if isinstance(one, Received)]
        return [one for one in found if one.incarnation == mine]


def test_what_was_published_before_a_reader_started_is_all_received(kafka: KafkaHarness) -> None:
    sent = kafka.some(30, type_=CATALOGUE)
    kafka.exchange(sent)
    with Latecomer(kafka, "config") as late:
        kafka.until(late.is_caught_up, "the reader to catch up")
        news = [one for one in late.messages if isinstance(one, CaughtUp)]
        assert news == [CaughtUp("config")]
        assert late.messages[-1] == news[0], "it was told before it had everything"
        assert late.envelopes() == sent
        more = kafka.some(1, type_=CATALOGUE)
        kafka.exchange(more)
        kafka.until(lambda: late.envelopes() == sent + more, "what came after it had caught up")


def test_a_class_that_needs_no_history_is_read_from_its_end(kafka: KafkaHarness) -> None:
    old, fresh = kafka.some(2, type_=BEAT)
    kafka.exchange([old])
    with Latecomer(kafka, "heartbeat") as late:
        kafka.until(late.is_caught_up, "the reader to be at the end")
        kafka.exchange([fresh])
        kafka.until(late.envelopes, "the fresh record")
        assert late.envelopes() == [fresh]


def test_a_reader_that_stalls_past_its_queue_loses_nothing(kafka: KafkaHarness) -> None:
    kafka.exchange(kafka.some(1, type_=BEAT))
    sent = kafka.some(FETCHED_MAX + 2_000, type_=BEAT)
    with Latecomer(kafka, "heartbeat") as late:
        kafka.until(late.is_caught_up, "the reader to be at the end")
        for envelope in sent:
            kafka.send_patiently(envelope)
        kafka.receive(sent[-1])  # the other reader has all of it; the stalled one was not given one turn
        assert [one for one in late.messages if isinstance(one, Received)] == []
        kafka.until(lambda: late.take() > len(sent), "everything that the stalled reader missed")
        arrived = late.envelopes()
        assert [one.seq for one in arrived] == [one.seq for one in sent]


def test_any_cloudevents_reader_understands_a_record(kafka: KafkaHarness) -> None:
    """An independent client of the library, without a line of ours."""
    sent = kafka.some(1, b'{"generation": 3}', type_=CATALOGUE)[0]
    kafka.exchange([sent])
    consumer = Consumer({**kafka.brokers.settings, "group.id": "stranger"})
    try:
        consumer.assign([TopicPartition("provbus.settings.v1", 0, OFFSET_BEGINNING)])
        found = []

        def is_read() -> bool:
            for record in consumer.consume(100, TURN_S):
                headers = dict(record.headers() or [])
                if headers.get("ce_id") == sent.id.encode():
                    found.append((record, headers))
            return bool(found)

        kafka.until(is_read, "the record")
    finally:
        consumer.close()
    record, headers = found[0]
    assert (record.key(), record.value()) == (kafka.source.encode(), b'{"generation": 3}')
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_source"] == b"/lab/dhcp-1"
    assert headers["ce_type"] == b"provbus.config.catalogue.v1"
    assert headers["content-type"] == b"application/json"
    assert headers["ce_time"] == b"2027-01-15T08:00:00.123Z"
    assert datetime.fromisoformat(headers["ce_time"].decode()).timestamp() == sent.time_ms / 1000
    assert (headers["ce_era"], headers["ce_epoch"]) == (b"2", b"77")


def test_a_broker_that_never_was_is_reported() -> None:
    poller = Poller()
    nobody = {"bootstrap.servers": f"127.0.0.1:{free_ports(1)[0]}", "log_level": 0}
    client = Kafka(poller, nobody)
    try:
        with pytest.raises(UnavailableError, match="no Kafka broker answers"):
            client.check_broker(0.2)
    finally:
        client.close()
        poller.close()


def test_a_broker_that_is_there_answers(kafka: KafkaHarness) -> None:
    kafka.publisher.check_broker(kafka.delivery_s)


def test_what_has_no_topic_is_refused_to_its_sender(kafka: KafkaHarness) -> None:
    rows = kafka.some(1, type_="provbus.fileid.rows.v1")[0]
    with pytest.raises(LocalError, match="does not travel by topic"):
        kafka.send(rows)
    with pytest.raises(LocalError, match="no topic to read"):
        Latecomer(kafka, "fileid")

"""The audit topic is read to an end that its leader told, and a question that failed is no end."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, Message, TopicPartition

from bus.envelope import Stamp
from bus.errors import UnavailableError
from bus.telemetry.audit import AUDIT
from bus.wire.codec import to_headers
from services.operator.trace.audit_topic import TRIES, read
from services.operator.trace.story import ToldEvent

NAME = "provbus.audit.v1"
FILEID = "5f0c000000000001"
EXPIRED = {"event": "fileid.expired", "device": "001a.2c00.0001", "fileid": FILEID, "at": 1.0}
EOF = KafkaError(KafkaError._PARTITION_EOF)


def record(offset: int) -> Message:
    data = json.dumps({"events": [EXPIRED]}, separators=(",", ":")).encode()
    headers: Any = to_headers(Stamp("cfm-1", "lab", 7).envelope(AUDIT, data, time_ms=1))
    return Message(topic=NAME, partition=0, offset=offset, value=data, headers=headers)


def end(offset: int) -> Message:
    return Message(topic=NAME, partition=0, offset=offset, error=EOF)


class Consumer:
    """A consumer of one partition whose brokers answer as told, the last answer again and again."""

    def __init__(self, *, times: Any = (2,), watermarks: Any = ((0, 4),), fetched: Any = ()) -> None:
        self.cluster_id, self.brokers, self.error, self.partitions = "MkU3OEVBNTcwN", {1: None}, None, [0]
        self.assigned: list[tuple[int, int]] = []
        self._times, self._watermarks, self._fetched = [*times], [*watermarks], [*fetched]

    def list_topics(self, name: str, timeout: float) -> Any:
        topic = SimpleNamespace(error=self.error, partitions=self.partitions)
        return SimpleNamespace(cluster_id=self.cluster_id, brokers=self.brokers, topics={name: topic})

    def offsets_for_times(self, places: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return [TopicPartition(NAME, one.partition, _next(self._times)) for one in places]

    def get_watermark_offsets(self, place: TopicPartition, timeout: float) -> Any:
        return _next(self._watermarks)

    def assign(self, places: list[TopicPartition]) -> None:
        self.assigned = [(one.partition, one.offset) for one in places]

    def poll(self, timeout_s: float) -> Message | None:
        if timeout_s == 0:
            return None
        fetched: Message | None = self._fetched.pop(0)  # what is read behind the end fails
        return fetched

    def close(self) -> None: ...


def _next(answers: list[Any]) -> Any:
    return answers.pop(0) if len(answers) > 1 else answers[0]


def told(consumer: Any) -> list[ToldEvent]:
    return list(read({}, "fileid", FILEID, since_ms=0, make=lambda _: consumer))


def test_it_is_read_from_the_time_to_the_end_that_the_leader_told() -> None:
    consumer = Consumer(fetched=[record(2), record(3)])
    assert told(consumer) == [ToldEvent("cfm-1", EXPIRED)] * 2
    assert consumer.assigned == [(0, 2)]


def test_an_end_in_the_midst_of_the_records_is_none() -> None:
    """As a client tells one after a failover."""
    consumer = Consumer(fetched=[record(2), end(3), None, record(3)])
    assert len(told(consumer)) == 2


def test_offsets_without_a_record_are_passed_by_an_end_at_the_end() -> None:
    assert len(told(Consumer(fetched=[record(2), end(4)]))) == 1


@pytest.mark.parametrize(("offset", "first"), [(-1, None), (0, 0), (3, 3)])
def test_where_nothing_is_so_young_nothing_is_read(offset: int, first: int | None) -> None:
    consumer = Consumer(times=[offset], fetched=[end(4)])
    told(consumer)
    assert consumer.assigned == ([] if first is None else [(0, first)])


def test_a_broker_that_knows_no_times_is_read_from_its_beginning() -> None:
    consumer = Consumer(times=[-1], fetched=[end(4)])
    consumer.cluster_id = "mockCluster1"
    told(consumer)
    assert consumer.assigned == [(0, 0)]


@pytest.mark.parametrize("watermarks", [None, (0, -1001), (-1001, 4), (-1001, -1001), (4, 3)], ids=str)
def test_watermarks_that_are_no_answer_are_asked_for_again(watermarks: Any) -> None:
    consumer = Consumer(watermarks=[watermarks, (0, 4)], fetched=[end(4)])
    assert told(consumer) == []
    assert consumer.assigned == [(0, 2)]
    with pytest.raises(UnavailableError, match="Kafka does not answer: offsets"):
        told(Consumer(watermarks=[watermarks]))


def test_a_time_without_an_offset_is_asked_for_again() -> None:
    assert told(Consumer(times=[-1001] * (TRIES - 1) + [2], fetched=[end(4)])) == []
    with pytest.raises(UnavailableError, match="Kafka does not answer: offset -1001"):
        told(Consumer(times=[-1001]))


@pytest.mark.parametrize(
    "wrong",
    [{"brokers": {}}, {"partitions": []}, {"error": KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)}],
    ids=str,
)
def test_metadata_that_say_nothing_are_no_answer(wrong: dict[str, Any]) -> None:
    consumer = Consumer()
    vars(consumer).update(wrong)
    with pytest.raises(UnavailableError, match="Kafka does not answer"):
        told(consumer)

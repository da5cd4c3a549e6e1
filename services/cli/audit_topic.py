"""The audit topic, read for one device or one FileID: from a time on to its present end, within a bound.

The embedded broker knows no offsets for times: there everything that it holds is read (5 MiB per partition).
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from bus.audit import events_of
from bus.codec import from_headers
from bus.errors import DecodeError, UnavailableError
from bus.routes import route
from bus.transport.kafka.defaults import COMMON, CONSUMER
from bus.transport.kafka.settings import refused
from services.cli.story import Told, is_told

ANSWER_S = 3.0  # for the brokers to say what they hold
READ_S = 30.0  # some million records; who wants more narrows the time
_FETCH_WAIT_MS = 10
_EMBEDDED = "mockCluster"  # how librdkafka names its own


def read(settings: Mapping[str, Any], field: str, value: str, since_ms: int) -> Iterator[Told]:
    """The events whose `field` is `value`, told since this Unix time.

    `UnavailableError` if the brokers do not answer, or if the end is not reached within `READ_S`;
    `ConfigError` for settings that the client refuses.
    """
    silent = logging.getLogger("provbus.kafka.client")
    own = {"fetch.wait.max.ms": _FETCH_WAIT_MS, "logger": silent}
    try:
        consumer = Consumer({**COMMON, **settings, **CONSUMER, **own})
    except KafkaException as error:
        raise refused(error) from error
    with closing(consumer):
        try:
            ends = _assign(consumer, since_ms)
            for record in _records(consumer, ends):
                yield from _told(record, field, value)
        except KafkaException as error:
            raise UnavailableError(f"Kafka does not answer: {error.args[0].str()}") from error


def _assign(consumer: Consumer, since_ms: int) -> dict[int, int]:
    """Start where the time says; the end of each partition that holds anything since then."""
    topic = route("audit").topic
    assert topic is not None
    metadata = consumer.list_topics(topic.name, timeout=ANSWER_S)
    numbers = list(metadata.topics[topic.name].partitions)
    asked = [TopicPartition(topic.name, number, since_ms) for number in numbers]
    starts, ends = [], {}
    for found in consumer.offsets_for_times(asked, timeout=ANSWER_S):
        if found.error is not None:
            raise KafkaException(found.error)
        low, high = consumer.get_watermark_offsets(found, timeout=ANSWER_S)
        start = found.offset
        if start < 0:
            start = low if str(metadata.cluster_id).startswith(_EMBEDDED) else high
        if start < high:
            starts.append(TopicPartition(topic.name, found.partition, start))
            ends[found.partition] = high
    consumer.assign(starts)
    return ends


def _records(consumer: Consumer, ends: dict[int, int]) -> Iterator[Message]:
    """Every record before these ends."""
    limit = time.monotonic() + READ_S
    while ends:
        left_s = limit - time.monotonic()
        if left_s <= 0:
            raise UnavailableError(f"the audit topic is not read to its end in {READ_S:g} s; ask for less")
        record = consumer.poll(min(left_s, 1.0))
        if record is None:
            continue
        number, error = cast(int, record.partition()), record.error()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            ends.pop(number, None)
            continue
        yield record
        if cast(int, record.offset()) + 1 >= ends.get(number, 0):
            ends.pop(number, None)


def _told(record: Message, field: str, value: str) -> Iterator[Told]:
    """The events that were asked for; what nobody of ours wrote is passed over."""
    data = record.value() or b""
    try:
        found = events_of(data, field, value)
        if found:
            headers: Any = record.headers()  # pairs or none; the client's types allow a dict as well
            instance = from_headers(headers, data).source
            yield from (Told(instance, event) for event in found if is_told(event))
    except DecodeError:
        return

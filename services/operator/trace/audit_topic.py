"""The audit topic, read for one device or one FileID: from a time on to its present end, within a bound.

The embedded broker knows no offsets for times: there everything that it holds is read (5 MiB per partition).
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any, cast

from confluent_kafka import (
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from bus.errors import DecodeError, UnavailableError
from bus.telemetry.audit import events_of
from bus.transport.kafka.answers import Bounds, NoAnswerError, bounds, has_ids
from bus.transport.kafka.causes import Causes
from bus.transport.kafka.client_settings import COMMON, CONSUMER, refused
from bus.transport.kafka.feeds import topic_of
from bus.wire.codec import from_headers
from services.operator.trace.story import ToldEvent, is_told

ANSWER_S = 3.0  # for the brokers to say what they hold
TRIES = 3
READ_S = 30.0  # some million records; who wants more narrows the time
_FETCH_WAIT_MS = 10


def read(
    settings: Mapping[str, Any],
    field: str,
    value: str,
    since_ms: int,
    make: Callable[[dict[str, Any]], Consumer] = Consumer,
) -> Iterator[ToldEvent]:
    """The events whose `field` is `value`, told since this Unix time.

    `UnavailableError` if the brokers do not answer, or if the end is not reached within `READ_S`;
    `ConfigError` for settings that the client refuses.
    """
    causes = Causes()
    own = {"fetch.wait.max.ms": _FETCH_WAIT_MS, "logger": causes}
    try:
        consumer = make({**COMMON, **settings, **CONSUMER, **own})
    except KafkaException as error:
        raise refused(error) from error
    with closing(consumer):
        try:
            ends = _begin(consumer, since_ms)
            for record in _records(consumer, ends):
                yield from _told(record, field, value)
        except (KafkaException, NoAnswerError) as error:
            consumer.poll(0)  # else the client keeps its lines
            raise UnavailableError(f"Kafka does not answer: {causes.of(error)}") from error


def _begin(consumer: Consumer, since_ms: int) -> dict[int, int]:
    """As `_assign`, which is asked again when what it was told is no answer."""
    for _ in range(TRIES - 1):
        try:
            return _assign(consumer, since_ms)
        except NoAnswerError:
            continue
    return _assign(consumer, since_ms)


def _assign(consumer: Consumer, since_ms: int) -> dict[int, int]:
    """Start where the time says; the end of each partition that holds anything since then."""
    name = topic_of("audit").name
    metadata = consumer.list_topics(name, timeout=ANSWER_S)
    knows_times = has_ids(metadata)
    found = metadata.topics[name]
    if found.error is not None or not found.partitions:
        raise NoAnswerError(f"{name}: {'no partitions' if found.error is None else found.error.str()}")
    asked = [TopicPartition(name, number, since_ms) for number in found.partitions]
    starts, ends = [], {}
    for place in consumer.offsets_for_times(asked, timeout=ANSWER_S):
        if place.error is not None:
            raise KafkaException(place.error)
        watermarks = consumer.get_watermark_offsets(place, timeout=ANSWER_S)  # None after a time-out
        known = bounds(*(watermarks or (None, None)))
        start = _start(place.offset, known, knows_times)
        if start < known.end:
            starts.append(TopicPartition(name, place.partition, start))
            ends[place.partition] = known.end
    consumer.assign(starts)
    return ends


def _start(offset: int, known: Bounds, knows_times: bool) -> int:
    """Where to begin in a partition, by the offset that was found for a time."""
    if offset >= 0:
        return offset
    if not knows_times:
        return known.start
    if offset != OFFSET_END:
        raise NoAnswerError(f"offset {offset} for a time is no answer")
    return known.end  # nothing is so young


def _records(consumer: Consumer, ends: dict[int, int]) -> Iterator[Message]:
    """Every record before these ends. An end that the client reports before them is none."""
    limit = time.monotonic() + READ_S
    while ends:
        left_s = limit - time.monotonic()
        if left_s <= 0:
            raise UnavailableError(f"the audit topic is not read to its end in {READ_S:g} s; ask for less")
        record = consumer.poll(min(left_s, 1.0))
        if record is None:
            continue
        number, at, error = cast(int, record.partition()), cast(int, record.offset()), record.error()
        if error is None:
            yield record
            at += 1
        elif error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
        if at >= ends.get(number, 0):
            ends.pop(number, None)


def _told(record: Message, field: str, value: str) -> Iterator[ToldEvent]:
    """The events that were asked for; what nobody of ours wrote is passed over."""
    data = record.value() or b""
    try:
        found = events_of(data, field, value)
        if found:
            headers: Any = record.headers()  # pairs or none; the client's types allow a dict as well
            instance = from_headers(headers, data).source
            yield from (ToldEvent(instance, event) for event in found if is_told(event))
    except DecodeError:
        return

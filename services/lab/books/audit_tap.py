"""A tap of the audit topic: batches are kept as they come and decoded afterwards.

Decoding an event costs more than making it. So during a measurement batches are only kept, and the client's
own thread fetches them: the embedded broker holds 5 MiB of each partition and drops the rest.
"""

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Consumer, KafkaException, TopicPartition

from bus.contract import decode
from bus.errors import UnavailableError
from bus.routes import route
from bus.telemetry.audit import AuditBatch

ANSWER_S = 5.0
BATCHES_AT_ONCE = 1000


class AuditTap:
    """All batches from its construction until it is closed; `UnavailableError` without brokers."""

    def __init__(self, settings: Mapping[str, str | int | float | bool]) -> None:
        self._batches: list[bytes] = []
        self._consumer = Consumer({
            **settings,
            "group.id": "audit-tap",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
        })  # fmt: skip
        try:
            self._consumer.assign(self._ends())
        except KafkaException as error:
            self._consumer.close()
            raise UnavailableError(f"the audit topic cannot be read: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def take(self) -> None:
        """Keep the batches that have come, without waiting."""
        for message in self._consumer.consume(BATCHES_AT_ONCE, 0.0):
            if message.error() is None:
                self._batches.append(message.value() or b"")

    def events(self) -> Iterator[dict[str, Any]]:
        """Every event that was kept, in the order of its partition."""
        for batch in self._batches:
            yield from decode(AuditBatch, batch).events

    def _ends(self) -> list[TopicPartition]:
        topic = route("audit").topic
        assert topic is not None
        partitions = self._consumer.list_topics(topic.name, timeout=ANSWER_S).topics[topic.name].partitions
        places = [TopicPartition(topic.name, number) for number in partitions]
        for place in places:
            watermarks = self._consumer.get_watermark_offsets(place, timeout=ANSWER_S)
            if watermarks is None:
                raise UnavailableError(f"the audit topic cannot be read: {ANSWER_S:g} s without an answer")
            place.offset = watermarks[1]
        return places

"""What becomes of what a Kafka reader fetched: messages for the machine, in the order of their topics.

Theory of operation
-------------------
This is the machine's side of the client: records are decoded here, so the fetching thread only moves
objects. Each item is a record, an event of the client (an error, an end of a partition), or what `log_watch`
found out.

*Goals* tell when a reader has caught up. A class that is not a log has reached its first goal when each of
its partitions was at an end once. Every other goal is an offset per partition: the end in `LogBounds`, or the
one that was captured for a `CatchUp`. A goal is reached by the record before that offset, or by an end of the
partition at it or behind it.

A log that is lost is silent: whatever of it was fetched already is thrown away, and so are its goals.
"""

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, Message

from bus.codec import from_headers
from bus.envelope import Envelope
from bus.errors import DecodeError, LocalError
from bus.machine import CaughtUp, Entry, LogBounds, LogLost, Received
from bus.metrics import Tally
from bus.routes import ROUTES, check_size, route
from bus.transport.kafka.log_watch import OUT_OF_RANGE, End, topic_of

FIRST_END = -1  # a goal that any end of the partition reaches, and no record
_log = logging.getLogger("provbus.kafka")

Place = tuple[str | None, int | None]
"""A topic and a partition of it, as a record names them."""


class _Goal(NamedTuple):
    """What is missing until a reader has caught up: the offset that each place has to come to."""

    traffic: str
    ends: dict[Place, int]


class Records:
    """Turns what was fetched into messages; one per reader."""

    def __init__(self, read: Sequence[str], tally: Tally) -> None:
        """`read` are the classes; `tally` counts what came and what could not be read."""
        self._tally = tally
        self._classes = {entry.topic.name: name for name, entry in ROUTES.items() if entry.topic}
        self._next: dict[str, int] = {}  # of a log: the offset that is read next
        self._ends: dict[Place, int] = {}  # the latest end that each partition was seen to have
        self._lost: set[str] = set()
        self._goals = [
            _Goal(traffic, dict.fromkeys(_places(traffic), FIRST_END))
            for traffic in read
            if not route(traffic).is_log
        ]

    def take(self, item: Any) -> list[Any]:
        """The messages that an item comes to."""
        if not isinstance(item, Message):
            return self._note(item)
        error = item.error()
        if error is not None:
            return self._note_event(error, item)
        traffic = self._classes[str(item.topic())]
        messages = self._entry(item, traffic) if route(traffic).is_log else self._received(item, traffic)
        if self._goals:
            offset = item.offset()
            assert offset is not None
            messages += self._come_to((item.topic(), item.partition()), offset + 1, is_end=False)
        return messages

    def _note(self, item: Any) -> list[Any]:
        """What is not a record."""
        if isinstance(item, LogBounds):
            self._next[item.traffic] = item.start
            return [item, *self._aim(item.traffic, {0: item.end})]
        if isinstance(item, End):
            return self._aim(item.traffic, dict(item.offsets))
        if isinstance(item, LogLost):
            return self._lose(item)
        return [item]

    def _aim(self, traffic: str, offsets: dict[int, int]) -> list[Any]:
        """Set a goal, which may be reached already."""
        if traffic in self._lost:
            return []
        topic = topic_of(traffic).name
        missing: dict[Place, int] = {}
        for partition, end in offsets.items():
            known = max(self._ends.get((topic, partition), FIRST_END), self._next.get(traffic, FIRST_END))
            if known < end:
                missing[topic, partition] = end
        if not missing:
            return [CaughtUp(traffic)]
        self._goals.append(_Goal(traffic, missing))
        return []

    def _come_to(self, place: Place, offset: int, is_end: bool) -> list[Any]:
        """The goals that are reached by being at this offset."""
        for _, ends in self._goals:
            end = ends.get(place)
            if end is not None and offset >= end and (is_end or end != FIRST_END):
                del ends[place]
        reached = [CaughtUp(traffic) for traffic, ends in self._goals if not ends]
        if reached:
            self._goals = [goal for goal in self._goals if goal.ends]
        return reached

    def _note_event(self, error: KafkaError, event: Message) -> list[Any]:
        place, offset = (event.topic(), event.partition()), event.offset()
        if error.code() != KafkaError._PARTITION_EOF:
            if error.code() in OUT_OF_RANGE:
                self._ends.pop(place, None)  # it is read from elsewhere now
            _log.warning("%s: %s", event.topic(), error.str())
            return []
        assert offset is not None
        self._ends[place] = offset
        return self._come_to(place, offset, is_end=True) if self._goals else []

    def _lose(self, lost: LogLost) -> list[Any]:
        if lost.traffic in self._lost:
            return []
        self._lost.add(lost.traffic)
        self._goals = [goal for goal in self._goals if goal.traffic != lost.traffic]
        return [lost]

    def _entry(self, record: Message, traffic: str) -> list[Any]:
        if traffic in self._lost:
            return []
        offset, due = record.offset(), self._next[traffic]
        assert offset is not None
        if offset < due:
            reason = f"{record.topic()} goes on at offset {offset}, behind {due - 1} already"
            return self._lose(LogLost(traffic, reason))
        self._next[traffic] = offset + 1
        return [Entry(traffic, offset, self._envelope(record, traffic))]

    def _received(self, record: Message, traffic: str) -> list[Any]:
        envelope = self._envelope(record, traffic)
        return [] if envelope is None else [Received(envelope, "")]

    def _envelope(self, record: Message, traffic: str) -> Envelope | None:
        """The envelope in a record; None, and counted, if it is none of this class."""
        try:
            headers: Any = record.headers()  # pairs or none; the client's types allow a dict as well
            envelope = from_headers(headers, record.value())
            if envelope.traffic != traffic:
                # Whoever may write to one topic must not speak for the class of another.
                raise DecodeError(f"{envelope.type} does not belong on {record.topic()}")
            check_size(traffic, len(envelope.data))
        except (DecodeError, LocalError):
            self._tally.undecodable[traffic] += 1
            return None
        self._tally.received[traffic] += 1
        return envelope


def _places(traffic: str) -> list[Place]:
    topic = topic_of(traffic)
    return [(topic.name, number) for number in range(topic.partitions)]

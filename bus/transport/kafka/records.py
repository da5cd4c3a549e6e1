"""Messages for the machine from the items that a Kafka reader fetched, in the order of their topics.

Theory of operation
-------------------
This is the machine's side of the client: records are decoded here, so the fetching thread only moves
objects. Each item is a record, an event of the client (an error, an end of a partition), or news of a feed.

*Goals* tell when a reader has caught up. A goal is an offset per partition: the ends of a topic when its
reading began, or when they were captured for a `CatchUp`. It is reached by the record before that offset, or
by an end of the partition at it or behind it. An end before it decides nothing: after a failover the client
may report one in the midst of the records.

When a topic is begun anew, the goals of its earlier ends are replaced by its present ends.

A lost log brings no more messages: its fetched records and its goals are dropped.
"""

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, Message

from bus.envelope import Envelope
from bus.errors import DecodeError, LocalError
from bus.messages import CaughtUp, Entry, LogBounds, LogLost, Received, Recreated
from bus.routes import ROUTES, Column, check_size, route
from bus.telemetry.metrics import Tally
from bus.transport.kafka.feeds import OUT_OF_RANGE, End, FeedOpened, topic_of
from bus.wire.codec import from_headers

_log = logging.getLogger("provbus.kafka")

Place = tuple[str | None, int | None]
"""A topic and a partition of it, as a record names them."""


class _Goal(NamedTuple):
    """The offset that each place must reach before a reader has caught up."""

    traffic: str
    ends: dict[Place, int]


class Records:
    """Turns fetched items into messages; one per reader."""

    def __init__(self, tally: Tally) -> None:
        """`tally` counts received and undecodable records."""
        self._tally = tally
        self._classes = {entry.topic.name: name for name, entry in ROUTES.items() if entry.topic}
        self._next: dict[str, int] = {}  # of a log: the offset that is read next
        self._at: dict[Place, int] = {}  # the known position of the reader of each partition
        self._begun: set[str] = set()
        self._lost: set[str] = set()
        self._goals: list[_Goal] = []

    def take(self, item: Any) -> list[Any]:
        """The messages from an item."""
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
            messages += self._come_to((item.topic(), item.partition()), offset + 1)
        return messages

    def _note(self, item: Any) -> list[Any]:
        """The messages from news of a feed."""
        if isinstance(item, LogBounds):
            self._next[item.traffic] = item.start
            return [item, *self._aim(item.traffic, {0: item.end})]
        if isinstance(item, FeedOpened):
            return self._begin(item)
        if isinstance(item, End):
            return self._aim(item.traffic, item.offsets)
        if isinstance(item, LogLost):
            return self._lose(item)
        return [item]

    def _begin(self, opened: FeedOpened) -> list[Any]:
        """Begin to read a class that is no log from these offsets on, for the first time or anew."""
        traffic, topic = opened.traffic, topic_of(opened.traffic).name
        self._at |= {(topic, number): start for number, start in opened.starts.items()}
        waiting = sum(goal.traffic == traffic for goal in self._goals)
        self._goals = [goal for goal in self._goals if goal.traffic != traffic]
        is_first = traffic not in self._begun
        self._begun.add(traffic)
        if is_first or opened.is_anew:
            waiting += 1  # every reader is told once, without a `CatchUp`
        messages: list[Any] = [Recreated(traffic)] if opened.is_anew else []
        for _ in range(waiting):
            messages += self._aim(traffic, opened.ends)
        return messages

    def _aim(self, traffic: str, offsets: Mapping[int, int]) -> list[Any]:
        """Set a goal; `CaughtUp` if it is reached already."""
        if traffic in self._lost:
            return []
        topic = topic_of(traffic).name
        missing: dict[Place, int] = {}
        for partition, end in offsets.items():
            if max(self._at.get((topic, partition), 0), self._next.get(traffic, 0)) < end:
                missing[topic, partition] = end
        if not missing:
            return [CaughtUp(traffic)]
        self._goals.append(_Goal(traffic, missing))
        return []

    def _come_to(self, place: Place, offset: int) -> list[Any]:
        """A `CaughtUp` for each goal that this offset reaches."""
        for _, ends in self._goals:
            if ends.get(place, offset + 1) <= offset:
                del ends[place]
        reached = [CaughtUp(traffic) for traffic, ends in self._goals if not ends]
        if reached:
            self._goals = [goal for goal in self._goals if goal.ends]
        return reached

    def _note_event(self, error: KafkaError, event: Message) -> list[Any]:
        if error.code() != KafkaError._PARTITION_EOF:
            if error.code() not in OUT_OF_RANGE:  # its feed logs these
                _log.warning("%s: %s", event.topic(), error.str())
            return []
        place, offset = (event.topic(), event.partition()), event.offset()
        assert offset is not None
        self._at[place] = offset
        return self._come_to(place, offset) if self._goals else []

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
        return [] if envelope is None else [Received(envelope, "", column=Column.BUS)]

    def _envelope(self, record: Message, traffic: str) -> Envelope | None:
        """The envelope in a record; None, and counted, if it is none of this class."""
        try:
            headers: Any = record.headers()  # pairs or none; the client's types allow a dict as well
            envelope = from_headers(headers, record.value())
            if envelope.traffic != traffic:
                # A writer of one topic must not speak for the class of another.
                raise DecodeError(f"{envelope.type} does not belong on {record.topic()}")
            check_size(traffic, len(envelope.data))
        except (DecodeError, LocalError):
            self._tally.undecodable[traffic] += 1
            return None
        self._tally.received[traffic] += 1
        return envelope

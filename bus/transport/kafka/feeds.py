"""Feeds: the topic of each class that is read, its start and its end.

Theory of operation
-------------------
A class is read when two questions are answered. Is its topic the one that we knew (`topic_watch`)? Where does
it begin and end? Then its partitions are assigned at exact offsets: a log near its end (`tail_records`), a
class with a history at its beginning, any other at its end. The machine's side is told the ends, and has
caught up when it is behind them. The end of a partition that the client reports is not reliable: right after
a failover it may lie in the midst of the records. The one of `list_offsets` is: the leader tells none before
it knows the records that its predecessor had confirmed (KIP-207).

When the client says that our position is gone this may be true, or the position was never known, or a leader
was behind. So we ask for the bounds. A class that is no log is read anew by them. A log goes on at our
position if that lies between them, and is given up if not. Between them the position is *proved* first: the
record before it is read again, and must have the same leader epoch. Else the log was cut below it and written
anew.

A log is given up for good (`LogLost`). Its topic made anew is another log; any other topic is read by its
new bounds then, and the reader is told (`Recreated`).
"""

import logging
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from bus.errors import LocalError
from bus.messages import LogBounds, LogLost
from bus.routes import Topic, route
from bus.transport.kafka.answers import Bounds, NoAnswerError
from bus.transport.kafka.asking import Asking, Question, Retries

OUT_OF_RANGE = (KafkaError._AUTO_OFFSET_RESET, KafkaError._LOG_TRUNCATION)
_log = logging.getLogger("provbus.kafka")


class FeedOpened(NamedTuple):
    """A class that is no log is read from the offsets `starts` on; `ends` were its ends then. `is_anew`: its
    topic is another one than before.
    """

    traffic: str
    starts: Mapping[int, int]
    ends: Mapping[int, int]
    is_anew: bool = False


class End(NamedTuple):
    """The end of each partition of a class's topic, captured for a `CatchUp`."""

    traffic: str
    offsets: Mapping[int, int]


class FeedState(StrEnum):
    """The state of a feed."""

    NEW = "new"  # its topic was not seen yet
    ASKING = "asking"  # for the bounds, to begin at them
    OPEN = "open"  # it is read
    DOUBTED = "doubted"  # a log whose position may be gone: asking for the bounds, to go on between them
    PROVING = "proving"  # a log whose position is between them: reading the record before it again
    LOST = "lost"  # a log that lost records or was replaced


class Happened(StrEnum):
    """The cause of a change of state."""

    SEEN = "its topic was seen"
    ASSIGNED = "its partitions were assigned where it goes on"
    GONE = "the position is gone, or the consumer is another one"
    DOUBTED = "so it is, of a log"
    INSIDE = "the position is between the bounds"
    PROVED = "the record before the position is the one that was read"
    LOST = "it is not the log that it was"


TABLE: dict[tuple[FeedState, Happened], FeedState] = {
    (FeedState.NEW, Happened.SEEN): FeedState.ASKING,
    (FeedState.ASKING, Happened.ASSIGNED): FeedState.OPEN,
    (FeedState.OPEN, Happened.GONE): FeedState.ASKING,
    (FeedState.OPEN, Happened.DOUBTED): FeedState.DOUBTED,
    (FeedState.PROVING, Happened.DOUBTED): FeedState.DOUBTED,
    (FeedState.DOUBTED, Happened.INSIDE): FeedState.PROVING,
    (FeedState.DOUBTED, Happened.ASSIGNED): FeedState.OPEN,  # no record is left before the position
    (FeedState.PROVING, Happened.PROVED): FeedState.OPEN,
    **{(state, Happened.LOST): FeedState.LOST for state in FeedState if state is not FeedState.LOST},
}
"""This table is the only place that changes a state."""


class _Last(NamedTuple):
    """The last record that was read of a log, and the epoch of the leader that wrote it."""

    offset: int
    leader_epoch: int | None


class Feed:
    """The reading of one class, in the thread that fetches."""

    def __init__(self, traffic: str, asking: Asking) -> None:
        topic = topic_of(traffic)
        self.traffic = traffic
        self.topic = topic.name
        self.state = FeedState.NEW
        self._route = route(traffic)
        self._partitions = range(topic.partitions)
        self._asking = asking
        self._question: Question[dict[int, Bounds]] | None = None
        self._retries = Retries(f"no broker tells where {topic.name} begins and ends")
        self._wanted = self._asked = 0
        self._assigned: list[TopicPartition] = []
        self._identity = ""
        self._start = 0
        self._last: _Last | None = None
        self._is_known = self._is_anew = False
        self._told: list[Any] = []

    @property
    def is_busy(self) -> bool:
        """Whether a question is open, or to be asked."""
        return self.state not in (FeedState.OPEN, FeedState.LOST) or self._wanted + self._asked > 0

    @property
    def trouble(self) -> str:
        """Why it is not read, in words; empty if it is."""
        if self.state in (FeedState.ASKING, FeedState.DOUBTED) and self._retries.trouble:
            return f"where {self.topic} begins and ends: {self._retries.trouble}"
        return ""

    def want_end(self) -> None:
        """Capture the end of its topic once more, from now on."""
        if self.state is not FeedState.LOST:
            self._wanted += 1

    def seen(self, identity: str) -> None:
        """Note that its topic is there, and the one we knew, by this id."""
        if self.state is FeedState.NEW:
            self._identity = identity
            self._go(Happened.SEEN)

    def made_anew(self, reason: str) -> None:
        """Note that its topic was made anew. The consumer is replaced next, unless this is a log."""
        if self._route.is_log:
            self._lose(reason)
        else:
            self._is_anew = self._is_known

    def restart(self) -> None:
        """Begin again on a new consumer, to which no partition is assigned."""
        self._assigned = []
        self._doubt()

    def turn(self, now: float, consumer: Consumer) -> None:
        """Do what is due at `now` (seconds of a clock that does not jump)."""
        try:
            if self.state is FeedState.LOST:
                self._assign({}, consumer)
            elif self._question is None:
                self._begin(now)
            elif (found := self._question.answer(now)) is not None:
                self._question = None
                self._take(found, consumer)
                self._retries.answered()
        except (NoAnswerError, KafkaException) as error:
            self._drop_question()
            self._asking.doubt()
            self._retries.failed(error, now)

    def passes(self, event: Message) -> bool:
        """Note a record or an event of our topic; True if the machine's side gets it."""
        error = event.error()
        if error is not None:
            if error.code() in OUT_OF_RANGE and self._assigned:
                _log.warning("%s: our position is gone (%s); asking where it is", self.topic, error.str())
                self._doubt()
            return True
        if not self._route.is_log:
            return True
        offset = event.offset()
        assert offset is not None
        read = _Last(offset, event.leader_epoch())
        if self.state is FeedState.PROVING:
            self._prove(read)
            return False
        self._last = read
        return self.state is not FeedState.LOST

    def close(self) -> None:
        """Leave an open question unanswered: its client ends with it."""
        self._question = None

    def take(self) -> list[Any]:
        """The news for the machine's side, oldest first; each once."""
        told, self._told = self._told, []
        return told

    def _begin(self, now: float) -> None:
        """Ask for the bounds, if due."""
        if self.state in (FeedState.NEW, FeedState.PROVING) or now < self._retries.due:
            return
        if self.state is FeedState.OPEN:
            if not self._wanted:
                return
            # A wish that comes while this question is open needs an end that is captured later.
            self._wanted, self._asked = 0, self._wanted
        self._question = self._asking.bounds(self.topic, self._partitions, self._retries.wait_s, now)

    def _drop_question(self) -> None:
        self._question = None
        self._wanted, self._asked = self._wanted + self._asked, 0

    def _take(self, found: Mapping[int, Bounds], consumer: Consumer) -> None:
        if self.state is FeedState.ASKING:
            self._open(found, consumer)
        elif self.state is FeedState.DOUBTED:
            self._go_on(found[0], consumer)
        else:
            end = End(self.traffic, {number: one.end for number, one in found.items()})
            self._told += [end] * self._asked
            self._asked = 0

    def _open(self, found: Mapping[int, Bounds], consumer: Consumer) -> None:
        starts = {number: self._first(one) for number, one in found.items()}
        self._assign(starts, consumer)
        self._go(Happened.ASSIGNED)
        if self._route.is_log:
            self._start = starts[0]
            self._told.append(LogBounds(self.traffic, self._start, found[0].end, self._identity))
        else:
            ends = {number: one.end for number, one in found.items()}
            self._told.append(FeedOpened(self.traffic, starts, ends, self._is_anew))
        self._is_known, self._is_anew = True, False

    def _first(self, found: Bounds) -> int:
        """The offset at which a partition is read first."""
        if not self._route.from_start:
            return found.end
        tail = self._route.tail_records
        return max(found.start, found.end - tail) if tail else found.start

    def _doubt(self) -> None:
        """Doubt our position."""
        if self.state in (FeedState.OPEN, FeedState.PROVING):
            self._drop_question()
            self._go(Happened.DOUBTED if self._route.is_log else Happened.GONE)

    def _go(self, what: Happened) -> None:
        self.state = TABLE[self.state, what]

    def _go_on(self, found: Bounds, consumer: Consumer) -> None:
        """Go on in a log with these bounds if our position is still between them, else give it up."""
        last = self._last
        due = self._start if last is None else last.offset + 1
        if due < found.start:
            self._lose(
                f"{self.topic} begins at offset {found.start} now: those from {due} on were never read"
            )
        elif due > found.end:
            self._lose(f"{self.topic} was cut: it ends at offset {found.end} now, and was read up to {due}")
        elif last is None or last.offset < found.start:
            self._assign({0: due}, consumer)
            self._go(Happened.ASSIGNED)
        else:
            self._assign({0: last.offset}, consumer)
            self._go(Happened.INSIDE)

    def _prove(self, read: _Last) -> None:
        """Compare the record before our position with the one read again there."""
        assert self._last is not None
        if read == self._last:
            self._go(Happened.PROVED)
            return
        was = self._last
        self._lose(
            f"{self.topic} was cut and written anew: what was read at offset {was.offset} had leader epoch "
            f"{was.leader_epoch}, and what stands at {read.offset} now has {read.leader_epoch}"
        )

    def _lose(self, reason: str) -> None:
        """Give the log up; the reader is told once."""
        if self.state is not FeedState.LOST:
            self._question = None
            self._wanted = self._asked = 0
            self._go(Happened.LOST)
            self._told.append(LogLost(self.traffic, reason))

    def _assign(self, starts: Mapping[int, int], consumer: Consumer) -> None:
        """Read from these offsets on, and from nowhere else."""
        before, self._assigned = self._assigned, []
        if before:
            # A seek is refused once the client has stopped fetching a partition.
            consumer.incremental_unassign(before)
        if starts:
            places = [TopicPartition(self.topic, number, offset) for number, offset in starts.items()]
            consumer.incremental_assign(places)
            self._assigned = places


def topic_of(traffic: str) -> Topic:
    """The topic of a class that is read; `LocalError` if it has none."""
    topic = route(traffic).topic
    if topic is None:
        raise LocalError(f"{traffic} has no topic to read")
    return topic


def log_topics(read: Sequence[str]) -> list[str]:
    """The topics of the logs among these classes."""
    return [topic_of(traffic).name for traffic in read if route(traffic).is_log]

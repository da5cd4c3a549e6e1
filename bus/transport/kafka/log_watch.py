"""The logs among the topics: where each begins, whether it is still the same, and where its end is now.

Theory of operation
-------------------
Everything here runs in the thread that fetches, between two fetches, and asks the brokers with a bounded
time, so that a broker that is away holds up the other classes for half a second at most.

A log is read when two questions are answered. Is it the log that we knew? Its topic's id is compared with the
one that was seen first (`topic_pins`). Where does it begin and end? The reader is told (`LogBounds`), and its
partition is read from exactly there. From then on the id is asked for every `CHECK_EVERY_S`: who deletes a
topic and makes it anew under a reader leaves it at an offset of another log, which a fetch alone does not
always show.

A log that is not what it was is given up for good (`LogLost`), and its partition is no longer read.

librdkafka's embedded cluster knows no topic ids, and shows it by naming a controller that is none of its
brokers. There is nothing to compare then, unless an id was seen before: then the answer is waited for.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Any, NamedTuple

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from bus.errors import LocalError
from bus.machine import LogBounds, LogLost
from bus.routes import Topic, route
from bus.transport.kafka.topic_pins import TopicPins

CHECK_EVERY_S = 30.0
TURN_S = 0.02  # how long a question may wait for the fetching thread where there is a log
_AGAIN_S = 1.0
WARN_AT = 5  # tries, a second or more apart
_ASK_S = 0.5  # a beat that is late by so much makes nobody suspect
_DESCRIBE_S = 5.0  # waits beside the fetches, and begins with a connection
OUT_OF_RANGE = (KafkaError._AUTO_OFFSET_RESET, KafkaError._LOG_TRUNCATION)
Bounds = Callable[[TopicPartition], tuple[int, int]]
"""The first offset that is left of a partition, and the one behind its last (`KafkaException`)."""
_log = logging.getLogger("provbus.kafka.client")  # silent until we run: `check_broker` says it while we start


class End(NamedTuple):
    """The end that each partition of a class's topic had when somebody asked with `CatchUp`."""

    traffic: str
    offsets: Mapping[int, int]


class _Trouble:
    """Says what keeps going wrong, once: that a busy broker was late is nobody's news."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._times = 0

    def note(self, error: KafkaException) -> None:
        """It went wrong again."""
        self._times += 1
        if self._times == WARN_AT:
            _log.warning("%s: %s", self._what, error.args[0].str())

    def over(self) -> None:
        """It went well."""
        self._times = 0


class LogWatch:
    """Opens the logs among the classes that a consumer reads, watches them, and captures ends."""

    def __init__(
        self,
        consumer: Consumer,
        admin_settings: Mapping[str, Any],
        read: Sequence[str],
        starts: Sequence[TopicPartition],
        pins: TopicPins,
        put: Callable[[list[Any]], None],
        bounds: Bounds,
    ) -> None:
        """`starts` are where the partitions of the other classes are read from at a start; `put` takes what
        the machine's side is told: `LogBounds`, `LogLost` and `End`.
        """
        self._bounds = bounds
        self._consumer = consumer
        self._put = put
        self._asked: deque[str] = deque()
        self._waiting: Counter[str] = Counter()
        self._ask_due_s = 0.0
        self._trouble = _Trouble("no broker tells the end of a topic")
        self._read = frozenset(read)
        self._starts = starts
        self._logs = {
            traffic: _Log(traffic, consumer, admin_settings, pins, bounds)
            for traffic in read
            if route(traffic).is_log
        }

    def ask(self, traffic: str) -> None:
        """Capture the end of this class's topic at the next turn; from any thread. `LocalError` if the class
        is not read.
        """
        if traffic not in self._read:
            raise LocalError(f"{traffic} is not read here: nobody can catch up with it")
        self._asked.append(traffic)

    def turn(self, now: float) -> None:
        """Do what is due at `now` (seconds of a clock that does not jump)."""
        for log in self._logs.values():
            self._put_all(log.turn(now))
        self._capture(now)

    def mend(self, event: Message) -> None:
        """Where our position is gone a log is lost, and any other class is read as at a start. Other events
        need nothing.
        """
        error = event.error()
        if error is None or error.code() not in OUT_OF_RANGE:
            return
        for log in self._logs.values():
            if log.topic == event.topic():
                self._put_all(log.lose(f"{log.topic} has no offset {event.offset()} any more: {error.str()}"))
                return
        for place in self._starts:
            if (place.topic, place.partition) == (event.topic(), event.partition()):
                # A seek is refused here: the client has stopped fetching this partition.
                self._consumer.incremental_unassign([place])
                self._consumer.incremental_assign([place])

    def close(self) -> None:
        """Leave open questions unanswered."""
        for log in self._logs.values():
            log.close()

    def _put_all(self, items: list[Any]) -> None:
        if items:
            self._put(items)

    def _capture(self, now: float) -> None:
        """Answer everybody who waits, each class with one question; a log's when it is open."""
        while self._asked:
            self._waiting[self._asked.popleft()] += 1
        if not self._waiting or now < self._ask_due_s:
            return
        for traffic, count in list(self._waiting.items()):
            log = self._logs.get(traffic)
            if log is not None and not log.is_open:
                continue
            del self._waiting[traffic]
            if log is not None and log.is_lost:
                continue
            try:
                end = self._end(traffic)
            except KafkaException as error:
                self._trouble.note(error)
                self._waiting[traffic] = count  # behind the others
                self._ask_due_s = now + _AGAIN_S
                return
            self._trouble.over()
            self._put([end] * count)

    def _end(self, traffic: str) -> End:
        topic = topic_of(traffic)
        places = (TopicPartition(topic.name, number) for number in range(topic.partitions))
        return End(traffic, {one.partition: self._bounds(one)[1] for one in places})


class _Log:
    """One log: not yet checked, checked, open, lost."""

    def __init__(
        self,
        traffic: str,
        consumer: Consumer,
        admin_settings: Mapping[str, Any],
        pins: TopicPins,
        bounds: Bounds,
    ) -> None:
        self.topic = topic_of(traffic).name
        self.is_open = self.is_lost = False
        self._traffic = traffic
        self._consumer = consumer
        self._admin_settings = dict(admin_settings)
        self._pins = pins
        self._bounds = bounds
        self._is_checked = False
        self._check_due_s = self._open_due_s = 0.0
        self._client = ExitStack()
        self._answer: Future[Any] | None = None
        self._trouble = _Trouble(self.topic)

    def turn(self, now: float) -> list[Any]:
        """What the machine's side is to be told now."""
        if self.is_lost:
            return []
        try:
            if self._answer is not None:
                reason = self._compare(now) if self._answer.done() else ""
                if reason:
                    return self.lose(reason)
            elif now >= self._check_due_s:
                self._check(now)
            if self._is_checked and not self.is_open and now >= self._open_due_s:
                return [self._open()]
        except KafkaException as error:
            self.close()
            self._open_due_s = now + _AGAIN_S
            self._trouble.note(error)
        return []

    def lose(self, reason: str) -> list[Any]:
        """Read no more of it; the reader is told once."""
        if self.is_lost:
            return []
        self.is_lost = True
        self.close()
        try:
            if self.is_open:
                self._consumer.incremental_unassign([TopicPartition(self.topic, 0)])
        except KafkaException as error:
            self._trouble.note(error)  # what comes of it is thrown away
        return [LogLost(self._traffic, reason)]

    def close(self) -> None:
        """Close the client of a check that is under way."""
        self._client.close()
        self._answer = None

    def _check(self, now: float) -> None:
        """Ask for the topic's id, if this cluster has any."""
        self._check_due_s = now + (CHECK_EVERY_S if self.is_open else _AGAIN_S)
        cluster = self._consumer.list_topics(self.topic, timeout=_ASK_S)
        if cluster.controller_id not in cluster.brokers and self.topic not in self._pins:
            self._is_checked = True
            self._check_due_s = now + CHECK_EVERY_S
            return
        # A client of its own for the moment: a standing one costs more than one in half a minute.
        client = self._client.enter_context(AdminClient(self._admin_settings))
        topics = TopicCollection([self.topic])
        self._answer = client.describe_topics(topics, request_timeout=_DESCRIBE_S)[self.topic]

    def _compare(self, now: float) -> str:
        """Why the log is lost, or nothing."""
        answer = self._answer
        assert answer is not None
        self.close()
        seen = answer.result().topic_id
        self._check_due_s = now + CHECK_EVERY_S
        try:
            reason = self._pins.check(self.topic, str(seen))
        except OSError as error:
            return f"the id of {self.topic} cannot be kept: {error}"
        self._is_checked = True
        self._trouble.over()
        return reason

    def _open(self) -> LogBounds:
        place = TopicPartition(self.topic, 0)
        start, end = self._bounds(place)
        tail = route(self._traffic).tail_records
        place.offset = start = max(start, end - tail) if tail else start
        self._consumer.incremental_assign([place])
        self.is_open = True
        return LogBounds(self._traffic, start, end, self._pins.identity(self.topic))


def topic_of(traffic: str) -> Topic:
    """The topic of a class that is read; `LocalError` if it has none."""
    topic = route(traffic).topic
    if topic is None:
        raise LocalError(f"{traffic} has no topic to read")
    return topic


def log_topics(read: Sequence[str]) -> list[str]:
    """The topics of the logs among these classes."""
    return [topic_of(traffic).name for traffic in read if route(traffic).is_log]


def bounds_by(settings: Mapping[str, Any]) -> Bounds:
    """Asks the brokers over a connection of its own: on the consumer's a question waits behind a fetch that
    the broker holds back.
    """

    def ask(place: TopicPartition) -> tuple[int, int]:
        with AdminClient(dict(settings)) as client:
            answers = [
                client.list_offsets({place: spec}, request_timeout=_ASK_S)[place]
                for spec in (OffsetSpec.earliest(), OffsetSpec.latest())  # type: ignore[no-untyped-call]
            ]
            try:
                first, last = (answer.result(2 * _ASK_S).offset for answer in answers)
            except TimeoutError:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT)) from None
            return first, last

    return ask

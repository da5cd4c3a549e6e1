"""Kafka: topics for heartbeats, settings and audit, over the synchronous client and two threads of its own.

Theory of operation
-------------------
librdkafka works in threads of C; what needs Python is done by two small threads here: one serves the
producer's delivery reports, one fetches for the consumer. Both put what they have into a bounded queue and
ring the poller through a socket pair; decoding and everything with a rule happens on the poller's side.

A published record ends in one of two ways: its broker confirmed it (nothing is reported), or `Undelivered`
comes back. After a time-out the truth is *indeterminate*: the record may be in the log, so a retry keeps its
envelope and readers deduplicate.

Readers `assign()` every partition of their topics: everybody must see everything, and a consumer group takes
seconds to notice a death. `log_watch` watches the logs among them, `records` makes messages of what was
fetched and tells when what a topic held at our start has been received.
"""

import logging
import socket
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from threading import Condition, Event, Thread
from time import monotonic
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from pydantic_core import from_json

from bus.codec import to_headers
from bus.envelope import Envelope
from bus.errors import BackpressureError, LocalError, UnavailableError
from bus.log import RateLimit
from bus.machine import Undelivered
from bus.metrics import Sample, Tally
from bus.routes import ROUTES, check_size, route
from bus.transport.kafka.log_watch import TURN_S, LogWatch, bounds_by, log_topics, topic_of
from bus.transport.kafka.records import Records
from bus.transport.kafka.settings import refused
from bus.transport.kafka.statistics import samples as client_samples
from bus.transport.kafka.topic_pins import TopicPins
from bus.transport.poller import Poller

BEGINNING, END, BY_KEY = -2, -1, -1  # librdkafka's logical offsets, and its partition "as the key says"
FETCHED_MAX = 10_000
CONSUMED_MAX = 256  # at once: the two threads take turns, and a turn costs as much as a few records
QUEUED_MAX = 20_000  # records waiting for their broker: two minutes of a busy sidecar
_POLL_S = 0.5  # how long a thread may not notice that it should stop
_JOIN_S = 2.0
_GATHER_S = 0.02  # delivery reports are taken together: for each, two threads change places
_log = logging.getLogger("provbus.kafka")
LOG_EVERY_S = 30.0
_client_log = logging.getLogger("provbus.kafka.client")  # dozens of lines a second while a broker is away
_client_log.addFilter(RateLimit(LOG_EVERY_S))
_client_log.setLevel(logging.CRITICAL)  # until `speak`

# Every default that is unsafe or too slow for us is set by name.
COMMON: dict[str, Any] = {
    "socket.keepalive.enable": True,
    "reconnect.backoff.ms": 100,
    "reconnect.backoff.max.ms": 1000,
    "topic.metadata.refresh.fast.interval.ms": 100,
    "log.connection.close": False,
    "allow.auto.create.topics": False,
}
PRODUCER: dict[str, Any] = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",
    "compression.type": "lz4",
    "linger.ms": 20,
    "queue.buffering.max.messages": QUEUED_MAX,
    "message.max.bytes": 1_000_000,
}
CONSUMER: dict[str, Any] = {
    "group.id": "provbus-unused",  # the client insists on one; nothing is ever committed under it
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "check.crcs": True,
    "fetch.min.bytes": 1,
    "queued.max.messages.kbytes": 16_384,
}


class Kafka:
    """A producer for every class that a topic carries, and a reader of `read` classes."""

    def __init__(
        self,
        poller: Poller,
        settings: Mapping[str, Any],
        *,
        read: Sequence[str] = (),
        message_timeout_s: float = 2.0,
        fetch_wait_s: float = 0.05,
        statistics_every_s: float = 0.0,
        pin_directory: Path | None = None,
    ) -> None:
        """`settings` are librdkafka's for the connection (bootstrap.servers, security).

        A record that its broker did not confirm within `message_timeout_s` comes back as `Undelivered`; the
        clients say every `statistics_every_s` how they are, or never if that is 0. `pin_directory` keeps
        which topics the logs were read from, so that a restart knows another one of the name.
        """
        positions, logs = _starts(read), log_topics(read)
        pins = TopicPins(pin_directory, logs)
        self._tally = Tally("kafka", [name for name, one in ROUTES.items() if one.topic])
        self._records = Records(read, self._tally)
        self._turn_s = TURN_S if logs else _POLL_S
        self.answers = True  # whether the latest record was confirmed
        self._statistics: dict[str, Any] = {}
        self._poller = poller
        self._arrived: deque[Any] = deque()
        self._room = Condition()
        self._stop = Event()
        self._bell, self._ring = socket.socketpair()
        for end in (self._bell, self._ring):
            end.setblocking(False)
        self._servers = settings.get("bootstrap.servers", "")
        common = {
            **COMMON,
            **settings,
            "logger": _client_log,
            "statistics.interval.ms": round(statistics_every_s * 1000),
            "stats_cb": self._note_statistics,
        }
        timeout_ms, wait_ms = round(message_timeout_s * 1000), round(fetch_wait_s * 1000)
        self._consumer: Consumer | None = None
        self._watch: LogWatch | None = None
        try:
            self._producer = Producer({**common, **PRODUCER, "message.timeout.ms": timeout_ms})
            if read:
                # What a position that is gone means, `LogWatch` says.
                own = {"fetch.wait.max.ms": wait_ms, "auto.offset.reset": "error"}
                self._consumer = Consumer({**common, **CONSUMER, **own})
        except KafkaException as error:
            self._close_bell()
            raise refused(error) from error
        threads: list[Callable[[], None]] = [self._serve_producer]
        if self._consumer is not None:
            self._consumer.assign(positions)
            admin = {**COMMON, **settings, "log_level": 0}
            self._watch = LogWatch(self._consumer, admin, read, positions, pins, self._put, bounds_by(admin))
            threads.append(self._serve_consumer)
        poller.add(self._bell.fileno(), self._read)
        self._threads = [Thread(target=run, name=run.__name__, daemon=True) for run in threads]
        for thread in self._threads:
            thread.start()

    def publish(self, envelope: Envelope, key: str) -> None:
        """Queue a record for its class's topic (`OversizeError`, `BackpressureError`)."""
        traffic = envelope.traffic
        entry = route(traffic)
        if entry.topic is None:
            raise LocalError(f"{traffic} does not travel by topic")
        self._tally.offered[traffic] += 1
        check_size(traffic, len(envelope.data))
        partition = 0 if entry.topic.partitions == 1 else BY_KEY

        def report(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                self._tally.undelivered[traffic] += 1
                self._put([Undelivered(envelope, "", error.str())])
            self.answers = error is None

        try:
            self._producer.produce(
                entry.topic.name, envelope.data, key, partition, report, headers=to_headers(envelope)
            )
            self._tally.sent[traffic] += 1
        except BufferError:
            raise BackpressureError(f"{QUEUED_MAX} records wait for the broker") from None
        except KafkaException as error:
            raise UnavailableError(f"{entry.topic.name}: {error.args[0].str()}") from error

    def catch_up(self, traffic: str) -> None:
        """Capture the end of this class's topic soon; `CaughtUp` follows when it was received up to there.
        `LocalError` if the class is not read here.
        """
        if self._watch is None:
            raise LocalError(f"{traffic} is not read here")
        self._watch.ask(traffic)

    def check_broker(self, timeout_s: float) -> None:
        """`UnavailableError` unless a broker answers within the time."""
        try:
            self._producer.list_topics(timeout=timeout_s)
        except KafkaException as error:
            self.answers = False
            reason = error.args[0].str()
            raise UnavailableError(
                f"no Kafka broker answers at {self._servers} ({reason}): start one or correct kafka.bootstrap"
            ) from error

    @property
    def undecodable(self) -> int:
        """Records that came and were none of ours."""
        return sum(self._tally.undecodable.values())

    def samples(self) -> Iterator[Sample]:
        """Messages, what waits to be decoded, and what the client said last."""
        yield from self._tally.samples()
        yield Sample("provbus_queue_depth", len(self._arrived), {"queue": "kafka_fetched"})
        yield Sample("provbus_kafka_answering", self.answers)
        yield from chain.from_iterable(map(client_samples, list(self._statistics.values())))

    def speak(self) -> None:
        """Log what the client says from now on; while we start, `check_broker` says that Kafka is away."""
        _client_log.setLevel(logging.NOTSET)

    def flush(self, timeout_s: float) -> int:
        """Wait until every queued record has ended, at most `timeout_s`; how many have not."""
        return self._producer.flush(timeout_s)

    def close(self, flush_s: float = 1.0) -> None:
        """Give what is queued up to `flush_s` to leave; drop the rest, and stop every thread."""
        self.flush(flush_s)
        self._stop.set()
        with self._room:
            self._room.notify_all()
        for thread in self._threads:
            thread.join(_JOIN_S)
        if self._consumer is not None:
            assert self._watch is not None
            self._watch.close()
            self._consumer.close()
        self._producer.purge()  # else its close waits until the last record's time is over
        self._producer.close()
        self._poller.remove(self._bell.fileno())
        self._close_bell()

    def _close_bell(self) -> None:
        self._bell.close()
        self._ring.close()

    def _put(self, items: list[Any]) -> None:
        self._arrived += items
        try:
            self._ring.send(b"!")
        except BlockingIOError:
            pass  # it rings already
        except OSError:
            if not self._stop.is_set():
                raise

    def _note_statistics(self, document: str) -> None:
        report = from_json(document)
        self._statistics[report["type"]] = report

    def _serve_producer(self) -> None:
        while not self._stop.is_set():
            if self._producer.poll(_POLL_S):
                self._stop.wait(_GATHER_S)

    def _serve_consumer(self) -> None:
        assert self._consumer is not None
        assert self._watch is not None
        while not self._stop.is_set():
            self._watch.turn(monotonic())
            # `consume` alone would hold a lone record back until its time is over.
            if (first := self._consumer.poll(self._turn_s)) is not None:
                fetched = [first, *self._consumer.consume(CONSUMED_MAX, 0)]
                self._put(fetched)
                for event in fetched:
                    self._watch.mend(event)
            with self._room:
                # The poller's side is slow: stop fetching, Kafka keeps what we do not take.
                self._room.wait_for(lambda: len(self._arrived) < FETCHED_MAX or self._stop.is_set())

    def _read(self) -> list[Any]:
        try:
            while len(self._bell.recv(4096)) == 4096:
                pass
        except BlockingIOError:
            pass
        messages: list[Any] = []
        while self._arrived:
            item = self._arrived.popleft()
            messages += self._records.take(item)
        with self._room:
            self._room.notify_all()
        return messages


def _starts(read: Sequence[str]) -> list[TopicPartition]:
    """Where reading starts; a log's partition is read when its bounds are known."""
    return [
        TopicPartition(topic_of(traffic).name, number, BEGINNING if route(traffic).from_start else END)
        for traffic in read
        for number in range(topic_of(traffic).partitions)
        if not route(traffic).is_log
    ]

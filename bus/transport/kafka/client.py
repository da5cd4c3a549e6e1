"""Kafka: topics for heartbeats, roles, settings and audit, over the synchronous client and two threads.

Theory of operation
-------------------
librdkafka works in threads of C; two small threads here do the Python part: one serves the producer's
delivery reports, one asks the brokers its questions, and fetches. Both put their items into a bounded queue
and ring the poller (`bell`); decoding and all rules run on its side.

`producing` and `consuming` are the two clients, each of which can be replaced; `topic_watch` notices topics
that were made anew; `feeds` chooses the offsets from which each class is read; `records` turns fetched items
into messages and tells when a reader has caught up.

Readers assign every partition of their topics: everybody must see every record, and a consumer group takes
seconds to notice a death.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer
from pydantic_core import from_json

from bus.envelope import Envelope
from bus.errors import LocalError, UnavailableError
from bus.reason import Reason
from bus.routes import ROUTES, topics
from bus.telemetry.log import RateLimit
from bus.telemetry.metrics import Sample, Tally
from bus.telemetry.own_faults import OwnFaults
from bus.transport.kafka.answers import ClearText
from bus.transport.kafka.asking import Asking
from bus.transport.kafka.bell import Bell
from bus.transport.kafka.causes import Causes
from bus.transport.kafka.client_settings import COMMON, CONSUMER, PRODUCER, refused
from bus.transport.kafka.consuming import Consuming
from bus.transport.kafka.feeds import log_topics, topic_of
from bus.transport.kafka.producing import POLL_S, Producing
from bus.transport.kafka.records import Records
from bus.transport.kafka.statistics import samples as client_samples
from bus.transport.kafka.topic_pins import TopicPins
from bus.transport.kafka.topic_watch import TopicWatch
from bus.transport.poller import Poller

_JOIN_S = 2.0
_FAULT_S = 1.0  # after a fault of ours in one of the threads
LOG_EVERY_S = 30.0
_log = logging.getLogger("provbus.kafka")
_client_log = logging.getLogger("provbus.kafka.client")  # dozens of lines a second while a broker is away
_client_log.addFilter(RateLimit(LOG_EVERY_S))
_client_log.setLevel(logging.CRITICAL)  # until `speak`


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
        clients report statistics every `statistics_every_s`, or never if that is 0. `pin_directory` keeps
        the ids of the logs' topics, so that a restart recognizes another topic of the name.
        """
        self._servers = settings.get("bootstrap.servers", "")
        self._tally = Tally("kafka", [name for name, one in ROUTES.items() if one.topic])
        self._statistics: dict[str, Any] = {}
        self._faults = OwnFaults(("kafka",))
        self._stop = Event()
        read_topics, logs = [topic_of(traffic).name for traffic in read], log_topics(read)
        pins = TopicPins(pin_directory, logs)
        self._clear = ClearText(settings)
        self._asking = Asking(settings)
        self._topics = TopicWatch(
            self._asking,
            [topic.name for topic in topics()],
            pins,
            read=read_topics,
            written=self._written,
            logs=logs,
            clear=self._clear,
        )
        self._causes = Causes(_client_log)
        common = {
            **settings,
            "logger": self._causes,
            "statistics.interval.ms": round(statistics_every_s * 1000),
            "stats_cb": self._note_statistics,
        }
        timing = {"message.timeout.ms": round(message_timeout_s * 1000)}
        producer = partial(Producer, {**COMMON, **common, **PRODUCER, **timing})
        timing = {"fetch.wait.max.ms": round(fetch_wait_s * 1000)}
        consumer = partial(Consumer, {**COMMON, **common, **CONSUMER, **timing})
        self._bell = Bell(poller, Records(self._tally).take, self._stop)
        self._consuming: Consuming | None = None
        turns: list[Callable[[float], None]] = [self._turn_producer, self._turn_reader]
        hurry, put = self._topics.hurry, self._bell.put
        with ExitStack() as undo:
            undo.callback(self._bell.close)
            try:
                self._producing = Producing(producer, self._tally, put, hurry, self._stop, self._clear)
                undo.callback(self._producing.close)
                if read:
                    self._consuming = Consuming(read, consumer, self._asking, self._topics, put, self._stop)
            except KafkaException as error:
                raise refused(error) from error
            undo.pop_all()
        self._threads = [Thread(target=self._serve, args=(turn,), daemon=True) for turn in turns]
        for thread in self._threads:
            thread.start()

    @property
    def answers(self) -> bool:
        """Whether the latest record was confirmed."""
        return self._producing.answers

    def publish(self, envelope: Envelope, key: str) -> None:
        """Queue a record for its class's topic (`OversizeError`, `BackpressureError`, `UnavailableError`)."""
        self._producing.publish(envelope, key)

    def catch_up(self, traffic: str) -> None:
        """Capture the end of this class's topic soon; `CaughtUp` follows when it was received up to there.
        `LocalError` if the class is not read here.
        """
        if self._consuming is None:
            raise LocalError(f"{traffic} is not read here")
        self._consuming.catch_up(traffic)

    def check_broker(self, timeout_s: float) -> None:
        """`UnavailableError` unless a broker answers within the time; `ConfigError` if it names brokers that
        may not be spoken to in clear.
        """
        try:
            self._producing.check(timeout_s)
        except UnavailableError as error:
            raise UnavailableError(
                f"no Kafka broker answers at {self._servers} ({self._causes.of(error)}): "
                "start one or correct kafka.bootstrap and kafka.client"
            ) from error

    def lacks(self) -> list[Reason]:
        """Its faults, in words; empty if none."""
        lacks = [] if self.answers else [Reason("kafka-silent", "Kafka does not answer")]
        lacks += self._producing.troubles()
        lacks += [] if self._consuming is None else self._consuming.troubles()
        return [*lacks, *self._topics.troubles, *self._clear.lacks(), *self._faults.lacks()]

    @property
    def undecodable(self) -> int:
        """Received records that are none of ours."""
        return sum(self._tally.undecodable.values())

    def samples(self) -> Iterator[Sample]:
        """Messages, the decoding queue, and the clients' last statistics."""
        yield from self._tally.samples()
        yield Sample("provbus_queue_depth", len(self._bell), {"queue": "kafka_fetched"})
        yield from self._producing.samples()
        yield from self._faults.samples()
        yield from self._clear.samples()
        if self._consuming is not None:
            yield from self._consuming.samples()
        yield from chain.from_iterable(map(client_samples, list(self._statistics.values())))

    def speak(self) -> None:
        """Log the client's messages from now on; while we start, `check_broker` says that Kafka is away."""
        _client_log.setLevel(logging.NOTSET)

    def flush(self, timeout_s: float) -> int:
        """Wait until every queued record has ended, at most `timeout_s`; the number of those left."""
        return self._producing.flush(timeout_s)

    def close(self, flush_s: float = 1.0) -> None:
        """Give queued records up to `flush_s` to leave; drop the rest, and stop every thread."""
        self.flush(flush_s)
        self._stop.set()
        self._bell.wake()
        self._end()
        self._bell.close()

    def leave(self, flush_s: float = 1.0) -> None:
        """The same while the poller goes on: from now on it gets nothing, and a thread does the rest."""
        self._stop.set()
        self._bell.wake()
        self._bell.close()

        def end() -> None:
            self.flush(flush_s)
            self._end()

        Thread(target=end, daemon=True).start()

    def _end(self) -> None:
        for thread in self._threads:
            thread.join(_JOIN_S)
        if self._consuming is not None:
            self._consuming.close()
        self._producing.close()
        self._topics.close()
        self._asking.close()

    def _written(self) -> list[str]:
        """The topics to which records were published so far."""
        return [topic_of(traffic).name for traffic, count in self._tally.offered.items() if count]

    def _note_statistics(self, document: str) -> None:
        report = from_json(document)
        self._statistics[report["type"]] = report

    def _serve(self, turn: Callable[[float], None]) -> None:
        """Run a thread: one turn after the other. A fault of ours costs a turn, and does not end it."""
        while not self._stop.is_set():
            try:
                turn(monotonic())
            except Exception as error:
                self._faults.note("kafka", "turn of a Kafka thread", error)
                self._stop.wait(_FAULT_S)

    def _turn_producer(self, now: float) -> None:
        self._producing.turn(now)

    def _turn_reader(self, now: float) -> None:
        for one in self._topics.turn(now):
            self._producing.renew(one.reason)
            if self._consuming is not None:
                self._consuming.made_anew(one)
        if self._consuming is None or self._clear.refusal:
            self._stop.wait(POLL_S)
            return
        self._consuming.turn(now)
        self._bell.wait_for_room()

"""The producer: records leave, and come back as `Undelivered` when they did not arrive.

A record ends in one of two ways: its broker confirmed it (nothing is reported), or `Undelivered` comes back.
After a time-out the outcome is *indeterminate*: the record may be in the log, so a retry keeps its envelope
and readers deduplicate. The same holds for the records of a producer that is replaced.

An idempotent producer that may not write at all any more is fatal: its `poll` raises once, and it refuses
every later record. A right that is taken away for one topic is not: its records come back, and the producer
goes on.
"""

import logging
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from bus.envelope import Envelope
from bus.errors import BackpressureError, LocalError, UnavailableError
from bus.messages import Undelivered
from bus.reason import Reason
from bus.routes import check_size, route
from bus.telemetry.metrics import Sample, Tally
from bus.transport.kafka.answers import ClearText, NoAnswerError, beyond, has_ids
from bus.transport.kafka.asking import reason_of
from bus.transport.kafka.client_settings import QUEUED_MAX
from bus.transport.kafka.replaceable import Replaceable
from bus.wire.codec import to_headers

BY_KEY = -1  # librdkafka's partition "as the key says"
POLL_S = 0.5  # the delay with which a thread may notice that it should stop, or replace its client
_GATHER_S = 0.02  # delivery reports are taken together: each costs a switch between two threads
_END_S = 0.5  # for the reports of the records that a producer held when it was ended
_PURGED = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})  # by us, not by a broker
_log = logging.getLogger("provbus.kafka")


class Producing:
    """Publishes on a producer that `make` makes (`KafkaException`). `put` takes `Undelivered`."""

    def __init__(
        self,
        make: Callable[[], Producer],
        tally: Tally,
        put: Callable[[list[Any]], None],
        hurry: Callable[[], None],
        stop: Event,
        clear: ClearText,
    ) -> None:
        """`hurry` is called when a record did not arrive: its topic may have been made anew. `clear` may
        refuse every record.
        """
        self.answers = True
        """False once a record came back and none was confirmed since it was given; True once one is."""
        self._confirmed = 0
        self._tally = tally
        self._put = put
        self._hurry = hurry
        self._stop = stop
        self._clear = clear
        self._producer: Replaceable[Producer] = Replaceable("producer", make, _end)

    @property
    def trouble(self) -> str:
        """Why no record can be published, in words; empty if one can."""
        return self._producer.trouble

    def troubles(self) -> list[Reason]:
        """That nothing can be published, if nothing can."""
        return self._producer.troubles()

    def publish(self, envelope: Envelope, key: str) -> None:
        """Queue a record for its class's topic (`OversizeError`, `BackpressureError`, `UnavailableError`)."""
        traffic = envelope.traffic
        entry = route(traffic)
        if entry.topic is None:
            raise LocalError(f"{traffic} does not travel by topic")
        self._tally.offered[traffic] += 1
        check_size(traffic, len(envelope.data))
        self._clear.admit()
        partition = 0 if entry.topic.partitions == 1 else BY_KEY
        before = self._confirmed

        def report(error: KafkaError | None, _: Message) -> None:
            self._confirmed += error is None
            if error is None or error.code() not in _PURGED:
                # If a record came back while another was confirmed, only its topic has trouble
                # (`topic_watch`).
                self.answers = self._confirmed > before
            if error is not None:
                self._tally.undelivered[traffic] += 1
                self._put([Undelivered(envelope, "", error.str())])
                self._hurry()

        with self._producer.lock:
            producer = self._producer.client
            if producer is None:
                raise UnavailableError(f"{entry.topic.name}: there is no producer: {self.trouble}")
            try:
                headers = to_headers(envelope)
                producer.produce(entry.topic.name, envelope.data, key, partition, report, headers=headers)
            except BufferError:
                raise BackpressureError(f"{QUEUED_MAX} records wait for the broker") from None
            except KafkaException as error:
                self._hurry()
                raise UnavailableError(f"{entry.topic.name}: {reason_of(error)}") from error
        self._tally.sent[traffic] += 1

    def renew(self, reason: str) -> None:
        """Replace the producer: a topic was made anew. From any thread."""
        self._producer.renew(reason)

    def turn(self, now: float) -> None:
        """Serve the delivery reports; waits up to `POLL_S` for the first."""
        self._producer.turn(now)
        producer = self._producer.client
        if producer is None:
            self._stop.wait(_GATHER_S)
            return
        try:
            served = producer.poll(POLL_S)
        except Exception as error:  # fatal, or SystemError out of a callback
            self._producer.fail(error, now)
            return
        if served:
            self._stop.wait(_GATHER_S)

    def check(self, timeout_s: float) -> None:
        """`UnavailableError` unless a broker answers within the time; `ConfigError` if it names brokers that
        may not be spoken to.
        """
        producer = self._producer.client
        try:
            if producer is None:
                raise NoAnswerError(self.trouble)
            metadata = producer.list_topics(timeout=timeout_s)
            has_ids(metadata)
        except (KafkaException, NoAnswerError) as error:
            self.answers = False
            raise UnavailableError(reason_of(error)) from error
        self._clear.note(beyond(metadata.brokers.values()))
        self._clear.check()

    def flush(self, timeout_s: float) -> int:
        """Wait until every queued record has ended, at most `timeout_s`; the number of those left."""
        producer = self._producer.client
        if producer is None:
            return 0
        try:
            return producer.flush(timeout_s)
        except Exception as error:  # SystemError of a fatal one
            _log.warning("flushing the Kafka producer: %s", reason_of(error))
            return len(producer)

    def close(self) -> None:
        """Drop the queued records and end the producer, which nobody serves any more."""
        self._producer.close()

    def samples(self) -> Iterator[Sample]:
        """The number of times the producer was replaced, and whether Kafka confirms records."""
        yield from self._producer.samples()
        yield Sample("provbus_kafka_answering", self.answers)


def _end(producer: Producer) -> None:
    """Give back the records it holds, and close it: else that waits until the last one times out."""
    producer.purge()
    producer.flush(_END_S)
    producer.close()

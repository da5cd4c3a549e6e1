"""A client of librdkafka that can be replaced, because some of its troubles end only with it.

A producer whose idempotence is lost is *fatal*: every call fails from then on. A client under which a topic
was made anew is silent for ever. So the owner asks for another one (`renew`, `fail`), and in the next turn of
the thread that serves it the old one is ended and a new one is made. After failures that takes longer each
time: a client that has lost its rights gains nothing by asking for them a hundred times a second.
"""

import logging
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Generic, TypeVar

from confluent_kafka import KafkaException

from bus.reason import Reason
from bus.telemetry.metrics import Sample
from bus.transport.kafka.asking import reason_of

AGAIN_S = (0.0, 1.0, 2.0, 4.0, 8.0, 10.0)
CALM_S = 60.0  # without a failure, after which the next one is the first again
_log = logging.getLogger("provbus.kafka")

Client = TypeVar("Client")


class Backoff:
    """The time of the next try: at once after a first failure, then later each time.

    >>> backoff = Backoff()
    >>> backoff.failed(100.0), backoff.failed(100.0), backoff.failed(101.0)
    (100.0, 101.0, 103.0)
    """

    def __init__(self) -> None:
        self._tries = 0
        self._failed_at = float("-inf")

    def failed(self, now: float) -> float:
        """Note a failure; the time of the next try."""
        if now >= self._failed_at + CALM_S:
            self._tries = 0
        again_s = AGAIN_S[min(self._tries, len(AGAIN_S) - 1)]
        self._tries += 1
        self._failed_at = now
        return now + again_s


class Replaceable(Generic[Client]):
    """The client of this `name`, by `make` (`KafkaException`); `end` closes one that is not wanted any more.

    A thread other than the one that calls `turn` holds `lock` while it uses the client.
    """

    def __init__(self, name: str, make: Callable[[], Client], end: Callable[[Client], None]) -> None:
        self.lock = Lock()
        self.trouble = ""
        """The reason why no client works, in words; empty if one does."""
        self._name = name
        self._make = make
        self._end = end
        self._backoff = Backoff()
        self._due = 0.0
        self._replaced = dict.fromkeys(("topic", "failure"), 0)
        self.client: Client | None = make()

    def renew(self, reason: str) -> None:
        """Ask for another client: a topic was made anew. From any thread."""
        self._want("topic", reason)

    def fail(self, error: Exception, now: float) -> None:
        """Replace a client that failed for good."""
        self._due = self._backoff.failed(now)
        if not isinstance(error, KafkaException):
            _log.error("a fault in serving the Kafka %s", self._name, exc_info=error)
        self._want("failure", reason_of(error))

    def turn(self, now: float) -> bool:
        """Replace the client if that is wanted and due; True if there is a new one."""
        if not self.trouble:
            return False
        self.close()
        if now < self._due:
            return False
        trouble = self.trouble
        try:
            fresh = self._make()
        except KafkaException as error:
            self._due = self._backoff.failed(now)
            _log.warning("no other Kafka %s can be made: %s", self._name, reason_of(error))
            return False
        with self.lock:
            self.client = fresh
            if self.trouble == trouble:  # and not wanted once more meanwhile
                self.trouble = ""
        return True

    def close(self) -> None:
        """End the client, whatever state it is in. A failure to do so is logged, and changes nothing."""
        with self.lock:
            old, self.client = self.client, None
        if old is None:
            return
        try:
            self._end(old)
        except Exception as error:  # librdkafka's binding raises SystemError and RuntimeError too
            _log.warning("closing the Kafka %s: %s", self._name, reason_of(error))

    def troubles(self) -> list[Reason]:
        """That no client works, if none does."""
        return [Reason("kafka-client-replaced", self.trouble)] if self.trouble else []

    def samples(self) -> Iterator[Sample]:
        """Replacements, by cause."""
        for cause, times in self._replaced.items():
            yield Sample(
                "provbus_kafka_clients_replaced_total", times, {"client": self._name, "cause": cause}
            )

    def _want(self, cause: str, reason: str) -> None:
        with self.lock:
            self._replaced[cause] += 1
            self.trouble = f"the Kafka {self._name}, which is replaced: {reason}"
        _log.warning("replacing the Kafka %s: %s", self._name, reason)

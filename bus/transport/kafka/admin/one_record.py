"""One record to a topic, from a process that is no part of the bus: asked for, written, and done.

The parent of an instance (`bus.runtime.child`) has no client, so this makes one for each of its two
questions. Both wait, for there is nothing else to do.
"""

import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from bus.envelope import Envelope
from bus.errors import UnavailableError
from bus.transport.kafka.answers import Bounds, NoAnswerError
from bus.transport.kafka.asking import Asking, Question, reason_of
from bus.transport.kafka.client_settings import COMMON
from bus.transport.kafka.feeds import topic_of
from bus.wire.codec import to_headers

_LOOK_AGAIN_S = 0.01
_TRIES = (0.25, 0.5, 1.0)
"""Until when each try lasts, as a share of all the time. A new client may lose its first question together
with the broker handle that it asked, and ask again after 1 to 3 s (librdkafka 2.16.0, one client in five
where both cores are busy; 20 ms otherwise). So the next try has another client.
"""


class OneRecord:
    """Writes one record of a class whose topic has one partition. `settings` are librdkafka's."""

    def __init__(self, traffic: str, settings: Mapping[str, Any]) -> None:
        self._topic = topic_of(traffic).name
        self._settings = {**COMMON, **settings, "log_level": 0}
        self._asking = Asking(settings)

    def is_led(self, within_s: float) -> bool:
        """Whether the leader of the partition tells where it ends, within this time. No answer, such as that
        of a broker that has not heard of the topic yet, is asked again, on a new client.
        """
        began = time.monotonic()
        for share in _TRIES:
            if self._is_answered(began + share * within_s):
                return True
            self._asking.doubt()
        return False

    def publish(self, envelope: Envelope, key: str, within_s: float) -> None:
        """Send the record once; `UnavailableError` if it is not confirmed within this time."""
        assert topic_of(envelope.traffic).name == self._topic
        outcome: list[KafkaError | None] = []
        until = time.monotonic() + within_s
        limit_ms = round(within_s * 1000)
        timing = {"message.timeout.ms": limit_ms, "retries": 0, "acks": "all", "linger.ms": 0}
        try:
            producer = self._connected({**self._settings, **timing}, within_s)
            headers = to_headers(envelope)
            producer.produce(
                self._topic, envelope.data, key, 0, lambda error, _: outcome.append(error), headers=headers
            )
            producer.flush(max(0.0, until - time.monotonic()))
        except (KafkaException, BufferError) as error:
            raise UnavailableError(f"{self._topic}: {reason_of(error)}") from error
        if not outcome:
            raise UnavailableError(f"{self._topic}: not confirmed within {within_s:g} s")
        if outcome[0] is not None:
            raise UnavailableError(f"{self._topic}: {outcome[0].str()}")

    def _is_answered(self, until: float) -> bool:
        """Whether the leader answers by then."""
        question: Question[dict[int, Bounds]] | None = None
        while (now := time.monotonic()) < until:
            try:
                question = question or self._asking.bounds(self._topic, [0], until - now, now)
                if question.answer(now) is not None:
                    return True
            except NoAnswerError:
                question = None
            time.sleep(_LOOK_AGAIN_S)
        return False

    def _connected(self, settings: Mapping[str, Any], within_s: float) -> Producer:
        """A producer that knows the topic's leader, or the last one that was tried (`KafkaException`)."""
        began = time.monotonic()
        for share in _TRIES:
            producer = Producer({**settings})
            try:
                left_s = began + share * within_s - time.monotonic()
                producer.list_topics(self._topic, timeout=max(_LOOK_AGAIN_S, left_s))
            except KafkaException:
                continue
            break
        return producer

"""A witness of the role log: it remembers every record that a reader ever saw, and finds those that are gone.

What a reader is given was confirmed by all replicas in sync, and nothing of it may ever be missing or another
record. The witness reads in a thread of its own, so it goes on up to the moment in which the brokers die.
"""

import threading
import time
from hashlib import sha256

from confluent_kafka import Consumer, Message, TopicPartition

from bus.routes import route

POLL_S = 0.2


class Witness:
    """Reads the role log from its beginning until `stop`."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._seen: dict[int, bytes] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="witness")
        self._thread.start()

    def __len__(self) -> int:
        """How many records were seen."""
        return len(self._seen)

    def missing(self, within_s: float) -> list[int]:
        """The offsets at which a record was seen that another reader does not find within the time."""
        missing = dict(self._seen)
        consumer = self._consumer()
        deadline = time.monotonic() + within_s
        try:
            while missing and time.monotonic() < deadline:
                message = consumer.poll(POLL_S)
                if message is not None and message.error() is None:
                    offset = message.offset()
                    if offset is not None and missing.get(offset) == _digest(message):
                        del missing[offset]
        finally:
            consumer.close()
        return sorted(missing)

    def stop(self) -> None:
        """Read no more."""
        self._stopping.set()
        self._thread.join()

    def _follow(self) -> None:
        consumer = self._consumer()
        try:
            while not self._stopping.is_set():
                message = consumer.poll(POLL_S)
                if message is None or message.error() is not None:
                    continue  # no broker, no leader: the client goes on asking
                offset = message.offset()
                if offset is not None:
                    self._seen.setdefault(offset, _digest(message))
        finally:
            consumer.close()

    def _consumer(self) -> Consumer:
        topic = route("failover").topic
        assert topic is not None
        consumer = Consumer({
            "bootstrap.servers": self._bootstrap,
            "group.id": "witness",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "reconnect.backoff.max.ms": 500,
            "log_level": 0,
        })  # fmt: skip
        consumer.assign([TopicPartition(topic.name, 0, 0)])
        return consumer


def _digest(message: Message) -> bytes:
    """What a record says, and when it was written."""
    return sha256(repr((message.timestamp(), message.headers(), message.value())).encode()).digest()

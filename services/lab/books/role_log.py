"""A witness of the role log: it remembers every record that it read, and finds those that are gone.

A record that a reader got was confirmed by all replicas in sync, and may never be missing or changed. The
witness reads in a thread of its own, so it reads until the moment in which the brokers die.
"""

import math
import threading
import time
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from confluent_kafka import Consumer, Message, TopicPartition

from bus.errors import DecodeError, StateError
from bus.routes import route
from bus.wire.codec import from_headers
from services.lab.site.lab import Part

POLL_S = 0.2
LATE_S = 5.0


class LogWitness:
    """Reads the role log from its beginning until `stop`, as a client with these settings."""

    def __init__(self, settings: Mapping[str, str | int | float | bool]) -> None:
        self._settings = settings
        self._seen: dict[int, bytes] = {}
        self._heard: dict[bytes | str | None, float] = {}
        self._silence_s = 0.0
        self._late: Counter[str] = Counter()
        self._read_at: dict[tuple[str, str], float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="witness")
        self._thread.start()

    def __len__(self) -> int:
        """The number of records that were seen."""
        return len(self._seen)

    @property
    def silence_s(self) -> float:
        """The longest time between two records of one role, as a reader gets them, or since its last one."""
        since_s = (time.monotonic() - heard_at for heard_at in [*self._heard.values()])
        return max(self._silence_s, *since_s, 0.0)

    def late(self, type_: str) -> int:
        """How many records of this type came to the log `LATE_S` or more after they were written."""
        return self._late[type_]

    def read_at(self, type_: str, source: str) -> float:
        """When the last record of this type by this writer was read, as `time.monotonic`; -inf before."""
        return self._read_at.get((type_, source), -math.inf)

    def missing(self, within_s: float) -> list[int]:
        """The offsets of seen records that another reader does not find within `within_s`."""
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
        """Stop reading."""
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
                if offset is not None and offset not in self._seen:
                    self._seen[offset] = _digest(message)
                    self._hear(message.key(), time.monotonic())
                    self._note(message)
        finally:
            consumer.close()

    def _hear(self, role: bytes | str | None, now: float) -> None:
        self._silence_s = max(self._silence_s, now - self._heard.get(role, now))
        self._heard[role] = now

    def _note(self, message: Message) -> None:
        headers: Any = message.headers()  # pairs or none; the client's types allow a dict as well
        try:
            envelope = from_headers(headers, message.value())
        except DecodeError:
            return  # of an insider, whom the readers refuse
        self._read_at[envelope.type, envelope.source] = time.monotonic()
        _, appended_ms = message.timestamp()  # by the broker's clock, which is that of its writer here
        if appended_ms - envelope.time_ms >= LATE_S * 1000:
            self._late[envelope.type] += 1

    def _consumer(self) -> Consumer:
        topic = route("failover").topic
        assert topic is not None
        consumer = Consumer({
            **self._settings,
            "group.id": "witness",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "reconnect.backoff.max.ms": 500,
        })  # fmt: skip
        consumer.assign([TopicPartition(topic.name, 0, 0)])
        return consumer


class RoleLogMemory(Part):
    """The witness of a run, once a step has started one."""

    def __init__(self) -> None:
        self._witness: LogWitness | None = None

    def remember(self, settings: Mapping[str, str | int | float | bool]) -> None:
        """Begin to follow the role log of these brokers."""
        self.stop()
        self._witness = LogWitness(settings)

    @property
    def witness(self) -> LogWitness:
        """Who follows the role log; `StateError` if nobody does."""
        if self._witness is None:
            raise StateError("nobody remembers the role log")
        return self._witness

    def compare(self, within_s: float) -> tuple[int, int]:
        """The number of records that were seen, and of those that are gone or changed since. `StateError`
        without a witness.
        """
        return len(self.witness), len(self.witness.missing(within_s))

    def stop(self) -> None:
        """Stop following."""
        if self._witness is not None:
            self._witness.stop()


def _digest(message: Message) -> bytes:
    """SHA-256 over a record's content and its timestamp."""
    return sha256(repr((message.timestamp(), message.headers(), message.value())).encode()).digest()

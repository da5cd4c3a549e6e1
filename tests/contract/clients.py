"""Kafka clients on real brokers, with everything that their machines were given; and topics made anew."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bus.envelope import Envelope, Token
from bus.messages import LogLost, Received
from bus.routes import Column, Topic, route
from bus.transport.kafka.admin.topics import IN_SYNC_MIN, REPLICATION, create_topics
from bus.transport.kafka.client import Kafka
from bus.transport.poller import Poller
from tests.contract.brokers import Brokers
from tests.contract.harness import DEADLINE_S, TURN_S
from tests.stamps import stamp_under

ASK_S = 1.0


def from_topic(envelope: Envelope) -> Received:
    """What a machine is given of a record of no log."""
    return Received(envelope, "", column=Column.BUS)


class Client:
    """A Kafka client with a poller of its own, and everything that its machine was given."""

    def __init__(self, brokers: Brokers, *read: str, **options: Any) -> None:
        self.given: list[Any] = []
        self._poller = Poller()
        self._stamp = stamp_under(Token(1, 0), "dhcp-1", "lab", time.time_ns())
        self.kafka = Kafka(self._poller, brokers.settings, read=read, fetch_wait_s=TURN_S, **options)

    def until(self, condition: Callable[[], object], wanted: str) -> None:
        """Turn until the condition holds."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain for {wanted}: {self.given}"
            self.given += self._poller.poll(TURN_S)

    def until_told(self, *wanted: Any) -> list[Any]:
        """Turn until it was given all of these; returns what it was given since the last call."""
        self.until(lambda: all(one in self.given for one in wanted), str(wanted))
        given, self.given = self.given, []
        return given

    def until_lost(self) -> list[Any]:
        """Turn until the log is lost; returns what it was given since the last call."""
        self.until(lambda: any(isinstance(one, LogLost) for one in self.given), "the log to be lost")
        given, self.given = self.given, []
        return given

    def write(self, count: int, type_: str) -> list[Envelope]:
        """Publish so many records and wait until the brokers have them."""
        envelopes = [self.publish(type_) for _ in range(count)]
        assert self.kafka.flush(DEADLINE_S) == 0
        return envelopes

    def publish(self, type_: str) -> Envelope:
        """Publish a record; whether the brokers have it is seen later."""
        envelope = self._stamp.envelope(type_, b"{}", time_ms=1_800_000_000_123)
        self.kafka.publish(envelope, "dhcp-1")
        return envelope

    def close(self) -> None:
        self.kafka.close()
        self._poller.close()


@contextmanager
def client(brokers: Brokers, *read: str, **options: Any) -> Iterator[Client]:
    """A client, closed at the end."""
    one = Client(brokers, *read, **options)
    try:
        yield one
    finally:
        one.close()


def topic(traffic: str) -> Topic:
    """The topic of a class."""
    found = route(traffic).topic
    assert found is not None
    return found


def remake(brokers: Brokers, traffic: str = "failover") -> None:
    """Delete a class's topic and make it anew: the controller says whether it is there, for a broker may hear
    later of what was made before.
    """
    made = topic(traffic)
    settings = {"min.insync.replicas": str(IN_SYNC_MIN), **made.settings}
    with AdminClient(brokers.settings) as admin:
        try:
            admin.delete_topics([made.name])[made.name].result(DEADLINE_S)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
        fresh = NewTopic(made.name, made.partitions, REPLICATION, config=settings)
        admin.create_topics([fresh])[made.name].result(DEADLINE_S)
    create_topics(brokers.settings, [made])  # which waits until it is ready


def eventually(condition: Callable[[], object]) -> None:
    """Wait for a condition that does its own waiting."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline


def move_leader(brokers: Brokers, traffic: str) -> None:
    """Have another broker lead the class's first partition: its leader stands still until it is no more."""
    name = topic(traffic).name
    before = _leader(brokers, name)
    os.kill(brokers.pids[before - 1], signal.SIGSTOP)
    try:
        eventually(lambda: _leader(brokers, name) not in (before, -1))
    finally:
        os.kill(brokers.pids[before - 1], signal.SIGCONT)
    create_topics(brokers.settings, [topic(traffic)])  # which waits until all are in sync


def _leader(brokers: Brokers, name: str) -> int:
    """Whom a client that was asked nothing yet is told of; -1 if nobody answers it."""
    with AdminClient(brokers.settings) as admin:
        try:
            return admin.list_topics(name, timeout=ASK_S).topics[name].partitions[0].leader
        except KafkaException:
            return -1

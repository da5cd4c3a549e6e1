"""A cluster as its clients see it: it answers as a test tells it to, at once, late, wrongly or never."""

from collections.abc import Mapping
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka.admin import AclOperation  # type: ignore[attr-defined]

from bus.routes import route, topics

ROLES, SETTINGS, BEATS = "provbus.roles.v1", "provbus.settings.v1", "provbus.heartbeat.v1"
AWAY = KafkaException(KafkaError(KafkaError._TRANSPORT))
FATAL = KafkaException(KafkaError(KafkaError._FATAL))
GONE = KafkaError(KafkaError._AUTO_OFFSET_RESET)
EOF = KafkaError(KafkaError._PARTITION_EOF)


class Never:
    """A question that is never answered. It has the same name in every process, so that tests do."""

    def __repr__(self) -> str:
        return "never"


NEVER = Never()
"""In the place of an answer: none comes."""
ALL = [AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE]


def refused(code: int) -> KafkaException:
    """An error that a broker answers with."""
    return KafkaException(KafkaError(code))


def answered(outcome: Any) -> Future[Any]:
    """A future with this outcome; an exception is raised by it."""
    future: Future[Any] = Future()
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    elif outcome is not NEVER:
        future.set_result(outcome)
    return future


class Cluster:
    """Every topic of ours, empty. Makes the client that asks."""

    def __init__(self) -> None:
        self.ids: dict[str, Any] = {topic.name: f"id-of-{topic.name}" for topic in topics()}
        self.leaderless: set[str] = set()
        self.host = "127.0.0.1"
        self.rights: dict[str, list[Any] | None] = {}
        self.first: dict[str, Any] = {}
        self.last: dict[str, Any] = {}
        self.left_out: set[int] = set()
        self.id, self.brokers = "MkU3OEVBNTcwNTJENDM2Qk", {1: None}
        self.clients = 0
        self.asked: list[tuple[str, float]] = []
        """Which topics were asked about, and how long the answer might take."""

    def client(self, _: Mapping[str, Any]) -> "Cluster":
        self.clients += 1
        return self

    def list_topics(self, topic: str, timeout: float) -> Any:
        if self.id == "":
            raise AWAY
        return SimpleNamespace(cluster_id=self.id, brokers=self.brokers)

    def describe_topics(self, collection: Any, request_timeout: float, **_: Any) -> Any:
        self.asked.append(("all", request_timeout))
        return {name: answered(self._described(name)) for name in collection.topic_names}

    def list_offsets(self, specs: Mapping[Any, Any], request_timeout: float) -> Any:
        answers: dict[Any, Future[Any]] = {}
        for place, spec in specs.items():
            is_end = spec._value == -1
            if is_end:
                self.asked.append((place.topic, request_timeout))
            found = (self.last if is_end else self.first).get(place.topic, 0)
            is_offset = found is None or isinstance(found, int)
            if place.partition not in self.left_out:
                answers[place] = answered(SimpleNamespace(offset=found) if is_offset else found)
        return answers

    def _described(self, name: str) -> Any:
        found = self.ids.get(name, refused(KafkaError.UNKNOWN_TOPIC_OR_PART))
        if not isinstance(found, str):
            return found
        leader = None if name in self.leaderless else SimpleNamespace(id=1, host=self.host, port=9092)
        return SimpleNamespace(
            topic_id=found,
            partitions=[SimpleNamespace(leader=leader)],
            authorized_operations=self.rights.get(name, ALL),
        )


def record(traffic: str, offset: int, leader_epoch: int = 0) -> Message:
    """A record of this class that nobody of ours wrote."""
    topic = route(traffic).topic
    assert topic is not None
    return Message(topic=topic.name, partition=0, offset=offset, value=b"{}", leader_epoch=leader_epoch)


def event(topic: str, error: KafkaError, offset: int = -1001) -> Message:
    """What the client says of a partition."""
    return Message(topic=topic, partition=0, offset=offset, error=error)

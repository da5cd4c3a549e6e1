"""The topics: created as the route table declares them, never by a producer's first record."""

from collections.abc import Callable, Iterable, Mapping
from time import monotonic, sleep
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bus.errors import UnavailableError
from bus.routes import Topic, topics
from bus.transport.kafka.settings import refused

REPLICATION = 3
IN_SYNC_MIN = 2
PREFIX = "provbus."
_REQUEST_S = 15.0
_SETTLE_S = 30.0


def create_topics(settings: Mapping[str, Any], declared: Iterable[Topic] | None = None) -> list[str]:
    """Create what is missing and wait until it can be written to; returns the names created.

    `settings` are librdkafka's for the connection. `UnavailableError` if the brokers do not do it in time.
    """
    admin = _admin(settings)
    wanted = list(topics() if declared is None else declared)
    present = _names(admin)
    fresh = [
        NewTopic(
            topic.name,
            num_partitions=topic.partitions,
            replication_factor=REPLICATION,
            config={"min.insync.replicas": str(IN_SYNC_MIN), **topic.settings},
        )
        for topic in wanted
        if topic.name not in present
    ]
    if fresh:
        _each(
            admin.create_topics(fresh, operation_timeout=_REQUEST_S), ignore=KafkaError.TOPIC_ALREADY_EXISTS
        )
    _wait_until(lambda: _are_ready(admin, wanted), "the topics to be ready")
    return [topic.topic for topic in fresh]


def delete_topics(settings: Mapping[str, Any]) -> list[str]:
    """Delete every `provbus.*` topic and wait until it is gone; returns the names deleted."""
    admin = _admin(settings)
    doomed = [name for name in _names(admin) if name.startswith(PREFIX)]
    if doomed:
        _each(
            admin.delete_topics(doomed, operation_timeout=_REQUEST_S),
            ignore=KafkaError.UNKNOWN_TOPIC_OR_PART,
        )
    _wait_until(lambda: not _names(admin) & set(doomed), "the old topics to go")
    return doomed


def _admin(settings: Mapping[str, Any]) -> AdminClient:
    try:
        return AdminClient(dict(settings))
    except KafkaException as error:
        raise refused(error) from error


def _names(admin: AdminClient) -> set[str]:
    try:
        return set(admin.list_topics(timeout=_REQUEST_S).topics)
    except KafkaException as error:
        raise UnavailableError(f"no Kafka broker answers: {error.args[0].str()}") from error


def _each(futures: Mapping[str, Any], ignore: int) -> None:
    for name, future in futures.items():
        try:
            future.result(_REQUEST_S)
        except KafkaException as error:
            if error.args[0].code() != ignore:
                raise UnavailableError(f"{name}: {error.args[0].str()}") from error


def _are_ready(admin: AdminClient, wanted: Iterable[Topic]) -> bool:
    present = admin.list_topics(timeout=_REQUEST_S).topics
    return all(
        topic.name in present
        and len(present[topic.name].partitions) == topic.partitions
        and all(
            part.leader >= 0 and len(part.isrs) >= IN_SYNC_MIN
            for part in present[topic.name].partitions.values()
        )
        for topic in wanted
    )


def _wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = monotonic() + _SETTLE_S
    while not condition():
        if monotonic() > deadline:
            raise UnavailableError(f"Kafka did not finish within {_SETTLE_S:.0f} s: waited for {what}")
        sleep(0.1)

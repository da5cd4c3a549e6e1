"""The topics: created as the route table declares them, never by a producer's first record."""

from collections.abc import Callable, Iterable, Mapping
from time import monotonic, sleep
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bus.errors import UnavailableError
from bus.routes import Topic, topics
from bus.transport.kafka.admin.administrator import REQUEST_S, Administrator, Make

REPLICATION = 3
IN_SYNC_MIN = 2
PREFIX = "provbus."
_SETTLE_S = 30.0


def create_topics(
    settings: Mapping[str, Any],
    declared: Iterable[Topic] | None = None,
    make: Make = AdminClient,
) -> list[str]:
    """Create missing topics and wait until all can be written to; returns the names created.

    A broker may show a topic for a while that was deleted just now: one that then vanishes is created, too.
    `settings` are librdkafka's for the connection. `UnavailableError` if the brokers do not do it in time.
    """
    admin = Administrator(settings, make)
    wanted = list(topics() if declared is None else declared)
    made: list[str] = []

    def are_ready(present: Mapping[str, Any]) -> bool:
        missing = [topic for topic in wanted if topic.name not in present and topic.name not in made]
        made.extend(_create(admin, missing))
        return _are_ready(present, wanted)

    present = _present(admin)
    made += _create(admin, [topic for topic in wanted if topic.name not in present])
    _wait_until(admin, are_ready, "the topics to be ready")
    return made


def _create(admin: Administrator, missing: Iterable[Topic]) -> list[str]:
    """Create these, or find that somebody did; returns their names."""
    fresh = [
        NewTopic(
            topic.name,
            num_partitions=topic.partitions,
            replication_factor=REPLICATION,
            config={"min.insync.replicas": str(IN_SYNC_MIN), **topic.settings},
        )
        for topic in missing
    ]
    if fresh:
        _each(
            admin.client.create_topics(fresh, operation_timeout=REQUEST_S),
            ignore=KafkaError.TOPIC_ALREADY_EXISTS,
        )
    return [topic.topic for topic in fresh]


def delete_topics(settings: Mapping[str, Any], make: Make = AdminClient) -> list[str]:
    """Delete every `provbus.*` topic and wait until it is gone; returns the names deleted."""
    admin = Administrator(settings, make)
    doomed = [name for name in _present(admin) if name.startswith(PREFIX)]
    if doomed:
        _each(
            admin.client.delete_topics(doomed, operation_timeout=REQUEST_S),
            ignore=KafkaError.UNKNOWN_TOPIC_OR_PART,
        )
    _wait_until(admin, lambda present: not present.keys() & set(doomed), "the old topics to go")
    return doomed


def _present(admin: Administrator) -> Mapping[str, Any]:
    """The existing topics, by name; `UnavailableError` if no broker answers."""
    found: Mapping[str, Any] = admin.metadata().topics
    return found


def _each(futures: Mapping[str, Any], ignore: int) -> None:
    for name, future in futures.items():
        try:
            future.result(REQUEST_S)
        except KafkaException as error:
            if error.args[0].code() != ignore:
                raise UnavailableError(f"{name}: {error.args[0].str()}") from error
        except TimeoutError:
            raise UnavailableError(f"{name}: no broker answered in {REQUEST_S:g} s") from None


def _are_ready(present: Mapping[str, Any], wanted: Iterable[Topic]) -> bool:
    return all(
        topic.name in present
        and len(present[topic.name].partitions) == topic.partitions
        and all(
            part.leader >= 0 and len(part.isrs) >= IN_SYNC_MIN
            for part in present[topic.name].partitions.values()
        )
        for topic in wanted
    )


def _wait_until(admin: Administrator, condition: Callable[[Mapping[str, Any]], bool], what: str) -> None:
    """Wait until the existing topics fulfil a condition. While a leader moves brokers may not answer."""
    deadline = monotonic() + _SETTLE_S
    reason = ""
    while True:
        try:
            if condition(_present(admin)):
                return
        except UnavailableError as error:
            reason = f" ({error})"
        if monotonic() > deadline:
            raise UnavailableError(f"Kafka did not finish in {_SETTLE_S:.0f} s: waited for {what}{reason}")
        sleep(0.1)

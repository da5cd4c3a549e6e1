"""The topics on real brokers: created as declared, left alone when they are there, deleted when asked."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]
from confluent_kafka.cimpl import NewTopic

from bus.routes import Topic, topics
from bus.transport.kafka.admin.topics import IN_SYNC_MIN, REPLICATION, create_topics, delete_topics
from tests.contract.brokers import Brokers
from tests.contract.harness import DEADLINE_S

pytestmark = pytest.mark.kafka

OTHERS = "somebody-elses.v1"
NAMES = sorted(topic.name for topic in topics())


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for a condition: the client may ask a broker that has not heard of the change yet."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline


@pytest.fixture
def admin(real_cluster: Brokers) -> Iterator[AdminClient]:
    with AdminClient(real_cluster.settings) as client:
        yield client


@pytest.fixture
def brokers(real_cluster: Brokers) -> Iterator[Brokers]:
    """The brokers with every topic, also after the test."""
    create_topics(real_cluster.settings)
    yield real_cluster
    create_topics(real_cluster.settings)


def present(admin: AdminClient) -> set[str]:
    return set(admin.list_topics(timeout=DEADLINE_S).topics)


def settings_of(admin: AdminClient, name: str) -> dict[str, Any]:
    """A topic's settings as its brokers have them, once the one that is asked has heard of it."""
    found: dict[str, Any] = {}

    def is_known() -> bool:
        [answer] = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name)]).values()
        try:
            found.update((key, entry.value) for key, entry in answer.result(DEADLINE_S).items())
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
        return bool(found)

    eventually(is_known)
    return found


def test_topics_are_as_declared(brokers: Brokers, admin: AdminClient) -> None:
    described = admin.list_topics(timeout=DEADLINE_S).topics
    for topic in topics():
        parts = described[topic.name].partitions
        assert sorted(parts) == list(range(topic.partitions))
        assert {len(part.replicas) for part in parts.values()} == {REPLICATION}
        settings = settings_of(admin, topic.name)
        assert settings["min.insync.replicas"] == str(IN_SYNC_MIN)
        assert {key: settings[key] for key in topic.settings} == topic.settings


def test_creating_again_creates_nothing(brokers: Brokers) -> None:
    assert create_topics(brokers.settings) == []


def test_only_what_is_missing_is_created(brokers: Brokers, admin: AdminClient) -> None:
    extra = Topic("provbus.contract.v1", 2, {"retention.ms": "1234567"})
    assert create_topics(brokers.settings, [*topics(), extra]) == [extra.name]
    try:
        assert settings_of(admin, extra.name)["retention.ms"] == "1234567"
    finally:
        admin.delete_topics([extra.name])[extra.name].result(DEADLINE_S)


def test_deleting_takes_ours_and_leaves_the_others(brokers: Brokers, admin: AdminClient) -> None:
    admin.create_topics([NewTopic(OTHERS, 1, REPLICATION)])[OTHERS].result(DEADLINE_S)
    assert sorted(delete_topics(brokers.settings)) == NAMES
    eventually(lambda: present(admin) & {*NAMES, OTHERS} == {OTHERS})
    assert delete_topics(brokers.settings) == []
    assert sorted(create_topics(brokers.settings)) == NAMES
    eventually(lambda: present(admin) >= {*NAMES, OTHERS})
    admin.delete_topics([OTHERS])[OTHERS].result(DEADLINE_S)

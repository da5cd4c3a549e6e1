"""Who leads a partition, and the election that an operator asks for."""

from collections.abc import Mapping
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import ElectionType, KafkaError, KafkaException, TopicPartition

from bus.errors import UnavailableError
from bus.transport.kafka.admin.leaders import Partition, elect_unclean, partitions

ROLES, SETTINGS = "provbus.roles.v1", "provbus.settings.v1"

NOBODY = KafkaException(KafkaError(KafkaError.ELIGIBLE_LEADERS_NOT_AVAILABLE))


class Admin:
    """A client whose cluster has the topics of `led`, with a leader or without, and one of a stranger."""

    def __init__(self, led: Mapping[str, int]) -> None:
        self.cluster_id, self.brokers = (
            "MkU3OEVBNTcwNTJENDM2Qk",
            {1: SimpleNamespace(host="127.0.0.1", port=9092)},
        )
        self.elected: list[tuple[Any, list[TopicPartition]]] = []
        self.outcome: Any = {}
        self.topics = {
            name: SimpleNamespace(
                partitions={0: SimpleNamespace(leader=leader, isrs=[3], replicas=[3, 1, 2])}
            )
            for name, leader in {**led, "other": 1}.items()
        }

    def make(self, settings: Mapping[str, Any]) -> Any:
        assert settings["a"] == 1
        return self

    def list_topics(self, timeout: float) -> Any:
        return self

    def poll(self, timeout: float) -> int:
        return 0

    def elect_leaders(self, kind: Any, wanted: list[TopicPartition]) -> Future[Any]:
        self.elected.append((kind, wanted))
        future: Future[Any] = Future()
        if isinstance(self.outcome, Exception):
            future.set_exception(self.outcome)
        else:
            future.set_result(self.outcome)
        return future


def found(admin: Admin) -> list[Partition]:
    return partitions({"a": 1}, admin.make)


def test_our_partitions_are_found_with_and_without_a_leader() -> None:
    assert found(Admin({SETTINGS: -1, ROLES: 2})) == [
        Partition(ROLES, 0, 2, (3,), (3, 1, 2)),
        Partition(SETTINGS, 0, -1, (3,), (3, 1, 2)),
    ]
    assert [one.has_leader for one in found(Admin({SETTINGS: -1, ROLES: 0}))] == [True, False]


def test_metadata_that_name_no_broker_are_no_answer() -> None:
    admin = Admin({ROLES: 2})
    admin.brokers = {}
    with pytest.raises(UnavailableError, match="no Kafka broker answers"):
        found(admin)


def test_an_election_is_unclean_and_of_those_that_were_asked_for() -> None:
    admin = Admin({SETTINGS: -1, ROLES: -1})
    admin.outcome = dict.fromkeys([TopicPartition(ROLES, 0), TopicPartition(SETTINGS, 0)])
    elect_unclean({"a": 1}, found(admin), admin.make)
    ((kind, wanted),) = admin.elected
    assert kind is ElectionType.UNCLEAN
    assert [(one.topic, one.partition) for one in wanted] == [(ROLES, 0), (SETTINGS, 0)]


def test_a_partition_that_found_a_leader_meanwhile_needs_none() -> None:
    admin = Admin({ROLES: -1})
    needless = KafkaException(KafkaError(KafkaError.ELECTION_NOT_NEEDED))
    admin.outcome = {TopicPartition(ROLES, 0): needless}
    elect_unclean({"a": 1}, found(admin), admin.make)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ({TopicPartition(ROLES, 0): NOBODY}, "provbus.roles.v1, partition 0"),
        (KafkaException(KafkaError(KafkaError._TIMED_OUT)), "no Kafka broker holds an election"),
    ],
)
def test_an_election_that_found_nobody_is_an_error(outcome: Any, said: str) -> None:
    admin = Admin({ROLES: -1})
    admin.outcome = outcome
    with pytest.raises(UnavailableError, match=said):
        elect_unclean({"a": 1}, found(admin), admin.make)

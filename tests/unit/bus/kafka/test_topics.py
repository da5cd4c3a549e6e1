"""Topics are created and deleted by what brokers say, and nothing is done on an answer that is none."""

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError

from bus.errors import ConfigError, UnavailableError
from bus.routes import Topic
from bus.transport.kafka.admin.topics import create_topics, delete_topics
from tests.unit.bus.kafka.cluster import AWAY, answered, refused

TOPIC = Topic("provbus.x.v1", 1)
IN_SYNC = SimpleNamespace(leader=1, isrs=[1, 2, 3])
ELECTING = SimpleNamespace(leader=-1, isrs=[])


BROKERS = {number: SimpleNamespace(host="127.0.0.1", port=9090 + number) for number in (1, 2, 3)}


def says(*topics: str, part: Any = IN_SYNC, brokers: Any = BROKERS) -> Any:
    """Metadata that name these topics, of one partition each."""
    found = {name: SimpleNamespace(partitions={0: part}) for name in topics}
    return SimpleNamespace(cluster_id="MkU3OEVBNTcwN" if brokers else "", brokers=brokers, topics=found)


class Admin:
    """Answers each question for metadata with the next of these, and every request with `outcome`."""

    def __init__(self, *metadata: Any, outcome: Any = None) -> None:
        self.asked: list[str] = []
        self._metadata = [*metadata]
        self._outcome = outcome

    def list_topics(self, timeout: float) -> Any:
        found = self._metadata.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    def poll(self, timeout: float) -> int:
        return 0

    def create_topics(self, fresh: list[Any], operation_timeout: float) -> Any:
        return self._request([one.topic for one in fresh])

    def delete_topics(self, names: list[str], operation_timeout: float) -> Any:
        return self._request(names)

    def _request(self, names: list[str]) -> Any:
        self.asked += names
        return {name: answered(self._outcome) for name in names}


def create(admin: Any) -> list[str]:
    return create_topics({}, [TOPIC], lambda _: admin)


def test_nothing_is_created_at_brokers_beyond_loopback_in_clear() -> None:
    admin = Admin(says(brokers={1: SimpleNamespace(host="192.0.2.1", port=9091)}))
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1:9091"):
        create(admin)
    assert admin.asked == []


def test_what_is_missing_is_created_and_waited_for() -> None:
    electing = says(TOPIC.name, part=ELECTING)
    admin = Admin(says(), electing, AWAY, says(brokers={}), says(TOPIC.name))
    assert create(admin) == admin.asked == [TOPIC.name]


def test_what_was_deleted_and_is_shown_for_a_while_is_created_once_it_is_gone() -> None:
    admin = Admin(says(TOPIC.name, part=ELECTING), says(), says(), says(TOPIC.name))
    assert create(admin) == admin.asked == [TOPIC.name]


def test_what_is_there_is_left() -> None:
    admin = Admin(says(TOPIC.name), says(TOPIC.name))
    assert create(admin) == admin.asked == []


def test_who_was_faster_is_no_trouble() -> None:
    admin = Admin(says(), says(TOPIC.name), outcome=refused(KafkaError.TOPIC_ALREADY_EXISTS))
    assert create(admin) == [TOPIC.name]


@pytest.mark.parametrize("metadata", [says(brokers={}), AWAY], ids=["no brokers", "away"])
def test_without_an_answer_nothing_is_created_and_nothing_deleted(metadata: Any) -> None:
    admin: Any = Admin(metadata)
    with pytest.raises(UnavailableError, match="no Kafka broker answers"):
        create(admin)
    admin = Admin(metadata)
    with pytest.raises(UnavailableError, match="no Kafka broker answers"):
        delete_topics({}, lambda _: admin)
    assert admin.asked == []


def test_a_refusal_is_told() -> None:
    with pytest.raises(UnavailableError, match=f"{TOPIC.name}: "):
        create(Admin(says(), outcome=refused(KafkaError.CLUSTER_AUTHORIZATION_FAILED)))


def test_ours_are_deleted_and_waited_for() -> None:
    admin: Any = Admin(says(TOPIC.name, "theirs"), says(TOPIC.name, "theirs"), says("theirs"))
    assert delete_topics({}, lambda _: admin) == admin.asked == [TOPIC.name]

"""Which answers of the brokers are believed, and what becomes of those that are not."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError

from bus.transport.kafka.answers import (
    DENIED,
    NO_ID,
    NOT_THERE,
    Bounds,
    NoAnswerError,
    TopicState,
    bounds,
    has_ids,
    topic_state,
)
from tests.unit.bus.kafka.cluster import ALL, AWAY, refused


@pytest.mark.parametrize(("first", "last"), [(0, 0), (0, 7), (7, 7), (5, 1 << 40)])
def test_bounds_are_believed_if_both_are_known_and_in_order(first: int, last: int) -> None:
    assert bounds(first, last) == Bounds(first, last)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (-1001, -1001),
        (0, -1001),
        (-1001, 7),
        (-1, 7),
        (-2, 7),
        (0, -1),
        (7, 6),
        (None, 7),
        (0, None),
        ("0", 7),
    ],
)
def test_no_other_bounds_are(first: Any, last: Any) -> None:
    with pytest.raises(NoAnswerError, match="are no answer"):
        bounds(first, last)


@pytest.mark.parametrize(
    ("cluster_id", "brokers", "expected"),
    [
        ("MkU3OEVBNTcwNTJENDM2Qk", {1: None}, True),
        ("mockCluster156394179fdc", {1: None}, False),
        ("MkU3OEVBNTcwNTJENDM2Qk", {}, None),
        (None, {1: None}, None),
        ("", {}, None),
    ],
)
def test_metadata_without_brokers_are_no_answer(cluster_id: Any, brokers: Any, expected: bool | None) -> None:
    metadata = SimpleNamespace(cluster_id=cluster_id, brokers=brokers)
    if expected is None:
        with pytest.raises(NoAnswerError):
            has_ids(metadata)
    else:
        assert has_ids(metadata) is expected


BROKER, NOBODY = SimpleNamespace(id=1, host="127.0.0.1", port=9092), SimpleNamespace(id=-1, host="", port=-1)
STRAY = SimpleNamespace(id=2, host="kafka-2.example", port=9093)


def described(topic_id: Any, rights: Any = ALL, leaders: Sequence[Any] = (BROKER,)) -> Any:
    partitions = [SimpleNamespace(leader=leader) for leader in leaders]
    return SimpleNamespace(topic_id=topic_id, partitions=partitions, authorized_operations=rights)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (described("x"), TopicState("x")),
        (described("x", None), TopicState("x")),
        (described("x", []), TopicState("x")),
        (described(NO_ID), TopicState("")),
        (described("x", ALL[:1]), TopicState("x", may_write=False)),
        (described("x", ALL[1:]), TopicState("x", may_read=False)),
        (described("x", leaders=[BROKER, None]), TopicState("x", is_led=False)),
        (described("x", leaders=[NOBODY]), TopicState("x", is_led=False)),
        (described("x", None, leaders=[None]), TopicState("x", is_led=False)),
        (described("x", leaders=[BROKER, BROKER]), TopicState("x")),
        (described("x", leaders=[BROKER, STRAY]), TopicState("x", beyond=("kafka-2.example:9093",))),
        (described("x", None, leaders=[STRAY]), TopicState("x", beyond=("kafka-2.example:9093",))),
        (refused(KafkaError.UNKNOWN_TOPIC_OR_PART), TopicState("", NOT_THERE)),
        (refused(KafkaError.UNKNOWN_TOPIC_ID), TopicState("", NOT_THERE)),
        (refused(KafkaError.TOPIC_AUTHORIZATION_FAILED), TopicState("", DENIED, False, False)),
    ],
)
def test_a_topic_is_there_or_it_is_said_why_not(outcome: Any, expected: TopicState) -> None:
    assert topic_state(outcome) == expected


@pytest.mark.parametrize(
    "outcome", [AWAY, refused(KafkaError._TIMED_OUT), RuntimeError("results differ"), None]
)
def test_what_says_nothing_of_a_topic_is_no_answer(outcome: Any) -> None:
    with pytest.raises(NoAnswerError):
        topic_state(outcome)

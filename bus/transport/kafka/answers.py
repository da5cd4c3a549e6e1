"""Checks of the brokers' answers.

librdkafka says "not known" with a negative offset, and a question that timed out may come back with one and
without an error (`list_offsets`: offset -1001). The first and the last offset are two questions: one of them
may be known alone, and two leaders may have answered them. Nobody may act on such an answer, so all answers
are checked here. A question with an invalid one is asked again.
"""

from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AclOperation  # type: ignore[attr-defined]

from bus.errors import UnavailableError

_MISSING = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.UNKNOWN_TOPIC_ID)
_DENIED = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED)
NO_ID = "AAAAAAAAAAAAAAAAAAAAAA"  # a topic id of zeros
NOT_THERE, DENIED = "is not there", "may not be seen"


class NoAnswerError(UnavailableError):
    """The brokers did not answer, or gave an invalid answer: ask again."""


class Bounds(NamedTuple):
    """The first offset that is left in a partition, and the one behind its last."""

    start: int
    end: int


class TopicState(NamedTuple):
    """The state of a topic by the brokers: its id, or why there is none (`NOT_THERE`, `DENIED`; brokers
    before Kafka 2.8 gave topics no ids), our rights, and whether each partition has a leader. A right that is
    not known counts as given.
    """

    id: str
    trouble: str = ""
    may_read: bool = True
    may_write: bool = True
    is_led: bool = True


def bounds(first: Any, last: Any) -> Bounds:
    """The bounds, if both are known and the first is not behind the last; else `NoAnswerError`.

    >>> bounds(0, 7)
    Bounds(start=0, end=7)
    >>> bounds(0, -1001)
    Traceback (most recent call last):
    bus.transport.kafka.answers.NoAnswerError: offsets 0 to -1001 are no answer
    """
    if not isinstance(first, int) or not isinstance(last, int) or not 0 <= first <= last:
        raise NoAnswerError(f"offsets {first} to {last} are no answer")
    return Bounds(first, last)


def has_ids(metadata: Any) -> bool:
    """Whether the cluster gives its topics ids: all but librdkafka's own do. `NoAnswerError` for metadata
    that name no broker.
    """
    if not metadata.brokers or not metadata.cluster_id:
        raise NoAnswerError("metadata without brokers are no answer")
    return not str(metadata.cluster_id).startswith("mockCluster")


def topic_state(described: Any) -> TopicState:
    """The state in a description of a topic, or in the error in its place; `NoAnswerError` if in neither."""
    if isinstance(described, KafkaException):
        code = described.args[0].code()
        if code in _MISSING:
            return TopicState("", NOT_THERE)
        if code in _DENIED:
            return TopicState("", DENIED, may_read=False, may_write=False)
        raise NoAnswerError(described.args[0].str())
    if not hasattr(described, "topic_id"):
        raise NoAnswerError(f"{described!r} is no description of a topic")
    seen = str(described.topic_id).replace(NO_ID, "")
    is_led = all(_leads(partition.leader) for partition in described.partitions)
    rights = described.authorized_operations
    if not rights:  # a broker need not tell
        return TopicState(seen, is_led=is_led)
    return TopicState(
        seen,
        may_read=AclOperation.READ in rights,
        may_write=AclOperation.WRITE in rights,
        is_led=is_led,
    )


def _leads(node: Any) -> bool:
    """Whether this is a broker; no broker is None, or a number below 0."""
    return node is not None and node.id >= 0

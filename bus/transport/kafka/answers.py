"""Checks of the brokers' answers.

librdkafka says "not known" with a negative offset, and a question that timed out may come back with one and
without an error (`list_offsets`: offset -1001). The first and the last offset are two questions: one of them
may be known alone, and two leaders may have answered them. Nobody may act on such an answer, so all answers
are checked here. A question with an invalid one is asked again.

No record leaves this host in clear: brokers beyond loopback are refused while nothing is encrypted. The
configuration can only look at `kafka.bootstrap`. Brokers name the others, and themselves, in their metadata
(`advertised.listeners`), and librdkafka goes where they say. At a start such a broker is a mistake in the
configuration; later it stops what we write and what we read, until an answer names none (`ClearText`).
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AclOperation  # type: ignore[attr-defined]

from bus.config.model import ENCRYPTED
from bus.errors import ConfigError, UnavailableError
from bus.reason import Reason
from bus.telemetry.metrics import Sample
from bus.wire.endpoint import is_loopback

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
    before Kafka 2.8 gave topics no ids), our rights, whether each partition has a leader, and the leaders
    beyond loopback. A right that is not known counts as given.
    """

    id: str
    trouble: str = ""
    may_read: bool = True
    may_write: bool = True
    is_led: bool = True
    beyond: tuple[str, ...] = ()


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
    leaders = [partition.leader for partition in described.partitions]
    is_led = all(map(_leads, leaders))
    strays = beyond(filter(_leads, leaders))
    rights = described.authorized_operations
    if not rights:  # a broker need not tell
        return TopicState(seen, is_led=is_led, beyond=strays)
    return TopicState(
        seen,
        may_read=AclOperation.READ in rights,
        may_write=AclOperation.WRITE in rights,
        is_led=is_led,
        beyond=strays,
    )


def _leads(node: Any) -> bool:
    """Whether this is a broker; no broker is None, or a number below 0."""
    return node is not None and node.id >= 0


def beyond(nodes: Iterable[Any]) -> tuple[str, ...]:
    """Those of these brokers that are not on loopback, each as `HOST:PORT`. A leader that has just died is
    named without a host: nothing can be sent there.
    """
    strays = (one for one in nodes if one.host is not None and not is_loopback(one.host))
    return tuple(sorted({f"{one.host}:{one.port}" for one in strays}))


class ClearText:
    """What must not be spoken to with these settings of librdkafka. Brokers are noted and looked at from
    several threads.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        protocol = str(settings.get("security.protocol", "PLAINTEXT")).upper()
        self._protocol = "" if protocol in ENCRYPTED else protocol
        self.refusal = ""
        """The reason why nothing is written and read now; empty if that is allowed."""
        self.refused = 0
        """The number of records that were refused for it."""

    def note(self, strays: Iterable[str]) -> None:
        """Note the brokers beyond loopback that the latest answer named."""
        names = ", ".join(strays)
        self.refusal = (
            f"Kafka names brokers beyond loopback ({names}), and {self._protocol} would send in clear"
            if names and self._protocol
            else ""
        )

    def check(self) -> None:
        """`ConfigError` if such a broker was named."""
        if self.refusal:
            raise ConfigError(
                f"{self.refusal}: set kafka.client.security.protocol to SSL or SASL_SSL, or correct the"
                " brokers' advertised.listeners"
            )

    def admit(self) -> None:
        """`UnavailableError` for a record that is not written now, which is counted."""
        refusal = self.refusal  # once, for another thread may note anew
        if refusal:
            self.refused += 1
            raise UnavailableError(refusal)

    def lacks(self) -> list[Reason]:
        """That nothing is written and read, if so."""
        return [Reason("kafka-in-clear", self.refusal)] if self.refusal else []

    def samples(self) -> list[Sample]:
        """Refused records."""
        return [Sample("provbus_kafka_in_clear_refused_total", self.refused)]

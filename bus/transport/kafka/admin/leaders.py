"""The leaders of our topics' partitions, and the election that only an operator asks for.

A partition has no leader when no running broker is known to have every confirmed record: after a power cut,
when two of three brokers came back (`deploy/kafka/README.md`). The missing broker restores the leader by
itself. An unclean election takes any running replica instead, whatever records it has.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from confluent_kafka import ElectionType, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from bus.errors import UnavailableError
from bus.routes import topics
from bus.transport.kafka.admin.administrator import REQUEST_S, Administrator, Make
from bus.transport.kafka.asking import reason_of


class Partition(NamedTuple):
    """A partition: its leader, or -1; the brokers in sync, and all that should have a copy."""

    topic: str
    number: int
    leader: int
    in_sync: tuple[int, ...]
    replicas: tuple[int, ...]

    @property
    def has_leader(self) -> bool:
        """Whether it can be read and written."""
        return self.leader >= 0


def partitions(
    settings: Mapping[str, Any], make: Make = AdminClient, wait_s: float = REQUEST_S
) -> list[Partition]:
    """The partitions of our topics that exist, in the order of the route table.

    `settings` are librdkafka's for the connection. `UnavailableError` if no broker answers.
    """
    metadata = Administrator(settings, make).metadata(wait_s)
    return [
        Partition(topic.name, number, one.leader, tuple(one.isrs), tuple(one.replicas))
        for topic in topics()
        if topic.name in metadata.topics
        for number, one in sorted(metadata.topics[topic.name].partitions.items())
    ]


def elect_unclean(
    settings: Mapping[str, Any], leaderless: Sequence[Partition], make: Make = AdminClient
) -> None:
    """Make any running replica the leader of each of these; `UnavailableError` for one that has none."""
    wanted = [TopicPartition(one.topic, one.number) for one in leaderless]
    admin = Administrator(settings, make)  # the question ends with its client
    # confluent-kafka 2.16 takes no keyword here: with `request_timeout` it ends in a SystemError.
    asked: Future[Any] = admin.client.elect_leaders(ElectionType.UNCLEAN, wanted)
    try:
        found: Mapping[TopicPartition, KafkaException | None] = asked.result(REQUEST_S)
    except (KafkaException, TimeoutError) as error:
        raise UnavailableError(f"no Kafka broker holds an election: {admin.cause_of(error)}") from error
    for one, trouble in found.items():
        if trouble is not None and trouble.args[0].code() != KafkaError.ELECTION_NOT_NEEDED:
            raise UnavailableError(f"{one.topic}, partition {one.partition}: {reason_of(trouble)}")

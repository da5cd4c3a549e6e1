"""The Kafka topics of the bus at the brokers of a configuration: declared, looked at, and led again."""

from collections.abc import Iterable

from bus.config.model import KafkaSection
from bus.transport.kafka.admin.leaders import Partition, elect_unclean, partitions
from bus.transport.kafka.admin.topics import create_topics
from bus.transport.kafka.client_settings import client_settings


def declare(brokers: KafkaSection) -> list[str]:
    """Create the topics that are missing, as the route table declares them; their names."""
    return create_topics(client_settings(brokers))


def leadership(brokers: KafkaSection) -> list[Partition]:
    """Who leads each partition, and which brokers are in sync."""
    return partitions(client_settings(brokers))


def leaderless(found: Iterable[Partition]) -> list[Partition]:
    """Those of them that nobody leads."""
    return [one for one in found if not one.has_leader]


def elect(brokers: KafkaSection) -> list[Partition]:
    """Give every partition without a leader one, whatever that broker has of its records; which they were."""
    settings = client_settings(brokers)
    missing = leaderless(partitions(settings))
    if missing:
        elect_unclean(settings, missing)
    return missing

"""The broker of a run: librdkafka's own cluster inside this process, or three Apache Kafka brokers.

`embedded` speaks the real protocol on loopback ports, so every other process joins it as it would join Kafka.
It has no durability, keeps 5 MiB per partition and holds each fetch to its full wait; it is for a machine
without Kafka. `real` uses the standing lab cluster, or starts one and stops it afterwards.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from confluent_kafka import Producer

from bus.errors import UnavailableError
from bus.routes import topics
from bus.transport.kafka.admin.topics import create_topics, delete_topics
from services.brokers.cluster import KafkaCluster

_TIMEOUT_S = 10.0


@contextmanager
def embedded() -> Iterator[str]:
    """An embedded cluster with every topic; yields its bootstrap servers."""
    owner = Producer({"test.mock.num.brokers": 3, "log_level": 0})
    servers = owner.list_topics(timeout=_TIMEOUT_S).brokers.values()
    for topic in topics():
        owner.list_topics(topic.name, timeout=_TIMEOUT_S)  # the embedded cluster creates a topic on request
    if len(servers) != 3:
        raise UnavailableError(f"the embedded cluster has {len(servers)} brokers, not 3")
    yield ",".join(f"{server.host}:{server.port}" for server in servers)
    owner.flush(0)


@contextmanager
def real(report: Callable[[str], None]) -> Iterator[str]:
    """A real cluster with fresh, empty topics; yields its bootstrap servers."""
    cluster = KafkaCluster(report=report)
    standing = cluster.find()
    info = standing or cluster.up()
    try:
        report("recreating the topics")
        delete_topics(info.settings)
        create_topics(info.settings)
        yield info.bootstrap
    finally:
        if standing is None:
            cluster.down()

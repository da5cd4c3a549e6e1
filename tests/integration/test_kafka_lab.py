"""Three real Apache Kafka brokers: up by one process, used by another, down without a trace.

The first run on a machine fetches the jars (44 MB) into the user's cache.
"""

import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bus.errors import StateError
from services.brokers.cluster import KafkaCluster, running
from services.brokers.detached import identify
from services.brokers.places import OnLoopback, free_ports
from services.brokers.state import ClusterInfo, read_cluster

pytestmark = [pytest.mark.kafka, pytest.mark.soak, pytest.mark.usefixtures("kafka_programs")]

WAIT_S_MAX = 30.0


class CommandLine:
    """`provbus lab kafka` in processes of its own, with a standing cluster of its own."""

    def __init__(self, state_home: Path) -> None:
        self.directory = state_home / "provbus" / "kafka"
        self._environ = {**os.environ, "XDG_STATE_HOME": str(state_home)}

    def __call__(self, *arguments: str) -> tuple[int, str]:
        program = "from services.cli.lab.kafka_cluster import kafka; kafka()"
        command = [sys.executable, "-c", program, *arguments]
        answer = subprocess.run(command, env=self._environ, stdout=subprocess.PIPE, text=True)
        return answer.returncode, answer.stdout

    def status(self) -> dict[str, Any]:
        code, text = self("status", "-o", "json")
        status: dict[str, Any] = json.loads(text)
        assert code == (0 if status["state"] == "up" else 1)
        return status


@pytest.fixture
def command_line(tmp_path: Path) -> Iterator[CommandLine]:
    command = CommandLine(tmp_path)
    yield command
    KafkaCluster(command.directory).down()


def create_topic(bootstrap: str) -> str:
    """A topic of one partition and three copies."""
    name = f"lab-{uuid.uuid4()}"
    with AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}) as client:
        client.create_topics([NewTopic(name, num_partitions=1, replication_factor=3)])[name].result(
            WAIT_S_MAX
        )
    return name


def round_trip(bootstrap: str, topic: str, value: bytes) -> bytes | None:
    """What a consumer reads after `value` was acknowledged by all in-sync brokers."""
    outcome: list[KafkaError | None] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        outcome.append(error)

    settings = {"bootstrap.servers": bootstrap, "log_level": 0}
    with Producer({**settings, "acks": "all", "enable.idempotence": True}) as producer:
        producer.produce(topic, value, on_delivery=delivered)
        assert producer.flush(WAIT_S_MAX) == 0
    assert outcome == [None]
    consumer = Consumer({**settings, "group.id": "lab", "auto.offset.reset": "earliest"})
    try:
        consumer.subscribe([topic])
        message = consumer.poll(WAIT_S_MAX)
        return message.value() if message else None
    finally:
        consumer.close()


def ends_of(bootstrap: str, topic: str) -> tuple[int, int]:
    """The offsets of the first record and after the last."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "log_level": 0, "group.id": "ends"})
    try:
        ends: tuple[int, int] = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=WAIT_S_MAX)
        return ends
    finally:
        consumer.close()


def test_the_standing_cluster_from_up_to_down(command_line: CommandLine) -> None:
    assert command_line.status()["state"] == "down"
    code, text = command_line("up")
    assert code == 0
    status = command_line.status()
    assert text == f"up: Apache Kafka {status['version']} at {status['bootstrap']}\n"
    assert (status["state"], status["directory"]) == ("up", str(command_line.directory))
    assert [broker["id"] for broker in status["brokers"]] == [1, 2, 3]
    assert all(broker["rss_mib"] > 50 for broker in status["brokers"])

    topic = create_topic(status["bootstrap"])
    assert round_trip(status["bootstrap"], topic, b"row") == b"row"

    code, text = command_line("up")
    assert (code, text.split(":")[0]) == (0, "already up")
    assert [broker["pid"] for broker in command_line.status()["brokers"]] == [
        broker["pid"] for broker in status["brokers"]
    ]

    assert command_line("down") == (0, "down\n")
    assert not any(identify(broker["pid"]) for broker in status["brokers"])
    assert sorted(path.name for path in command_line.directory.iterdir()) == [".lock", "logs"]
    assert command_line.status()["brokers"] == []


def test_brokers_that_were_killed_or_stopped_come_back_with_their_records(tmp_path: Path) -> None:
    with running(tmp_path) as info:
        cluster = KafkaCluster(tmp_path)
        topic = create_topic(info.bootstrap)
        assert round_trip(info.bootstrap, topic, b"before") == b"before"
        cluster.kill([1, 2, 3])
        assert (read_cluster(tmp_path) or info).living() == ()
        with pytest.raises(StateError, match="broker 2 does not run"):
            cluster.stop([2])
        cluster.start([1, 2, 3])
        with pytest.raises(StateError, match="broker 2 runs"):
            cluster.start([2])
        cluster.stop([3])
        cluster.start([3])
        assert round_trip(info.bootstrap, topic, b"after") == b"after"
        assert ends_of(info.bootstrap, topic) == (0, 2)
        assert cluster.find() is not None


def test_a_port_taken_meanwhile_costs_one_more_attempt(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        draws = [[busy.getsockname()[1], *free_ports(5)], free_ports(6)]
        cluster = KafkaCluster(tmp_path, places=OnLoopback(lambda count: draws.pop(0)[:count]))
        try:
            info = cluster.up()
            assert cluster.find() == info
        finally:
            cluster.down()
    assert draws == []
    assert info.living() == ()


def test_a_private_cluster_refuses_unknown_topics_and_always_ends(tmp_path: Path) -> None:
    def misspell(info: ClusterInfo) -> None:
        settings = {
            "bootstrap.servers": info.bootstrap,
            "log_level": 0,
            "topic.metadata.propagation.max.ms": 100,
        }
        errors: list[KafkaError | None] = []
        with Producer(settings) as producer:
            producer.produce("misspelt", b"", on_delivery=lambda error, message: errors.append(error))
            producer.flush(WAIT_S_MAX)
        raise KafkaException(errors[0])

    started: list[ClusterInfo] = []
    with pytest.raises(KafkaException, match="UNKNOWN_TOPIC_OR_PART"), running(tmp_path) as info:  # noqa: PT012
        started.append(info)
        misspell(info)
    assert started[0].living() == ()
    assert not (tmp_path / "brokers").exists()

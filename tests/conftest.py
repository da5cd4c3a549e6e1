"""What every folder of tests may share: real Kafka, if this machine can run it."""

import os
from collections.abc import Iterator

import pytest

from services.lab.kafka import running
from services.lab.kafka_state import ClusterInfo
from tests.requirement import need_kafka


@pytest.fixture(scope="session")
def kafka_programs() -> None:
    """Java and Maven are there; without them the test is skipped, or fails where they are required."""
    need_kafka(os.environ)


@pytest.fixture(scope="session")
def real_kafka(kafka_programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterInfo]:
    """Three real brokers without topics, one cluster for all tests of the session."""
    with running(tmp_path_factory.mktemp("kafka")) as info:
        yield info

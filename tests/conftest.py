"""What every folder of tests may share: real Kafka, if this machine can run it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.lab.kafka import running
from services.lab.kafka_state import ClusterInfo
from tests.requirement import need_ipv6, need_kafka

FAMILIES = ("ipv4", "ipv6")

_REAL_PARTS = tuple(Path(__file__).parent / name for name in ("integration", "contract"))


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups when it is its turn
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers one of them runs every test with brokers or plants: it starts one cluster, and no
    two plants at a time. The others are dealt out singly.
    """
    for item in items:
        group = "real parts" if any(one in item.path.parents for one in _REAL_PARTS) else item.nodeid
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def kafka_programs() -> None:
    """Java and Maven are there; without them the test is skipped, or fails where they are required."""
    need_kafka(os.environ)


@pytest.fixture(scope="session")
def real_kafka(kafka_programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterInfo]:
    """Three real brokers without topics, one cluster for all tests of the session."""
    with running(tmp_path_factory.mktemp("kafka")) as info:
        yield info


@pytest.fixture(scope="session")
def any_ipv6_port() -> str:
    """Where to listen for any port of IPv6; without it the test is skipped, or fails where it is required."""
    need_ipv6(os.environ)
    return "tcp://[::1]:*"


@pytest.fixture(params=FAMILIES)
def any_port(request: pytest.FixtureRequest) -> str:
    """Where to listen for any port, of each family in turn."""
    return "tcp://127.0.0.1:*" if request.param == "ipv4" else str(request.getfixturevalue("any_ipv6_port"))

"""What every folder of tests may share: real Kafka, if this machine can run it."""

import os
from collections.abc import Iterator

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from services.brokers.cluster import running
from services.brokers.state import ClusterInfo
from tests.requirement import need_ipv6, need_kafka

FAMILIES = ("ipv4", "ipv6")

_REAL_PARTS = ("tests/integration/", "tests/contract/")


class OneWithPlants(LoadScopeScheduling):
    """Of several workers one runs every test with brokers or plants: it starts one cluster, and no two plants
    at a time. The others are dealt out singly. (xdist's own groups do nothing under pytest 9.)
    """

    def _split_scope(self, nodeid: str) -> str:
        return "real parts" if nodeid.startswith(_REAL_PARTS) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Deal the tests out like that."""
    return OneWithPlants(config, log)


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

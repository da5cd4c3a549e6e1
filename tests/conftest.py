"""What every folder of tests may share: real Kafka if this machine can run it, and which tests of several
workers run beside each other.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from services.brokers.cluster import running
from services.brokers.jars import deployed, find_jars
from services.brokers.state import ClusterInfo
from tests.requirement import missing_for_kafka, missing_for_namespaces, need_ipv6, need_kafka

FAMILIES = ("ipv4", "ipv6")

_REAL_PARTS = ("tests/integration/", "tests/contract/")

CLONE_NEWNET = 0x40000000  # linux/sched.h


class OneWithPlants(LoadScopeScheduling):
    """Of several workers one runs every test with brokers or plants: it starts one cluster, and no two plants
    at a time, for they would have the same addresses. The others are dealt out singly. (xdist's own groups do
    nothing under pytest 9.)
    """

    def _split_scope(self, nodeid: str) -> str:
        return "real parts" if nodeid.startswith(_REAL_PARTS) else nodeid


class EachWithPlants(LoadScopeScheduling):
    """Every worker has a network of its own, so plants may run beside each other. The tests of a module stay
    together, for they may share one.
    """

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Deal the tests out like that."""
    return EachWithPlants(config, log) if _has_own_networks(config) else OneWithPlants(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--own-networks`, for tests that need no network but their own."""
    parser.addoption(
        "--own-networks",
        action="store_true",
        help="Give each worker a network namespace, where they can be made, and let plants run in all.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Enter the network of this worker. What has to be fetched for it is fetched before, by who starts it."""
    if not _has_own_networks(config):
        return
    if hasattr(config, "workerinput"):
        _enter_own_network()
    elif missing_for_kafka(os.environ) is None:
        find_jars(os.environ, deployed("pom.xml"), print)


def pytest_report_header(config: pytest.Config) -> str:
    """Why plants wait for each other although `--own-networks` was asked for."""
    reason = missing_for_namespaces(os.environ) if config.getoption("own_networks") else None
    return f"networks: one for all, so one worker runs every plant: {reason}" if reason else ""


def _has_own_networks(config: pytest.Config) -> bool:
    return bool(config.getoption("own_networks")) and missing_for_namespaces(os.environ) is None


def _enter_own_network() -> None:
    """For this thread and all processes that it starts; os.unshare comes with Python 3.12."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


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

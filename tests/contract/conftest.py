"""Every transport's harness, and the brokers that two of them need."""

import gc
from collections.abc import Iterator

import pytest

from bus.transport.kafka.admin.topics import create_topics
from services.brokers.state import ClusterInfo
from tests.contract.brokers import Brokers, embedded_elsewhere
from tests.contract.harness import Harness
from tests.contract.kafka import EmbeddedKafkaHarness, KafkaHarness, RealKafkaHarness
from tests.contract.memory import MemoryHarness
from tests.contract.multicast import MulticastHarness, StormyMulticastHarness
from tests.contract.zeromq import (
    ZeroMqHarness,
    ZeroMqIPv6Harness,
    ZeroMqIPv6ReplyHarness,
    ZeroMqReplyHarness,
)

HARNESSES: tuple[type[Harness], ...] = (
    MemoryHarness,
    ZeroMqHarness,
    ZeroMqReplyHarness,
    ZeroMqIPv6Harness,
    ZeroMqIPv6ReplyHarness,
    EmbeddedKafkaHarness,
    RealKafkaHarness,
    MulticastHarness,
    StormyMulticastHarness,
)
TRANSPORTS = [
    pytest.param(one, id=one.name, marks=[pytest.mark.kafka] if "real_cluster" in one.needs else [])
    for one in HARNESSES
]
KAFKAS = [one for one in TRANSPORTS if issubclass(one.values[0], KafkaHarness)]  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def embedded_cluster() -> Iterator[Brokers]:
    with embedded_elsewhere() as brokers:
        yield brokers


@pytest.fixture(scope="session")
def real_cluster(real_kafka: ClusterInfo) -> Brokers:
    """The real brokers with every topic."""
    create_topics({"bootstrap.servers": real_kafka.bootstrap, "log_level": 0})
    return Brokers(real_kafka.bootstrap, tuple(broker.pid for broker in real_kafka.brokers))


def build(request: pytest.FixtureRequest) -> Harness:
    """The harness of this parameter, not yet open."""
    return request.param(*(request.getfixturevalue(name) for name in request.param.needs))  # type: ignore[no-any-return]


def opened(request: pytest.FixtureRequest) -> Iterator[Harness]:
    """The harness of this parameter, open until its module is through."""
    harness = build(request)
    harness.open()
    yield harness
    harness.close()


opened_transport = pytest.fixture(scope="module", params=TRANSPORTS)(opened)
opened_kafka = pytest.fixture(scope="module", params=KAFKAS)(opened)


@pytest.fixture
def harness(opened_transport: Harness) -> Iterator[Harness]:
    """Each transport in turn, open, with nothing on its way."""
    opened_transport.renew()
    yield opened_transport
    opened_transport.resume()


@pytest.fixture
def kafka(opened_kafka: KafkaHarness) -> Iterator[KafkaHarness]:
    """Each kind of brokers in turn, with an open publisher and reader."""
    opened_kafka.renew()
    yield opened_kafka
    opened_kafka.resume()


@pytest.fixture(params=TRANSPORTS)
def shut(request: pytest.FixtureRequest) -> Iterator[Harness]:
    """Each transport in turn, not yet open: the test opens and closes it."""
    harness = build(request)
    gc.collect()  # what earlier tests forgot must not count as this one's
    yield harness
    harness.resume()

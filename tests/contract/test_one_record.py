"""One record from a process that is no part of the bus, to brokers of both kinds, which may stand still."""

import time
from collections.abc import Iterator

import pytest

from bus.envelope import Envelope, Stamp
from bus.errors import UnavailableError
from bus.messages import Entry
from bus.transport.kafka.admin.one_record import OneRecord
from tests.contract.brokers import Brokers
from tests.contract.clients import client
from tests.contract.harness import DEADLINE_S

SHORT_S = 0.5


@pytest.fixture(
    params=["embedded_cluster", pytest.param("real_cluster", marks=pytest.mark.kafka)],
    ids=["embedded", "real"],
)
def brokers(request: pytest.FixtureRequest) -> Iterator[Brokers]:
    found: Brokers = request.getfixturevalue(request.param)
    yield found
    found.resume()


def record() -> Envelope:
    """Numbered by the clock: the topic has the records of other tests."""
    return Stamp("dhcp-1", "lab", time.time_ns()).envelope(
        "provbus.failover.release.v1", b"{}", time_ms=1_800_000_000_123
    )


def test_a_leader_answers_and_whoever_reads_the_log_gets_the_record(brokers: Brokers) -> None:
    with client(brokers, "failover") as reader:
        one = OneRecord("failover", brokers.settings)
        assert one.is_led(DEADLINE_S)
        envelope = record()
        one.publish(envelope, "dhcp/lab", DEADLINE_S)
        reader.until(
            lambda: any(isinstance(got, Entry) and got.envelope == envelope for got in reader.given),
            "the record",
        )


def test_brokers_that_stand_still_are_no_answer(brokers: Brokers) -> None:
    one = OneRecord("failover", brokers.settings)
    brokers.suspend()
    assert not one.is_led(SHORT_S)
    with pytest.raises(UnavailableError, match=r"provbus\.roles\.v1"):
        one.publish(record(), "dhcp/lab", SHORT_S)


def test_where_nobody_listens_there_is_no_leader() -> None:
    assert not OneRecord("failover", {"bootstrap.servers": "127.0.0.1:1"}).is_led(SHORT_S)

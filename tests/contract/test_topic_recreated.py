"""A topic that is deleted and made anew under running clients, after it had another leader."""

from collections.abc import Iterator

import pytest

from bus.envelope import Envelope
from bus.errors import TransportError
from bus.messages import CaughtUp, LogLost, Received, Recreated
from bus.telemetry.audit import AUDIT
from heartbeat.liveness.beat import BEAT
from services.settings.record import CATALOGUE
from tests.contract.brokers import Brokers
from tests.contract.clients import Client, client, from_topic, move_leader, remake

READ = ("config", "heartbeat", "audit", "failover")
RENEW = "provbus.failover.renew.v1"
MANY = 300

pytestmark = [pytest.mark.kafka, pytest.mark.soak]


@pytest.fixture
def running(real_cluster: Brokers) -> Iterator[Client]:
    """A client that reads and writes; every topic is fresh."""
    for traffic in READ:
        remake(real_cluster, traffic)
    with client(real_cluster, *READ) as one:
        one.until_told(*(CaughtUp(traffic) for traffic in READ))
        one.write(3, CATALOGUE)
        yield one


def replaced(one: Client) -> dict[tuple[str, str], object]:
    """How often which client was replaced, and why."""
    return {
        (sample.labels["client"], sample.labels["cause"]): sample.value
        for sample in one.kafka.samples()
        if sample.name == "provbus_kafka_clients_replaced_total"
    }


def until_confirmed(one: Client, type_: str) -> Envelope:
    """Publish until a record comes back from its topic, as a machine does whose records are not read back."""
    sent: list[Envelope] = []

    def is_read() -> bool:
        try:
            sent.append(one.publish(type_))
        except TransportError:
            pass
        return any(isinstance(item, Received) and item.envelope in sent for item in one.given)

    one.until(is_read, f"a {type_} to be read back")
    return sent[-1]


@pytest.mark.parametrize(
    ("traffic", "type_"), [("config", CATALOGUE), ("heartbeat", BEAT), ("audit", AUDIT)], ids=lambda one: one
)
def test_it_is_written_and_read_again_and_its_reader_is_told(
    real_cluster: Brokers, running: Client, traffic: str, type_: str
) -> None:
    until_confirmed(running, type_)
    move_leader(real_cluster, traffic)
    until_confirmed(running, type_)
    running.given.clear()
    remake(real_cluster, traffic)
    running.until_told(Recreated(traffic), CaughtUp(traffic))
    until_confirmed(running, type_)
    counts = replaced(running)
    assert counts["producer", "topic"] == counts["consumer", "topic"] == 1
    running.until(lambda: running.kafka.lacks() == [], "nothing to be missing any more")
    assert not any(isinstance(item, LogLost) for item in running.given)


def test_settings_that_are_filled_again_quickly_are_read_from_the_first(
    real_cluster: Brokers, running: Client
) -> None:
    """More records than there were before, so that the old position is none that is gone."""
    move_leader(real_cluster, "config")
    until_confirmed(running, CATALOGUE)
    running.given.clear()
    remake(real_cluster, "config")
    with client(real_cluster) as other:
        sent = other.write(MANY, CATALOGUE)
    told = running.until_told(Recreated("config"), CaughtUp("config"), from_topic(sent[-1]))
    anew = told[told.index(Recreated("config")) + 1 :]
    assert [one for one in anew if one in [from_topic(envelope) for envelope in sent]] == [
        from_topic(envelope) for envelope in sent
    ]


def test_a_log_is_lost_and_the_other_classes_go_on(real_cluster: Brokers, running: Client) -> None:
    running.write(5, RENEW)
    move_leader(real_cluster, "failover")
    remake(real_cluster)
    running.until_lost()
    for type_ in (BEAT, CATALOGUE):
        until_confirmed(running, type_)

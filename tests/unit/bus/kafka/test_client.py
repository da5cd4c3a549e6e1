"""Opening a Kafka client: wrong settings are a mistake in the configuration, and leave nothing open."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bus.envelope import Envelope
from bus.errors import ConfigError, LocalError, OversizeError, UnavailableError
from bus.routes import route
from bus.transport.kafka.client import Kafka
from bus.transport.poller import Poller

NOBODY = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}

Until = Callable[[Callable[[], object]], list[Any]]

pytestmark = pytest.mark.usefixtures("no_leaks")


def batch(size_bytes: int = 0) -> Envelope:
    return Envelope("provbus.audit.batch.v1", "cfm-1", 7, 1, 0, bytes(size_bytes))


@pytest.mark.parametrize(
    "settings",
    [
        {"no.such.setting": "1"},
        {"security.protocol": "telepathy"},
        {"security.protocol": "SSL", "ssl.ca.location": "/nonexistent/ca.pem"},
        {"max.poll.interval.ms": "1"},  # the producer takes it, the consumer does not
    ],
    ids=lambda settings: "+".join(settings),
)
def test_wrong_settings_are_refused(poller: Poller, settings: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"^Kafka client settings: "):
        Kafka(poller, {**NOBODY, **settings}, read=("config",))
    assert poller.poll(0) == []


@pytest.mark.parametrize("read", [("fileid",), ("config", "fileid"), ("gossip",)])
def test_only_what_has_a_topic_is_read(poller: Poller, read: Sequence[str]) -> None:
    with pytest.raises(LocalError):
        Kafka(poller, NOBODY, read=read)


@pytest.mark.parametrize("read", [(), ("heartbeat", "config"), ("failover",), ("config", "failover")])
def test_without_a_broker_it_opens_says_so_and_closes(poller: Poller, read: Sequence[str]) -> None:
    kafka = Kafka(poller, NOBODY, read=read)
    with pytest.raises(UnavailableError, match="no Kafka broker answers"):
        kafka.check_broker(0.05)
    kafka.close(flush_s=0.0)
    assert poller.poll(0) == []


def test_a_record_that_no_broker_confirms_is_counted_and_shows_that_kafka_is_away(
    poller: Poller, until: Until
) -> None:
    kafka = Kafka(poller, NOBODY, message_timeout_s=0.05)
    kafka.publish(batch(), "key")
    assert kafka.answers
    until(lambda: not kafka.answers)
    outcomes = {
        one.labels["outcome"]: one.value for one in kafka.samples() if one.labels.get("class") == "audit"
    }
    assert (outcomes["sent"], outcomes["undelivered"], outcomes["refused"]) == (1, 1, 0)
    with pytest.raises(OversizeError):
        kafka.publish(batch(route("audit").payload_bytes_max + 1), "key")
    kafka.close(flush_s=0.0)
    refused = [one.value for one in kafka.samples() if one.labels.get("outcome") == "refused"]
    assert sum(value for value in refused if isinstance(value, int)) == 1


def test_what_does_not_belong_on_a_topic_is_refused_to_its_sender(poller: Poller) -> None:
    kafka = Kafka(poller, NOBODY)
    limit = route("audit").payload_bytes_max
    with pytest.raises(OversizeError):
        kafka.publish(batch(limit + 1), "key")
    with pytest.raises(LocalError, match="does not travel by topic"):
        kafka.publish(batch()._replace(type="provbus.fileid.rows.v1"), "key")
    with pytest.raises(LocalError, match="no route"):
        kafka.publish(batch()._replace(type="provbus.gossip.x.v1"), "key")
    kafka.publish(batch(limit), "key")
    kafka.close(flush_s=0.0)


@pytest.mark.parametrize("read", [(), ("heartbeat",)])
def test_nobody_catches_up_with_what_is_not_read(poller: Poller, read: Sequence[str]) -> None:
    kafka = Kafka(poller, NOBODY, read=read)
    with pytest.raises(LocalError, match="config is not read here"):
        kafka.catch_up("config")
    kafka.close(flush_s=0.0)


def test_a_pin_that_says_nothing_is_a_mistake_before_anything_is_open(poller: Poller, tmp_path: Path) -> None:
    (tmp_path / "provbus.roles.v1.id").write_text("\n")
    with pytest.raises(UnavailableError, match="does not hold the id of a topic"):
        Kafka(poller, NOBODY, read=("failover",), pin_directory=tmp_path)
    Kafka(poller, NOBODY, read=("config",), pin_directory=tmp_path).close(flush_s=0.0)

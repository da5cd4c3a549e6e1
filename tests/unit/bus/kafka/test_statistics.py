"""librdkafka's report: brokers have numbers, bootstrap connections do not count as brokers."""

from typing import Any

import pytest

from bus.telemetry.exposition import Exposition
from bus.telemetry.metrics import Sample
from bus.transport.kafka.statistics import samples
from services.instance.metrics import METRICS


def broker(number: int, state: str = "UP", errors: int = 0) -> dict[str, Any]:
    return {
        "nodeid": number,
        "state": state,
        "txerrs": errors,
        "rxerrs": 10 * errors,
        "rtt": {"p99": 2_500},
        "nodename": f"10.0.0.{number}:9092",
    }


REPORT = {
    "type": "producer",
    "msg_cnt": 7,
    "brokers": {
        "bootstrap": broker(-1, errors=1),
        "a": broker(1),
        "b": broker(2, "DOWN", errors=2),
        "c": broker(3),
    },
}


def found(report: dict[str, Any]) -> dict[tuple[str, ...], Any]:
    return {(one.name, *one.labels.values()): one.value for one in samples(report)}


def test_a_report_becomes_samples() -> None:
    assert found(REPORT) == {
        ("provbus_kafka_brokers_up", "producer"): 2,
        ("provbus_kafka_outstanding_messages",): 7,
        ("provbus_kafka_request_errors_total", "producer", "tx"): 3,
        ("provbus_kafka_request_errors_total", "producer", "rx"): 30,
        ("provbus_kafka_broker_rtt_p99_seconds", "producer", "1"): 0.0025,
        ("provbus_kafka_broker_rtt_p99_seconds", "producer", "2"): 0.0025,
        ("provbus_kafka_broker_rtt_p99_seconds", "producer", "3"): 0.0025,
    }


def test_two_clients_do_not_collide() -> None:
    def gather() -> list[Sample]:
        return [*samples(REPORT), *samples({**REPORT, "type": "consumer"})]

    text = Exposition(METRICS, gather).render().decode()
    assert 'provbus_kafka_brokers_up{client="consumer"} 2.0' in text
    assert "10.0.0" not in text


@pytest.mark.parametrize("client", ["producer", "consumer"])
def test_before_it_knows_a_broker_none_is_up(client: str) -> None:
    report = {"type": client, "msg_cnt": 0, "brokers": {"bootstrap": broker(-1, "DOWN")}}
    assert found(report)["provbus_kafka_brokers_up", client] == 0

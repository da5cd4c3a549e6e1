"""librdkafka's statistics as samples: the few of its thousand numbers that show the health of Kafka.

A client reports at intervals, as librdkafka's STATISTICS.md describes. Brokers are named by their number in
the cluster; connections to a bootstrap address, which have none, are left out.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from bus.telemetry.metrics import Sample


def samples(report: Mapping[str, Any]) -> Iterator[Sample]:
    """The samples in a report of a client (producer or consumer, as it says itself)."""
    client = report["type"]
    brokers = [one for one in report["brokers"].values() if one["nodeid"] >= 0]
    label = {"client": client}
    up = sum(one["state"] == "UP" for one in brokers)
    yield Sample("provbus_kafka_brokers_up", up, label)
    if client == "producer":
        yield Sample("provbus_kafka_outstanding_messages", report["msg_cnt"])
    for direction, number in (("tx", "txerrs"), ("rx", "rxerrs")):
        errors = sum(one[number] for one in report["brokers"].values())
        yield Sample("provbus_kafka_request_errors_total", errors, {**label, "direction": direction})
    for one in brokers:
        labels = {**label, "broker": str(one["nodeid"])}
        yield Sample("provbus_kafka_broker_rtt_p99_seconds", one["rtt"]["p99"] / 1e6, labels)

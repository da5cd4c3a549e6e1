"""Metrics: the table of the bus's metrics, and the plain numbers behind them.

Theory of operation
-------------------
Each part counts its events in plain integers. Only a scrape (every few seconds) turns the numbers into
`Sample`s, so a message costs one addition. `METRICS` is the table of the bus's metrics; a service declares
its own beside it, and `bus.telemetry.exposition` refuses undeclared ones.

Names and units follow Prometheus: `provbus_` in front, seconds and bytes, counters end in `_total`. A label
never holds a MAC or an IP address: its values are few and known beforehand (states, reasons, instances).
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import accumulate
from typing import NamedTuple


class MetricKind(StrEnum):
    """The kind of a metric: a counter only grows, a gauge goes both ways."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(NamedTuple):
    """A declared metric. `labels` are the names that each of its samples carries."""

    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()


class Histogram:
    """Counts observations per bucket.

    >>> histogram = Histogram((0.1, 0.2))
    >>> for seconds in (0.1, 0.15, 3.0):
    ...     histogram.observe(seconds)
    >>> histogram.buckets(), round(histogram.sum, 2)
    ([('0.1', 1), ('0.2', 2), ('+Inf', 3)], 3.25)
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """`bounds` are the upper bounds of the buckets, ascending; one without bound is added."""
        self.sum = 0.0
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)

    def observe(self, value: float) -> None:
        """Count one value, in the unit of the bounds."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def buckets(self) -> list[tuple[str, float]]:
        """The number of values at or below each bound."""
        return list(zip((*map(str, self._bounds), "+Inf"), accumulate(self._counts), strict=True))


class Sample(NamedTuple):
    """One present value of a declared metric."""

    name: str
    value: float | Histogram
    labels: Mapping[str, str] = {}


def labelled(name: str, label: str, values: Mapping[str, float]) -> Iterator[Sample]:
    """A sample for each value, its key as the label."""
    return (Sample(name, value, {label: key}) for key, value in values.items())


class Tally:
    """The counts of one transport, by class: messages offered, sent, undelivered, received and undecodable.

    >>> tally = Tally("zeromq", ["fileid"])
    >>> tally.offered["fileid"] += 1
    >>> [sample.labels["outcome"] for sample in tally.samples() if sample.value]
    ['refused']
    """

    def __init__(self, transport: str, classes: Iterable[str]) -> None:
        self.offered = dict.fromkeys(classes, 0)
        self.sent = dict.fromkeys(self.offered, 0)
        self.undelivered = dict.fromkeys(self.offered, 0)
        self.received = dict.fromkeys(self.offered, 0)
        self.undecodable = dict.fromkeys(self.offered, 0)
        self._transport = transport

    def samples(self) -> Iterator[Sample]:
        """A sample per class and outcome. Messages offered but not sent were refused."""
        for traffic, offered in self.offered.items():
            outcomes = {
                "sent": self.sent[traffic],
                "refused": offered - self.sent[traffic],
                "undelivered": self.undelivered[traffic],
                "received": self.received[traffic],
                "undecodable": self.undecodable[traffic],
            }
            for outcome, count in outcomes.items():
                labels = {"transport": self._transport, "class": traffic, "outcome": outcome}
                yield Sample("provbus_messages_total", count, labels)


_COUNTER, _GAUGE, _HISTOGRAM = MetricKind.COUNTER, MetricKind.GAUGE, MetricKind.HISTOGRAM

METRICS: dict[str, Metric] = {
    "provbus_transport_active": Metric(
        _GAUGE, "1 for the transport mode in force, 0 for the others.", ("mode",)
    ),
    "provbus_messages_total": Metric(
        _COUNTER,
        "Messages by transport, class and what became of them.",
        ("transport", "class", "outcome"),
    ),
    "provbus_parity_messages": Metric(
        _GAUGE,
        "Messages of peers while both columns are heard, by the columns by which they came.",
        ("class", "came"),
    ),
    "provbus_effects_undelivered_total": Metric(
        _COUNTER, "Messages that no transport took at once; their machine was told."
    ),
    "provbus_faults_total": Metric(
        _COUNTER,
        "Faults of this program, by what each cost: a message, an effect, a read, a page, a thread's turn.",
        ("place",),
    ),
    "provbus_undecodable_total": Metric(_COUNTER, "Messages that arrived whole but said nothing valid."),
    "provbus_duplicates_total": Metric(_COUNTER, "Messages that had been received before."),
    "provbus_draining": Metric(_GAUGE, "1 while the process finishes its work to stop, else 0."),
    "provbus_queue_depth": Metric(_GAUGE, "What waits or is kept in each bounded queue.", ("queue",)),
    "provbus_sheds_total": Metric(_COUNTER, "What a full queue did not take or had to give up.", ("queue",)),
    "provbus_local_refused_total": Metric(_COUNTER, "Clients of the local sockets that were turned away."),
    "provbus_local_misplaced_total": Metric(
        _COUNTER, "Requests of the host's socket for operators' operations; they were refused."
    ),
    "provbus_local_malformed_total": Metric(_COUNTER, "Lines on the local sockets that were no request."),
    "provbus_unkept_total": Metric(_COUNTER, "Records that the disk refused, by what they are.", ("record",)),
    "provbus_unkept": Metric(
        _GAUGE, "1 for a record that belongs on the disk and is not there, else 0.", ("record",)
    ),
    "provbus_accepts_failed_total": Metric(
        _COUNTER, "Times that there was nothing to take a connection with.", ("listener",)
    ),
    "provbus_handoff_door_shut": Metric(_GAUGE, "1 while the hand-off port takes no new connection, else 0."),
    "provbus_host_watches_failed_total": Metric(
        _COUNTER, "Times that a host's process could not be watched; each is tried again."
    ),
    "provbus_http_responses_total": Metric(_COUNTER, "Answers of this HTTP server.", ("code",)),
    # ZeroMQ and Kafka.
    "provbus_zap_accepted_total": Metric(_COUNTER, "Connections accepted, for their key is in the fleet."),
    "provbus_handoff_frames_dropped_total": Metric(
        _COUNTER, "Frames on connections made with a key that was dropped since."
    ),
    "provbus_zap_refused_total": Metric(
        _COUNTER, "Connections refused because their key is not in the fleet."
    ),
    "provbus_kafka_in_clear_refused_total": Metric(
        _COUNTER, "Records refused, for they would go to a broker beyond loopback in clear."
    ),
    "provbus_kafka_brokers_up": Metric(
        _GAUGE, "Brokers this client is connected to; it connects to those it needs.", ("client",)
    ),
    "provbus_kafka_outstanding_messages": Metric(
        _GAUGE, "Records that wait for their broker or its confirmation."
    ),
    "provbus_kafka_broker_rtt_p99_seconds": Metric(
        _GAUGE, "99th percentile of a broker's round trip over the last 5 s.", ("client", "broker")
    ),
    "provbus_kafka_request_errors_total": Metric(
        _COUNTER, "Requests to (tx) and responses from (rx) brokers that failed.", ("client", "direction")
    ),
    "provbus_kafka_answering": Metric(_GAUGE, "1 if Kafka confirms records, else 0."),
    "provbus_kafka_clients_replaced_total": Metric(
        _COUNTER, "Clients that were worth nothing any more and were replaced.", ("client", "cause")
    ),
    # Multicast.
    "provbus_unproven_total": Metric(
        _COUNTER,
        "Messages of topics and groups that are not believed.",
        ("reason",),
    ),
    "provbus_multicast_datagrams_total": Metric(
        _COUNTER, "Datagrams that were not believed, came late, or did not come at all.", ("reason",)
    ),
    "provbus_settings_fetches_total": Metric(
        _COUNTER, "Settings fetched from another instance of the group.", ("outcome",)
    ),
}

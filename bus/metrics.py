"""Metrics: what exists, and the plain numbers they are made of.

Theory of operation
-------------------
Whoever does something counts it in a plain integer. Only when somebody asks (a scrape, every few seconds) the
numbers are turned into `Sample`s, so the paths of messages pay for an addition and nothing else. `METRICS` is
the one table of what there is; `bus.exposition` refuses what is not in it.

Names and units follow Prometheus: `provbus_` in front, seconds and bytes, counters end in `_total`. A label
never holds a MAC or an IP address: its values are few and known beforehand (states, reasons, instances).
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import accumulate
from typing import NamedTuple

HANDOFF_BOUNDS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.5, 1.0, 5.0)
"""From a round trip on loopback over the budget of a DHCP sidecar (0.15 s) to that of an MPS sidecar."""


class Kind(StrEnum):
    """What may happen to a value: a counter only grows, a gauge goes both ways."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(NamedTuple):
    """A declared metric. `labels` are the names that each of its samples carries."""

    kind: Kind
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
        """How many values were at most each bound."""
        return list(zip((*map(str, self._bounds), "+Inf"), accumulate(self._counts), strict=True))


class Sample(NamedTuple):
    """One value of a declared metric, now."""

    name: str
    value: float | Histogram
    labels: Mapping[str, str] = {}


def labelled(name: str, label: str, values: Mapping[str, float]) -> Iterator[Sample]:
    """A sample for each value, its key as the label."""
    return (Sample(name, value, {label: key}) for key, value in values.items())


class Tally:
    """The messages of one transport: by class, what was asked to be sent, what became of it, and what came.

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
        """Every class and outcome. What was offered and not sent was refused to its sender."""
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


_COUNTER, _GAUGE, _HISTOGRAM = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM

METRICS: dict[str, Metric] = {
    # Every process.
    "provbus_transport_active": Metric(
        _GAUGE, "1 for the transport mode in force, 0 for the others.", ("mode",)
    ),
    "provbus_messages_total": Metric(
        _COUNTER,
        "Messages by transport, class and what became of them.",
        ("transport", "class", "outcome"),
    ),
    "provbus_effects_undelivered_total": Metric(
        _COUNTER, "Messages that no transport took at once; their machine was told."
    ),
    "provbus_undecodable_total": Metric(_COUNTER, "Messages that arrived whole but said nothing valid."),
    "provbus_duplicates_total": Metric(_COUNTER, "Messages that had been received before."),
    "provbus_settings_faults": Metric(_GAUGE, "Places in the settings in force that a CMTS would reject."),
    "provbus_settings_generation": Metric(_GAUGE, "Generation of the settings in force; 0 without settings."),
    "provbus_draining": Metric(_GAUGE, "1 while the process finishes its work to stop, else 0."),
    "provbus_queue_depth": Metric(_GAUGE, "What waits or is kept in each bounded queue.", ("queue",)),
    "provbus_sheds_total": Metric(_COUNTER, "What a full queue did not take or had to give up.", ("queue",)),
    "provbus_local_refused_total": Metric(_COUNTER, "Clients of the local socket that were turned away."),
    "provbus_local_malformed_total": Metric(_COUNTER, "Lines on the local socket that were no request."),
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
    "provbus_zap_refused_total": Metric(
        _COUNTER, "Connections refused because their key is not in the fleet."
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
    "provbus_multicast_datagrams_total": Metric(
        _COUNTER, "Datagrams that were not believed, came late, or did not come at all.", ("reason",)
    ),
    "provbus_settings_fetches_total": Metric(
        _COUNTER, "Settings fetched from another instance of the group.", ("outcome",)
    ),
    # Minters.
    "provbus_fileids_total": Metric(_COUNTER, "FileIDs by what became of them.", ("outcome",)),
    "provbus_handoff_events_total": Metric(
        _COUNTER, "Rows that were sent again or that a CFM refused, and acks that came too late.", ("event",)
    ),
    "provbus_handoff_seconds": Metric(_HISTOGRAM, "From a FileID's creation to the end of its hand-off."),
    "provbus_unknown_pulls_total": Metric(_COUNTER, "Names that a CFM pulled and that are not remembered."),
    "provbus_places_ignored_total": Metric(
        _COUNTER, "Beats of CFMs that announced a place which nobody can reach."
    ),
    "provbus_peers": Metric(_GAUGE, "Instances by service and state.", ("service", "state")),
    "provbus_beat_age_seconds": Metric(_GAUGE, "Age of an instance's latest beat.", ("peer",)),
    "provbus_clock_skew_seconds": Metric(
        _GAUGE, "How far an instance's wall clock was ahead of ours with its latest beat.", ("peer",)
    ),
    "provbus_detector_stretch": Metric(
        _GAUGE, "How many times longer a silence must be because our own beats come back slowly."
    ),
    # Who reads the role log.
    "provbus_role_log_position": Metric(_GAUGE, "The last offset of the role log that was read, or -1."),
    "provbus_role_log_disagreements_total": Metric(
        _COUNTER, "Positions of the role log at which another reader came to something else."
    ),
    "provbus_failover_state": Metric(
        _GAUGE, "1 for the state in the election of the role, 0 for the others.", ("state",)
    ),
    "provbus_namesake_state": Metric(
        _GAUGE, "1 for how this process stands to another one of its name, 0 for the others.", ("state",)
    ),
    "provbus_failover_epoch": Metric(_GAUGE, "The epoch under which the role is held; -1 if it is not."),
    "provbus_failover_transitions_total": Metric(
        _COUNTER, "Changes of that state, by where from and why.", ("state", "cause")
    ),
    "provbus_leases_total": Metric(
        _COUNTER, "Leases of a DHCP server that does not ask, and what became of their rows.", ("outcome",)
    ),
    # Followers of a Kea.
    "provbus_kea_lines_total": Metric(
        _COUNTER, "Lines of Kea's lease journal and entries of its answers, by what they were.", ("what",)
    ),
    "provbus_kea_journal_events_total": Metric(
        _COUNTER, "What happened to Kea's lease journal, by kind.", ("event",)
    ),
    "provbus_kea_behind_seconds": Metric(_GAUGE, "Since when there may be lines that were not read."),
    # CFMs.
    "provbus_rows_total": Metric(_COUNTER, "Rows that arrived, by the answer to them.", ("status",)),
    "provbus_table_rows": Metric(_GAUGE, "Rows that wait for their read."),
    "provbus_parked_reads": Metric(_GAUGE, "Reads that wait for their row."),
    "provbus_reads_total": Metric(_COUNTER, "Reads that were served, by what served them.", ("how",)),
    "provbus_silent_reads_total": Metric(_COUNTER, "Reads that got no answer, by reason.", ("reason",)),
    "provbus_unbuilt_files_total": Metric(_COUNTER, "Files that could not be built, by reason.", ("reason",)),
    "provbus_lookups_total": Metric(
        _COUNTER, "Lookups of another TFTP server, by what became of them.", ("outcome",)
    ),
    "provbus_audit_untold_total": Metric(
        _COUNTER, "Refused reads that the audit stream was not told of.", ("what",)
    ),
    "provbus_downloads_in_flight": Metric(_GAUGE, "Downloads and parked reads, as the beats say."),
    "provbus_download_p99_seconds": Metric(_GAUGE, "99th percentile of the downloads of the last 10 s."),
    "provbus_tftp_events_total": Metric(_COUNTER, "What happened to TFTP sessions and packets.", ("event",)),
    "provbus_tftp_unsent_total": Metric(_COUNTER, "TFTP datagrams that the kernel did not take."),
    "provbus_tftp_unread_total": Metric(_COUNTER, "TFTP datagrams that the kernel could not hand over."),
    "provbus_tftp_receive_buffer_bytes": Metric(
        _GAUGE, "Receive buffer that the kernel grants a TFTP socket."
    ),
}

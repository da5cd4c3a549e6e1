"""The one route table: which class of traffic travels how, and within which limits.

A service publishes a message and names its class; it never names a transport. Whoever wants to know what
carries a class, how large a message may be, or how a topic is declared, asks here and nowhere else.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from bus.errors import LocalError, OversizeError

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Carrier(StrEnum):
    """What moves the bytes."""

    ZEROMQ = "zeromq"
    KAFKA = "kafka"


@dataclass(frozen=True, slots=True)
class Topic:
    """A Kafka topic as it must be declared; replication 3 and min in-sync 2 hold for all of them."""

    name: str
    partitions: int
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """How one class travels. `payload_bytes_max` bounds `Envelope.data`; `from_start`: a reader needs the
    history; `is_log`: its offsets mean something, so a reader is given `Entry`, and told when the log is not
    what it was. With `tail_records` its reader begins so far before the end: among them is one that says what
    all before comes to.
    """

    carrier: Carrier
    payload_bytes_max: int
    topic: Topic | None = None
    from_start: bool = False
    is_log: bool = False
    tail_records: int = 0


# After a power cut the brokers that return may all lack what was only in memory. What must not be lost is on
# the disks of all replicas in sync before it is acked; what is soon worth nothing, or is written in masses,
# is not, and finds a leader by itself (deploy/kafka/README.md).
ON_DISK = {"flush.messages": "1", "unclean.leader.election.enable": "false"}
SELF_HEALING = {"unclean.leader.election.enable": "true"}

ROUTES: dict[str, Route] = {
    # 64 rows of at most 127 + 50 + 1,024 bytes fit; a larger frame would hold up the reads behind it.
    "fileid": Route(Carrier.ZEROMQ, 96 * 1024),
    # A beat is worth nothing after a few seconds; a minute is kept for people who look.
    "heartbeat": Route(
        Carrier.KAFKA,
        4 * 1024,
        Topic("provbus.heartbeat.v1", 1, {"retention.ms": "60000", "segment.ms": "60000", **SELF_HEALING}),
    ),
    # A checkpoint of 128 roles fits. The brokers' clocks stamp the records, for they refuse those of a writer
    # whose own is an hour ahead. The log's start moves once a day, as often as a checkpoint is written.
    "failover": Route(
        Carrier.KAFKA,
        64 * 1024,
        Topic(
            "provbus.roles.v1",
            1,
            {
                "cleanup.policy": "delete",
                "retention.ms": str(7 * DAY_MS),
                "segment.ms": str(DAY_MS),
                "message.timestamp.type": "LogAppendTime",
                **ON_DISK,
            },
        ),
        from_start=True,
        is_log=True,
        tail_records=50_000,  # five checkpoints; the whole log of seven days may have millions
    ),
    # Kafka's own limit is 1 MiB for a record with its headers.
    "config": Route(
        Carrier.KAFKA,
        960 * 1024,
        Topic(
            "provbus.settings.v1",
            1,
            {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1", **ON_DISK},
        ),
        from_start=True,
    ),
    # 256 events of up to 1 KiB.
    "audit": Route(
        Carrier.KAFKA,
        256 * 1024,
        Topic("provbus.audit.v1", 6, {"retention.ms": str(7 * DAY_MS), **SELF_HEALING}),
    ),
}


# In multicast mode a `fileid` message goes to one peer, except these: everybody hears them, one has to ack.
HEARD_BY_ALL = frozenset({"provbus.fileid.rows.v1"})
# In multicast mode these are signed and readable on the wire; everything else is encrypted.
READABLE = frozenset({"heartbeat"})


def route(traffic: str) -> Route:
    """The route of a class; an unknown class is a `LocalError`."""
    try:
        return ROUTES[traffic]
    except KeyError:
        raise LocalError(f"no route for traffic class {traffic!r}") from None


def topics() -> list[Topic]:
    """Every topic the bus needs."""
    return [entry.topic for entry in ROUTES.values() if entry.topic is not None]


def check_size(traffic: str, size_bytes: int) -> None:
    """Refuse, to the sender, what its class may not carry (`OversizeError`)."""
    limit = route(traffic).payload_bytes_max
    if size_bytes > limit:
        raise OversizeError(size_bytes, limit)

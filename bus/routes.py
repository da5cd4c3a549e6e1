"""The one route table: the transport and the limits of each class of traffic.

A service publishes a message and names its class; it never names a transport. Only this table says what
carries a class, how large a message may be, and how a topic is declared.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from bus.errors import LocalError, OversizeError

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Medium(StrEnum):
    """The transport of a class in mode bus."""

    ZEROMQ = "zeromq"
    KAFKA = "kafka"


class Column(StrEnum):
    """A column of the table: one way to carry every class."""

    BUS = "bus"
    MULTICAST = "multicast"


class Proof(StrEnum):
    """What shows who wrote a message of a class."""

    CONNECTION = "connection"  # its key; over the group nothing shows which member wrote it
    SIGNATURE = "signature"  # by a key that the fleet file has
    CERTIFICATE = "certificate"  # the same, and the key with a certificate of the fleet's root key


@dataclass(frozen=True, slots=True)
class Topic:
    """The declaration of a Kafka topic; all have replication 3 and min in-sync 2."""

    name: str
    partitions: int
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """The way of one class, in mode bus and in mode multicast.

    `payload_bytes_max` bounds `Envelope.data`; `from_start`: a reader needs the history; `is_log`: a reader
    uses its offsets, so it is given `Entry`, and `LogLost`. With `tail_records` its reader begins that many
    records before the end: among them is a checkpoint of all before.

    While both columns carry messages, a class that is `in_both` leaves by both, and every copy of a message
    of a type in `each_copy` is delivered, to be answered by the column on which it came. Any other class
    leaves by the column that leads.

    A class that is not `in_group` is lost in mode multicast. Its datagrams are encrypted, or only signed if
    it `is_readable`. A message for one peer goes to that peer only, unless its type is in `told_all`.

    What travels by topic or to a group names its writer, and `proof` is what shows that it was that one.
    """

    medium: Medium
    payload_bytes_max: int
    topic: Topic | None = None
    from_start: bool = False
    is_log: bool = False
    tail_records: int = 0
    in_group: bool = True
    is_readable: bool = False
    told_all: frozenset[str] = frozenset()
    in_both: bool = False
    each_copy: frozenset[str] = frozenset()
    by_one: frozenset[str] = frozenset()
    proof: Proof = Proof.CONNECTION


# After a power cut the brokers that return may all lack what was only in memory. So a record that must not be
# lost is on the disks of all replicas in sync before it is acked. Short-lived or bulk records are not, and
# their partitions find a leader by themselves (deploy/kafka/README.md).
ON_DISK = {"flush.messages": "1", "unclean.leader.election.enable": "false"}
SELF_HEALING = {"unclean.leader.election.enable": "true"}

ROUTES: dict[str, Route] = {
    # 64 rows of at most 127 + 50 + 1,024 bytes fit; a larger frame would hold up the reads behind it.
    "fileid": Route(
        Medium.ZEROMQ,
        96 * 1024,
        told_all=frozenset({"provbus.fileid.rows.v1"}),
        in_both=True,
        each_copy=frozenset({"provbus.fileid.rows.v1"}),
        by_one=frozenset({"provbus.fileid.ack.v1"}),
    ),
    # A beat is worth nothing after a few seconds; a minute is kept for people who look.
    "heartbeat": Route(
        Medium.KAFKA,
        4 * 1024,
        Topic("provbus.heartbeat.v1", 1, {"retention.ms": "60000", "segment.ms": "60000", **SELF_HEALING}),
        is_readable=True,
        in_both=True,
        proof=Proof.SIGNATURE,
    ),
    # A checkpoint of 128 roles fits. The brokers' clocks stamp the records, for they refuse those of a writer
    # whose own is an hour ahead. The log's start moves once a day, as often as a checkpoint is written.
    "failover": Route(
        Medium.KAFKA,
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
        proof=Proof.CERTIFICATE,
    ),
    # Kafka's own limit is 1 MiB for a record with its headers.
    "config": Route(
        Medium.KAFKA,
        960 * 1024,
        Topic(
            "provbus.settings.v1",
            1,
            {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1", **ON_DISK},
        ),
        from_start=True,
        proof=Proof.SIGNATURE,
    ),
    # 256 events of up to 1 KiB.
    "audit": Route(
        Medium.KAFKA,
        256 * 1024,
        Topic("provbus.audit.v1", 6, {"retention.ms": str(7 * DAY_MS), **SELF_HEALING}),
        in_group=False,
    ),
}


def route(traffic: str) -> Route:
    """The route of a class; an unknown class is a `LocalError`."""
    try:
        return ROUTES[traffic]
    except KeyError:
        raise LocalError(f"no route for traffic class {traffic!r}") from None


SIGNED = frozenset(traffic for traffic, one in ROUTES.items() if one.proof is not Proof.CONNECTION)
"""The classes of which each message carries a proof of its writer."""


def topics() -> list[Topic]:
    """Every topic the bus needs."""
    return [entry.topic for entry in ROUTES.values() if entry.topic is not None]


def check_size(traffic: str, size_bytes: int) -> None:
    """Raise `OversizeError`, for the sender, if its class may not carry that."""
    limit = route(traffic).payload_bytes_max
    if size_bytes > limit:
        raise OversizeError(size_bytes, limit)

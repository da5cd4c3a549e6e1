"""`provbus topics`: the Kafka topics of the bus."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bus.errors import ConfigError
from services.cli.options import config_option, load
from services.cli.output import Listing, output_option, say, show

if TYPE_CHECKING:
    from bus.config.model import KafkaSection
    from bus.transport.kafka.admin.leaders import Partition


@click.group()
def topics() -> None:
    """Declare the topics of the bus on the brokers, and see who leads them."""


@topics.command("apply")
@config_option
def apply(path: Path) -> None:
    """Create the topics that are missing, as the route table declares them."""
    from services.operator import topic_admin

    created = topic_admin.declare(_brokers(path))
    say(f"created: {', '.join(created)}" if created else "nothing to create")


@topics.command("leaders")
@config_option
@output_option
def leaders(path: Path, output: str) -> None:
    """Print who leads each partition, and which brokers are in sync; exit 1 if one has no leader."""
    from services.operator import topic_admin

    found = topic_admin.leadership(_brokers(path))
    show(output, [one._asdict() for one in found], _listing(found))
    sys.exit(1 if topic_admin.leaderless(found) else 0)


@topics.command("elect")
@config_option
@click.option(
    "--unclean", is_flag=True, required=True, help="Say that records may be lost. There is no other way here."
)
def elect(path: Path, unclean: bool) -> None:
    """Give every partition without a leader a new one, even if that broker lacks some of its records.

    For the day on which the broker that is missing will not come back: see deploy/kafka/README.md.
    """
    from services.operator import topic_admin

    elected = topic_admin.elect(_brokers(path))
    names = ", ".join(f"{one.topic}-{one.number}" for one in elected)
    say(f"elected: {names}" if names else "every partition has a leader")


def _brokers(path: Path) -> "KafkaSection":
    section = load(path).kafka
    if section is None:
        raise ConfigError(f"{path} has no 'kafka' section: multicast needs no topics")
    return section


def _listing(found: "list[Partition]") -> Listing:
    rows = []
    for one in found:
        leader = str(one.leader) if one.has_leader else "none"
        in_sync, replicas = (" ".join(map(str, ids)) for ids in (one.in_sync, one.replicas))
        rows.append((one.topic, str(one.number), leader, in_sync, replicas))
    return Listing(("topic", "partition", "leader", "in_sync", "replicas"), rows)

"""`provbus topics`: the Kafka topics of the bus."""

import sys
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from bus.config import load
from bus.errors import ConfigError
from bus.transport.kafka.leaders import Partition, elect_unclean, partitions
from bus.transport.kafka.settings import client_settings
from bus.transport.kafka.topics import create_topics
from services.cli.output import output_option, show
from services.cli.run import config_option


@click.group()
def topics() -> None:
    """Declare the topics of the bus on the brokers, and see who leads them."""


@topics.command("apply")
@config_option
def apply(path: Path) -> None:
    """Create the topics that are missing, as the route table declares them."""
    created = create_topics(_settings(path))
    click.echo(f"created: {', '.join(created)}" if created else "nothing to create")


@topics.command("leaders")
@config_option
@output_option
def leaders(path: Path, output: str) -> None:
    """Print who leads each partition, and which brokers are in sync; exit 1 if one has no leader."""
    found = partitions(_settings(path))
    show(output, [one._asdict() for one in found], _table(found))
    sys.exit(1 if _leaderless(found) else 0)


@topics.command("elect")
@config_option
@click.option(
    "--unclean", is_flag=True, required=True, help="Say that records may be lost. There is no other way here."
)
def elect(path: Path, unclean: bool) -> None:
    """Give every partition without a leader one, whatever that broker has of its records.

    For the day on which the broker that is missing will not come back: see deploy/kafka/README.md.
    """
    settings = _settings(path)
    if missing := _leaderless(partitions(settings)):
        elect_unclean(settings, missing)
    names = ", ".join(f"{one.topic}-{one.number}" for one in missing)
    click.echo(f"elected: {names}" if names else "every partition has a leader")


def _settings(path: Path) -> dict[str, Any]:
    kafka = load(path).kafka
    if kafka is None:
        raise ConfigError(f"{path} has no 'kafka' section: multicast needs no topics")
    return client_settings(kafka)


def _leaderless(found: list[Partition]) -> list[Partition]:
    return [one for one in found if not one.has_leader]


def _table(found: list[Partition]) -> Table:
    table = Table("topic", "partition", "leader", "in_sync", "replicas", box=None, pad_edge=False)
    for one in found:
        leader = str(one.leader) if one.has_leader else "none"
        in_sync, replicas = (" ".join(map(str, ids)) for ids in (one.in_sync, one.replicas))
        table.add_row(one.topic, str(one.number), leader, in_sync, replicas)
    return table

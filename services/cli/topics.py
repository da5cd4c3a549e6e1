"""`provbus topics`: the Kafka topics of the bus."""

from pathlib import Path

import click

from bus.config import load
from bus.errors import ConfigError
from bus.transport.kafka.settings import client_settings
from bus.transport.kafka.topics import create_topics
from services.cli.run import config_option


@click.group()
def topics() -> None:
    """Declare the topics of the bus on the brokers."""


@topics.command("apply")
@config_option
def apply(path: Path) -> None:
    """Create the topics that are missing, as the route table declares them."""
    kafka = load(path).kafka
    if kafka is None:
        raise ConfigError(f"{path} has no 'kafka' section: multicast needs no topics")
    created = create_topics(client_settings(kafka))
    click.echo(f"created: {', '.join(created)}" if created else "nothing to create")

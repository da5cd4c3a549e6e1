"""`provbus topics`: the Kafka topics of the bus."""

from pathlib import Path

import click

from bus.config import load
from bus.node import client_settings
from bus.transport.topics import create_topics
from services.cli.run import config_option


@click.group()
def topics() -> None:
    """Declare the topics of the bus on the brokers."""


@topics.command("apply")
@config_option
def apply(path: Path) -> None:
    """Create the topics that are missing, as the route table declares them."""
    created = create_topics(client_settings(load(path).kafka))
    click.echo(f"created: {', '.join(created)}" if created else "nothing to create")

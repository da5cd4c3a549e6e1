"""`provbus lab kafka`: the standing Kafka cluster of the lab, by hand.

Exit codes are those of the whole command: 0 up, 1 down (`status`), 69 a needed program is missing or the
brokers do not start, 73 an earlier cluster is half alive and must be taken down first.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from bus.errors import ProvbusError, StateError, UnavailableError
from services.cli.output import say

if TYPE_CHECKING:
    from services.brokers.cluster import ClusterStatus

kafka = click.Group("kafka", help="Three real Apache Kafka brokers on this machine, for the lab.")


@kafka.command()
def up() -> None:
    """Start the standing cluster, or say that it is up already."""
    from services.brokers.cluster import KafkaCluster

    with _progress() as report:
        cluster = KafkaCluster(report=report)
        standing = cluster.find()
        info = standing or cluster.up()
    say(f"{'already up' if standing else 'up'}: Apache Kafka {info.version} at {info.bootstrap}")


@kafka.command()
@click.option(
    "-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", show_default=True
)
@click.pass_context
def status(context: click.Context, output: str) -> None:
    """Show the standing cluster; exit 0 when it is up, 1 when it is down."""
    from services.brokers.cluster import KafkaCluster

    found = KafkaCluster().status()
    click.echo(render_status(found, output), nl=False)
    context.exit(0 if found.state == "up" else 1)


@kafka.command()
def down() -> None:
    """Stop the standing cluster and remove its data; its logs stay until the next start."""
    from services.brokers.cluster import KafkaCluster

    with _progress() as report:
        stopped = KafkaCluster(report=report).down()
    say("down" if stopped else "already down")


def render_status(status: "ClusterStatus", output: str) -> str:
    """The status as `table`, `json` or `yaml`, ending in a newline."""
    if output == "json":
        return status.model_dump_json(indent=2) + "\n"
    if output == "yaml":
        import yaml

        return yaml.safe_dump(status.model_dump(mode="json"), sort_keys=False)
    fields = status.model_dump(mode="json", exclude={"brokers"})
    lines = [f"{name:<11}{'-' if value is None else value}" for name, value in fields.items()]
    if status.brokers:
        lines += ["", f"{'broker':>6} {'pid':>8} {'port':>6} {'rss_mib':>8}"]
    for broker in status.brokers:
        pid, rss_mib = ("dead" if value is None else value for value in (broker.pid, broker.rss_mib))
        lines.append(f"{broker.id:>6} {pid:>8} {broker.port:>6} {rss_mib:>8}")
    return "\n".join(lines) + "\n"


def exit_code(error: ProvbusError) -> int:
    """The process's exit code for an error of the lab cluster."""
    if isinstance(error, UnavailableError):
        return os.EX_UNAVAILABLE
    return os.EX_CANTCREAT if isinstance(error, StateError) else os.EX_CONFIG


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """A line on a terminal that says what is being waited for; our errors become a sentence and a code."""
    from rich.console import Console

    console = Console(stderr=True)
    try:
        if not console.is_terminal:
            yield lambda text: None
            return
        with console.status("looking for the cluster") as line:
            yield line.update
    except ProvbusError as error:
        say(f"Error: {error}", err=True)
        raise click.exceptions.Exit(exit_code(error)) from error

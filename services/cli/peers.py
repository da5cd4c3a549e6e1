"""`provbus peers`: whom an instance sees, asked over its local socket.

A sidecar reads everybody's beats and knows state, load and age of each. A CFM only knows which minters are
connected to it. Below its name stands why an instance is not ready, or degraded.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from bus.config import Config, load
from services.cli.instance import ask
from services.cli.output import output_option, show
from services.cli.run import config_option

EVERY_S = 1.0
COLUMNS = ("peer", "state", "service", "incarnation", "load", "p99_ms", "generation", "beat_age_s")


@click.group()
def peers() -> None:
    """Show whom a running instance sees."""


@peers.command("ls")
@config_option
@output_option
def ls(path: Path, output: str) -> None:
    """Print the peers of the instance with this configuration once."""
    status = _status(load(path))
    show(output, status, _table(status))


@peers.command("watch")
@config_option
@output_option
def watch(path: Path, output: str) -> None:
    """Print them every second until Ctrl-C; json and yaml as one document after the other."""
    config = load(path)
    try:
        if output == "table":
            with Live(_table(_status(config)), console=Console(), auto_refresh=False) as live:
                for status in _statuses(config):
                    live.update(_table(status), refresh=True)
        else:
            for status in _statuses(config):
                show(output, status, _table(status))
    except KeyboardInterrupt:
        pass  # the way out


def _statuses(config: Config) -> Iterator[dict[str, Any]]:
    while True:
        yield _status(config)
        time.sleep(EVERY_S)


def _status(config: Config) -> dict[str, Any]:
    status = ask(config, {"op": "status"})
    return {key: status[key] for key in ("instance", "service", "draining", "missing", "degraded", "peers")}


def _table(status: dict[str, Any]) -> Table:
    note = "hears no peers: these minters are connected" if status["service"] == "cfm" else "sees"
    title = f"{status['instance']}{' (draining)' if status['draining'] else ''} {note}"
    reasons = "; ".join(status["missing"] or status["degraded"])
    if reasons:
        title += f"\n{'not ready' if status['missing'] else 'degraded'}: {reasons}"
    table = Table(*COLUMNS, title=title, title_justify="left", box=None, pad_edge=False)
    for name, peer in sorted(status["peers"].items()):
        table.add_row(name, *_cells(peer))
    return table


def _cells(peer: dict[str, Any]) -> Iterator[str]:
    busy = peer.get("load")
    shown = {
        **peer,
        "state": ", ".join(
            [peer["state"] or "forgotten", *(word for word in ("draining", "twice") if peer.get(word))]
        ),
        "load": None if busy is None else f"{busy['in_flight']}/{busy['capacity']}",
        "p99_ms": None if busy is None else round(busy["p99_ms"], 1),
    }
    for column in COLUMNS[1:]:
        value = shown.get(column)
        yield "-" if value is None else str(value)

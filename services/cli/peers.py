"""`provbus peers`: whom an instance sees, asked over its local socket.

A sidecar reads everybody's beats and knows state, load and age of each. A CFM only knows which minters are
connected to it. Below its name stands why an instance is not ready, or degraded.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from services.cli.options import config_option, load
from services.cli.output import Listing, drawn, output_option, show

if TYPE_CHECKING:
    from services.config.instance import Config

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
    from services.operator.ask import sight

    status = sight(load(path))
    show(output, status, _listing(status))


@peers.command("watch")
@config_option
@output_option
def watch(path: Path, output: str) -> None:
    """Print them every second until Ctrl-C; json and yaml as one document after the other."""
    statuses = _statuses(load(path))
    try:
        if output == "table":
            _keep_drawn(statuses)
        else:
            for status in statuses:
                show(output, status, _listing(status))
    except KeyboardInterrupt:
        pass  # the way out


def _keep_drawn(statuses: Iterator[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.live import Live

    with Live(drawn(_listing(next(statuses))), console=Console(), auto_refresh=False) as live:
        for status in statuses:
            live.update(drawn(_listing(status)), refresh=True)


def _statuses(config: "Config") -> Iterator[dict[str, Any]]:
    from services.operator.ask import sight

    while True:
        yield sight(config)
        time.sleep(EVERY_S)


def _listing(status: dict[str, Any]) -> Listing:
    note = "hears no peers: these minters are connected" if status["service"] == "cfm" else "sees"
    title = f"{status['instance']}{' (draining)' if status['draining'] else ''} {note}"
    reasons = "; ".join(status["missing"] or status["degraded"])
    if reasons:
        title += f"\n{'not ready' if status['missing'] else 'degraded'}: {reasons}"
    return Listing(COLUMNS, [(name, *_cells(peer)) for name, peer in sorted(status["peers"].items())], title)


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

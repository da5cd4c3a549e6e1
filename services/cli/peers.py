"""`provbus peers`: whom an instance sees, asked over its local socket.

Everybody reads everybody's beats, and knows state, load and age of each. Below its name stands why the
instance itself is not ready, or degraded.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from services.cli.options import config_option, load
from services.cli.output import Listing, output_option, readiness, show
from services.cli.watching import watch

COLUMNS = (
    "peer",
    "state",
    "ready",
    "service",
    "incarnation",
    "handoff",
    "load",
    "p99_ms",
    "generation",
    "beat_age_s",
)


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
def watch_command(path: Path, output: str) -> None:
    """Print them every second until Ctrl-C; json and yaml as one document after the other."""
    from services.operator.ask import sight

    config = load(path)
    watch(lambda: sight(config), _listing, output)


def _listing(status: dict[str, Any]) -> Listing:
    title = f"{status['instance']}{' (draining)' if status['draining'] else ''} sees"
    reasons = "; ".join(one["text"] for one in status["missing"] or status["degraded"])
    if reasons:
        title += f"\n{'not ready' if status['missing'] else 'degraded'}: {reasons}"
    rows = [
        (name, *_cells(peer, has_handoff=name in status["handoff"]))
        for name, peer in sorted(status["peers"].items())
    ]
    return Listing(COLUMNS, rows, title)


def _cells(peer: dict[str, Any], *, has_handoff: bool) -> Iterator[str]:
    busy = peer["load"]
    shown = {
        **peer,
        "ready": readiness(peer) if peer["state"] == "alive" else None,  # who is gone said it once
        "handoff": "yes" if has_handoff else None,
        "state": ", ".join(
            [peer["state"] or "forgotten", *(word for word in ("draining", "twice") if peer[word])]
        ),
        "load": f"{busy['in_flight']}/{busy['capacity']}",
        "p99_ms": round(busy["p99_ms"], 1),
    }
    for column in COLUMNS[1:]:
        value = shown.get(column)
        yield "-" if value is None else str(value)

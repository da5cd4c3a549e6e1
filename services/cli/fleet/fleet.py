"""`provbus fleet`: every instance of the fleet file, asked of one.

Instances open no port for this: beats carry what is shown. What is asked is an operators' socket.
"""

import sys
from pathlib import Path
from typing import Any

import click

from services.cli.options import config_option, load
from services.cli.output import Listing, output_option, readiness, show
from services.cli.watching import watch

COLUMNS = (
    "instance",
    "service",
    "site",
    "state",
    "ready",
    "role",
    "settings",
    "transport",
    "version",
    "wrong",
)


@click.group()
def fleet() -> None:
    """Show the whole fleet as one running instance sees it."""


@fleet.command("status")
@config_option
@output_option
def status(path: Path, output: str) -> None:
    """Print every instance of the fleet file, also the silent ones.

    Exit 0 if all are ready and agree, 1 if something is wrong with one of them.
    """
    from services.operator.fleet.fleet_status import fleet_status

    found = fleet_status(load(path))
    show(output, found, _listing(found))
    sys.exit(0 if found["ok"] else 1)


@fleet.command("watch")
@config_option
@output_option
def watch_command(path: Path, output: str) -> None:
    """Print the same every second until Ctrl-C; json and yaml as one document after the other."""
    from services.operator.fleet.fleet_status import fleet_status

    config = load(path)
    watch(lambda: fleet_status(config), _listing, output)


def _listing(found: dict[str, Any]) -> Listing:
    rows = []
    for one in found["instances"]:
        cells = (
            one["name"],
            one["service"],
            one["site"],
            one["state"],
            readiness(one),
            one["role"],
            one["generation"],
        )
        rows.append([str(cell) or "-" for cell in (*cells, one["transport"], one["version"], one["wrong"])])
    wrong = sum(bool(one["wrong"]) for one in found["instances"])
    verdict = f"{wrong} of {len(rows)} need a look" if wrong else f"all {len(rows)} are well"
    return Listing(COLUMNS, rows, f"{verdict}, as {found['asked']} sees them")

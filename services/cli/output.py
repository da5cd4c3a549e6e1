"""How a command prints what it found: `-o table` for people, `-o json` and `-o yaml` for programs.

A program gets one document per print, JSON on one line, so a stream of them can be read line by line. A table
that does not go to a terminal is as wide as its cells: nothing is folded in a file.
"""

import json
import sys
from typing import Any

import click
import yaml
from rich.console import Console
from rich.table import Table

WIDTH_MAX = 10_000

output_option = click.option(
    "-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", show_default=True
)


def show(output: str, document: Any, *tables: Table) -> None:
    """Print the document, or the tables that say the same."""
    if output == "json":
        click.echo(json.dumps(document))
    elif output == "yaml":
        click.echo(yaml.safe_dump(document, sort_keys=False, explicit_start=True), nl=False)
    else:
        Console(width=None if sys.stdout.isatty() else WIDTH_MAX).print(*tables, sep="\n")

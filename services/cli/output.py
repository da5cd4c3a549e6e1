"""How a command prints what it found: `-o table` for people, `-o json` and `-o yaml` for programs.

A program gets one document per print, JSON on one line, so a stream of them can be read line by line. A table
that does not go to a terminal is as wide as its cells: nothing is folded in a file. A command says what is in
its table; rich is imported when one is drawn.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from bus.telemetry.terminal import shown, shown_lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

WIDTH_MAX = 10_000

output_option = click.option(
    "-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", show_default=True
)


class Listing(NamedTuple):
    """A table for people: every cell is the text that it shows."""

    columns: Sequence[str]
    rows: Iterable[Sequence[str]]
    title: str = ""


def cell(value: object) -> str:
    """A value as one cell of a table shows it.

    >>> cell({"acked": 3, "clean": True, "lost": []})
    'acked 3  clean yes  lost -'
    >>> cell([0.12345, None])
    '0.123, -'
    """
    if value is None or value in ("", [], (), {}):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(round(value, 3))
    if isinstance(value, Mapping):
        return "  ".join(f"{key} {cell(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(cell, value))
    return str(value)


def readiness(one: Mapping[str, Any]) -> str:
    """The verdict of an instance, with the code of its first reason."""
    return f"{one['verdict']}: {one['reason']}" if one["reason"] else str(one["verdict"])


def say(text: str, *, err: bool = False) -> None:
    """Print lines for people, with the control characters of foreign texts shown and not obeyed."""
    click.echo(shown_lines(text), err=err)


def show(output: str, document: Any, *listings: Listing) -> None:
    """Print the document, or the tables that say the same."""
    if output == "json":
        click.echo(json.dumps(document))
    elif output == "yaml":
        import yaml

        click.echo(yaml.safe_dump(document, sort_keys=False, explicit_start=True), nl=False)
    else:
        wide_console().print(*map(drawn, listings), sep="\n")


def wide_console() -> "Console":
    """Standard output, so wide that nothing is folded in a file."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else WIDTH_MAX)


def drawn(listing: Listing) -> "Table":
    """The table as rich draws it."""
    from rich.table import Table
    from rich.text import Text

    title = Text(shown_lines(listing.title), "table.title") if listing.title else None
    table = Table(*map(shown, listing.columns), title=title, title_justify="left", box=None, pad_edge=False)
    for row in listing.rows:
        table.add_row(*map(cell_text, row))
    return table


def cell_text(text: str) -> "Text":
    """The text of a cell as rich prints it."""
    from rich.text import Text

    return Text(shown(text))

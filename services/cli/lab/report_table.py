"""The report of a run for people: a row for each figure, and what was not the real thing."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from services.cli.output import cell, cell_text, wide_console

_NOT_SHOWN = ("endpoints",)  # they are gone with the run


def print_table(report: Mapping[str, Any]) -> None:
    """Print the report."""
    console = wide_console()
    table = Table(show_header=False, box=None, pad_edge=False)
    for key, value in report.items():
        if key not in _NOT_SHOWN and value not in ("", {}):
            table.add_row(Text(key, "bold"), cell_text(cell(value)))
    console.print(table)
    if report["broker"] == "embedded":
        console.print(
            "The broker was librdkafka's embedded cluster: the real protocol, but nothing is durable."
        )

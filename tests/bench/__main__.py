"""`make bench`: what provbus costs beside the raw library, in one run.

Every figure is a ratio of two things measured in alternation on this machine, the median of its alternations;
the spread is their lowest and highest. A table goes to stderr; the last thing on stdout is one flat JSON
object.
"""

import json
import statistics
import sys
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from tests.bench.boots import boot_figures
from tests.bench.figure import Figure, Skipped
from tests.bench.handoff import handoff_figures

GROUPS: tuple[Callable[[], list[Figure]], ...] = (handoff_figures, boot_figures)


def main() -> None:
    """Measure everything and print it."""
    figures: list[Figure] = []
    skipped: dict[str, str] = {}
    for group in GROUPS:
        try:
            figures += group()
        except Skipped as reason:
            skipped |= dict.fromkeys(reason.figures, str(reason))
    _print_table(figures, skipped)
    numbers: dict[str, object] = {one.name: round(statistics.median(one.values), 3) for one in figures}
    numbers |= dict.fromkeys(skipped)
    numbers["spread"] = {one.name: [round(min(one.values), 3), round(max(one.values), 3)] for one in figures}
    numbers["skipped"] = skipped
    print(json.dumps(numbers))


def _print_table(figures: list[Figure], skipped: dict[str, str]) -> None:
    table = Table("figure", "median", "low", "high", "aim", "what it is")
    for one in figures:
        cells = (statistics.median(one.values), min(one.values), max(one.values))
        table.add_row(one.name, *(f"{value:.3g}" for value in cells), one.aim, one.what)
    for name, reason in skipped.items():
        table.add_row(name, "-", "", "", "", reason)
    Console(file=sys.stderr, width=150).print(table)


main()

"""`make bench`: what provbus costs beside the raw libraries and beside others, in one run.

Every figure is a ratio of two things measured in alternation on this machine, the median of its alternations;
the spread is their lowest and highest. A table goes to stderr, the same as a page to `build/benchmarks.md`;
the last thing on stdout is one flat JSON object.
"""

import json
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bus.errors import UnavailableError
from services.lab.site.embedded import real
from tests.bench import idle, kafka
from tests.bench.boots import boot_figures
from tests.bench.figure import Figure, Skipped
from tests.bench.files import file_figures, tool_figures
from tests.bench.handoff import handoff_figures
from tests.bench.keepalived import keepalived_figures
from tests.bench.nats import nats_figures
from tests.bench.page import build_page
from tests.bench.tftp import tftp_figures
from tests.requirement import missing_for_kafka

GROUPS: tuple[Callable[[], list[Figure]], ...] = (
    handoff_figures,
    nats_figures,
    tftp_figures,
    file_figures,
    tool_figures,
    boot_figures,
    keepalived_figures,
)
# On one cluster. The idle lab is the last: it makes all topics anew.
KAFKA_GROUPS = (kafka.raw_figures, kafka.faststream_figures, idle.idle_figures)
PAGE = Path(__file__).parents[2] / "build/benchmarks.md"


class Results:
    """What was measured, and what was not and why."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []
        self.skipped: dict[str, str] = {}

    def add(self, measure: Callable[[], list[Figure]]) -> None:
        """Measure a group."""
        try:
            self.figures += measure()
        except Skipped as reason:
            self.skip(reason.figures, str(reason))

    def skip(self, figures: Sequence[str], reason: str) -> None:
        """Go without these."""
        self.skipped |= dict.fromkeys(figures, reason)


def main() -> None:
    """Measure everything and print it."""
    results = Results()
    for group in GROUPS:
        results.add(group)
    with ExitStack() as stack:
        try:
            bootstrap = _start_brokers(stack)
        except Skipped as reason:
            results.skip(reason.figures, str(reason))
        else:
            for kafka_group in KAFKA_GROUPS:
                results.add(partial(kafka_group, bootstrap))
    figures, skipped = results.figures, results.skipped
    _print_table(figures, skipped)
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(build_page(figures, skipped))
    numbers: dict[str, object] = {one.name: round(statistics.median(one.values), 3) for one in figures}
    numbers |= dict.fromkeys(skipped)
    numbers["spread"] = {one.name: [round(min(one.values), 3), round(max(one.values), 3)] for one in figures}
    numbers["skipped"] = skipped
    print(json.dumps(numbers))


def _start_brokers(stack: ExitStack) -> str:
    """The bootstrap servers of three real brokers with fresh topics; `Skipped` where there can be none."""
    reason = missing_for_kafka(os.environ)
    try:
        if reason is None:
            return stack.enter_context(real(lambda doing: print(doing, file=sys.stderr)))
    except UnavailableError as error:
        reason = str(error)
    raise Skipped(reason, (*kafka.FIGURES, *idle.FIGURES))


def _print_table(figures: list[Figure], skipped: dict[str, str]) -> None:
    table = Table("figure", "median", "low", "high", "aim", "what it is")
    for one in figures:
        cells = (statistics.median(one.values), min(one.values), max(one.values))
        table.add_row(one.name, *(f"{value:.3g}" for value in cells), one.aim, one.what)
    for name, reason in skipped.items():
        table.add_row(name, "-", "", "", "", reason)
    Console(file=sys.stderr, width=150).print(table)


main()

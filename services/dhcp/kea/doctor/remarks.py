"""Remarks about a Kea, and the report of them: one line for each problem, however often it occurs."""

from collections.abc import Iterable
from typing import NamedTuple

LINES_MAX = 50
"""An operator mends no more before the next examination."""


class Remark(NamedTuple):
    """A problem at a place, and its cure. A note is for information and needs no cure."""

    place: str
    what: str
    is_note: bool = False


class Report(NamedTuple):
    """`findings` must be mended, `notes` only be known."""

    findings: list[str]
    notes: list[str]


def report(remarks: Iterable[Remark]) -> Report:
    """One line for all remarks with the same text: it names the first place and counts the others."""
    places: dict[tuple[bool, str], dict[str, None]] = {}
    for place, what, is_note in remarks:
        places.setdefault((is_note, what), {})[place] = None
    lines: dict[bool, list[str]] = {False: [], True: []}
    for (is_note, what), found in places.items():
        lines[is_note].append(f"{some(list(found))}: {what}")
    return Report(_bounded(lines[False]), _bounded(lines[True]))


def some(places: list[str]) -> str:
    """The first place, and the number of others."""
    return places[0] if len(places) == 1 else f"{places[0]} and {len(places) - 1} more"


def _bounded(lines: list[str]) -> list[str]:
    if len(lines) <= LINES_MAX:
        return lines
    return [*lines[:LINES_MAX], f"and {len(lines) - LINES_MAX} more: mend these, then ask again"]

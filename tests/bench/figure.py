"""What a bench reports."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

ALTERNATIONS = 15


class Figure(NamedTuple):
    """One number: its value in each alternation, what we aim at, what it is."""

    name: str
    values: Sequence[float]
    aim: str
    what: str


class Skipped(Exception):
    """A part is missing: why, and which figures go without."""

    def __init__(self, reason: str, figures: Sequence[str]) -> None:
        self.figures = figures
        super().__init__(reason)


def alternate(*measures: Callable[[], float], rounds: int = ALTERNATIONS) -> list[list[float]]:
    """Run the measures one after the other, again and again; the values of each. The first round warms up."""
    values = [[measure() for measure in measures] for _ in range(rounds + 1)]
    return [list(column) for column in zip(*values[1:], strict=True)]


def ratios(values: Sequence[float], against: Sequence[float]) -> list[float]:
    """Pairwise, so that a slow moment of the machine hits both."""
    return [one / other for one, other in zip(values, against, strict=True)]

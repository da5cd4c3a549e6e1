"""`make bench AGAINST=REV`: the same figures of this code and of another revision, in alternation.

`.venv/bin/python -m tests.bench.against REV [PAIRS [PART...]]`

The other revision stands in a work tree of git's, with an environment of its own; a directory in the place of
REV is a checkout that has one. A pair measures each part by one of them and at once by the other, and the
order changes from pair to pair, so a slow moment of the machine hits both. The table shows ours / theirs: the
median over the pairs, the lowest and the highest; each pair is printed as soon as it is measured. A
measurement that fails is printed, and its pair is measured anew, `LOST_MAX` times in all.
Exit 1 if one failed, or if the median of a figure with an aim is worse than `WORSE_MAX`.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent.parent
PAIRS = 10
WORSE_MAX = 1.05
PART_S_MAX = 600
LOST_MAX = 3
PARTS = {
    "handoff": "handoff_figures",
    "tftp": "tftp_figures",
    "files": "file_figures",
    "boots": "boot_figures",
}
"""Modules of the bench, and what measures each: these names have to stay."""

_CHILD = """
import importlib, json, statistics, sys
measure = getattr(importlib.import_module(f"tests.bench.{sys.argv[1]}"), sys.argv[2])
print(json.dumps({one.name: [statistics.median(one.values), one.aim] for one in measure()}))
"""

Measured = dict[str, tuple[float, str]]
"""Figures by name: median and aim."""
Pair = tuple[Measured, Measured]
"""Ours and theirs."""
Turn = tuple[int, str]
"""The number of a pair, and a part."""


class MeasurementError(Exception):
    """A part could not be measured."""


def main() -> None:
    """Compare this working tree with the revision in the first argument."""
    if len(sys.argv) < 2:
        sys.exit("say which revision: make bench AGAINST=REV")
    pairs = int(sys.argv[2]) if len(sys.argv) > 2 else PAIRS
    parts = sys.argv[3:] or [*PARTS]
    turns = [(number, part) for number in range(pairs) for part in parts]
    with _tree(sys.argv[1]) as other:
        found, failures = measured(
            turns, lambda number, part: _pair(other, part, is_ours_first=bool(number % 2)), _say
        )
    ratios, aims = collect(found)
    table = Table("figure", "ours / theirs", "low", "high", "aim")
    for figure, values in ratios.items():
        cells = (statistics.median(values), min(values), max(values))
        table.add_row(figure, *(f"{value:.3f}" for value in cells), aims[figure])
    Console(width=150).print(table)
    worse = [figure for figure, values in ratios.items() if is_worse(statistics.median(values), aims[figure])]
    if worse or failures:
        sys.exit(f"worse than {WORSE_MAX}: {', '.join(worse) or 'nothing'}; failed: {failures}")


def measured(
    turns: Sequence[Turn], measure: Callable[[int, str], Pair], say: Callable[[str], None]
) -> tuple[list[Pair], int]:
    """The pair of each turn, and how many measurements failed on the way. A turn whose measurement fails is
    taken again while there were no more than `LOST_MAX`; then it ends with the pairs that there are.
    """
    found: list[Pair] = []
    failures = 0
    for number, part in turns:
        while failures <= LOST_MAX:
            try:
                pair = measure(number, part)
            except MeasurementError as error:
                failures += 1
                say(f"failed: {error}")
                continue
            ratios, _ = collect([pair])
            say(
                f"pair {number + 1} {part}: "
                + "  ".join(f"{name} {ratio[0]:.3f}" for name, ratio in ratios.items())
            )
            found.append(pair)
            break
    return found, failures


def collect(pairs: Sequence[Pair]) -> tuple[dict[str, list[float]], Mapping[str, str]]:
    """Ours / theirs of each figure that both have, for each pair, and its aim."""
    ratios: dict[str, list[float]] = {}
    aims: dict[str, str] = {}
    for ours, theirs in pairs:
        for figure in ours.keys() & theirs.keys():
            (value, aims[figure]), (other, _) = ours[figure], theirs[figure]
            if other:
                ratios.setdefault(figure, []).append(value / other)
    return ratios, aims


def is_worse(ratio: float, aim: str) -> bool:
    """Whether ours / theirs is worse, by the direction of the aim; without one nobody can tell.

    >>> is_worse(1.06, "≤ 2.5"), is_worse(1.06, "≥ 10"), is_worse(0.9, "≥ 10"), is_worse(9.0, "")
    (True, False, True, False)
    """
    if aim.startswith("≤"):
        return ratio > WORSE_MAX
    return aim.startswith("≥") and ratio < 1 / WORSE_MAX


@contextmanager
def _tree(revision: str) -> Iterator[Path]:
    """The checkout of a revision, with its environment."""
    if Path(revision).is_dir():
        yield Path(revision).absolute()
        return
    with tempfile.TemporaryDirectory(prefix="provbus-against-") as name:
        other = Path(name) / "tree"
        _run("git", "worktree", "add", "--quiet", "--detach", str(other), revision)
        try:
            _run("make", "--no-print-directory", "-C", str(other), "install")
            yield other
        finally:
            _run("git", "worktree", "remove", "--force", str(other))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _pair(other: Path, part: str, *, is_ours_first: bool) -> Pair:
    trees = [ROOT, other] if is_ours_first else [other, ROOT]
    measured = {tree: _measure(tree, part) for tree in trees}
    return measured[ROOT], measured[other]


def _measure(tree: Path, part: str) -> Measured:
    words = [str(tree / ".venv/bin/python"), "-c", _CHILD, part, PARTS[part]]
    try:
        done = subprocess.run(words, cwd=tree, capture_output=True, text=True, timeout=PART_S_MAX)
    except subprocess.TimeoutExpired as error:
        raise MeasurementError(f"{part} in {tree}: not measured within {PART_S_MAX} s") from error
    if done.returncode:
        raise MeasurementError(f"{part} in {tree}: {done.stderr.strip()[-1000:]}")
    return {name: (value, aim) for name, (value, aim) in json.loads(done.stdout).items()}


def _run(*words: str) -> None:
    subprocess.run(words, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()

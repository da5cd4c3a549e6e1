"""`make sim`: thousands of storms over plants that switch, in two processes, and a table of what they met.

`.venv/bin/python -m tests.simulation.switch.sweep [SEEDS]`

Red if anything was violated, and if any kind of fault was never injected: then the sweep proves less than it
says.
"""

import gc
import sys
from collections import Counter
from multiprocessing import Pool

from bus.testing import faults
from tests.simulation.switch.runs import DIRECTED_MAX, Outcome, run, scenario_of, shrink
from tests.simulation.switch.scenario import OPERATIONS

SEEDS = 2000
PROCESSES = 2
SHOWN_MAX = 5  # violations; each is replayed by its own command
WEATHER = ("loss", "duplication", "slow", "reorder")
KINDS = [
    *(kind.__name__ for kind in faults.Fault.__args__),
    *WEATHER,
    *(f"operator {kind.__name__}" for kind in OPERATIONS),
]


class Sum:
    """What all runs met together."""

    def __init__(self) -> None:
        self.seeds = 0
        self.simulated_s = 0.0
        self.injected: Counter[str] = Counter()
        self.met: Counter[str] = Counter()
        self.red: list[Outcome] = []

    def add(self, outcome: Outcome) -> None:
        """Count a run."""
        self.seeds += 1
        self.simulated_s += outcome.simulated_s
        self.injected += outcome.injected
        self.met += outcome.met
        if outcome.violation:
            self.red.append(outcome)

    def never(self) -> list[str]:
        """The faults that never happened."""
        happened = self.injected + self.met
        return [kind for kind in KINDS if not happened[kind]]

    def lines(self) -> list[str]:
        """The report."""
        happened = self.injected + self.met
        others = [name for name in self.met if name not in KINDS]
        return [
            f"{self.seeds} seeds, {self.simulated_s / 3600:.1f} simulated hours, "
            f"{self.met['switches']} eras begun, {len(self.red)} violations",
            "",
            *(f"  {happened[name]:>10,}  {name}" for name in KINDS),
            "",
            *(f"  {self.met[name]:>10,}  {name.replace('_', ' ')}" for name in others),
        ]


def sweep(seeds: range, processes: int = PROCESSES) -> Sum:
    """Run these seeds."""
    total = Sum()
    with Pool(processes, initializer=_collect_rarely) as pool:
        for outcome in pool.imap_unordered(run, seeds, chunksize=4):
            total.add(outcome)
    return total


def _collect_rarely() -> None:
    """A world is one large cycle that lives as long as its run: looking for garbage in it costs a fifth."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def main() -> None:
    """Sweep as many seeds as the first argument says."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    total = sweep(range(seeds))
    print(*total.lines(), sep="\n")
    for outcome in sorted(total.red)[:SHOWN_MAX]:
        scenario = scenario_of(outcome.seed)
        smaller = shrink(outcome.seed, scenario)
        print("", outcome.violation, f"{scenario.name}: {smaller.shape}", *smaller.faults, sep="\n")
    never = total.never() if seeds > 2 * DIRECTED_MAX else []
    if never:
        print("", f"never met: {', '.join(never)}", sep="\n")
    sys.exit(bool(total.red or never))


if __name__ == "__main__":
    main()

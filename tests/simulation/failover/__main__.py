"""Run one seed and print the hash of its trace; or the end of its trace, what was violated, and the faults
that it takes.

`.venv/bin/python -m tests.simulation.failover SEED`
"""

import sys

from bus.testing.checkers import ViolationError
from tests.simulation.failover.plant import FailoverPlant
from tests.simulation.failover.runs import scenario_of, shrink


def main() -> None:
    """Replay the seed in the first argument."""
    seed = int(sys.argv[1])
    scenario = scenario_of(seed)
    plant = FailoverPlant(seed, scenario)
    try:
        plant.run()
    except ViolationError as violation:
        smaller = shrink(seed, scenario)
        print(*plant.world.witness.tail, violation, "", sep="\n")
        print(f"{smaller.shape}: {len(smaller.faults)} faults of {len(scenario.faults)} are enough:")
        print(*smaller.faults, sep="\n")
        sys.exit(1)
    print(plant.world.trace_hash())


if __name__ == "__main__":
    main()

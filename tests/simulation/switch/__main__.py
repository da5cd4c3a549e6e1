"""Run one seed and print the hash of its trace; or the end of its trace, what was violated, and the deeds
that it takes.

`.venv/bin/python -m tests.simulation.switch SEED`
"""

import sys

from bus.testing.checkers import ViolationError
from tests.simulation.switch.plant import SwitchPlant
from tests.simulation.switch.runs import scenario_of, shrink


def main() -> None:
    """Replay the seed in the first argument."""
    seed = int(sys.argv[1])
    scenario = scenario_of(seed)
    plant = SwitchPlant(seed, scenario)
    try:
        plant.run()
    except ViolationError as violation:
        smaller = shrink(seed, scenario)
        print(*plant.world.witness.tail, violation, "", sep="\n")
        print(f"{smaller.shape}: {len(smaller.faults)} deeds of {len(scenario.faults)} are enough:")
        print(*smaller.faults, sep="\n")
        sys.exit(1)
    print(plant.world.trace_hash())


if __name__ == "__main__":
    main()

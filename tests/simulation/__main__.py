"""Run one seed and print the hash of its trace, or the end of its trace and what was violated.

`.venv/bin/python -m tests.simulation SEED`
"""

import sys

from bus.testing.checkers import ViolationError
from tests.simulation.plant import Plant


def main() -> None:
    """Replay the seed in the first argument."""
    plant = Plant(int(sys.argv[1]))
    try:
        plant.run()
    except ViolationError as violation:
        print(*plant.world.witness.tail, violation, sep="\n")
        sys.exit(1)
    print(plant.world.trace_hash())


main()

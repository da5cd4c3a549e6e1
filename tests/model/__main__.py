"""`make model`: the model within its large bounds. Prints them, the number of states, and what it found."""

import sys
from time import monotonic

from tests.model.bounds import LARGE
from tests.model.exploration import explore


def main() -> None:
    """Explore everything; exit 1 if anything was violated, or did not happen that must."""
    failed = False
    for bounds in LARGE:
        began = monotonic()
        found = explore(bounds)
        print(f"model: {found.line()}, {monotonic() - began:.0f} s", flush=True)
        if found.violation:
            print(*found.path, sep="\n")
        missing = bounds.must - found.happened
        if missing:
            print(f"never happened: {', '.join(sorted(missing))}")
        failed = failed or bool(found.violation or missing)
    sys.exit(failed)


main()

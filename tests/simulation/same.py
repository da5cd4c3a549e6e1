"""`make same AGAINST=REV`: whether this code and another revision do the same in the storms of `make sim`.

`.venv/bin/python -m tests.simulation.same REV [SEEDS]`

A trace holds what travels and no name of ours (`bus.testing.trace`), so code that was moved or renamed has
the hashes that it had. Each seed is run by each revision in a process of its own, the other revision in a
work tree of git's. Exit 1 unless all are equal.
"""

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SEEDS = 50
PROCESSES = 2
RUN_S_MAX = 600


def main() -> None:
    """Compare this working tree with the revision in the first argument."""
    if len(sys.argv) < 2:
        sys.exit("say which revision: make same AGAINST=REV")
    seeds = range(int(sys.argv[2]) if len(sys.argv) > 2 else SEEDS)
    with tempfile.TemporaryDirectory(prefix="provbus-same-") as name:
        other = Path(name) / "tree"
        _git("worktree", "add", "--quiet", "--detach", str(other), sys.argv[1])
        try:
            ours, theirs = (hashes(tree, seeds) for tree in (ROOT, other))
        finally:
            _git("worktree", "remove", "--force", str(other))
    different = [seed for seed in seeds if ours[seed] != theirs[seed]]
    print(f"{len(seeds) - len(different)} of {len(seeds)} equal")
    if different:
        sys.exit(f"not the same: seeds {', '.join(map(str, different))}")


def hashes(tree: Path, seeds: range) -> dict[int, str]:
    """The hash of the trace of each seed, by the code of this work tree."""
    with ThreadPoolExecutor(PROCESSES) as pool:
        return dict(zip(seeds, pool.map(partial(_hash, tree), seeds), strict=True))


def _hash(tree: Path, seed: int) -> str:
    words = [sys.executable, "-m", "tests.simulation.failover", str(seed)]
    done = subprocess.run(words, cwd=tree, capture_output=True, text=True, timeout=RUN_S_MAX)
    if done.returncode:
        sys.exit(f"seed {seed} in {tree}: {done.stderr.strip() or done.stdout.strip()[-500:]}")
    return done.stdout.strip()


def _git(*words: str) -> None:
    subprocess.run(["git", *words], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()

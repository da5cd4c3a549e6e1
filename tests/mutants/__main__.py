"""`make mutants`: plant one fault after the other, and see the tests go red.

A mutant is a patch in this folder. Its first line names the tests that must notice it (`Red: PATH...`), the
lines up to the diff say what fault it is. Each is applied to a copy of the working tree; the same tests must
pass on an unharmed copy. A patch that no longer applies is a failure too: it tests nothing.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TIMEOUT_S = 600
TESTS_FAILED = 1


class Mutant(NamedTuple):
    """One planted fault."""

    name: str
    tests: list[str]
    patch: Path


def main() -> None:
    """Run every mutant; exit 1 unless each was caught."""
    mutants = [_read(path) for path in sorted(HERE.glob("*.patch"))]
    with tempfile.TemporaryDirectory(prefix="provbus-mutants-") as name:
        tests = sorted({test for mutant in mutants for test in mutant.tests})
        unharmed = _copy(Path(name) / "unharmed")
        if _run(unharmed, tests) != 0:
            sys.exit("the tests are red without any mutant; see to that first")
        survivors = [mutant for mutant in mutants if not _is_caught(mutant, Path(name) / mutant.name)]
    print(f"{len(mutants) - len(survivors)} of {len(mutants)} mutants caught")
    sys.exit(bool(survivors) or not mutants)


def _read(path: Path) -> Mutant:
    first = path.read_text().split("\n", 1)[0]
    if not first.startswith("Red: "):
        sys.exit(f"{path.name} does not begin with 'Red: ' and the tests that must notice")
    return Mutant(path.stem, first.removeprefix("Red: ").split(), path)


def _is_caught(mutant: Mutant, directory: Path) -> bool:
    tree = _copy(directory)
    applied = subprocess.run(
        ["git", "apply", "--unidiff-zero", str(mutant.patch)], cwd=tree, capture_output=True, text=True
    )
    if applied.returncode != 0:
        print(f"{mutant.name}: DOES NOT APPLY: {applied.stderr.strip()}")
        return False
    code = _run(tree, mutant.tests)
    # Only failed tests count: a collection error or no test at all would be red for a wrong reason.
    caught = code == TESTS_FAILED
    print(f"{mutant.name}: {'caught' if caught else f'SURVIVED (pytest exit code {code})'}", flush=True)
    shutil.rmtree(tree)
    return caught


def _copy(directory: Path) -> Path:
    """The working tree without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for line in listed.stdout.splitlines():
        if (ROOT / line).is_file():
            target = directory / line
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / line, target)
    # A repository of its own: inside another one `git apply` would skip what is outside its index.
    subprocess.run(["git", "init", "--quiet"], cwd=directory, check=True)
    return directory


def _run(tree: Path, tests: list[str]) -> int:
    words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    return subprocess.run(words, cwd=tree, capture_output=True, timeout=TIMEOUT_S).returncode


main()

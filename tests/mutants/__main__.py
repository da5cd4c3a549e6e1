"""`make mutants`: plant one fault after the other, and see the tests go red.

`tests.mutants.planting` says what a fault is. Each is planted in a copy of the working tree; the same tests
must pass on an unharmed copy. A fault that fits nowhere is a failure too: it tests nothing.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutants.planting import Fault, House, load_fault

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TIMEOUT_S = 600
TESTS_FAILED = 1


def main() -> None:
    """Plant every fault, or those that are named; exit 1 unless each was caught."""
    paths = [HERE / f"{name}.yaml" for name in sys.argv[1:]] or sorted(HERE.glob("*.yaml"))
    faults = {path.stem: load_fault(path) for path in paths}
    house = House.of(ROOT)
    with tempfile.TemporaryDirectory(prefix="provbus-mutants-") as name:
        tests = sorted({test for fault in faults.values() for test in house.tests(fault)})
        if _run(_copy(Path(name) / "unharmed"), tests) != 0:
            sys.exit("the tests are red without any fault; see to that first")
        survivors = [one for one in faults if not _is_caught(one, faults[one], house, Path(name) / one)]
    print(f"{len(faults) - len(survivors)} of {len(faults)} mutants caught")
    sys.exit(bool(survivors) or not faults)


def _is_caught(name: str, fault: Fault, house: House, directory: Path) -> bool:
    tree = _copy(directory)
    for path, text in house.planted(fault).items():
        (tree / path).write_text(text)
    code = _run(tree, house.tests(fault))
    # Only failed tests count: a collection error or no test at all would be red for a wrong reason.
    caught = code == TESTS_FAILED
    print(f"{name}: {'caught' if caught else f'SURVIVED (pytest exit code {code})'}", flush=True)
    shutil.rmtree(tree)
    return caught


def _copy(directory: Path) -> Path:
    """The working tree without what git ignores; tests beside another release find it in our repository."""
    for line in _git("ls-files", "--cached", "--others", "--exclude-standard"):
        if (ROOT / line).is_file():
            target = directory / line
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / line, target)
    (repository,) = _git("rev-parse", "--absolute-git-dir")
    (directory / ".git").write_text(f"gitdir: {repository}\n")
    return directory


def _git(*words: str) -> list[str]:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def _run(tree: Path, tests: list[str]) -> int:
    words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    return subprocess.run(words, cwd=tree, capture_output=True, timeout=TIMEOUT_S).returncode


main()

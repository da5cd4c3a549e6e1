"""Every planted fault of `make mutants` fits the code, so that none is left behind when that moves."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FAULTS = sorted((ROOT / "tests/mutants").glob("*.patch"))


@pytest.mark.parametrize("path", FAULTS, ids=lambda path: path.stem)
def test_a_fault_can_be_planted(path: Path) -> None:
    words = ["git", "apply", "--check", "--unidiff-zero", str(path)]
    # In a repository around this one `git apply` would skip what is outside its index.
    alone = {**os.environ, "GIT_CEILING_DIRECTORIES": str(ROOT.parent)}
    checked = subprocess.run(words, cwd=ROOT, env=alone, capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_there_are_faults() -> None:
    assert FAULTS

"""A run of the lab through the command line that an operator types."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SCENARIOS = ROOT / "deploy" / "scenarios"
TIMEOUT_S = 120


def command(*words: str) -> list[str]:
    """The command line as a user of this checkout would run it."""
    return [sys.executable, "-m", "services.cli", *words]


def run_lab(environment: dict[str, str], scenario: str | Path, modems: int, *more: str) -> dict[str, Any]:
    """A whole run, of a deployed scenario by name or of a file; its report."""
    path = SCENARIOS / f"{scenario}.yaml" if isinstance(scenario, str) else scenario
    words = command("lab", "run", str(path), "--modems", str(modems), "-o", "json", *more)
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["modems"] == modems
    assert report["online"] == report["files_valid"] == modems * report["boots"]
    assert report["ledger"]["clean"]
    return report

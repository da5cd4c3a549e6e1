"""Scenarios with steps, from outside: the documented example, and a step that cannot be done."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.lab_run import ROOT, SCENARIOS, TIMEOUT_S, command, run_lab

pytestmark = pytest.mark.soak

MODEMS = 20


def written(directory: Path, **changes: Any) -> Path:
    """The first example of the page on scenarios, with these changes."""
    example, *_ = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/reference/scenarios.md").read_text(), re.S)
    scenario = yaml.safe_load(example) | {"settings": str(SCENARIOS / "../settings/lab.yaml")} | changes
    path = directory / "restart.yaml"
    path.write_text(yaml.safe_dump(scenario, sort_keys=False))
    return path


def test_the_documented_example_runs(environment: dict[str, str], tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    report = run_lab(environment, written(tmp_path), MODEMS, "--keep", str(logs))
    assert (report["boots"], report["ended"], report["expected"]) == (3, {}, {})
    assert report["ready_s_max"] >= 0
    assert {path.name for path in logs.glob("*.jsonl")} >= {"plant-1.jsonl", "plant-2.jsonl", "plant-3.jsonl"}


def test_a_step_that_fails_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    steps = [{"kill": ["cfm-1"]}, {"boot": {"meanwhile": [{"pause": 0.1}, {"stop": ["cfm-1"]}]}}]
    words = command("lab", "run", str(written(tmp_path, steps=steps, repeat=2)), "--modems", str(MODEMS))
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 1
    said = "provbus: steps[1] boot (turn 1 of 2): meanwhile[1] stop: cfm-1 does not run\n"
    assert done.stderr == said

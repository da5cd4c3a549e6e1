"""What brokers do to a site: a first start while the machine is busy, topics made anew, rights taken away."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.lab_run import SCENARIOS, run_lab

pytestmark = [pytest.mark.kafka, pytest.mark.usefixtures("kafka_programs")]


def written(directory: Path, name: str, expect: dict[str, Any], **changes: Any) -> Path:
    """A deployed scenario with these changes."""
    scenario: dict[str, Any] = yaml.safe_load((SCENARIOS / f"{name}.yaml").read_text())
    scenario["settings"] = str(SCENARIOS / scenario["settings"])
    path = directory / f"{name}.yaml"
    path.write_text(yaml.safe_dump(scenario | changes | {"expect": scenario["expect"] | expect}))
    return path


def test_a_first_start_on_a_busy_machine_ends_with_a_primary_and_a_successor(
    environment: dict[str, str], tmp_path: Path
) -> None:
    expect = {name: {"min": 1} for name in ("trials", "fresh_clusters", "takeovers", "boots")}
    report = run_lab(environment, written(tmp_path, "first-start", expect, repeat=1), 10)
    assert report["load_average_max"] > 0

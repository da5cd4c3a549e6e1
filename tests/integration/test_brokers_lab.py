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


def test_topics_made_anew_while_modems_boot_cost_nothing_and_a_role_log_its_sidecars(
    environment: dict[str, str], tmp_path: Path
) -> None:
    steps = [
        {"boot": {"meanwhile": [{"recreate": ["config"]}, {"wait_ready": {"within_s": 30, "whole": True}}]}},
        {"kill": ["cfm-2"]},
        {"forget": ["cfm-2"]},
        {"start": ["cfm-2"]},
        {"wait_ready": 30},
        {"recreate": ["failover"]},
        {"says": {"names": ["dhcp-1", "mps-1"], "missing": "the role log, which is not what it was"}},
    ]
    expect = {"boots": 1, "topics_recreated": 2, "reasons_said": 2}
    run_lab(environment, written(tmp_path, "topic-recreated", expect, steps=steps, boot_window_s=15), 60)


def test_rights_that_are_taken_away_and_given_back_cost_no_modem_and_no_process(
    environment: dict[str, str], tmp_path: Path
) -> None:
    steps = yaml.safe_load((SCENARIOS / "right-taken-away.yaml").read_text())["steps"]
    path = written(tmp_path, "right-taken-away", {"boots": 1}, steps=steps[:1], boot_window_s=20)
    run_lab(environment, path, 60)

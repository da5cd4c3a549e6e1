"""Two of three brokers come back after a power cut, and the role log has no leader: nobody fails for it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.lab_run import SCENARIOS, run_lab

MODEMS = 20
STEPS: list[dict[str, Any]] = [
    {"role_log": "remember"},
    {"boot": {"meanwhile": [{"power_cut": [1, 2]}]}},
    {"kill": "all"},
    {"start": "all"},
    {"wait_ready": 60},
    {"boot": None},
    {"elect": None},
    {"leaders": 60},
    {"wait_ready": {"within_s": 60, "whole": True}},
    {"role_log": "compare"},
    {"boot": None},
]


@pytest.mark.kafka
@pytest.mark.usefixtures("kafka_programs")
def test_a_role_log_without_a_leader_costs_no_modem_and_an_election_no_record(
    environment: dict[str, str], tmp_path: Path
) -> None:
    scenario: dict[str, Any] = yaml.safe_load((SCENARIOS / "power-cut.yaml").read_text())
    scenario["settings"] = str(SCENARIOS / scenario["settings"])
    expected = {"boots": 3, "leaderless_cuts": 1, "unclean_elections": 1, "role_records_lost": 0}
    path = tmp_path / "power-cut.yaml"
    path.write_text(yaml.safe_dump(scenario | {"boot_window_s": 0.5, "steps": STEPS, "expect": expected}))
    report = run_lab(environment, path, MODEMS)
    assert report["role_records"] > 0
    assert (report["overlap_ms"], report["stale_effects"], report["ended"]) == (0, 0, {})

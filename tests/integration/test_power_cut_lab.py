"""Two of three brokers come back after a power cut, and the role log has no leader: nobody fails for it."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.lab_run import run_lab, written

pytestmark = [pytest.mark.kafka, pytest.mark.soak, pytest.mark.usefixtures("kafka_programs")]

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


def test_a_role_log_without_a_leader_costs_no_modem_and_an_election_no_record(
    environment: dict[str, str], tmp_path: Path
) -> None:
    expected = {"boots": 3, "leaderless_cuts": 1, "unclean_elections": 1, "role_records_lost": 0}
    path = written(tmp_path, "power-cut", boot_window_s=0.5, steps=STEPS, expect=expected)
    report = run_lab(environment, path, MODEMS)
    assert report["role_records"] > 0
    assert (report["overlap_ms"], report["stale_effects"], report["ended"]) == (0, 0, {})

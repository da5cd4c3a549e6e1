"""A fleet of two releases, upgraded while modems boot: nobody notices."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.integration.lab_run import SCENARIOS, deployed, run_lab, written
from tests.requirement import need_baseline

pytestmark = [pytest.mark.kafka, pytest.mark.soak, pytest.mark.usefixtures("kafka_programs")]

KILL = {"kill_primary": "kill-instance"}


def test_half_a_fleet_is_upgraded_while_modems_boot_and_each_release_follows_the_other(
    environment: dict[str, str], tmp_path: Path
) -> None:
    need_baseline(os.environ)
    scenario = deployed("mixed-versions")
    steps: list[dict[str, Any]] = [
        {"role_log": "remember"},
        {"promote": "dhcp-2"},  # so one of the baseline takes over, and is the primary when it is upgraded
        {"boot": {"meanwhile": [KILL, {"upgrade": "all"}, {"apply": None}]}},
        {"settings_kept": 20},
        {"wait_ready": {"within_s": 30, "whole": True}},
        {"role_log": "compare"},
    ]
    baseline = scenario["baseline"] | {"commit": str(SCENARIOS / scenario["baseline"]["commit"])}
    expect = scenario["expect"] | {"boots": 1, "takeovers": 1, "epoch_changes": {"min": 2}, "applied": 1}
    changes = {"steps": steps, "baseline": baseline, "expect": expect, "boot_window_s": 15}
    report = run_lab(environment, written(tmp_path, "mixed-versions", **changes), 60)
    assert (report["failed"], report["ended"], report["expected"]) == (0, {}, {})
    assert report["on_baseline"] == {"start": 3, "end": 0}
    assert report["upgraded"] == 3
    assert 0 < report["upgrade_s_max"] < 30

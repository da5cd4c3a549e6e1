"""Who may act when the mode changes, the role log is cut, or a machine is cloned: small scenarios."""

from pathlib import Path

import pytest

from tests.integration.lab_run import run_lab, written

pytestmark = pytest.mark.soak

MODEMS = 20


def test_there_and_back_is_an_era_each_and_no_modem_fails(
    environment: dict[str, str], tmp_path: Path
) -> None:
    expected = {"mode_changes": 2, "boots": 3, "era": 2, "ready_while_refused": 0}
    path = written(tmp_path, "there-and-back", repeat=1, boot_window_s=0.5, expect=expected)
    report = run_lab(environment, path, MODEMS)
    assert report["failed"] == 0


def test_a_fleet_that_is_half_changed_says_so_and_goes_on(
    environment: dict[str, str], tmp_path: Path
) -> None:
    report = run_lab(environment, written(tmp_path, "half-changed", boot_window_s=0.2), MODEMS)
    assert (report["era"], report["ready_while_refused"]) == (0, 0)


def test_a_role_log_that_was_cut_freezes_until_a_person_begins_an_era(
    environment: dict[str, str], tmp_path: Path, kafka_programs: None
) -> None:
    path = written(tmp_path, "log-cut", boot_window_s=0.5)
    report = run_lab(environment, path, MODEMS)
    assert (report["era"], report["ready_while_refused"]) == (1, 0)


def test_of_a_cloned_machine_one_yields_and_no_modem_fails(
    environment: dict[str, str], tmp_path: Path
) -> None:
    steps = [{"boot": {"meanwhile": [{"clone": ["primary"]}]}}, {"end_clone": None}, {"boot": None}]
    expected = {"boots": 2, "clones": 1, "came_back": 1}
    path = written(tmp_path, "cloned", steps=steps, expect=expected)
    report = run_lab(environment, path, MODEMS)
    assert (report["overlap_ms"], report["stale_effects"]) == (0, 0)

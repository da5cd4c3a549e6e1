"""Two minutes of the hour of faults: machines, processes and brokers die; and records that come late."""

import os
from pathlib import Path

import pytest

from tests.integration.lab_run import deployed, run_lab, written
from tests.requirement import need_kafka, need_namespaces, need_taps

pytestmark = pytest.mark.soak

KINDS = {
    "kill-both",
    "kill-cfm",
    "suspend-sidecar",
    "machine-dies",
    "cut-from-brokers",
    "slow-machine",
    "kill-leader",
    "fill-disk",
}


def test_modems_boot_through_faults_of_every_sort(environment: dict[str, str], tmp_path: Path) -> None:
    need_namespaces(os.environ)
    need_taps(os.environ)
    need_kafka(os.environ)
    soak = deployed("soak")
    of = [one for one in soak["schedule"]["of"] if one["kind"] in KINDS]
    plan = {"of": of, "count": len(of), "every_s": [0.5, 1.5]}
    expect = soak["expect"] | {"faults_recovered": len(of)}
    path = written(tmp_path, "soak", boot_window_s=80, schedule=plan, expect=expect)
    report = run_lab(environment, path, 400)
    assert (report["failed"], report["ended"]) == (0, {})
    assert {one["kind"] for one in report["faults"]} == KINDS
    assert report["takeovers"] == report["epoch_changes"]
    assert set(report["growth"]) >= {"cfm-1", "cfm-2", "mps-1"}


def test_nothing_changes_by_a_record_that_comes_late(environment: dict[str, str], tmp_path: Path) -> None:
    need_namespaces(os.environ)
    need_taps(os.environ)
    need_kafka(os.environ)
    late = deployed("held-back")
    held_s = 12.0
    of = [one | {"lasts_s": held_s} for one in late["schedule"]["of"]]
    plan = {"of": of, "count": 2, "every_s": [0.5, 1.5]}
    counted = {"faults_recovered": 2, "claims_held_back": 1, "takeovers": 2, "epoch_changes": 2}
    aged = {key: {"min": held_s / 2} for key in ("claim_age_s_max", "renew_age_s_max")}
    expect = late["expect"] | counted | aged
    path = written(tmp_path, "held-back", modems=400, boot_window_s=40, schedule=plan, expect=expect)
    report = run_lab(environment, path, 300)
    assert (report["failed"], report["ended"], report["stale_effects"]) == (0, {}, 0)

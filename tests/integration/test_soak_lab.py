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
    del expect["renewals_late"]
    path = written(tmp_path, "soak", boot_window_s=80, schedule=plan, expect=expect)
    report = run_lab(environment, path, 400)
    assert (report["failed"], report["ended"]) == (0, {})
    assert {one["kind"] for one in report["faults"]} == KINDS
    assert report["takeovers"] == report["epoch_changes"]
    assert "mps-1" in report["growth"]
    assert {"cfm-1", "cfm-2"} & report["growth"].keys()  # one was killed, and may be too young


def test_nothing_changes_by_a_record_that_comes_late(environment: dict[str, str], tmp_path: Path) -> None:
    need_namespaces(os.environ)
    need_taps(os.environ)
    need_kafka(os.environ)
    late = deployed("held-back")
    of = [one | {"lasts_s": 12.0} for one in late["schedule"]["of"]]
    plan = {"of": of, "count": 2, "every_s": [0.5, 1.5]}
    counted = {"faults_recovered": 2, "takeovers": 2, "epoch_changes": 2}
    expect = late["expect"] | counted
    for figure in ("claims_late", "renewals_late"):
        del expect[figure]  # two faults may bring none
    path = written(tmp_path, "held-back", modems=400, boot_window_s=40, schedule=plan, expect=expect)
    report = run_lab(environment, path, 300)
    assert (report["failed"], report["ended"], report["stale_effects"]) == (0, {}, 0)

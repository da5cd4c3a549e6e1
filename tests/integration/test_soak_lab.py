"""Two minutes of the hour of faults: machines, processes and brokers die while modems boot."""

import os
from pathlib import Path

import pytest

from tests.integration.lab_run import deployed, run_lab, written
from tests.requirement import need_kafka, need_namespaces

pytestmark = pytest.mark.soak

KINDS = {"kill-both", "kill-cfm", "suspend-sidecar", "machine-dies", "cut-from-brokers", "kill-leader"}


def test_modems_boot_through_faults_of_every_sort(environment: dict[str, str], tmp_path: Path) -> None:
    need_namespaces(os.environ)
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

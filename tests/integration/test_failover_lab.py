"""Two DHCP hosts for one role, and the primary's process killed while modems boot: never two primaries."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.lab_run import ROOT, TIMEOUT_S, command, run_lab, written
from tests.requirement import need_kafka, need_namespaces

pytestmark = pytest.mark.soak

KILLS = 3
EXPECT = {"faults_recovered": KILLS, "takeovers": KILLS, "spurious_failovers": 0}


def scheduled(kind: str, lasts_s: float) -> dict[str, Any]:
    """So many faults of this kind."""
    return {"of": [{"kind": kind, "lasts_s": lasts_s}], "count": KILLS, "every_s": [2.6, 3.2]}


def test_killed_hosts_are_succeeded_and_there_are_never_two(
    environment: dict[str, str], tmp_path: Path
) -> None:
    plan = scheduled("kill-host", 0.5)
    path = written(tmp_path, "failover-process", boot_window_s=12, schedule=plan, expect=EXPECT)
    report = run_lab(environment, path, 90)
    assert report["takeovers"] == report["epoch_changes"] == KILLS
    assert report["overlap_ms"] == 0
    assert report["stale_effects"] == 0
    assert report["spurious_failovers"] == 0
    assert 0 < report["takeover_p50_s"] <= report["takeover_p99_s"]


@pytest.mark.parametrize(("name", "kind"), [("sidecar", "kill-sidecar"), ("parent", "kill-instance")])
def test_killed_sidecars_are_succeeded_and_there_are_never_two(
    environment: dict[str, str], tmp_path: Path, name: str, kind: str
) -> None:
    # Who comes back before the silence is over goes on under his claim, if nobody could give it back.
    plan = scheduled(kind, 6.0)
    path = written(tmp_path, f"failover-{name}", boot_window_s=12, schedule=plan, expect=EXPECT)
    report = run_lab(environment, path, 90)
    assert (report["overlap_ms"], report["stale_effects"], report["failed"]) == (0, 0, 0)
    assert report["takeover_p50_s"] > 0


def test_two_hosts_need_an_election_and_so_the_bus(environment: dict[str, str], tmp_path: Path) -> None:
    words = command("lab", "run", str(written(tmp_path, "failover-process")), "--mode", "multicast")
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 78
    assert "its DHCP hosts need the election, so mode bus" in done.stderr


def test_who_stands_still_keeps_the_role_for_a_lease_and_no_longer(
    environment: dict[str, str], tmp_path: Path
) -> None:
    of = [{"kind": "suspend-host", "lasts_s": 2.0}, {"kind": "suspend-sidecar", "lasts_s": 10.0}]
    of.append({"kind": "host-spins", "lasts_s": 6.0})
    plan = {"of": of, "count": 3, "every_s": [1.0, 2.0]}
    expect = {"faults_recovered": 3, "takeovers": 2, "epoch_changes": 2, "spurious_failovers": 0}
    changes = {"boot_window_s": 20, "schedule": plan, "expect": expect}
    report = run_lab(environment, written(tmp_path, "failover-pause", **changes), 90)
    assert (report["overlap_ms"], report["stale_effects"], report["failed"]) == (0, 0, 0)
    assert report["fenced_s_max"] < 1.0


def test_a_machine_that_dies_is_succeeded(environment: dict[str, str], tmp_path: Path) -> None:
    need_namespaces(os.environ)
    need_kafka(os.environ)
    plan = {"of": [{"kind": "machine-dies", "lasts_s": 6.0}], "count": 2, "every_s": [3.0, 3.5]}
    expect = {"faults_recovered": 2, "takeovers": 2, "epoch_changes": 2, "spurious_failovers": 0}
    changes = {"boot_window_s": 20, "schedule": plan, "expect": expect}
    report = run_lab(environment, written(tmp_path, "failover-host", **changes), 120)
    assert (report["overlap_ms"], report["stale_effects"], report["failed"]) == (0, 0, 0)


def test_a_killed_leader_of_the_role_log_costs_no_role(environment: dict[str, str], tmp_path: Path) -> None:
    need_kafka(os.environ)
    plan = {"of": [{"kind": "kill-leader", "lasts_s": 5.0}], "count": 2, "every_s": [1.0, 2.0]}
    expect = {"faults_recovered": 2, "broker_kills": 2, "epoch_changes": 0, "role_records_lost": 0}
    path = written(tmp_path, "failover-broker", boot_window_s=20, schedule=plan, expect=expect)
    report = run_lab(environment, path, 90)
    assert (report["overlap_ms"], report["stale_effects"], report["failed"]) == (0, 0, 0)
    assert report["role_silence_s_max"] > 0
    assert report["leader_back_s_max"] > 0

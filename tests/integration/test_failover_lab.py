"""Two DHCP hosts for one role, and the primary's process killed while modems boot: never two primaries."""

import subprocess
from pathlib import Path

import pytest

from tests.integration.lab_run import ROOT, TIMEOUT_S, command, run_lab, written

pytestmark = pytest.mark.soak

KILLS = 3


def test_killed_hosts_are_succeeded_and_there_are_never_two(
    environment: dict[str, str], tmp_path: Path
) -> None:
    kills = {"count": KILLS, "every_s": [2.6, 3.2], "back_after_s": 0.5}
    expect = {"primary_kills": KILLS, "takeovers": KILLS, "spurious_failovers": 0}
    path = written(tmp_path, "failover-process", boot_window_s=12, primary_kills=kills, expect=expect)
    report = run_lab(environment, path, 90)
    assert report["takeovers"] == report["epoch_changes"] == KILLS
    assert report["overlap_ms"] == 0
    assert report["stale_effects"] == 0
    assert report["spurious_failovers"] == 0
    assert 0 < report["takeover_p50_s"] <= report["takeover_p99_s"]


@pytest.mark.parametrize("of", ["sidecar", "parent"])
def test_killed_sidecars_are_succeeded_and_there_are_never_two(
    environment: dict[str, str], tmp_path: Path, of: str
) -> None:
    # Who comes back before the silence is over goes on under his claim, if nobody could give it back.
    kills = {"of": of, "count": KILLS, "every_s": [2.6, 3.2], "back_after_s": 6.0}
    expect = {"primary_kills": KILLS, "takeovers": KILLS, "spurious_failovers": 0}
    path = written(tmp_path, f"failover-{of}", boot_window_s=12, primary_kills=kills, expect=expect)
    report = run_lab(environment, path, 90)
    assert (report["overlap_ms"], report["stale_effects"], report["failed"]) == (0, 0, 0)
    assert report["takeover_p50_s"] > 0


def test_two_hosts_need_an_election_and_so_the_bus(environment: dict[str, str], tmp_path: Path) -> None:
    words = command("lab", "run", str(written(tmp_path, "failover-process")), "--mode", "multicast")
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 78
    assert "its DHCP hosts need the election, so mode bus" in done.stderr

"""The transport is switched while modems boot, and nobody notices; and processes are killed in the midst."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.lab_run import deployed, run_lab, written

pytestmark = [pytest.mark.kafka, pytest.mark.soak, pytest.mark.usefixtures("kafka_programs")]


def small(name: str, count: int, *, without: str = "", **more: Any) -> dict[str, Any]:
    """Fewer events of a deployed scenario, none of one kind, in a shorter time."""
    schedule = deployed(name)["schedule"]
    kinds = [one for one in schedule["of"] if one["kind"] != without]
    return {"schedule": schedule | {"of": kinds, "count": count}, "boot_window_s": 8, **more}


def test_no_modem_notices_that_the_transport_is_switched(environment: dict[str, str], tmp_path: Path) -> None:
    expect: dict[str, Any] = {
        "switches": {"min": 5},
        "parities_green": {"min": 1},
        "eras_increasing": {"min": 5},
    }
    expect |= {"applied": 1, "overlap_ms": 0.0, "stale_effects": 0, "spurious_failovers": 0}
    expect |= {"parity_min_heartbeat": {"min": 1}, "parity_min_fileid": {"min": 1}}
    # The first switch goes through dual; after a `--finish` one more would, and the test take longer.
    scenario = small("switch", 7, without="finish-switch", expect=expect)
    report = run_lab(environment, written(tmp_path, "switch", **scenario), 60)
    assert (report["failed"], report["ended"], report["expected"]) == (0, {}, {})
    assert report["faults_recovered"] == 7
    assert report["calm_failed"] == 0


def test_a_process_that_dies_in_a_switch_does_not_keep_it_from_its_end(
    environment: dict[str, str], tmp_path: Path
) -> None:
    expect = {"kills_in_switches": {"min": 3}, "overlap_ms": 0.0, "stale_effects": 0}
    report = run_lab(
        environment, written(tmp_path, "switch-chaos", **small("switch-chaos", 4, expect=expect)), 60
    )
    assert (report["failed"], report["ended"], report["expected"]) == (0, {}, {})
    assert report["faults_recovered"] == 4

"""A first start of everything while the machine is busy. It keeps every core busy itself, so no other plant
should run beside it.
"""

from pathlib import Path

import pytest

from tests.integration.lab_run import deployed, run_lab, written

pytestmark = [pytest.mark.kafka, pytest.mark.soak, pytest.mark.usefixtures("kafka_programs")]


def test_a_first_start_on_a_busy_machine_ends_with_a_primary_and_a_successor(
    environment: dict[str, str], tmp_path: Path
) -> None:
    expect = {name: {"min": 1} for name in ("trials", "fresh_clusters", "takeovers", "boots")}
    expect = deployed("first-start")["expect"] | expect
    report = run_lab(environment, written(tmp_path, "first-start", repeat=1, expect=expect), 10)
    assert report["load_average_max"] > 0

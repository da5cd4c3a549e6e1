"""A member of the fleet speaks for others while modems boot: nobody believes it, and everybody counts it."""

from pathlib import Path
from typing import Any

import pytest

from services.lab.faults.insider.forgery import KINDS
from services.lab.faults.insider.insider import ACKS
from tests.integration.lab_run import run_lab, written

WINDOW_S = 4
RATE_PER_S = 50
EXPECTED = {"insider.missed": 0}


def forged_in(environment: dict[str, str], tmp_path: Path, name: str, *more: str) -> dict[str, Any]:
    """A short run of a scenario, in which he forged."""
    path = written(tmp_path, name, boot_window_s=WINDOW_S, expect=EXPECTED)
    report = run_lab(environment, path, 60, *more)
    found: dict[str, Any] = report["insider"]
    assert report["failed"] == 0
    kinds = {*KINDS[report["mode"]], ACKS}
    assert found["sent"].keys() == kinds
    assert min(found["sent"].values()) >= WINDOW_S * RATE_PER_S / 2
    assert (found["told_elsewhere"], found["halted"], found["foreign_generations"]) == (0, 0, 0)
    return found


@pytest.mark.soak
def test_nobody_believes_an_insider_of_the_bus(environment: dict[str, str], tmp_path: Path) -> None:
    found = forged_in(environment, tmp_path, "insider")
    for reason in ("unsigned", "forged", "stranger", "wrong_service", "role_records", "acks"):
        assert found["counted"][reason] > 0, reason


@pytest.mark.soak
def test_nor_behind_a_cmts_that_proxies(environment: dict[str, str], tmp_path: Path) -> None:
    forged_in(environment, tmp_path, "insider", "--proxied")


@pytest.mark.soak
def test_nobody_believes_an_insider_of_the_group(environment: dict[str, str], tmp_path: Path) -> None:
    found = forged_in(environment, tmp_path, "insider-multicast", "--mode", "multicast")
    for reason in ("unanswered", "impostor", "stranger", "acks"):
        assert found["counted"][reason] > 0, reason

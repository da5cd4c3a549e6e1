"""`provbus fleet status`: the fleet by the word of one of it, for people, programs and scripts."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.answering import answering

Provbus = Callable[..., subprocess.CompletedProcess[str]]
Config = dict[str, Any]

PEER: dict[str, Any] = {
    "state": "alive",
    "twice": False,
    "generation": 3,
    "sealed": "00",
    "verdict": "ready",
    "reason": "",
    "version": "1.0",
    "transport": "bus",
    "keys": {"fleet": "0badc0de", "seal": "00", "group": "", "settings": "00"},
    "standing": None,
    "beat_age_s": 0.25,
}
ACTIVE = {"role": "dhcp/lab", "state": "active", "era": 1, "epoch": 17}
WELL: dict[str, Any] = {
    **PEER,
    "id": None,
    "instance": "cfm-1",
    "service": "cfm",
    "peers": {"dhcp-1": {**PEER, "standing": ACTIVE}, "mps-1": PEER, "cfm-1": PEER},
}
DRAINED = {**PEER, "verdict": "not ready", "reason": "drained"}
ILL: dict[str, Any] = {
    **WELL,
    "verdict": "degraded",
    "reason": "clock-off",
    "peers": {"dhcp-1": DRAINED, "cfm-1": PEER},
}


@pytest.fixture
def path(configs: dict[str, Config], tmp_path: Path) -> Path:
    """The configuration of cfm-1."""
    path = tmp_path / "cfm-1.yaml"
    path.write_text(yaml.safe_dump(configs["cfm-1"]))
    return path


def test_a_fleet_that_is_well_is_0(path: Path, tmp_path: Path, provbus: Provbus) -> None:
    with answering(tmp_path / "cfm-1.sock", WELL) as asked:
        result = provbus("fleet", "status", "--config", path)
    assert (result.returncode, result.stderr) == (0, "")
    assert asked == [{"op": "status"}]
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["all", "3", "are", "well,", "as", "cfm-1", "sees", "them"],
        [
            *("instance", "service", "site", "state", "ready"),
            *("role", "settings", "transport", "version", "wrong"),
        ],
        ["dhcp-1", "dhcp", "lab", "alive", "ready", "active", "17", "3", "bus", "1.0", "-"],
        ["mps-1", "mps", "lab", "alive", "ready", "-", "3", "bus", "1.0", "-"],
        ["cfm-1", "cfm", "lab", "alive", "ready", "-", "3", "bus", "1.0", "-"],
    ]


def test_something_wrong_with_one_is_1_and_says_with_whom(
    path: Path, tmp_path: Path, provbus: Provbus
) -> None:
    with answering(tmp_path / "cfm-1.sock", ILL):
        result = provbus("fleet", "status", "--config", path)
    assert (result.returncode, result.stderr) == (1, "")
    lines = result.stdout.splitlines()
    assert lines[0].strip() == "3 of 3 need a look, as cfm-1 sees them"
    assert "not ready: drained" in lines[2]
    assert "degraded: clock-off" in lines[4]
    assert lines[3].split() == ["mps-1", "mps", "lab", "silent", "-", "-", "0", "-", "-", "never", "heard"]


@pytest.mark.parametrize("output", ["json", "yaml"])
@pytest.mark.parametrize(("status", "code"), [(WELL, 0), (ILL, 1)], ids=["well", "ill"])
def test_programs_get_every_instance_with_its_first_reason(
    path: Path, tmp_path: Path, provbus: Provbus, output: str, status: dict[str, Any], code: int
) -> None:
    with answering(tmp_path / "cfm-1.sock", status):
        result = provbus("fleet", "status", "--config", path, "-o", output)
    found = json.loads(result.stdout) if output == "json" else yaml.safe_load(result.stdout)
    assert (result.returncode, found["asked"], found["ok"]) == (code, "cfm-1", code == 0)
    reasons = {one["name"]: one["reason"] for one in found["instances"]}
    first = {"cfm-1": "clock-off", "dhcp-1": "drained", "mps-1": ""}
    assert reasons == (first if code else dict.fromkeys(first, ""))
    assert found["instances"][2]["keys"] == PEER["keys"]


@pytest.mark.parametrize("verb", ["status", "watch"])
@pytest.mark.parametrize("output", ["table", "json"])
def test_an_instance_that_is_not_there_is_69(path: Path, provbus: Provbus, verb: str, output: str) -> None:
    result = provbus("fleet", verb, "--config", path, "-o", output)
    assert (result.returncode, result.stdout.strip()) == (69, "")
    assert "cfm-1.admin.sock: start cfm-1" in result.stderr

"""`provbus peers`: what a running instance answers, for people and for programs."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.answering import answering

Provbus = Callable[..., subprocess.CompletedProcess[str]]
Config = dict[str, Any]

DEADLINE_S = 30
MINTER: dict[str, Any] = {
    "id": None,
    "instance": "dhcp-1",
    "service": "dhcp",
    "draining": False,
    "missing": [],
    "degraded": [],
    "generation": 3,
    "peers": {
        "cfm-1": {
            "state": "alive",
            "twice": False,
            "service": "cfm",
            "incarnation": 1_700_000_000_000,
            "draining": True,
            "load": {"in_flight": 3, "p99_ms": 4.25, "capacity": 1000},
            "generation": 3,
            "verdict": "degraded",
            "reason": "clock-off",
            "beat_age_s": 0.25,
        },
        "mps-1": {
            "state": None,
            "twice": False,
            "service": "mps",
            "incarnation": 7,
            "draining": False,
            "load": {"in_flight": 0, "p99_ms": 0.0, "capacity": 1},
            "generation": 2,
            "verdict": "ready",
            "reason": "",
            "beat_age_s": None,
        },
    },
    "cfms": ["cfm-1"],
}
CFM = {
    "instance": "cfm-1",
    "service": "cfm",
    "draining": True,
    "missing": [{"code": "stopping", "text": "it drains, to stop"}],
    "degraded": [{"code": "one", "text": "one"}, {"code": "two", "text": "two"}],
    "peers": {},
    "connected": ["dhcp-1"],
}
SHOWN = ("instance", "service", "draining", "missing", "degraded", "peers")


@pytest.fixture
def path(configs: dict[str, Config], tmp_path: Path) -> Path:
    """The configuration of dhcp-1, whose key is only there for its service."""
    configs["dhcp-1"]["key"] = "credentials:curve.key"
    path = tmp_path / "dhcp-1.yaml"
    path.write_text(yaml.safe_dump(configs["dhcp-1"]))
    return path


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_programs_get_every_peer_as_the_instance_knows_it(
    path: Path, tmp_path: Path, provbus: Provbus, output: str
) -> None:
    with answering(tmp_path / "dhcp-1.sock", MINTER) as asked:
        result = provbus("peers", "ls", "--config", path, "-o", output)
    assert (result.returncode, result.stderr) == (0, "")
    found = yaml.safe_load(result.stdout)
    assert found == {**{key: MINTER[key] for key in SHOWN}, "handoff": ["cfm-1"]}
    assert asked == [{"op": "status"}]


def test_people_get_a_line_per_peer(path: Path, tmp_path: Path, provbus: Provbus) -> None:
    with answering(tmp_path / "dhcp-1.sock", MINTER):
        lines = provbus("peers", "ls", "--config", path).stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["dhcp-1", "sees"],
        [
            *("peer", "state", "ready", "service", "incarnation", "handoff", "load", "p99_ms"),
            *("generation", "beat_age_s"),
        ],
        [
            *(
                "cfm-1",
                "alive,",
                "draining",
                "degraded:",
                "clock-off",
                "cfm",
                "1700000000000",
                "yes",
                "3/1000",
            ),
            *("4.2", "3", "0.25"),
        ],
        ["mps-1", "forgotten", "-", "mps", "7", "-", "0/1", "0.0", "2", "-"],
    ]


def test_a_cfm_says_which_minters_are_connected(path: Path, tmp_path: Path, provbus: Provbus) -> None:
    peers = {"dhcp-1": MINTER["peers"]["mps-1"], "dhcp-2": MINTER["peers"]["mps-1"]}
    with answering(tmp_path / "dhcp-1.sock", {**CFM, "peers": peers}):
        lines = provbus("peers", "ls", "--config", path).stdout.splitlines()
    assert lines[0].strip() == "cfm-1 (draining) sees"
    assert lines[1].strip() == "not ready: it drains, to stop"
    assert [line.split()[5] for line in lines[3:]] == ["yes", "-"]


def test_what_is_less_than_it_should_be_is_said(path: Path, tmp_path: Path, provbus: Provbus) -> None:
    reasons = [{"code": "clock-off", "text": "the clock of cfm-1 is off"}, {"code": "x", "text": "and more"}]
    status = {**MINTER, "degraded": reasons}
    with answering(tmp_path / "dhcp-1.sock", status):
        lines = provbus("peers", "ls", "--config", path).stdout.splitlines()
    assert lines[1].strip() == "degraded: the clock of cfm-1 is off; and more"


def test_a_name_that_two_processes_have_is_shown(path: Path, tmp_path: Path, provbus: Provbus) -> None:
    peer = {**MINTER["peers"]["cfm-1"], "twice": True}
    with answering(tmp_path / "dhcp-1.sock", {**MINTER, "peers": {"cfm-1": peer}}):
        lines = provbus("peers", "ls", "--config", path).stdout.splitlines()
    assert "alive, draining, twice" in lines[2]


@pytest.mark.parametrize("verb", ["ls", "watch"])
@pytest.mark.parametrize("output", ["table", "json"])
def test_an_instance_that_is_not_there_is_69(path: Path, provbus: Provbus, verb: str, output: str) -> None:
    result = provbus("peers", verb, "--config", path, "-o", output)
    assert (result.returncode, result.stdout.strip()) == (69, "")
    assert "dhcp-1.admin.sock: start dhcp-1" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_wrong_configuration_is_78(path: Path, provbus: Provbus) -> None:
    path.write_text(path.read_text() + "lokal: {}\n")
    result = provbus("peers", "ls", "--config", path)
    assert result.returncode == 78
    assert "unknown key 'lokal'; did you mean 'local'?" in result.stderr


@pytest.mark.parametrize(
    "shell", [(), ("sh", "-c", 'trap "" INT; exec "$@"', "sh")], ids=["foreground", "SIGINT ignored at start"]
)
def test_watching_goes_on_until_it_is_interrupted(
    path: Path, tmp_path: Path, command: list[str], shell: tuple[str, ...]
) -> None:
    arguments = [*shell, *command, "peers", "watch", "--config", str(path), "-o", "json"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with (
        answering(tmp_path / "dhcp-1.sock", MINTER),
        subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        ) as process,
    ):
        assert process.stdout is not None
        documents = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=DEADLINE_S)
    assert documents[0] == documents[1]
    assert documents[0]["instance"] == "dhcp-1"
    assert (process.returncode, said) == (0, "")

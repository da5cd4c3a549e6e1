"""`provbus failover`: what an operator asks and tells one sidecar, and the exit code of the answer."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.answering import answering

Provbus = Callable[..., subprocess.CompletedProcess[str]]
STATUS = {
    "role": "dhcp/lab",
    "state": "active",
    "era": 0,
    "epoch": 17,
    "claim_id": "0123456789abcdef",
    "holder": "dhcp-1",
    "locked": False,
    "drained": False,
}


@pytest.fixture
def path(configs: dict[str, dict[str, Any]], tmp_path: Path) -> Path:
    """The configuration of dhcp-1, whose key is only there for its service."""
    configs["dhcp-1"]["key"] = "credentials:curve.key"
    path = tmp_path / "dhcp-1.yaml"
    path.write_text(yaml.safe_dump(configs["dhcp-1"]))
    return path


@pytest.fixture
def socket_path(path: Path) -> Path:
    """Where the instance listens."""
    return path.parent / str(yaml.safe_load(path.read_text())["local"]["socket"])


def test_status_says_who_holds_the_role(path: Path, socket_path: Path, provbus: Provbus) -> None:
    with answering(socket_path, {"failover": STATUS}):
        told = provbus("failover", "status", "--config", str(path), "-o", "json")
    assert json.loads(told.stdout) == STATUS
    assert told.returncode == 0


def test_a_table_has_no_python_in_it(path: Path, socket_path: Path, provbus: Provbus) -> None:
    voters = {"cfm-1": "granted", "cfm-2": "silent"}
    with answering(socket_path, {"failover": {**STATUS, "reason": "", "voters": voters}}):
        told = provbus("failover", "status", "--config", str(path))
    assert [line.split() for line in told.stdout.splitlines()] == [
        ["what", "value"],
        ["role", "dhcp/lab"],
        ["state", "active"],
        ["era", "0"],
        ["epoch", "17"],
        ["claim_id", "0123456789abcdef"],
        ["holder", "dhcp-1"],
        ["locked", "no"],
        ["drained", "no"],
        ["reason", "-"],
        [],
        ["voters"],
        ["voter", "said"],
        ["cfm-1", "granted"],
        ["cfm-2", "silent"],
    ]


def test_promote_waits_until_it_is_active(path: Path, socket_path: Path, provbus: Provbus) -> None:
    with answering(socket_path, {"promoting": True, "failover": STATUS}) as asked:
        told = provbus("failover", "promote", "--config", str(path), "-o", "json")
    assert [one["op"] for one in asked] == ["failover.promote", "status"]
    assert json.loads(told.stdout)["epoch"] == 17


@pytest.mark.parametrize("verb", ["drain", "lock"])
@pytest.mark.parametrize(("more", "on"), [((), True), (("--off",), False)])
def test_a_switch_is_set_and_taken_back(
    path: Path, socket_path: Path, provbus: Provbus, verb: str, more: tuple[str, ...], on: bool
) -> None:
    with answering(socket_path, {"id": None, "vacant": False}) as asked:
        told = provbus("failover", verb, "--config", str(path), *more)
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")
    assert asked == [{"op": f"failover.{verb}", "on": on}]


@pytest.mark.parametrize("verb", ["drain", "lock"])
def test_a_role_that_is_left_empty_is_told(
    path: Path, socket_path: Path, provbus: Provbus, verb: str
) -> None:
    with answering(socket_path, {"id": None, "vacant": True}):
        told = provbus("failover", verb, "--config", str(path))
    assert (told.returncode, told.stdout) == (0, "")
    assert told.stderr == (
        "provbus: dhcp-1 is the appointed primary and stands still, and nobody takes over by itself: promote"
        " another one, or take lock and drain back (--off)\n"
    )


def test_an_era_is_begun_only_when_that_is_confirmed(path: Path, socket_path: Path, provbus: Provbus) -> None:
    with answering(socket_path, {"era": 5}) as asked:
        assert provbus("failover", "era", "--config", str(path)).returncode == 1
        assert asked == []
        told = provbus("failover", "era", "--config", str(path), "--yes")
    assert "era 5" in told.stdout
    assert asked == [{"op": "failover.era"}]


@pytest.mark.parametrize(("key", "why"), [("bm8=", "has 2 bytes, not 32"), ("no key", "is not base64")])
def test_what_is_no_key_is_refused_before_anybody_is_asked(
    path: Path, provbus: Provbus, key: str, why: str
) -> None:
    told = provbus("failover", "era", "--config", str(path), "--revoke", key)
    assert (told.returncode, told.stdout) == (2, "")
    assert why in told.stderr


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"error": "try_again", "detail": "could not do the work"}, 75),
        ({"error": "refused", "detail": "no election in this transport mode"}, 77),
    ],
)
def test_what_is_refused_has_its_exit_code(
    path: Path, socket_path: Path, provbus: Provbus, answer: dict[str, Any], code: int
) -> None:
    with answering(socket_path, answer):
        told = provbus("failover", "promote", "--config", str(path))
    assert told.returncode == code
    assert answer["detail"] in told.stderr


@pytest.fixture
def cfm(configs: dict[str, dict[str, Any]], tmp_path: Path) -> Path:
    """The configuration of cfm-1, whose key is only there for its service."""
    configs["cfm-1"]["key"] = "credentials:curve.key"
    path = tmp_path / "cfm-1.yaml"
    path.write_text(yaml.safe_dump(configs["cfm-1"]))
    return path


def test_what_a_cfm_knows_has_a_row_for_each_role(cfm: Path, provbus: Provbus) -> None:
    claim = {"era": 1, "epoch": 193, "claim_id": "", "authority": "granted"}
    known = {
        "from_disk": False,
        "roles": {"dhcp/lab": {**claim, "holder": "dhcp-1"}, "mps/lab": {**claim, "holder": ""}},
        "votes": True,
        "promises": {},
    }
    with answering(cfm.with_name("cfm-1.sock"), {"failover": known}):
        told = provbus("failover", "status", "--config", str(cfm))
    assert [line.split() for line in told.stdout.splitlines()] == [
        ["what", "value"],
        ["from_disk", "no"],
        ["votes", "yes"],
        ["promises", "-"],
        [],
        ["roles"],
        ["role", "era", "epoch", "claim_id", "authority", "holder"],
        ["dhcp/lab", "1", "193", "-", "granted", "dhcp-1"],
        ["mps/lab", "1", "193", "-", "granted", "-"],
    ]


def test_a_cfm_is_admitted_with_the_highest_floor_of_each_role(cfm: Path, provbus: Provbus) -> None:
    floors = [
        "--floor",
        "dhcp/lab",
        "1",
        "193",
        "--floor",
        "mps/lab",
        "2",
        "1",
        "--floor",
        "dhcp/lab",
        "1",
        "64",
    ]
    with answering(cfm.with_name("cfm-1.sock"), {"votes": True}) as asked:
        told = provbus("failover", "admit", "--config", str(cfm), *floors)
    assert (told.returncode, told.stdout) == (0, "cfm-1 votes from now on\n")
    expected = {"dhcp/lab": {"era": 1, "epoch": 193}, "mps/lab": {"era": 2, "epoch": 1}}
    assert asked == [{"op": "failover.admit", "floors": expected}]


def test_a_cfm_that_votes_is_not_admitted_again(cfm: Path, provbus: Provbus) -> None:
    answer = {"error": "refused", "detail": "cfm-1 has its record and votes"}
    with answering(cfm.with_name("cfm-1.sock"), answer):
        told = provbus("failover", "admit", "--config", str(cfm))
    assert told.returncode == 77
    assert answer["detail"] in told.stderr


def test_a_minter_has_no_vote(path: Path, provbus: Provbus) -> None:
    told = provbus("failover", "admit", "--config", str(path))
    assert told.returncode == 78
    assert "no CFM" in told.stderr


def test_a_cfm_holds_no_role(configs: dict[str, dict[str, Any]], tmp_path: Path, provbus: Provbus) -> None:
    configs["cfm-1"]["key"] = "credentials:curve.key"
    path = tmp_path / "cfm-1.yaml"
    path.write_text(yaml.safe_dump(configs["cfm-1"]))
    told = provbus("failover", "drain", "--config", str(path))
    assert told.returncode == 78
    assert "holds no role" in told.stderr

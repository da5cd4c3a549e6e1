"""`provbus keys new`: a fleet that loads, made once."""

import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bus.fleet.fleet import load_fleet, load_seal_keys
from fileid.seal import KEY_BYTES
from services.cli.main import cli

Provbus = Callable[..., subprocess.CompletedProcess[str]]


def keys_new(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["keys", "new", *map(str, arguments)])


def test_a_new_fleet_loads_and_seals(tmp_path: Path) -> None:
    directory = tmp_path / "keys"
    result = keys_new(directory, "dhcp-1=dhcp", "mps-1=mps", "cfm-1=cfm", "--site", "north")
    assert result.exit_code == 0
    assert result.output.startswith(f"{directory}/fleet.yaml: 3 instances; ")
    fleet = load_fleet(directory / "fleet.yaml")
    assert fleet.services() == {"dhcp-1": "dhcp", "mps-1": "mps", "cfm-1": "cfm"}
    assert {one.site for one in fleet.instances.values()} == {"north"}
    assert len(load_seal_keys(directory / "seal" / "mps-1.key", fleet, KEY_BYTES)[0][2]) == KEY_BYTES
    secrets = list(directory.rglob("*.key"))
    assert len(secrets) == 6
    assert {stat.S_IMODE(one.stat().st_mode) for one in secrets} == {0o600}


def test_the_site_has_a_default(tmp_path: Path) -> None:
    assert keys_new(tmp_path / "keys", "cfm-1=cfm").exit_code == 0
    assert load_fleet(tmp_path / "keys" / "fleet.yaml").member("cfm-1").site == "default"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing argument"),
        (["cfm-1"], "'cfm-1' is not NAME=SERVICE"),
        (["=cfm"], "'=cfm' is not NAME=SERVICE"),
        (["cfm-1="], "'cfm-1=' is not NAME=SERVICE"),
        (["cfm-1=tftp"], "with a service of dhcp, mps, cfm"),
        (["cfm-1=cfm", "cfm-1=cfm"], "cfm-1 is named twice"),
        (["x=dhcp", "cfm-1=cfm", "x=cfm"], "x is named twice"),
    ],
)
def test_wrong_usage_makes_nothing(tmp_path: Path, arguments: list[str], said: str) -> None:
    result = keys_new(tmp_path / "keys", *arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_fleet_is_never_overwritten(tmp_path: Path, provbus: Provbus) -> None:
    first = provbus("keys", "new", "keys", "cfm-1=cfm")
    before = (tmp_path / "keys" / "curve" / "cfm-1.key").read_bytes()
    again = provbus("keys", "new", "keys", "cfm-1=cfm")
    assert (first.returncode, again.returncode) == (0, 73)
    assert again.stderr == "provbus: keys/fleet.yaml exists; keys are never overwritten\n"
    assert (tmp_path / "keys" / "curve" / "cfm-1.key").read_bytes() == before


@pytest.mark.parametrize("name", ["../evil", "CFM", "a b"])
def test_a_name_that_is_none_makes_nothing(tmp_path: Path, provbus: Provbus, name: str) -> None:
    result = provbus("keys", "new", "keys", f"{name}=cfm")
    assert result.returncode == 78
    assert result.stderr.startswith("provbus: keys/fleet.yaml: instances.")
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []

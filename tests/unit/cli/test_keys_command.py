"""`provbus keys new`: a fleet that loads, made once."""

import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bus.fleet.fleet import load_fleet, load_seal_keys
from bus.fleet.key_directory import held
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
    assert len(secrets) == 11
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


def test_a_site_is_added_and_who_must_do_what_is_said(tmp_path: Path, provbus: Provbus) -> None:
    provbus("keys", "new", "keys", "dhcp-1=dhcp", "cfm-1=cfm", "--site", "north")
    added = provbus("keys", "add", "keys", "dhcp-2=dhcp", "mps-2=mps", "--site", "south")
    assert (added.returncode, added.stderr) == (0, "")
    assert added.stdout.splitlines() == [
        "keys/fleet.yaml: 4 instances with dhcp-2, mps-2",
        "give every instance fleet.yaml, and each new one its own files of curve/, sign/ and seal/, and"
        " settings/fleet.key",
        "give every CFM seal/dhcp-2.key, and name it in its cfm.seal_keys",
        "give every CFM seal/mps-2.key, and name it in its cfm.seal_keys",
        "restart, to know the new ones: cfm-1",
        "where mode multicast is used: give the new ones multicast/group.key, and restart every instance",
    ]
    fleet = load_fleet(tmp_path / "keys" / "fleet.yaml")
    assert {name: one.site for name, one in fleet.instances.items()} == {
        "dhcp-1": "north",
        "cfm-1": "north",
        "dhcp-2": "south",
        "mps-2": "south",
    }


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["cfm-1=cfm"], 78, "keys/fleet.yaml: cfm-1 is in the fleet already"),
        (["dhcp-1=dhcp"], 73, "keys/seal/dhcp-1.key exists, and dhcp-1 is not in the fleet"),
        (["cfm-2=tftp"], 2, "with a service of"),
        (["cfm-2=cfm", "cfm-2=cfm"], 2, "cfm-2 is named twice"),
    ],
)
def test_who_cannot_be_added_has_its_exit_code(
    tmp_path: Path, provbus: Provbus, arguments: list[str], code: int, said: str
) -> None:
    provbus("keys", "new", "keys", "cfm-1=cfm", "mps-1=mps")
    (tmp_path / "keys" / "seal" / "dhcp-1.key").touch()
    result = provbus("keys", "add", "keys", *arguments)
    assert result.returncode == code
    assert said in result.stderr


def test_a_fleet_that_is_not_there_gets_nobody(tmp_path: Path, provbus: Provbus) -> None:
    assert provbus("keys", "add", "keys", "cfm-1=cfm").returncode == 69
    assert list(tmp_path.iterdir()) == []


def test_seal_keys_are_not_dropped_while_their_names_live(tmp_path: Path, provbus: Provbus) -> None:
    provbus("keys", "new", "keys", "dhcp-1=dhcp", "cfm-1=cfm")
    for step in ("add", "use"):
        assert provbus("keys", "rotate", "keys", "seal", step).returncode == 0
    early = provbus("keys", "rotate", "keys", "seal", "drop")
    assert early.returncode == 75
    assert early.stderr.startswith("provbus: seal: names of the former keys live for another ")
    assert len((tmp_path / "keys" / "seal" / "dhcp-1.key").read_bytes().splitlines()) == 2
    again = provbus("keys", "rotate", "keys", "seal", "use")
    assert (again.returncode, again.stderr) == (
        78,
        "provbus: keys/seal/dhcp-1.key: the step that is due is drop\n",
    )
    forced = provbus("keys", "rotate", "keys", "seal", "drop", "--force")
    assert (forced.returncode, forced.stdout[:16]) == (0, "seal: drop done;")
    assert "(root.key stays here)" in forced.stdout


@pytest.mark.parametrize(("kind", "step"), [("curve", "drop"), ("seal", "use")])
def test_only_what_waits_can_be_forced(provbus: Provbus, kind: str, step: str) -> None:
    result = provbus("keys", "rotate", "keys", kind, step, "--force")
    assert result.returncode == 2
    assert "--force is for seal drop" in result.stderr


@pytest.mark.parametrize(
    "words", [("add", "keys", "cfm-2=cfm"), ("rotate", "keys", "curve", "add")], ids=lambda words: words[0]
)
def test_of_two_who_change_one_directory_the_second_is_told(
    tmp_path: Path, provbus: Provbus, words: tuple[str, ...]
) -> None:
    assert provbus("keys", "new", "keys", "dhcp-1=dhcp", "cfm-1=cfm").returncode == 0
    before = {path: path.read_bytes() for path in (tmp_path / "keys").rglob("*") if path.is_file()}
    with held(tmp_path / "keys"):
        second = provbus("keys", *words)
    assert (second.returncode, second.stderr) == (
        75,
        "provbus: another command changes keys now: wait until it is done\n",
    )
    assert {path: path.read_bytes() for path in (tmp_path / "keys").rglob("*") if path.is_file()} == before
    assert provbus("keys", *words).returncode == 0

"""Adding instances: their secrets first, the fleet file at the end, and nothing that was there is touched."""

import stat
from collections import Counter
from pathlib import Path

import pytest

from bus.errors import BusyError, ConfigError, TryAgainError
from bus.fleet.adding import Added, add_instances, restarts
from bus.fleet.fleet import Fleet, load_fleet, load_seal_keys, make_fleet
from bus.fleet.key_pair import read_key_pair
from bus.fleet.rotation import rotate
from tests.fleets import fleet_of, member

SERVICES = {"dhcp-1": "dhcp", "mps-1": "mps", "cfm-1": "cfm"}
SEAL_BYTES = 64


def take(directory: Path, kind: str, step: str) -> None:
    """A step, with no rest for seal keys."""
    rotate(directory, kind, step, seal_key_bytes=SEAL_BYTES, seal_rest_s=0.0)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "keys"
    make_fleet(made, SERVICES, "lab", SEAL_BYTES)
    return made


def add(directory: Path, site: str = "north", **services: str) -> Added:
    named = {name.replace("_", "-"): service for name, service in services.items()}
    return add_instances(directory, named, site, SEAL_BYTES)


def files(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_the_new_ones_have_keys_and_the_old_ones_keep_theirs(directory: Path) -> None:
    before = load_fleet(directory / "fleet.yaml")
    secrets = {path: data for path, data in files(directory).items() if path.suffix == ".key"}
    found = add(directory, dhcp_2="dhcp", cfm_2="cfm")
    fleet = load_fleet(directory / "fleet.yaml")
    assert fleet == found.fleet
    assert [*fleet.instances] == ["dhcp-1", "mps-1", "cfm-1", "dhcp-2", "cfm-2"]
    assert {name: fleet.instances[name] for name in SERVICES} == before.instances
    assert {path: path.read_bytes() for path in secrets} == secrets
    for name in ("dhcp-2", "cfm-2"):
        assert fleet.member(name).site == "north"
        pair = read_key_pair(directory / "curve" / f"{name}.key")
        assert fleet.member(name).keys == [pair.public.decode()]
    ids = [
        key_id
        for name in ("dhcp-1", "mps-1", "dhcp-2")
        for _, key_id, _ in load_seal_keys(directory / "seal" / f"{name}.key", fleet, SEAL_BYTES)
    ]
    assert sorted(ids) == [0, 1, 2]
    assert not (directory / "seal" / "cfm-2.key").exists()
    assert {stat.S_IMODE(one.stat().st_mode) for one in directory.rglob("*.key")} == {0o600}
    assert Counter(one.suffix for one in files(directory)) == {".key": 16, ".yaml": 1}


@pytest.mark.parametrize(
    ("name", "service"), [("dhcp-1", "dhcp"), ("DHCP", "dhcp"), ("a b", "cfm"), ("dhcp-9", "tftp")]
)
def test_a_wrong_name_or_service_changes_nothing(directory: Path, name: str, service: str) -> None:
    before = files(directory)
    with pytest.raises(ConfigError, match=name):
        add_instances(directory, {"cfm-2": "cfm", name: service}, "lab", SEAL_BYTES)
    assert files(directory) == before


@pytest.mark.parametrize(
    "left", ["curve/dhcp-2.key", "curve/dhcp-2.next.key", "sign/dhcp-2.key", "seal/dhcp-2.key"]
)
def test_a_file_that_is_there_is_never_overwritten(directory: Path, left: str) -> None:
    """An earlier try that was cut off before the fleet file left it."""
    (directory / left).write_bytes(b"who knows")
    before = files(directory)
    with pytest.raises(BusyError, match=f"{left} exists, and dhcp-2 is not in the fleet") as caught:
        add(directory, dhcp_2="dhcp")
    assert "remove it if an earlier try left it there" in str(caught.value)
    assert files(directory) == before


def test_a_disk_that_refuses_the_fleet_file_leaves_no_secret(directory: Path) -> None:
    before = files(directory)
    (directory / "fleet.yaml.new").mkdir()
    with pytest.raises(BusyError, match="cannot write"):
        add(directory, dhcp_2="dhcp")
    assert files(directory) == before


def test_a_fleet_has_so_many_minters_at_most(directory: Path) -> None:
    before = files(directory)
    with pytest.raises(ConfigError, match="at most 128 minters, not 130"):
        add_instances(directory, {f"mps-{at}": "mps" for at in range(10, 138)}, "lab", SEAL_BYTES)
    assert files(directory) == before
    add_instances(directory, {f"mps-{at}": "mps" for at in range(10, 136)}, "lab", SEAL_BYTES)


@pytest.mark.parametrize(
    ("kind", "said"), [("curve", "curve keys are"), ("sign", "sign keys are"), ("seal", "seal keys are")]
)
def test_nobody_who_has_such_keys_is_added_while_they_are_rotated(
    directory: Path, kind: str, said: str
) -> None:
    for step in ("add", "use"):
        take(directory, kind, step)
        before = files(directory)
        with pytest.raises(TryAgainError, match=f"{said} being rotated: take the remaining steps"):
            add(directory, dhcp_2="dhcp")
        assert files(directory) == before
    take(directory, kind, "drop")
    add(directory, dhcp_2="dhcp")
    for step in ("add", "use", "drop"):
        take(directory, kind, step)


def test_the_others_are_added_in_the_middle_of_a_rotation(directory: Path) -> None:
    """A CFM has no seal key, and the multicast key is the group's."""
    for kind in ("seal", "multicast"):
        take(directory, kind, "add")
    add(directory, cfm_2="cfm")
    for kind in ("seal", "multicast"):
        take(directory, kind, "use")


def sites_of(**sites: str) -> Fleet:
    """`dhcp_1="north"` is a DHCP server of that site."""
    members = {
        name.replace("_", "-"): member(name.replace("_", "-"), name.split("_")[0], [str(at) * 40], site)
        for at, (name, site) in enumerate(sites.items())
    }
    return fleet_of(members)


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        ({"dhcp_3": "north"}, ["dhcp-1", "cfm-1"]),
        ({"dhcp_3": "south"}, ["dhcp-2", "cfm-1"]),
        ({"dhcp_3": "east"}, ["cfm-1"]),
        ({"mps_3": "north"}, ["mps-1", "cfm-1"]),
        ({"cfm_3": "east"}, ["dhcp-1", "dhcp-2", "mps-1", "cfm-1"]),
    ],
    ids=str,
)
def test_who_has_to_do_with_a_new_one_is_restarted(new: dict[str, str], expected: list[str]) -> None:
    before = {"dhcp_1": "north", "dhcp_2": "south", "mps_1": "north", "cfm_1": "north"}
    assert restarts(sites_of(**before), sites_of(**before, **new)) == expected


def test_a_rotation_that_was_cut_off_before_its_first_key_is_one_too(directory: Path) -> None:
    take(directory, "seal", "add")
    for name in ("dhcp-1", "mps-1"):
        path = directory / "seal" / f"{name}.key"
        path.write_bytes(path.read_bytes().splitlines()[0] + b"\n")
    with pytest.raises(TryAgainError, match="seal keys are being rotated"):
        add(directory, dhcp_2="dhcp")

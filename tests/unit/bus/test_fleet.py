"""The fleet: keys made once, for their owner's eyes, and pinned to one instance each."""

import base64
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.config.secret_file import read_secret
from bus.errors import BusyError, ConfigError, UnavailableError
from bus.fleet.fleet import Fleet, load_fleet, load_group_keys, load_seal_keys, make_fleet
from bus.fleet.key_pair import key_pair, new_key_pair
from bus.fleet.signing import certify, new_secret_key, read_secret_key
from tests.unit.umask import umask

SERVICES = {"dhcp-1": "dhcp", "cfm-1": "cfm", "mps-1": "mps", "cfm-2": "cfm"}
SEAL_BYTES = 64

Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A fresh fleet."""
    made = tmp_path / "new" / "keys"
    make_fleet(made, SERVICES, "lab", SEAL_BYTES)
    return made


def files(directory: Path) -> dict[str, bytes]:
    return {
        str(one.relative_to(directory)): one.read_bytes() for one in directory.rglob("*") if one.is_file()
    }


def test_everybody_has_the_files_of_its_service(directory: Path) -> None:
    assert sorted(files(directory)) == [
        "curve/cfm-1.key",
        "curve/cfm-2.key",
        "curve/dhcp-1.key",
        "curve/mps-1.key",
        "fleet.yaml",
        "multicast/group.key",
        "root.key",
        "seal/dhcp-1.key",
        "seal/mps-1.key",
        "settings/fleet.key",
        "sign/cfm-1.key",
        "sign/cfm-2.key",
        "sign/dhcp-1.key",
        "sign/mps-1.key",
    ]


def test_what_was_made_is_loaded(directory: Path) -> None:
    fleet = load_fleet(directory / "fleet.yaml")
    assert fleet.services() == SERVICES
    assert {one.site for one in fleet.instances.values()} == {"lab"}


def test_each_secret_belongs_to_the_public_key_in_the_fleet(directory: Path) -> None:
    fleet = load_fleet(directory / "fleet.yaml")
    for name, member in fleet.instances.items():
        pair = key_pair(read_secret(directory / "curve" / f"{name}.key"))
        assert [pair.public.decode()] == member.keys
    assert len({key for member in fleet.instances.values() for key in member.keys}) == len(SERVICES)


def test_the_fleet_file_holds_no_secret(directory: Path) -> None:
    text = (directory / "fleet.yaml").read_bytes()
    for name, content in files(directory).items():
        if name != "fleet.yaml":
            assert content.split()[-1] not in text


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_secrets_are_for_their_owner_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    with umask(mask):
        make_fleet(tmp_path / "keys", SERVICES, "lab", SEAL_BYTES)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "keys" / "fleet.yaml").stat().st_mode) == 0o644  # every user reads it
    for kind in ("curve", "sign", "seal", "multicast"):
        folder = tmp_path / "keys" / kind
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()} == {0o600}


def test_keys_are_selected_by_service(directory: Path) -> None:
    fleet = load_fleet(directory / "fleet.yaml")
    assert sorted(fleet.keys("dhcp", "mps")) == ["dhcp-1", "mps-1"]
    assert sorted(fleet.keys("cfm")) == ["cfm-1", "cfm-2"]
    assert fleet.keys() == {}
    assert fleet.keys("cfm")["cfm-1"] == [key.encode() for key in fleet.member("cfm-1").keys]


def test_a_role_is_shared_if_several_minters_of_a_site_may_hold_it(tmp_path: Path) -> None:
    services = {"dhcp-1": "dhcp", "mps-1": "mps", "dhcp-2": "dhcp", "cfm-1": "cfm", "cfm-2": "cfm"}
    make_fleet(tmp_path, services, "lab", 64)
    fleet = load_fleet(tmp_path / "fleet.yaml")
    assert fleet.shared_roles() == {"dhcp-1": "dhcp/lab", "dhcp-2": "dhcp/lab"}


def test_a_fleet_is_never_overwritten(directory: Path) -> None:
    before = files(directory)
    with pytest.raises(BusyError, match=r"fleet\.yaml exists; keys are never overwritten"):
        make_fleet(directory, {"other": "cfm"}, "lab", SEAL_BYTES)
    assert files(directory) == before


@pytest.mark.parametrize(
    "survivor", ["curve/cfm-2.key", "sign/cfm-2.key", "seal/mps-1.key", "multicast/group.key", "root.key"]
)
def test_a_key_without_its_fleet_is_never_overwritten_either(tmp_path: Path, survivor: str) -> None:
    (tmp_path / survivor).parent.mkdir(exist_ok=True)
    (tmp_path / survivor).write_bytes(b"precious")
    with pytest.raises(BusyError, match="exists; keys are never overwritten"):
        make_fleet(tmp_path, SERVICES, "lab", SEAL_BYTES)
    assert files(tmp_path) == {survivor: b"precious"}


@pytest.mark.parametrize("blocker", ["keys", "keys/curve", "keys/seal"])
def test_a_directory_that_cannot_be_made_is_busy(tmp_path: Path, blocker: str) -> None:
    (tmp_path / blocker).parent.mkdir(exist_ok=True)
    (tmp_path / blocker).write_text("precious")
    with pytest.raises(BusyError, match="cannot write"):
        make_fleet(tmp_path / "keys", SERVICES, "lab", SEAL_BYTES)
    assert (tmp_path / blocker).read_text() == "precious"
    assert not (tmp_path / "keys" / "fleet.yaml").exists()


@pytest.mark.parametrize(
    ("services", "site"),
    [
        ({"../evil": "cfm"}, "lab"),
        ({"CFM_1": "cfm"}, "lab"),
        ({"": "cfm"}, "lab"),
        ({"cfm-1": "tftp"}, "lab"),
        ({"cfm-1": "cfm"}, "The Lab"),
        ({f"dhcp-{number}": "dhcp" for number in range(257)}, "lab"),
    ],
    ids=["path", "case", "empty", "service", "site", "257 minters"],
)
def test_what_could_not_be_loaded_is_not_made(tmp_path: Path, services: dict[str, str], site: str) -> None:
    with pytest.raises(ConfigError):
        make_fleet(tmp_path / "keys", services, site, SEAL_BYTES)
    assert files(tmp_path) == {}


def test_an_instance_that_is_not_there_is_a_mistake_in_the_configuration(directory: Path) -> None:
    with pytest.raises(ConfigError, match="'cfm-9' is not in the fleet file"):
        load_fleet(directory / "fleet.yaml").member("cfm-9")


def _misspell(members: dict[str, Any]) -> None:
    members["cfm-1"]["sit"] = members["cfm-1"].pop("site")


def _no_service(members: dict[str, Any]) -> None:
    members["cfm-1"]["service"] = "tftp"


def _short_key(members: dict[str, Any]) -> None:
    members["cfm-1"]["keys"] = [members["cfm-1"]["keys"][0][:39]]


def _key_with_a_foreign_letter(members: dict[str, Any]) -> None:
    members["cfm-1"]["keys"] = ["|" + members["cfm-1"]["keys"][0][1:]]


def _key_beyond_32_bits(members: dict[str, Any]) -> None:
    members["cfm-1"]["keys"] = ["#" * 40]


def _key_that_is_not_ascii(members: dict[str, Any]) -> None:
    members["cfm-1"]["keys"] = ["ü" * 40]


def _shared_key(members: dict[str, Any]) -> None:
    members["cfm-1"]["keys"] = members["dhcp-1"]["keys"]


def _no_keys(members: dict[str, Any]) -> None:
    members["cfm-1"]["keys"] = []


def _three_keys(members: dict[str, Any]) -> None:
    members["cfm-1"]["keys"] = [new_key_pair().public.decode() for _ in range(3)]


def _bad_name(members: dict[str, Any]) -> None:
    members["CFM 3"] = members.pop("cfm-1")


def _no_member(members: dict[str, Any]) -> None:
    members["cfm-1"] = "cfm"


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (_misspell, r"fleet.yaml:\d+: unknown key 'instances.cfm-1.sit'; did you mean 'site'\?"),
        (_misspell, r"fleet.yaml:\d+: instances.cfm-1.site: Field required"),
        (_no_service, r"fleet.yaml:\d+: instances.cfm-1.service: String should match"),
        (_short_key, r"fleet.yaml:\d+: instances.cfm-1.keys: must be 40"),
        (_key_with_a_foreign_letter, r"fleet.yaml:\d+: instances.cfm-1.keys: must be 40 characters of Z85"),
        (_key_beyond_32_bits, r"fleet.yaml:\d+: instances.cfm-1.keys: must be 40 characters of Z85"),
        (_key_that_is_not_ascii, r"fleet.yaml:\d+: instances.cfm-1.keys: must be 40 characters of Z85"),
        (_shared_key, r"fleet.yaml: a key stands there twice"),
        (_no_keys, r"fleet.yaml:\d+: instances.cfm-1.keys: List should have at least 1"),
        (_three_keys, r"fleet.yaml:\d+: instances.cfm-1.keys: List should have at most 2"),
        (_bad_name, r"fleet.yaml:\d+: instances.CFM 3"),
        (_no_member, r"fleet.yaml:\d+: instances.cfm-1: Input should be"),
    ],
)
def test_a_mistake_in_the_fleet_file_is_named(directory: Path, edit: Edit, said: str) -> None:
    path = directory / "fleet.yaml"
    data = yaml.safe_load(path.read_text())
    edit(data["instances"])
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(ConfigError, match=said):
        load_fleet(path)


def test_an_instance_given_twice_is_refused(directory: Path) -> None:
    """YAML alone would silently take the second."""
    path = directory / "fleet.yaml"
    key = new_key_pair().public.decode()
    path.write_text(path.read_text() + f"  cfm-1: {{service: cfm, site: lab, keys: ['{key}']}}\n")
    with pytest.raises(ConfigError, match=r"instances\.cfm-1' stands there twice"):
        load_fleet(path)


@pytest.mark.parametrize("text", ["", "[]", "instances: []", "instances:\n", "fleet: {}", "\xff: {"])
def test_what_is_no_fleet_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"fleet\.yaml"):
        load_fleet(path)


def test_a_missing_fleet_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"cannot read .*nothing\.yaml"):
        load_fleet(tmp_path / "nothing.yaml")


def test_a_seal_key_comes_with_its_minter_and_id(directory: Path) -> None:
    fleet = load_fleet(directory / "fleet.yaml")
    keys = [
        load_seal_keys(directory / "seal" / f"{name}.key", fleet, SEAL_BYTES)[0]
        for name in ("dhcp-1", "mps-1")
    ]
    assert [(name, seal_id, len(key)) for name, seal_id, key in keys] == [
        ("dhcp-1", 0, SEAL_BYTES),
        ("mps-1", 1, SEAL_BYTES),
    ]
    assert keys[0][2] != keys[1][2]


GOOD = base64.b64encode(bytes(SEAL_BYTES))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"dhcp-9 0 " + GOOD, "'dhcp-9' is not in the fleet file"),
        (GOOD, "must hold the id of a key"),
        (b"cfm-1 0 " + GOOD, "cfm-1 does not mint"),
        (b"dhcp-1", "must hold the id of a key"),
        (b"dhcp-1 " + GOOD, "must hold the id of a key"),
        (b"dhcp-1 256 " + GOOD, "must hold the id of a key"),
        (b"dhcp-1 -1 " + GOOD, "must hold the id of a key"),
        (b"dhcp-1 0 ", "must hold the id of a key"),
        (b"dhcp-1 0 abc", "not base64"),
        (b"dhcp-1 0 " + b"*" * 88, "not base64"),
        (b"dhcp-1 0 " + b"\xff" * 88, "not base64"),
        (b"dhcp-1 0 " + GOOD + b"\n\n\n", "must hold the id of a key"),
        (b"dhcp-1 0 " + GOOD + b"\nmps-1 1 " + GOOD, "the keys of one minter"),
        (b"dhcp-1 0 " + base64.b64encode(bytes(63)), "63 bytes, not 64"),
        (b"dhcp-1 0 " + base64.b64encode(bytes(65)), "65 bytes, not 64"),
    ],
)
def test_what_is_no_seal_key_is_refused_without_showing_it(
    directory: Path, content: bytes, said: str
) -> None:
    fleet = load_fleet(directory / "fleet.yaml")
    path = directory / "seal" / "wrong.key"
    path.write_bytes(content)
    with pytest.raises(ConfigError if content else UnavailableError, match=said) as caught:
        load_seal_keys(path, fleet, SEAL_BYTES)
    assert GOOD.decode() not in str(caught.value)


def test_a_fleet_is_immutable(directory: Path) -> None:
    fleet = load_fleet(directory / "fleet.yaml")
    assert isinstance(fleet, Fleet)
    with pytest.raises(ValueError, match="frozen"):
        setattr(fleet, "instances", {})  # noqa: B010


def test_the_group_key_that_seals_stands_first(directory: Path) -> None:
    path = directory / "multicast" / "group.key"
    path.write_bytes(b"7 " + GOOD + b"\n9 " + GOOD + b"\n")
    assert [(key.key_id, key.key) for key in load_group_keys(path)] == [
        (7, bytes(SEAL_BYTES)),
        (9, bytes(SEAL_BYTES)),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (GOOD, "must hold the id of a key"),
        (b"256 " + GOOD, "must hold the id of a key"),
        (b"x " + GOOD, "must hold the id of a key"),
        (b"7 abc", "not base64"),
        (b"7 " + base64.b64encode(bytes(32)), "32 bytes, not 64"),
        (b"7 " + GOOD + b"\n7 " + GOOD, "two keys have the same id"),
    ],
)
def test_what_is_no_group_key_is_refused_without_showing_it(
    directory: Path, content: bytes, said: str
) -> None:
    path = directory / "multicast" / "group.key"
    path.write_bytes(content)
    with pytest.raises(ConfigError if content else UnavailableError, match=said) as caught:
        load_group_keys(path)
    assert GOOD.decode() not in str(caught.value)


def test_names_that_would_be_one_on_the_wire_are_refused(directory: Path) -> None:
    path = directory / "fleet.yaml"
    data = yaml.safe_load(path.read_text())
    root = read_secret_key(directory / "root.key")
    for name in ("cfm-11729", "cfm-137153"):  # the heads of their SHA-256 are equal
        sign = certify(root, name, "cfm/lab", new_secret_key().public)
        data["instances"][name] = {
            "service": "cfm",
            "site": "lab",
            "keys": [new_key_pair().public.decode()],
            "sign": [sign.model_dump()],
        }
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(ConfigError, match="two names have the same number on the wire"):
        load_fleet(path)

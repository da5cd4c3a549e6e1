"""Rotation: two instances that are one step apart understand each other at every step."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from bus.config.secret_file import read_secret
from bus.errors import BusyError, ConfigError
from bus.fleet.fleet import (
    load_fleet,
    load_group_keys,
    load_seal_keys,
    load_settings_keys,
    make_fleet,
    settings_key_file,
)
from bus.fleet.key_pair import key_pair
from bus.fleet.pairs import PAIRS
from bus.fleet.rotation import rotate
from bus.fleet.signing import read_secret_key
from bus.fleet.steps import KINDS, STEPS

SERVICES = {"dhcp-1": "dhcp", "mps-1": "mps", "cfm-1": "cfm"}
SEAL_BYTES = 64

Used = dict[str, bytes]
Believed = dict[str, set[bytes]]


def take(directory: Path, kind: str, step: str) -> None:
    """A step, with no rest for seal keys."""
    rotate(directory, kind, step, seal_key_bytes=SEAL_BYTES, seal_rest_s=0.0)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "keys"
    make_fleet(made, SERVICES, "lab", SEAL_BYTES)
    return made


def curve(directory: Path) -> tuple[Used, Believed]:
    """What each instance uses, and what is believed of it."""
    fleet = load_fleet(directory / "fleet.yaml")
    used = {name: key_pair(read_secret(directory / "curve" / f"{name}.key")).public for name in SERVICES}
    believed = {name: set(keys) for name, keys in fleet.keys("dhcp", "mps", "cfm").items()}
    return used, believed


def seal(directory: Path) -> tuple[Used, Believed]:
    fleet = load_fleet(directory / "fleet.yaml")
    keys = {
        name: [bytes((key_id,)) + key for _, key_id, key in load_seal_keys(path, fleet, SEAL_BYTES)]
        for name in ("dhcp-1", "mps-1")
        for path in [directory / "seal" / f"{name}.key"]
    }
    return {name: some[0] for name, some in keys.items()}, {name: set(some) for name, some in keys.items()}


def multicast(directory: Path) -> tuple[Used, Believed]:
    keys = [bytes((key.key_id,)) + key.key for key in load_group_keys(directory / "multicast" / "group.key")]
    return {"": keys[0]}, {"": set(keys)}


def sign(directory: Path) -> tuple[Used, Believed]:
    fleet = load_fleet(directory / "fleet.yaml")
    used = {name: read_secret_key(directory / "sign" / f"{name}.key").public for name in SERVICES}
    return used, {name: set(keys) for name, keys in fleet.signing_keys().items()}


def settings(directory: Path) -> tuple[Used, Believed]:
    keys = [bytes((key_id,)) + key for key_id, key in load_settings_keys(settings_key_file(directory))]
    return {"": keys[0]}, {"": set(keys)}


LOOKS: dict[str, Callable[[Path], tuple[Used, Believed]]] = {
    "curve": curve,
    "sign": sign,
    "seal": seal,
    "multicast": multicast,
    "settings": settings,
}


@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_in_the_rotation_always_understand_each_other(directory: Path, kind: str) -> None:
    look = LOOKS[kind]
    first_used, _ = look(directory)
    for _ in range(3):
        before_used, before_believed = used, believed = look(directory)
        for step in STEPS:
            take(directory, kind, step)
            used, believed = look(directory)
            for name in used:
                assert used[name] in before_believed[name], f"{step}: {name} is ahead of the others"
                assert before_used[name] in believed[name] or step == "drop", f"{step}: {name} is behind"
                assert used[name] in believed[name]
            before_used, before_believed = used, believed
        assert all(believed[name] == {used[name]} for name in used)
    assert all(used[name] != first_used[name] for name in used)


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_was_dropped_is_believed_no_more(directory: Path, kind: str) -> None:
    former, _ = LOOKS[kind](directory)
    for step in STEPS:
        take(directory, kind, step)
    _, believed = LOOKS[kind](directory)
    assert all(former[name] not in believed[name] for name in former)


def test_seal_keys_of_a_fleet_never_share_an_id(directory: Path) -> None:
    take(directory, "seal", "add")
    _, believed = seal(directory)
    ids = [key[0] for keys in believed.values() for key in keys]
    assert sorted(ids) == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("taken", "step", "due"),
    [
        ((), "use", "add"),
        ((), "drop", "add"),
        (("add",), "add", "use"),
        (("add",), "drop", "use"),
        (("add", "use"), "add", "drop"),
        (("add", "use"), "use", "drop"),
        (("add", "use", "drop"), "use", "add"),
        (("add", "use", "drop"), "drop", "add"),
    ],
)
def test_a_step_out_of_turn_is_refused_and_changes_nothing(
    directory: Path, kind: str, taken: tuple[str, ...], step: str, due: str
) -> None:
    for one in taken:
        take(directory, kind, one)
    before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    with pytest.raises(ConfigError, match=f"the step that is due is {due}"):
        take(directory, kind, step)
    assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before


def test_a_curve_key_is_not_dropped_before_the_next_one_is_used(directory: Path) -> None:
    take(directory, "curve", "add")
    with pytest.raises(ConfigError, match="the step that is due is use"):
        take(directory, "curve", "drop")


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_stay_their_owners(directory: Path, kind: str) -> None:
    for step in STEPS:
        take(directory, kind, step)
        assert {stat.S_IMODE(one.stat().st_mode) for one in directory.rglob("*.key")} == {0o600}


@pytest.mark.parametrize("kind", KINDS)
def test_a_place_that_cannot_be_written_is_busy(directory: Path, kind: str) -> None:
    for folder in ("curve", "sign", "seal", "multicast", "settings"):
        for path in (directory / folder).iterdir():
            blocked = path.with_suffix(".next.new" if folder in PAIRS else ".new")
            blocked.mkdir()
    with pytest.raises(BusyError, match="cannot write"):
        take(directory, kind, "add")

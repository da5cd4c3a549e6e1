"""Who has the keys of a directory, by what the beats say."""

from pathlib import Path
from typing import Any

import pytest

from bus.fleet.fleet import load_fleet, make_fleet
from bus.fleet.rotation import rotate
from bus.fleet.steps import KINDS
from fileid.seal import KEY_BYTES
from heartbeat.liveness.beat import LISTED_MAX, seals_of
from services.instance.about import key_ids
from services.operator.fleet.key_holders import lagging, needing, wanted

SERVICES = {"dhcp-1": "dhcp", "mps-1": "mps", "cfm-1": "cfm"}


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    directory = tmp_path / "keys"
    make_fleet(directory, SERVICES, "lab", KEY_BYTES)
    return directory


def peers(keys: Path) -> dict[str, dict[str, Any]]:
    """Everybody with the files of the directory as they are now."""
    fleet = load_fleet(keys / "fleet.yaml")
    ids = {kind: wanted(keys, fleet, kind) for kind in ("seal", "multicast", "settings")}
    return {
        name: {
            "state": "alive",
            "keys": {
                "fleet": key_ids(fleet, ()).fleet,
                "seal": "".join(ids["seal"][name]),
                "group": "".join(ids["multicast"][name]),
                "settings": "".join(ids["settings"][name]),
            },
            "sealed": ids["settings"][name][0],
        }
        for name in SERVICES
    }


def behind(keys: Path, kind: str, seen: dict[str, dict[str, Any]]) -> list[str]:
    fleet = load_fleet(keys / "fleet.yaml")
    return [*lagging(kind, wanted(keys, fleet, kind), fleet, seen)]


@pytest.mark.parametrize("kind", [*KINDS])
def test_after_a_step_everybody_is_behind_until_he_has_its_files(keys: Path, kind: str) -> None:
    before = peers(keys)
    assert behind(keys, kind, before) == []
    rotate(keys, kind, "add", seal_key_bytes=KEY_BYTES, seal_rest_s=0.0)
    assert behind(keys, kind, before) == [*SERVICES]
    after = peers(keys)
    assert behind(keys, kind, {**after, "cfm-1": before["cfm-1"]}) == ["cfm-1"]
    assert behind(keys, kind, after) == []


def test_a_minter_that_uses_the_former_key_is_behind_and_a_cfm_needs_both_in_any_order(keys: Path) -> None:
    rotate(keys, "seal", "add", seal_key_bytes=KEY_BYTES, seal_rest_s=0.0)
    added = peers(keys)
    rotate(keys, "seal", "use", seal_key_bytes=KEY_BYTES, seal_rest_s=0.0)
    assert behind(keys, "seal", added) == ["dhcp-1", "mps-1"]


@pytest.mark.parametrize("state", ["dead", None])
def test_who_is_not_alive_counts_as_behind(keys: Path, state: str | None) -> None:
    seen = peers(keys)
    seen["mps-1"]["state"] = state
    assert behind(keys, "curve", seen) == ["mps-1 (not alive)"]
    del seen["mps-1"]
    assert behind(keys, "curve", seen) == ["mps-1 (not alive)"]


def test_a_settings_key_is_needed_until_everybody_has_the_settings_sealed_anew(keys: Path) -> None:
    fleet = load_fleet(keys / "fleet.yaml")
    for step in ("add", "use"):
        rotate(keys, "settings", step, seal_key_bytes=KEY_BYTES, seal_rest_s=0.0)
    seen, ids = peers(keys), wanted(keys, fleet, "settings")
    assert [*needing(ids, seen)] == []
    seen["cfm-1"]["sealed"] = "0001"  # its copy on the disk is the former one
    seen["dhcp-1"]["sealed"] = "00"
    assert [*needing(ids, seen)] == ["dhcp-1", "cfm-1"]


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_cfm_that_opens_names_with_many_keys_has_those_of_its_bitmap(keys: Path, is_whole: bool) -> None:
    seen, fleet = peers(keys), load_fleet(keys / "fleet.yaml")
    ours = {int(one, 16) for one in wanted(keys, fleet, "seal")["cfm-1"]}
    many = {*range(LISTED_MAX + 1)} | ours
    seen["cfm-1"]["keys"] |= {"seal": "", "seals": seals_of(many if is_whole else many - {min(ours)})}
    assert behind(keys, "seal", seen) == ([] if is_whole else ["cfm-1"])

"""Scenario files: what of them concerns Kea, and hosts that stand for one role."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.errors import ConfigError
from services.lab.script.script import load_script
from services.lab.site.scenario import LoadPlan, PrimaryKills

SCENARIOS = Path(__file__).parents[4] / "deploy" / "scenarios"


def written(directory: Path, **changes: Any) -> Path:
    path = directory / "scenario.yaml"
    said: dict[str, Any] = {"name": "one", "modems": 10, "settings": "lab.yaml"} | changes
    path.write_text(yaml.safe_dump(said))
    return path


def test_keas_configuration_is_found_beside_the_scenario(tmp_path: Path) -> None:
    scenario = load_script(written(tmp_path, kea={"config": "../kea.conf"}))
    assert scenario.kea is not None
    assert scenario.kea.config == tmp_path / ".." / "kea.conf"
    assert (scenario.kea.names, scenario.kea.clean_up_s) == ("class", 3600)
    assert (scenario.kea.restart_at_online, scenario.kea.perfdhcp) == (None, None)
    assert scenario.settings == tmp_path / "lab.yaml"


def test_everything_about_kea_is_read(tmp_path: Path) -> None:
    kea = {
        "config": "kea.conf",
        "names": "device",
        "clean_up_s": 2,
        "restart_at_online": 0.5,
        "perfdhcp": {"rate_per_s": 100, "duration_s": 3},
    }
    scenario = load_script(written(tmp_path, kea=kea, reboot_after_s=10))
    assert scenario.kea is not None
    assert scenario.reboot_after_s == 10.0
    assert scenario.kea.perfdhcp == LoadPlan(rate_per_s=100, duration_s=3)
    assert scenario.resized(20).kea == scenario.kea


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kea": {}}, "config"),
        ({"kea": {"config": "x", "names": "mac"}}, "names"),
        ({"kea": {"config": "x", "clean_up_s": 0}}, "clean_up_s"),
        ({"kea": {"config": "x", "restart_at_online": 1.5}}, "restart_at_online"),
        ({"kea": {"config": "x", "perfdhcp": {"rate_per_s": 0, "duration_s": 1}}}, "rate_per_s"),
        ({"kea": {"config": "x", "perfdhcp": {"rate_per_s": 1}}}, "duration_s"),
        ({"kea": {"config": "x", "colour": "red"}}, "colour"),
        ({"reboot_after_s": 0.5}, "reboot_after_s"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_script(written(tmp_path, **changes))


def test_one_dhcp_host_is_alone_unless_a_scenario_says_otherwise(tmp_path: Path) -> None:
    scenario = load_script(written(tmp_path))
    assert (scenario.dhcps, scenario.primary_kills) == (1, None)


def test_kills_of_hosts_are_read(tmp_path: Path) -> None:
    kills = {"count": 3, "every_s": [1.0, 2.5], "back_after_s": 0.5}
    scenario = load_script(written(tmp_path, dhcps=2, primary_kills=kills))
    assert scenario.primary_kills == PrimaryKills(count=3, every_s=(1.0, 2.5), back_after_s=0.5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dhcps": 3}, "dhcps"),
        ({"dhcps": 0}, "dhcps"),
        ({"primary_kills": {"count": 1, "every_s": [1, 2], "back_after_s": 1}}, "nobody takes over"),
        ({"dhcps": 2, "primary_kills": {"count": 0, "every_s": [1, 2], "back_after_s": 1}}, "count"),
        ({"dhcps": 2, "primary_kills": {"count": 1, "every_s": [-1, 2], "back_after_s": 1}}, "every_s"),
        ({"dhcps": 2, "primary_kills": {"count": 1, "every_s": [1, 2]}}, "back_after_s"),
        ({"dhcps": 2, "attack": {}}, "attack is for one DHCP host"),
        ({"dhcps": 2, "rotate_at_online": [0.1, 0.2, 0.3]}, "rotate_at_online is for one DHCP host"),
    ],
)
def test_what_two_hosts_cannot_do_is_said(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_script(written(tmp_path, **changes))


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("kea*.yaml")), ids=lambda path: path.stem)
def test_the_scenarios_with_kea_name_a_configuration_that_is_there(path: Path) -> None:
    scenario = load_script(path)
    assert scenario.kea is not None
    assert scenario.kea.config.is_file()
    assert scenario.settings.is_file()

"""Scenario files: what of them concerns Kea."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.errors import ConfigError
from services.lab.scenario import PerfDhcp, load_scenario

SCENARIOS = Path(__file__).parents[3] / "deploy" / "scenarios"


def written(directory: Path, **changes: Any) -> Path:
    path = directory / "scenario.yaml"
    said: dict[str, Any] = {"name": "one", "modems": 10, "settings": "lab.yaml"} | changes
    path.write_text(yaml.safe_dump(said))
    return path


def test_keas_configuration_is_found_beside_the_scenario(tmp_path: Path) -> None:
    scenario = load_scenario(written(tmp_path, kea={"config": "../kea.conf"}))
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
    scenario = load_scenario(written(tmp_path, kea=kea, reboot_after_s=10))
    assert scenario.kea is not None
    assert scenario.reboot_after_s == 10.0
    assert scenario.kea.perfdhcp == PerfDhcp(rate_per_s=100, duration_s=3)
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
        load_scenario(written(tmp_path, **changes))


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("kea*.yaml")), ids=lambda path: path.stem)
def test_the_scenarios_with_kea_name_a_configuration_that_is_there(path: Path) -> None:
    scenario = load_scenario(path)
    assert scenario.kea is not None
    assert scenario.kea.config.is_file()
    assert scenario.settings.is_file()

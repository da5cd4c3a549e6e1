"""Scenario files: what of them concerns Kea, and hosts that stand for one role."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.errors import ConfigError
from services.lab.script.script import load_script
from services.lab.site.scenario import FaultPlan, LoadPlan, SchedulePlan

KILL = [{"kind": "kill-host"}]
LATE = {"of": [{"kind": "claim-held-back"}], "count": 1, "every_s": [1, 2]}
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
    assert (scenario.dhcps, scenario.schedule) == (1, None)


def test_a_schedule_of_faults_is_read(tmp_path: Path) -> None:
    plan = {"of": [{"kind": "suspend-host", "lasts_s": 2}], "count": 3, "every_s": [1.0, 2.5]}
    scenario = load_script(written(tmp_path, dhcps=2, schedule=plan))
    suspend = FaultPlan(kind="suspend-host", lasts_s=2.0)
    assert scenario.schedule == SchedulePlan(of=(suspend,), count=3, every_s=(1.0, 2.5))


def test_machines_need_brokers_of_their_own_and_nothing_on_loopback(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="hosts: true needs broker: kafka"):
        load_script(written(tmp_path, hosts=True))
    with pytest.raises(ConfigError, match="give either hosts or ipv6"):
        load_script(written(tmp_path, hosts=True, broker="kafka", ipv6=True))
    assert load_script(written(tmp_path, hosts=True, broker="kafka")).alters_brokers()


def test_a_schedule_of_broker_faults_has_brokers_of_its_own(tmp_path: Path) -> None:
    plan = {"of": [{"kind": "kill-leader"}], "count": 1, "every_s": [1.0, 2.0]}
    with pytest.raises(ConfigError, match="faults of brokers need broker: kafka"):
        load_script(written(tmp_path, dhcps=2, schedule=plan))
    assert load_script(written(tmp_path, dhcps=2, schedule=plan, broker="kafka")).alters_brokers()
    other = plan | {"of": KILL}
    assert not load_script(written(tmp_path, dhcps=2, schedule=other, broker="kafka")).alters_brokers()


def test_a_schedule_with_slow_links_says_so(tmp_path: Path) -> None:
    base = {"dhcps": 3, "hosts": True, "broker": "kafka"}
    for kind, is_slow in (("slow-machine", True), ("claim-held-back", True), ("machine-dies", False)):
        script = load_script(written(tmp_path, **base, schedule=LATE | {"of": [{"kind": kind}]}))
        assert script.slows_links() is is_slow


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dhcps": 4}, "dhcps"),
        ({"dhcps": 0}, "dhcps"),
        ({"schedule": {"of": KILL, "count": 1, "every_s": [1, 2]}}, "nobody takes over"),
        ({"dhcps": 2, "schedule": {"of": KILL, "count": 0, "every_s": [1, 2]}}, "count"),
        ({"dhcps": 2, "schedule": {"of": KILL, "count": 1, "every_s": [-1, 2]}}, "every_s"),
        ({"dhcps": 2, "schedule": {"of": [], "count": 1, "every_s": [1, 2]}}, "of"),
        ({"dhcps": 2, "schedule": {"of": [{"kind": "x"}], "count": 1, "every_s": [1, 2]}}, "kind"),
        (
            {"dhcps": 2, "schedule": {"of": [{"kind": "machine-dies"}], "count": 1, "every_s": [1, 2]}},
            "machine-dies needs hosts: true",
        ),
        (
            {"dhcps": 2, "schedule": LATE, "hosts": True, "broker": "kafka"},
            "claim-held-back needs dhcps: 3",
        ),
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

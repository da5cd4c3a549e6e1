"""The steps of a scenario file: which there are, what each takes, and how a mistake is named."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.errors import ConfigError
from services.lab.script.boots import BootPlant
from services.lab.script.script import Script, load_script
from services.lab.steps.instances import Mode, Start, Stop, WaitReady
from services.lab.steps.pause import Pause

LOADED = {"config": "x", "perfdhcp": {"rate_per_s": 1, "duration_s": 1}}
FORMER = {"commit": "BASELINE", "of": ["cfm-1"]}
GUARDED = {"broker": "kafka", "authorizer": True}


def written(directory: Path, **changes: Any) -> Path:
    path = directory / "scenario.yaml"
    said: dict[str, Any] = {"name": "one", "modems": 10, "settings": "lab.yaml"} | changes
    path.write_text(yaml.safe_dump(said, sort_keys=False))
    return path


def loaded(directory: Path, **changes: Any) -> Script:
    return load_script(written(directory, **changes))


def test_without_steps_the_plant_boots_once(tmp_path: Path) -> None:
    script = loaded(tmp_path)
    assert [entry.step for entry in script.steps] == [BootPlant()]
    assert script.repeat == 1
    assert not script.alters_brokers()


def test_steps_are_read_in_their_order(tmp_path: Path) -> None:
    steps: list[dict[str, Any]] = [
        {"boot": {"meanwhile": [{"pause": 1.5}]}},
        {"stop": "all"},
        {"mode": "multicast"},
        {"start": ["dhcp-1", "cfm-2"]},
        {"wait_ready": None},
    ]
    script = loaded(tmp_path, steps=steps, repeat=3)
    assert [entry.word for entry in script.steps] == ["boot", "stop", "mode", "start", "wait_ready"]
    done: list[Any] = [entry.step for entry in script.steps]
    boot, *others = done
    assert boot.inner() == [Pause(seconds=1.5)]
    start = Start(names=("dhcp-1", "cfm-2"))
    assert others == [Stop(names="all"), Mode(mode="multicast"), start, WaitReady(within_s=30.0)]
    assert script.repeat == 3


def test_a_scenario_that_alters_its_brokers_says_so(tmp_path: Path) -> None:
    kill: dict[str, Any] = {"brokers": {"kill": [1, 3]}}
    for steps in (
        [kill],
        [{"boot": {"meanwhile": [kill]}}],
        [{"brokers": {"fresh": True}}],
        [{"power_cut": [1]}],
    ):
        assert loaded(tmp_path, steps=steps, broker="kafka").alters_brokers()
    for step in ({"recreate": ["config"]}, {"trial": [{"boot": None}]}):
        assert loaded(tmp_path, steps=[step], broker="kafka").alters_brokers()
    assert loaded(tmp_path, **GUARDED).alters_brokers()
    assert not loaded(tmp_path, steps=[{"boot": None}], broker="kafka").alters_brokers()


def test_the_file_that_names_the_baseline_is_found_beside_the_scenario(tmp_path: Path) -> None:
    script = loaded(tmp_path, baseline=FORMER, steps=[{"upgrade": "all"}])
    assert script.baseline is not None
    assert script.baseline.commit == tmp_path / "BASELINE"
    assert script.resized(20).baseline == script.baseline


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": [{"boot": None}, {"stopp": "all"}]}, ":6: unknown key .*; did you mean 'stop'"),
        ({"steps": [{"boot": None, "stop": "all"}]}, "a step is a mapping with one key, one of boot, "),
        ({"steps": ["boot"]}, "a step is a mapping with one key"),
        ({"steps": [{"boot": None}, {"wait_ready": 0}]}, r":6: steps\.1\.wait_ready.*greater than 0"),
        ({"steps": [{"mode": "dual"}]}, r"steps\.0\.mode\.mode: "),
        ({"steps": [{"boot": None}, {"kill": ["cfm-3"]}]}, r":6: steps\[1\] kill: .* no instance 'cfm-3'"),
        ({"steps": [{"boot": {"meanwhile": [{"stop": ["x"]}]}}]}, r"steps\[0\] boot: .* 'x'"),
        ({"steps": [{"boot": {"meanwhile": [{"boot": None}]}}]}, "a boot has no boots meanwhile"),
        ({"steps": [{"mode": "bus"}], "faults": {}}, "faults need the proxy"),
        ({"steps": [{"kea_clean_up": None}]}, "there is no Kea"),
        ({"steps": [{"kea_old_leases": 5}]}, "there is no Kea"),
        ({"steps": [{"kea_load": None}], "kea": {"config": "x"}}, "there is no kea.perfdhcp"),
        ({"steps": [{"resync": "dhcp-1"}], "kea": {"config": "x"}}, "there is no kea.perfdhcp"),
        ({"steps": [{"resync": "dhcp-2"}], "kea": LOADED}, "no instance 'dhcp-2'"),
        ({"steps": [{"boot": None}], "kills": [{"cfm": 1, "at_online": 0.5}]}, "give either steps or kills"),
        ({"steps": [{"brokers": {"kill": [1]}}]}, r"steps\[0\] brokers: the scenario needs broker: kafka"),
        ({"steps": [{"brokers": {"kill": [4]}}], "broker": "kafka"}, "less than or equal to 3"),
        ({"steps": [{"brokers": {"kill": [1], "start": [2]}}], "broker": "kafka"}, "give one of kill, stop"),
        ({"steps": [{"brokers": None}], "broker": "kafka"}, "give one of kill, stop"),
        ({"steps": [{"power_cut": [1]}]}, r"steps\[0\] power_cut: the scenario needs broker: kafka"),
        ({"steps": [{"power_cut": [1, 2, 3]}], "broker": "kafka"}, "at most 2 items"),
        ({"steps": [{"power_cut": None}], "broker": "kafka"}, r"steps\.0\.power_cut\.back: Field required"),
        ({"steps": [{"role_log": "forget"}], "broker": "kafka"}, "'remember' or 'compare'"),
        ({"steps": [{"kill_primary": None}]}, "nobody takes over without dhcps: 2"),
        ({"steps": [{"crowd": {"at": "dhcp-1", "strangers": 9}}]}, "crowd: dhcp-1 is no CFM"),
        ({"steps": [{"end_crowd": "cfm-9"}]}, "no instance 'cfm-9'"),
        ({"steps": [{"small_disks": {"names": "all"}}]}, "small_disks: the scenario needs root: true"),
        ({"steps": [{"descriptors": {"names": "all"}}]}, "limit"),
        ({"steps": [{"kill": ["primary"]}]}, "nobody is primary or standby without dhcps: 2"),
        ({"steps": [{"kill": ["standby", "x"]}], "dhcps": 2}, "no instance 'x'"),
        ({"repeat": 2}, "repeat needs steps"),
        ({"steps": [{"recreate": ["config"]}]}, r"steps\[0\] recreate: the scenario needs broker: kafka"),
        ({"steps": [{"recreate": ["fileid"]}], "broker": "kafka"}, r"steps\.0\.recreate\.of"),
        ({"steps": [{"rights": {"give_back": True}}], "broker": "kafka"}, "needs authorizer: true"),
        ({"steps": [{"rights": {"deny": "read"}}], **GUARDED}, "give either deny with the classes"),
        ({"steps": [{"rights": {"give_back": True, "of": "all"}}], **GUARDED}, "give either deny"),
        ({"steps": [{"rights": None}], **GUARDED}, "give either deny"),
        ({"authorizer": True}, "an authorizer needs broker: kafka"),
        ({"steps": [{"trial": [{"boot": None}]}]}, r"steps\[0\] trial: the scenario needs broker: kafka"),
        ({"steps": [{"upgrade": "all"}]}, r"steps\[0\] upgrade: the scenario has no baseline"),
        ({"steps": [{"upgrade": ["cfm-2"]}], "baseline": FORMER}, "cfm-2 is not on the baseline"),
        ({"baseline": FORMER | {"of": ["cfm-9"]}}, "baseline: there is no instance 'cfm-9'"),
        ({"baseline": FORMER | {"of": []}}, "baseline.of"),
        ({"steps": [{"busy": -1}]}, r"steps\.0\.busy\.processes"),
        ({"expect": {"takeovers": {}}}, "give min, max, min_share or max_share"),
        ({"broker": "rabbit"}, "broker"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        loaded(tmp_path, **changes)

"""`--config`: every command that has it means the same by it, and by its absence."""

import json
from pathlib import Path

import pytest
import yaml

from services.cli.options import CONFIG_DEFAULT, CONFIG_METAVAR
from tests.docs_pages.commands import commands
from tests.unit.answering import answering
from tests.unit.cli.conftest import Config, Provbus

STATUS = {"instance": "dhcp-1", "service": "dhcp", "draining": False, "missing": [], "degraded": []}
WITH_CONFIG = [
    (name, option)
    for name, command in commands()
    for option in command.params
    if "--config" in option.opts and name != "provbus keys rotate"  # which asks nobody without it
]


def save(directory: Path, config: Config) -> Path:
    path = directory / f"{config['instance']}.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.mark.parametrize(("name", "option"), WITH_CONFIG, ids=[name for name, _ in WITH_CONFIG])
def test_every_command_says_what_it_takes_without_an_option(name: str, option: object) -> None:
    assert not getattr(option, "required", True)
    assert getattr(option, "metavar", "") == CONFIG_METAVAR
    assert CONFIG_DEFAULT in getattr(option, "help", "")


@pytest.mark.parametrize("words", [("peers", "ls"), ("failover", "status")], ids=" ".join)
def test_the_variable_stands_for_the_option(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus, words: tuple[str, ...]
) -> None:
    path = save(tmp_path, configs["dhcp-1"])
    with answering(
        tmp_path / "dhcp-1.sock", {**STATUS, "failover": {"state": "active"}, "peers": {}, "cfms": []}
    ):
        told = provbus(*words, "-o", "json", PROVBUS_CONFIG=str(path))
        assert (told.returncode, told.stderr) == (0, "")
        other = provbus(*words, "-o", "json", "--config", path, PROVBUS_CONFIG="elsewhere.yaml")
    assert other.stdout == told.stdout


def test_a_trace_and_a_difference_take_it_too(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus
) -> None:
    (tmp_path / "new.yaml").write_text("classes: {data: {kind: cm, body: [{network_access: 1}]}}\n")
    environment = {"PROVBUS_CONFIG": str(save(tmp_path, configs["dhcp-1"]))}
    told = provbus("trace", "00:1a:2c:00:00:01", **environment)
    assert (told.returncode, "dhcp-1.admin.sock" in told.stderr) == (69, True)
    told = provbus("settings", "diff", "new.yaml", **environment)
    assert (told.returncode, "dhcp-1.admin.sock" in told.stderr) == (69, True)
    told = provbus("settings", "diff", "new.yaml", "new.yaml", **environment)
    assert (told.returncode, told.stderr) == (0, "")


def test_it_is_no_value_of_the_configuration(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus
) -> None:
    path = save(tmp_path, configs["dhcp-1"])
    told = provbus("config", "explain", path, "-o", "json", PROVBUS_CONFIG="dhcp")
    assert told.returncode == 0, told.stderr
    assert "dhcp" not in [one["source"] for one in json.loads(told.stdout)]


def test_a_name_of_no_instance_is_78(provbus: Provbus) -> None:
    told = provbus("run", "dhcp", "--config", "no-such-instance")
    assert told.returncode == 78
    assert told.stderr == (
        "provbus: --config no-such-instance: there is neither a file no-such-instance nor "
        "/etc/provbus/no-such-instance.yaml\n"
    )

"""`provbus config`: what would fail at start fails here, and every value has its source."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Provbus = Callable[..., subprocess.CompletedProcess[str]]
Config = dict[str, Any]


def save(directory: Path, config: Config) -> Path:
    path = directory / f"{config['instance']}.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


def explained(result: subprocess.CompletedProcess[str]) -> dict[str, tuple[Any, str]]:
    """Value and source by key."""
    assert (result.returncode, result.stderr) == (0, "")
    return {one["key"]: (one["value"], one["source"]) for one in json.loads(result.stdout)}


@pytest.mark.parametrize("name", ["dhcp-1", "mps-1", "cfm-1"])
def test_what_could_start_is_ok_and_nothing_is_touched(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus, name: str
) -> None:
    path = save(tmp_path, configs[name])
    before = sorted(tmp_path.rglob("*"))
    result = provbus("config", "check", path)
    assert (result.returncode, result.stdout, result.stderr) == (0, "ok\n", "")
    assert sorted(tmp_path.rglob("*")) == before


def _misspelt(config: Config) -> None:
    config["cfm"]["tftp"]["adress"] = config["cfm"]["tftp"].pop("address")
    config["cfm"]["tftp"]["address"] = "127.0.0.1"


def _stranger(config: Config) -> None:
    config["instance"] = "cfm-9"


def _wrong_key(config: Config) -> None:
    config["key"] = "keys/curve/mps-1.key"


def _no_section(config: Config) -> None:
    del config["cfm"]


def _no_fleet(config: Config) -> None:
    config["fleet"] = "nowhere.yaml"


def _no_secret(config: Config) -> None:
    config["cfm"]["secret_file"] = "nowhere"


def _no_seal_key(config: Config) -> None:
    config["cfm"]["seal_keys"] = ["nowhere"]


def _no_password(config: Config) -> None:
    config["kafka"]["password_file"] = "nowhere"


def _unknown_to_kafka(config: Config) -> None:
    config["kafka"]["client"] = {"no.such.setting": "1"}


def _no_credentials(config: Config) -> None:
    config["key"] = "credentials:curve.key"


def _too_few_voters(config: Config) -> None:
    config["transport"] = {"mode": "multicast"}
    config["multicast"] = {"address": "127.0.0.2", "keys": ["keys/multicast/group.key"]}
    config["failover"] = {"grants": True}


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (_misspelt, "unknown key 'cfm.tftp.adress'; did you mean 'address'?"),
        (_stranger, "instance 'cfm-9' is not in the fleet file"),
        (_wrong_key, "is not the key that"),
        (_no_section, "cfm-1 needs a 'cfm' section"),
        (_no_fleet, "cannot read"),
        (_no_secret, "cannot read the secret in"),
        (_no_seal_key, "cannot read the secret in"),
        (_no_password, "cannot read the secret in"),
        (_unknown_to_kafka, 'No such configuration property: "no.such.setting"'),
        (_too_few_voters, "every CFM is a voter and 3 are needed, the fleet has 1"),
        (_no_credentials, "credentials:curve.key needs CREDENTIALS_DIRECTORY"),
    ],
)
def test_what_could_not_start_is_78_with_the_daemons_sentence(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus, edit: Callable[[Config], None], said: str
) -> None:
    edit(configs["cfm-1"])
    path = save(tmp_path, configs["cfm-1"])
    checked = provbus("config", "check", path)
    assert (checked.returncode, checked.stdout) == (78, "")
    assert said in checked.stderr
    assert checked.stderr.count("\n") == 1
    started = provbus("run", "cfm", "--config", path)
    assert (started.returncode, started.stderr) == (78, checked.stderr)


def test_a_catalogue_that_cannot_be_published_is_78(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus
) -> None:
    (tmp_path / "settings.yaml").write_text("classes: {data: {kind: toaster}}\n")
    configs["dhcp-1"]["minter"]["publish_catalogue"] = "settings.yaml"
    result = provbus("config", "check", save(tmp_path, configs["dhcp-1"]))
    assert result.returncode == 78
    assert "settings.yaml:1: classes.data.kind: must be cm or mta, not 'toaster'" in result.stderr


def test_a_misspelt_variable_is_78(configs: dict[str, Config], tmp_path: Path, provbus: Provbus) -> None:
    path = save(tmp_path, configs["cfm-1"])
    result = provbus("config", "check", path, PROVBUS_KAFKA_BOOTSTRAP="x")
    assert result.returncode == 78
    assert "did you mean PROVBUS_KAFKA__BOOTSTRAP?" in result.stderr


def test_every_value_is_explained_by_its_source(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus
) -> None:
    path = save(tmp_path, configs["cfm-1"])
    environment = {
        "PROVBUS_CFM__TFTP__CAPACITY": "77",
        "provbus_log": '{"level": "info"}',
    }
    found = explained(provbus("config", "explain", path, "-o", "json", **environment))
    lines = path.read_text().splitlines()
    at = {line.strip(): number for number, line in enumerate(lines, 1)}
    assert found["instance"] == ("cfm-1", f"{path}:{at['instance: cfm-1']}")
    assert found["cfm.tftp.address"] == ("127.0.0.1", f"{path}:{at['address: 127.0.0.1']}")
    assert found["cfm.tftp.capacity"] == (77, "PROVBUS_CFM__TFTP__CAPACITY")
    assert found["log.level"] == ("info", "provbus_log")
    assert found["minter"] == (None, "default")


def test_a_secret_in_the_wrong_place_is_not_shown(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus
) -> None:
    config = configs["cfm-1"]
    config["kafka"] |= {
        "password_file": "hunter2",
        "client": {"sasl.oauthbearer.client.secret": "hunter2", "ssl.key.pem": "hunter2", "client.id": "me"},
    }
    path = save(tmp_path, config)
    for output in ("table", "json", "yaml"):
        result = provbus("config", "explain", path, "-o", output)
        assert result.returncode == 0
        assert "hunter2" not in result.stdout + result.stderr
    found = explained(provbus("config", "explain", path, "-o", "json"))
    assert found["kafka.password_file"][0] == "********"
    assert found["kafka.client.client.id"][0] == "me"
    assert found["key"][0] == str(tmp_path / "keys/curve/cfm-1.key")


def test_the_forms_say_the_same(configs: dict[str, Config], tmp_path: Path, provbus: Provbus) -> None:
    path = save(tmp_path, configs["dhcp-1"])
    table, text, yaml_text = (
        provbus("config", "explain", path, "-o", form) for form in ("table", "json", "yaml")
    )
    found = json.loads(text.stdout)
    assert yaml.safe_load(yaml_text.stdout) == found
    rows = table.stdout.splitlines()
    assert [row.split()[0] for row in rows] == ["key", *(one["key"] for one in found)]
    assert [row.split()[-1] for row in rows[1:]] == [one["source"] for one in found]


@pytest.mark.parametrize("verb", ["check", "explain"])
def test_a_file_that_is_not_there_is_78(provbus: Provbus, verb: str) -> None:
    result = provbus("config", verb, "nowhere.yaml")
    assert (result.returncode, result.stdout) == (78, "")
    assert result.stderr == "provbus: cannot read nowhere.yaml: No such file or directory\n"

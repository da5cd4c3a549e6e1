"""`provbus config`: what would fail at start fails here, and every value has its source."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.fleet.fleet import make_fleet
from fileid.seal import KEY_BYTES

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


@pytest.mark.parametrize(
    ("content", "warning"),
    [
        (b"s3cret\r\n", ""),
        (b"s3cret \n", "ends with a blank: it is used as it stands"),
        (b"s3cret\nold\n", "has more than one line: it is used as it stands"),
    ],
)
def test_a_secret_that_looks_like_a_slip_is_a_warning(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus, content: bytes, warning: str
) -> None:
    path = save(tmp_path, configs["cfm-1"])
    (tmp_path / configs["cfm-1"]["cfm"]["secret_file"]).write_bytes(content)
    result = provbus("config", "check", path)
    assert (result.returncode, result.stdout) == (0, "ok\n")
    assert warning in result.stderr
    assert bool(result.stderr) == bool(warning)
    assert "s3cret" not in result.stderr


def test_a_secret_with_a_byte_order_mark_is_a_mistake(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus
) -> None:
    path = save(tmp_path, configs["cfm-1"])
    (tmp_path / configs["cfm-1"]["cfm"]["secret_file"]).write_bytes(b"\xef\xbb\xbfs3cret\r\n")
    result = provbus("config", "check", path)
    assert (result.returncode, result.stdout) == (78, "")
    assert "begins with a byte order mark (UTF-8)" in result.stderr
    assert "s3cret" not in result.stderr


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
    ("edit", "code", "said"),
    [
        (_misspelt, 78, "unknown key 'cfm.tftp.adress'; did you mean 'address'?"),
        (_stranger, 78, "instance 'cfm-9' is not in the fleet file"),
        (_wrong_key, 78, "is not the key that"),
        (_no_section, 78, "cfm-1 needs a 'cfm' section"),
        (_no_fleet, 69, "cannot read"),
        (_no_secret, 69, "cannot read the secret in"),
        (_no_seal_key, 69, "cannot read the secret in"),
        (_no_password, 69, "cannot read the secret in"),
        (_unknown_to_kafka, 78, 'No such configuration property: "no.such.setting"'),
        (_too_few_voters, 78, "every CFM is a voter and 3 are needed, the fleet has 1"),
        (_no_credentials, 78, "credentials:curve.key needs CREDENTIALS_DIRECTORY"),
    ],
)
def test_what_could_not_start_has_the_daemons_sentence_and_code(
    configs: dict[str, Config],
    tmp_path: Path,
    provbus: Provbus,
    edit: Callable[[Config], None],
    code: int,
    said: str,
) -> None:
    """78 for what is wrong for ever, 69 for what may still come."""
    edit(configs["cfm-1"])
    path = save(tmp_path, configs["cfm-1"])
    checked = provbus("config", "check", path)
    assert (checked.returncode, checked.stdout) == (code, "")
    assert said in checked.stderr
    assert checked.stderr.count("\n") == 1
    started = provbus("run", "cfm", "--config", path)
    assert (started.returncode, started.stderr) == (code, checked.stderr)


def _any_certificate(config: Config) -> None:
    config["kafka"]["client"] = {"enable.ssl.certificate.verification": "false"}


def _any_host(config: Config) -> None:
    config["kafka"]["client"] = {"ssl.endpoint.identification.algorithm": "none"}


def _anybody_proxies(config: Config) -> None:
    config["cfm"]["tftp"]["proxies"] = ["192.0.2.64/27", "0.0.0.0/0"]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (
            _any_certificate,
            "kafka.client.enable.ssl.certificate.verification: false, so whoever is in between",
        ),
        (_any_host, "kafka.client.ssl.endpoint.identification.algorithm: none, so whoever is in between"),
        (_anybody_proxies, "cfm.tftp.proxies: 0.0.0.0/0 holds more than the CMTSs of a site"),
    ],
)
def test_what_opens_a_door_is_warned_of(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus, edit: Callable[[Config], None], said: str
) -> None:
    before = provbus("config", "check", save(tmp_path, configs["cfm-1"]))
    assert "WARNING" not in before.stderr
    edit(configs["cfm-1"])
    checked = provbus("config", "check", save(tmp_path, configs["cfm-1"]))
    assert (checked.returncode, checked.stdout) == (0, "ok\n")
    assert said in checked.stderr


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_fleet_file_that_others_may_write_is_refused(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus, mode: int
) -> None:
    path = save(tmp_path, configs["cfm-1"])
    (tmp_path / "keys" / "fleet.yaml").chmod(mode)
    for words in (("config", "check", path), ("run", "cfm", "--config", path)):
        found = provbus(*words)
        assert found.returncode == 78
        assert "fleet.yaml: others may write it, and so say who is believed: chmod go-w" in found.stderr


def test_a_key_that_others_may_write_is_warned_of(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus
) -> None:
    path = save(tmp_path, configs["cfm-1"])
    (tmp_path / "keys" / "curve" / "cfm-1.key").chmod(0o660)
    checked = provbus("config", "check", path)
    assert (checked.returncode, checked.stdout) == (0, "ok\n")
    assert "cfm-1.key, and so choose it: chmod go-w" in checked.stderr


def _on_kea(config: Config, **file: Any) -> None:
    one = {"kind": "cm", "name": "modem.cm", "cfms": ["cfm-1"]} | file
    config["minter"]["kea"] = {"journal": "leases4.csv", "control_socket": "kea.sock", "files": [one]}


def _over_multicast(config: Config, **changes: Any) -> None:
    config["transport"] = {"mode": "multicast"}
    config["multicast"] = {"address": "127.0.0.2", "keys": ["keys/multicast/group.key"]} | changes


@pytest.mark.parametrize(
    ("name", "edit", "said"),
    [
        ("dhcp-1", lambda config: _on_kea(config, cfms=["cfm-9"]), "cfm-9 is no CFM of the fleet"),
        ("mps-1", _on_kea, "minter.kea is for a DHCP sidecar"),
        ("dhcp-1", lambda config: _over_multicast(config, keys=["keys/multicast/group.key"] * 2), "same id"),
    ],
)
def test_what_only_the_start_said_is_said_by_the_check(
    configs: dict[str, Config],
    tmp_path: Path,
    provbus: Provbus,
    name: str,
    edit: Callable[[Config], None],
    said: str,
) -> None:
    edit(configs[name])
    path = save(tmp_path, configs[name])
    checked = provbus("config", "check", path)
    assert (checked.returncode, checked.stdout) == (78, "")
    assert said in checked.stderr
    started = provbus("run", name.partition("-")[0], "--config", path)
    assert (started.returncode, started.stderr) == (78, checked.stderr)


def test_who_of_several_acts_over_multicast_is_asked_by_the_check(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus
) -> None:
    services = {"dhcp-1": "dhcp", "dhcp-2": "dhcp", "mps-1": "mps", "cfm-1": "cfm"}
    make_fleet(tmp_path / "others", services, "lab", KEY_BYTES)
    config = configs["dhcp-1"]
    config |= {"fleet": "others/fleet.yaml", "key": "others/curve/dhcp-1.key"}
    config["signing_key"] = "others/sign/dhcp-1.key"
    config["minter"]["seal_key"] = "others/seal/dhcp-1.key"
    _over_multicast(config, keys=["others/multicast/group.key"])
    checked = provbus("config", "check", save(tmp_path, config))
    assert (checked.returncode, checked.stdout) == (78, "")
    assert "failover.primary: over multicast a person says who of dhcp-1, dhcp-2 is it" in checked.stderr
    config["failover"] = {"primary": "dhcp-2"}
    checked = provbus("config", "check", save(tmp_path, config))
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "ok\n", "")


def test_a_seal_key_that_is_missing_is_a_warning(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus
) -> None:
    configs["cfm-1"]["cfm"]["seal_keys"] = ["keys/seal/dhcp-1.key"]
    checked = provbus("config", "check", save(tmp_path, configs["cfm-1"]))
    assert (checked.returncode, checked.stdout) == (0, "ok\n")
    assert "cfm.seal_keys: no key of mps-1: a read that comes before its row gets nothing" in checked.stderr
    assert checked.stderr.count("\n") == 1


def test_a_setting_that_the_admin_client_refuses_is_78(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus
) -> None:
    _unknown_to_kafka(configs["cfm-1"])
    result = provbus("topics", "apply", "--config", save(tmp_path, configs["cfm-1"]))
    assert result.returncode == 78
    assert 'No such configuration property: "no.such.setting"' in result.stderr


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


def test_a_mistake_of_a_variable_is_not_one_of_the_file(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus
) -> None:
    path = save(tmp_path, configs["cfm-1"])
    result = provbus("config", "check", path, PROVBUS_LOG__FORMAT="xml")
    assert result.returncode == 78
    assert result.stderr == "provbus: PROVBUS_LOG__FORMAT: log.format: Input should be 'human' or 'json'\n"


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
    assert found["log.format"] == ("human", "default")
    assert found["minter"] == (None, "default")


def test_each_value_of_a_list_of_sections_is_explained(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus
) -> None:
    files = [
        {"kind": "cm", "name": "modem.cm", "cfms": ["cfm-1"]},
        {"kind": "mta", "name": "adapter.cfg", "cfms": ["cfm-1"], "networks": ["198.18.0.0/16"]},
    ]
    config = configs["dhcp-1"]
    config["minter"]["kea"] = {"journal": "leases.csv", "control_socket": "kea.sock", "files": files}
    path = save(tmp_path, config)
    found = explained(provbus("config", "explain", path, "-o", "json"))
    line = path.read_text().splitlines().index("      name: adapter.cfg") + 1
    assert found["minter.kea.files.1.name"] == ("adapter.cfg", f"{path}:{line}")
    assert found["minter.kea.files.1.networks"][0] == ["198.18.0.0/16"]
    assert found["minter.kea.files.0.remote_id"] == ("own", "default")


def test_a_secret_in_the_wrong_place_is_not_shown(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus
) -> None:
    config = configs["cfm-1"]
    config["kafka"] |= {
        "password_file": "hunter2",
        "secret_files": {"sasl.oauthbearer.config": "hunter2", "ssl.key.pem": "hunter2"},
        "client": {"sasl.oauthbearer.scope": "hunter2", "client.id": "me"},
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

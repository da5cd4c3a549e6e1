"""`provbus config check --here`: what this host lacks of what a configuration names."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.runtime.exchange import exchange

Provbus = Callable[..., subprocess.CompletedProcess[str]]
Config = dict[str, Any]

DEADLINE_S = 30


def check(directory: Path, config: Config, provbus: Provbus) -> tuple[int, list[str]]:
    """The exit code and what was said; the plain check finds nothing."""
    path = directory / f"{config['instance']}.yaml"
    path.write_text(yaml.safe_dump(config))
    assert provbus("config", "check", path).returncode == 0
    before = sorted(directory.rglob("*"))
    result = provbus("config", "check", path, "--here")
    assert sorted(directory.rglob("*")) == before
    return result.returncode, (result.stdout + result.stderr.removeprefix("provbus: ")).splitlines()


@pytest.mark.parametrize("name", ["dhcp-1", "mps-1", "cfm-1"])
def test_what_this_host_has_is_ok(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus, name: str
) -> None:
    assert check(tmp_path, configs[name], provbus) == (0, ["ok"])


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("cfm.listen", "tcp://192.0.2.77:7001", "192.0.2.77 is not an address of this host"),
        ("cfm.listen", "tcp://name.invalid:7001", "cfm.listen: name.invalid has no address"),
        ("cfm.advertise", "tcp://name.invalid:7001", "cfm.advertise: name.invalid has no address"),
        ("cfm.tftp.address", "192.0.2.77", "192.0.2.77 is not an address of this host"),
        ("cfm.tftp.address", "127.255.255.255", "127.255.255.255 is a broadcast address here"),
        ("http.listen", "192.0.2.77:9464", "192.0.2.77 is not an address of this host"),
        ("http.listen", "name.invalid:9464", "http.listen: name.invalid has no address"),
        ("kafka.bootstrap", "name.invalid:9093", "kafka.bootstrap: name.invalid has no address"),
    ],
)
def test_an_address_or_a_name_that_is_not_here_is_69(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus, key: str, value: str, said: str
) -> None:
    config = configs["cfm-1"] | {"http": {"listen": "127.0.0.1:9464"}}
    if key == "kafka.bootstrap":
        config["kafka"]["client"] = {"security.protocol": "SSL"}
    *sections, last = key.split(".")
    place = config
    for section in sections:
        place = place[section]
    place[last] = value
    code, lines = check(tmp_path, config, provbus)
    assert code == 69
    wrong = [line for line in lines if "whoever can reach" not in line]
    assert [said in line for line in wrong] == [True]


def test_over_multicast_our_address_is_here(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus
) -> None:
    config = configs["dhcp-1"] | {"transport": {"mode": "multicast"}}
    config["multicast"] = {"address": "192.0.2.77", "keys": ["keys/multicast/group.key"]}
    code, lines = check(tmp_path, config, provbus)
    assert (code, lines[0].partition(": ")[0]) == (69, "multicast.address")


def test_one_broker_that_is_found_is_enough(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus
) -> None:
    config = configs["dhcp-1"]
    config["kafka"] |= {
        "bootstrap": "name.invalid:9093,localhost:9093",
        "client": {"security.protocol": "SSL"},
    }
    assert check(tmp_path, config, provbus) == (0, ["ok"])


def test_ports_and_paths_that_others_have_are_73_and_all_are_said(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus
) -> None:
    config = configs["cfm-1"]
    (tmp_path / "file").write_text("")
    (tmp_path / "cfm-1.sock").write_text("")
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_server(("127.0.0.1", 0)) as pages,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tftp,
    ):
        tftp.bind(("127.0.0.1", config["cfm"]["tftp"]["port"]))
        config["cfm"]["listen"] = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        config["http"] = {"listen": f"127.0.0.1:{pages.getsockname()[1]}"}
        config["state_directory"] = "file/state"
        code, lines = check(tmp_path, config, provbus)
    assert code == 73
    places = [line.partition(": ")[0] for line in lines]
    assert places == ["state_directory", "local.socket", "cfm.listen", "cfm.tftp.address", "http.listen"]


def test_an_instance_that_runs_has_its_own_ports(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus, command: list[str], bootstrap: str
) -> None:
    """An operator checks a new configuration before it is loaded."""
    config = configs["cfm-1"]
    config["kafka"]["bootstrap"] = bootstrap
    with socket.create_server(("127.0.0.1", 0)) as probe:
        config["cfm"]["listen"] = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    path = tmp_path / "cfm-1.yaml"
    path.write_text(yaml.safe_dump(config))
    words = [*command, "run", "cfm", "--config", str(path)]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL, env=os.environ) as process:
        try:
            deadline = time.monotonic() + DEADLINE_S
            while not (tmp_path / "cfm-1.sock").is_socket():
                assert process.poll() is None
                assert time.monotonic() < deadline
            assert exchange(tmp_path / "cfm-1.sock", {"op": "status"}, DEADLINE_S)["instance"] == "cfm-1"
            result = provbus("config", "check", path, "--here")
            assert (result.returncode, result.stdout, result.stderr) == (0, "ok\n", "")
            path.write_text(yaml.safe_dump({**config, "instance": "dhcp-1"} | _as_dhcp(configs)))
            result = provbus("config", "check", path, "--here")
            assert result.returncode == 73
            assert "local.socket: another process listens on" in result.stderr
        finally:
            process.send_signal(signal.SIGTERM)


def _as_dhcp(configs: dict[str, Config]) -> Config:
    """Another instance with the same socket."""
    return {**configs["dhcp-1"], "local": {"socket": "cfm-1.sock"}}

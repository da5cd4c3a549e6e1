"""`provbus run`: what stops an instance from starting is one sentence; what starts also stops."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.contract import encode
from bus.runtime.exchange import exchange
from services.settings.catalogue import record

Provbus = Callable[..., subprocess.CompletedProcess[str]]
Config = dict[str, Any]

DEADLINE_S = 30


def save(directory: Path, config: Config) -> Path:
    path = directory / f"{config['instance']}.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def sentence(result: subprocess.CompletedProcess[str]) -> str:
    """What was said, if it was one sentence and nothing else."""
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("provbus: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("provbus: ").strip()


def _misspelt(config: Config) -> None:
    config["minter"]["seal_ky"] = config["minter"].pop("seal_key")
    config["minter"]["seal_key"] = "x"


def _without_section(config: Config) -> None:
    del config["minter"]


def _of_another_service(config: Config) -> None:
    config |= {"instance": "cfm-1", "key": "keys/curve/cfm-1.key", "signing_key": "keys/sign/cfm-1.key"}


def _stranger(config: Config) -> None:
    config["instance"] = "dhcp-9"


def _wrong_key(config: Config) -> None:
    config["key"] = "keys/curve/mps-1.key"


def _wrong_seal_key(config: Config) -> None:
    config["minter"]["seal_key"] = "keys/seal/mps-1.key"


def _no_seal_key(config: Config) -> None:
    config["minter"]["seal_key"] = "keys/seal/nobody.key"


def _plaintext_abroad(config: Config) -> None:
    config["kafka"]["bootstrap"] = "192.0.2.1:9092"


def _unknown_to_kafka(config: Config) -> None:
    config["kafka"]["client"] = {"no.such.setting": "1"}


def _no_catalogue(config: Config) -> None:
    config["minter"]["publish_catalogue"] = "nothing.yaml"


def _kea(config: Config, **file: Any) -> None:
    one = {"kind": "cm", "name": "modem.cm", "cfms": ["cfm-1"]} | file
    config["minter"]["kea"] = {"journal": "leases4.csv", "control_socket": "kea.sock", "files": [one]}


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda config: _kea(config, cfms=["cfm-9"]), "minter.kea.files: cfm-9 is no CFM of the fleet"),
        (lambda config: _kea(config, kind="mta"), "give subnet_ids or networks"),
        (lambda config: _kea(config, name="{mac}.cm"), "another placeholder than {device}"),
        (_misspelt, "unknown key 'minter.seal_ky'; did you mean 'seal_key'?"),
        (_without_section, "dhcp-1 needs a 'minter' section"),
        (_of_another_service, "cfm-1 is cfm in"),
        (_stranger, "instance 'dhcp-9' is not in the fleet file"),
        (_wrong_key, "is not the key that"),
        (_wrong_seal_key, "is the seal key of mps-1, not of dhcp-1"),
        (_plaintext_abroad, "192.0.2.1:9092 is not on loopback"),
        (_unknown_to_kafka, 'No such configuration property: "no.such.setting"'),
    ],
)
def test_a_mistake_in_the_configuration_is_78(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus, edit: Callable[[Config], None], said: str
) -> None:
    config = configs["dhcp-1"]
    edit(config)
    result = provbus("run", "dhcp", "--config", save(tmp_path, config))
    assert said in sentence(result)
    assert result.returncode == 78
    assert not (tmp_path / "dhcp-1.sock").exists()


@pytest.mark.parametrize("by_flag", [True, False])
@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("multicast", "transport.mode multicast needs a 'multicast' section"),
        ("dual", "transport.mode dual needs a 'multicast' section"),
        ("auto", "--mode: mode auto is not there yet: set bus, multicast or dual"),
    ],
)
def test_a_mode_is_taken_from_the_flag_or_the_environment(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus, by_flag: bool, mode: str, said: str
) -> None:
    words = ("run", "dhcp", "--config", save(tmp_path, configs["dhcp-1"]))
    said_by = ("--mode", mode) if by_flag else ()
    result = provbus(*words, *said_by, **({} if by_flag else {"PROVBUS_TRANSPORT__MODE": mode}))
    assert said in sentence(result)
    assert result.returncode == 78


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (_no_seal_key, "cannot read the secret in"),
        (_no_catalogue, "nothing.yaml: No such file or directory"),
    ],
)
def test_a_file_that_may_still_be_delivered_is_69(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus, edit: Callable[[Config], None], said: str
) -> None:
    edit(configs["dhcp-1"])
    result = provbus("run", "dhcp", "--config", save(tmp_path, configs["dhcp-1"]))
    assert said in sentence(result)
    assert result.returncode == 69


def test_kea_is_for_a_dhcp_sidecar(configs: dict[str, Config], tmp_path: Path, provbus: Provbus) -> None:
    _kea(configs["mps-1"])
    result = provbus("run", "mps", "--config", save(tmp_path, configs["mps-1"]))
    assert (result.returncode, "minter.kea is for a DHCP sidecar" in sentence(result)) == (78, True)


@pytest.mark.parametrize("service", ["dhcp", "mps", "cfm"])
def test_a_configuration_that_is_not_there_is_78(provbus: Provbus, service: str) -> None:
    result = provbus("run", service, "--config", "missing.yaml")
    assert sentence(result) == "cannot read missing.yaml: No such file or directory"
    assert result.returncode == 78


def test_a_mistake_in_the_environment_is_78(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus
) -> None:
    path = save(tmp_path, configs["dhcp-1"])
    result = provbus("run", "dhcp", "--config", path, PROVBUS_KAFKA__CLIENT="not json")
    assert sentence(result).startswith("PROVBUS_KAFKA__CLIENT: kafka.client: not JSON: ")
    assert result.returncode == 78


def test_without_its_broker_an_instance_without_settings_is_69(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus
) -> None:
    result = provbus("run", "mps", "--config", save(tmp_path, configs["mps-1"]))
    refused = r"no Kafka broker answers at 127.0.0.1:1 \(127.0.0.1:1: Connect to .*: Connection refused\): "
    assert re.match(refused, sentence(result))
    assert result.returncode == 69
    assert not (tmp_path / "mps-1.sock").exists()


def complaints(said: str) -> list[str]:
    """What was logged, but for changes of state and how ready it is."""
    usual = (" INFO ", "provbus.node: not ready: ")
    return [line for line in said.splitlines() if not any(word in line for word in usual)]


@contextmanager
def running(
    command: list[str], service: str, path: Path, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """An instance; the test ends it, or this does."""
    process = subprocess.Popen(
        [*command, "run", service, "--config", str(path)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def status(path: Path, process: subprocess.Popen[str]) -> dict[str, Any]:
    """What the instance says about itself, as soon as it says something."""
    deadline = time.monotonic() + DEADLINE_S
    while not path.is_socket():
        with suppress(subprocess.TimeoutExpired):
            assert process.wait(0.02) is None, "it ended before it began"
        assert time.monotonic() < deadline, "its socket never came"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(DEADLINE_S)
        client.connect(str(path))
        client.sendall(b'{"op":"status","id":1}\n')
        answer: dict[str, Any] = json.loads(client.makefile().readline())
        return answer


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_instance_answers_and_stops_when_asked(
    configs: dict[str, Config], tmp_path: Path, command: list[str], bootstrap: str, number: signal.Signals
) -> None:
    config = configs["dhcp-1"]
    config["kafka"]["bootstrap"] = bootstrap
    with running(command, "dhcp", save(tmp_path, config)) as process:
        answer = status(tmp_path / "dhcp-1.sock", process)
        assert (answer["id"], answer["instance"]) == (1, "dhcp-1")
        process.send_signal(number)
        _, said = process.communicate(timeout=DEADLINE_S)
        assert (process.returncode, complaints(said)) == (0, [])
    assert not (tmp_path / "dhcp-1.sock").exists()


def child_of(process: subprocess.Popen[str]) -> int:
    """The one that does the work for this process."""
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())


def test_a_sidecar_that_is_killed_takes_its_parent_along_with_its_status(
    configs: dict[str, Config], tmp_path: Path, command: list[str], bootstrap: str
) -> None:
    config = configs["dhcp-1"]
    config["kafka"]["bootstrap"] = bootstrap
    with running(command, "dhcp", save(tmp_path, config)) as process:
        status(tmp_path / "dhcp-1.sock", process)
        os.kill(child_of(process), signal.SIGKILL)
        _, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 128 + signal.SIGKILL
    assert "provbus.parent: the sidecar was ended by SIGKILL" in said


def test_a_sidecar_reloads_and_feeds_the_watchdog_of_its_parent(
    configs: dict[str, Config], tmp_path: Path, command: list[str], bootstrap: str
) -> None:
    config = configs["dhcp-1"]
    config["kafka"]["bootstrap"] = bootstrap
    config["log"] = {"level": "info"}
    shell = ["sh", "-c", 'WATCHDOG_PID=$$ exec "$@"', "sh"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(DEADLINE_S)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "10000000"}
        with running([*shell, *command], "dhcp", save(tmp_path, config), **environment) as process:
            assert manager.recv(100) == b"READY=1\nSTATUS=running"
            assert manager.recv(100) == b"WATCHDOG=1"
            process.send_signal(signal.SIGHUP)
            assert process.stderr is not None
            assert any("reloaded" in line for line in process.stderr)
            process.send_signal(signal.SIGABRT)  # systemd's word to one that does not feed its watchdog
            process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 128 + signal.SIGABRT


def test_an_instance_tells_its_service_manager_and_drains(
    configs: dict[str, Config], tmp_path: Path, command: list[str], bootstrap: str
) -> None:
    config = configs["cfm-1"]
    config["kafka"]["bootstrap"] = bootstrap
    # A service manager is a datagram socket that is told line by line.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(DEADLINE_S)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "10000000"}
        with running(command, "cfm", save(tmp_path, config), **environment) as process:
            assert manager.recv(100) == b"READY=1\nSTATUS=running"
            assert manager.recv(100) == b"WATCHDOG=1"
            assert status(tmp_path / "cfm-1.sock", process)["draining"] is False
            process.send_signal(signal.SIGTERM)
            while (heard := manager.recv(100)) == b"WATCHDOG=1":
                pass
            assert heard == b"STOPPING=1\nSTATUS=draining for at most 10 s"
            assert status(tmp_path / "cfm-1.sock", process)["draining"] is True
            _, said = process.communicate(timeout=DEADLINE_S)
            assert (process.returncode, complaints(said)) == (0, [])


def test_a_log_for_machines_is_one_object_per_line(
    configs: dict[str, Config], tmp_path: Path, command: list[str]
) -> None:
    """Without its broker, but with settings on disk: it starts, and the client's lines are in the log."""
    config = configs["cfm-1"]
    config["log"] = {"format": "json"}
    copy = tmp_path / "state" / "cfm-1" / "catalogue.json"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(encode(record({"data": {"kind": "cm", "body": [{"network_access": 1}]}}, 3)))
    with running(command, "cfm", save(tmp_path, config)) as process:
        assert process.stderr is not None
        first = json.loads(process.stderr.readline())
        lines = map(json.loads, process.stderr)
        second = next(one for one in lines if one["logger"] == "provbus.kafka.client")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=DEADLINE_S)
    assert (first["level"], first["logger"]) == ("warning", "provbus.node")
    assert "starting with the settings kept on disk" in first["message"]
    assert second["level"] == "error"
    assert second["message"].startswith("FAIL ")


def test_a_start_on_a_full_disk_is_75(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus, bootstrap: str
) -> None:
    """78 would be the end of it: the units do not start it again after that."""
    config = configs["cfm-1"]
    config["kafka"]["bootstrap"] = bootstrap
    state = tmp_path / config["state_directory"]
    state.mkdir(parents=True)
    (state / "incarnation.new").symlink_to("/dev/full")
    result = provbus("run", "cfm", "--config", save(tmp_path, config))
    assert sentence(result).endswith("incarnation: No space left on device")
    assert result.returncode == 75


def test_a_start_with_too_few_descriptors_is_75(
    configs: dict[str, Config], tmp_path: Path, command: list[str], bootstrap: str
) -> None:
    config = configs["cfm-1"]
    config["kafka"]["bootstrap"] = bootstrap
    path = save(tmp_path, config)
    limited = ["sh", "-c", 'ulimit -n 100 && exec "$@"', "sh", *command, "run", "cfm", "--config", str(path)]
    result = subprocess.run(limited, capture_output=True, text=True, timeout=DEADLINE_S)
    assert sentence(result).startswith("cannot start: only 100 descriptors can be had: raise LimitNOFILE")
    assert result.returncode == 75


def test_an_instance_that_runs_already_is_73(
    configs: dict[str, Config], tmp_path: Path, command: list[str], provbus: Provbus, bootstrap: str
) -> None:
    config = configs["dhcp-1"]
    config["kafka"]["bootstrap"] = bootstrap
    path = save(tmp_path, config)
    with running(command, "dhcp", path) as process:
        status(tmp_path / "dhcp-1.sock", process)
        result = provbus("run", "dhcp", "--config", path)
        assert "another process runs with" in sentence(result)
        assert result.returncode == 73
        assert status(tmp_path / "dhcp-1.sock", process)["instance"] == "dhcp-1"


def test_a_port_in_use_is_waited_for_and_then_73(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus, bootstrap: str
) -> None:
    """78 would be the end of it: the units do not start it again after that."""
    config = configs["cfm-1"]
    config["kafka"]["bootstrap"] = bootstrap
    tftp = config["cfm"]["tftp"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as occupant:
        occupant.bind((tftp["address"], tftp["port"]))
        result = provbus("run", "cfm", "--config", save(tmp_path, config))
    said = f"cannot serve TFTP on {tftp['address']}, port {tftp['port']}: Address already in use"
    first, last = result.stderr.splitlines()
    assert f"{said}; trying again for " in first
    assert (result.returncode, last) == (73, f"provbus: {said}")


def test_an_address_that_is_not_here_is_waited_for_and_then_69(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus, bootstrap: str
) -> None:
    config = configs["cfm-1"]
    config["kafka"]["bootstrap"] = bootstrap
    config["cfm"]["listen"] = "tcp://192.0.2.77:7001"
    result = provbus("run", "cfm", "--config", save(tmp_path, config))
    said = "cannot listen on tcp://192.0.2.77:7001: 192.0.2.77 is not an address of this host"
    first, last = result.stderr.splitlines()
    assert f"{said}; trying again for " in first
    assert (result.returncode, last) == (69, f"provbus: {said}")


def test_a_port_that_becomes_free_is_taken(
    configs: dict[str, Config], tmp_path: Path, command: list[str], bootstrap: str
) -> None:
    config = configs["cfm-1"]
    config["kafka"]["bootstrap"] = bootstrap
    with socket.create_server(("127.0.0.1", 0)) as occupant:
        config["cfm"]["listen"] = f"tcp://127.0.0.1:{occupant.getsockname()[1]}"
        with running(command, "cfm", save(tmp_path, config)) as process:
            assert process.stderr is not None
            assert "Address already in use; trying again for " in process.stderr.readline()
            occupant.close()
            assert status(tmp_path / "cfm-1.sock", process)["service"] == "cfm"
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=DEADLINE_S)
            assert (process.returncode, complaints(said)) == (0, [])


def test_a_cfm_that_does_not_serve_leaves_the_port_to_another_server(
    configs: dict[str, Config], tmp_path: Path, command: list[str], bootstrap: str
) -> None:
    config = configs["cfm-1"]
    config["kafka"]["bootstrap"] = bootstrap
    tftp = config["cfm"]["tftp"]
    tftp["serve"] = False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as theirs:
        theirs.bind((tftp["address"], tftp["port"]))
        with running(command, "cfm", save(tmp_path, config)) as process:
            assert status(tmp_path / "cfm-1.sock", process)["service"] == "cfm"
            request = {"op": "fileid.lookup", "id": 1, "file": "modem.bin", "address": "127.0.0.1"}
            answer = exchange(tmp_path / "cfm-1.sock", request, DEADLINE_S)
            assert answer == {"id": 1, "error": "unknown"}
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=DEADLINE_S)
            assert (process.returncode, complaints(said)) == (0, [])


@pytest.mark.parametrize("content", ["dhcp-1 c2hvcnQ=\n", "dhcp-1 *\n", "cfm-1 c2hvcnQ=\n", "c2hvcnQ=\n"])
def test_a_seal_key_that_is_none_is_78(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus, bootstrap: str, content: str
) -> None:
    config = configs["cfm-1"]
    config["kafka"]["bootstrap"] = bootstrap
    (tmp_path / "keys" / "seal" / "dhcp-1.key").write_text(content)
    result = provbus("run", "cfm", "--config", save(tmp_path, config))
    said = sentence(result)
    assert "keys/seal/dhcp-1.key" in said
    assert "c2hvcnQ=" not in said
    assert result.returncode == 78

"""Sidecars where their units put them: among no other users, and without netlink sockets."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.errors import ProvbusError, UnavailableError
from bus.runtime.exchange import exchange
from tests.unit.cli import hardened

OWN_GROUP, HOST_USER = 61_202, 61_203
DEADLINE_S = 30
UNITS = Path(__file__).parents[3] / "deploy/systemd"

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or os.uname().machine != "x86_64",
    reason="only root can become somebody else, and system calls have other numbers elsewhere",
)


@pytest.fixture
def directory() -> Iterator[Path]:
    """A place that other users reach."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("name", ["dhcp-1", "mps-1"])
def test_a_sidecar_works_there(
    configs: dict[str, dict[str, Any]], tmp_path: Path, directory: Path, bootstrap: str, name: str
) -> None:
    unit = (UNITS / f"provbus-{name[:-2]}.service").read_text()
    assert "PrivateUsers=yes\n" in unit
    assert "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\n" in unit
    config = configs[name]
    config["kafka"]["bootstrap"] = bootstrap.replace("127.0.0.1", "localhost")
    config["local"]["socket"] = str(directory / f"{name}.sock")
    path = tmp_path / f"{name}.yaml"
    path.write_text(yaml.safe_dump(config))
    sockets = [directory / f"{name}{kind}" for kind in (".sock", ".admin.sock")]
    with running(name[:-2], path) as process:
        assert answered(sockets[0], "status", process)["instance"] == name
        of = {
            "root": told_as(0, (), sockets),
            "host": told_as(HOST_USER, (OWN_GROUP,), sockets),
            "stranger": told_as(HOST_USER, (), sockets),
        }
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=DEADLINE_S)
    assert of == {
        "root": ["", ""],
        "host": ["", "RemoteError"],
        "stranger": ["RemoteError", "RemoteError"],
    }
    assert process.returncode == 0, said


@contextmanager
def running(service: str, config: Path) -> Iterator[subprocess.Popen[str]]:
    """An instance as its unit starts it."""
    program = [sys.executable, "-W", "error", "-m", "services.cli", "run", service, "--config", str(config)]
    arguments = [sys.executable, hardened.__file__, str(OWN_GROUP), *program]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def answered(path: Path, operation: str, process: subprocess.Popen[str]) -> dict[str, Any]:
    """The answer of an instance, as soon as it gives one."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            return exchange(path, {"op": operation}, DEADLINE_S)
        except UnavailableError:
            assert process.poll() is None, f"it ended before it began: {process.communicate()}"
            assert time.monotonic() < deadline, "its socket never came"


def told_as(uid: int, groups: tuple[int, ...], sockets: list[Path]) -> list[str]:
    """The error of a question at each socket for such a client; empty if it is answered."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups(groups)
        os.setgid(uid)
        os.setuid(uid)
        os.write(tell, ",".join(map(_error, sockets)).encode())
        os._exit(0)
    os.close(tell)
    with os.fdopen(told, "rb") as stream:
        said = stream.read().decode()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return said.split(",")


def _error(path: Path) -> str:
    try:
        exchange(path, {"op": "status"}, DEADLINE_S)
    except ProvbusError as error:
        return type(error).__name__
    return ""

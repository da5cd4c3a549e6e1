"""What a running instance leaves for others to read: nothing, whatever the umask."""

import os
import resource
import signal
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.errors import UnavailableError
from bus.runtime.exchange import exchange

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
DEADLINE_S = 30


def ask(path: Path, process: subprocess.Popen[bytes], operation: str) -> dict[str, Any]:
    """The answer of an instance, as soon as it gives one."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            return exchange(path, {"op": operation, "id": 1}, DEADLINE_S)
        except UnavailableError:
            assert process.poll() is None, "it ended before it began"
            assert time.monotonic() < deadline, "its socket never came"


@pytest.mark.parametrize("name", ["dhcp-1", "cfm-1"])
def test_state_and_sockets_are_private_and_the_host_is_no_operator(
    configs: dict[str, dict[str, Any]], tmp_path: Path, command: list[str], bootstrap: str, name: str
) -> None:
    config = configs[name]
    config["kafka"]["bootstrap"] = bootstrap
    config["local"] = {"socket": f"run/{name}.sock"}
    path = tmp_path / f"{name}.yaml"
    path.write_text(yaml.safe_dump(config))
    arguments = [*command, "run", name[:-2], "--config", str(path)]
    with subprocess.Popen(arguments, stderr=subprocess.DEVNULL, umask=0) as process:
        try:
            assert ask(tmp_path / "run" / f"{name}.sock", process, "status")["instance"] == name
            told = ask(tmp_path / "run" / f"{name}.sock", process, "settings")
            assert (told["error"], told["detail"]) == (
                "refused",
                "settings is for operators: ask at the admin socket",
            )
            assert "error" not in ask(tmp_path / "run" / f"{name}.admin.sock", process, "settings")
            modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / "run").iterdir()}
            assert modes == {f"{name}.sock": 0o660, f"{name}.admin.sock": 0o600}
            state = [tmp_path / "state", *(tmp_path / "state").rglob("*")]
            kept = {one.name: stat.S_IMODE(one.stat().st_mode) for one in state}
            assert {"lock", "incarnation"} <= kept.keys()
            assert {one: mode for one, mode in kept.items() if mode & 0o077} == {}
        finally:
            process.kill()


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_CORE)[1] == 0, reason="no process may leave a core here"
)
def test_the_keys_of_an_instance_that_is_aborted_are_in_no_core(
    configs: dict[str, dict[str, Any]], tmp_path: Path, command: list[str], bootstrap: str
) -> None:
    """As systemd aborts one that hangs, on a host that collects cores."""
    config = configs["cfm-1"]
    config["kafka"]["bootstrap"] = bootstrap
    path = tmp_path / "cfm-1.yaml"
    path.write_text(yaml.safe_dump(config))
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    arguments = [*command, "run", "cfm", "--config", str(path)]
    with subprocess.Popen(arguments, stderr=subprocess.DEVNULL, cwd=tmp_path, env=ENVIRONMENT) as process:
        try:
            ask(tmp_path / "cfm-1.sock", process, "status")
            resource.prlimit(process.pid, resource.RLIMIT_CORE, (most, most))
            process.send_signal(signal.SIGABRT)
            _, status = os.waitpid(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            process.kill()
    assert (process.returncode, os.WCOREDUMP(status)) == (-signal.SIGABRT, False)

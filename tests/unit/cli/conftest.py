"""What the tests of the command line share: the real command in a process of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.fleet.fleet import make_fleet
from fileid.seal import KEY_BYTES
from services.lab.site.embedded import embedded
from tests.unit.cli.warm import WarmCommand

TIMEOUT_S = 60
SERVICES = {"dhcp-1": "dhcp", "mps-1": "mps", "cfm-1": "cfm"}

Config = dict[str, Any]

Provbus = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command() -> list[str]:
    """The command, for a test that looks after the process itself."""
    return [sys.executable, "-W", "error", "-m", "services.cli"]


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmCommand]:
    """The command, imported once for all tests of this process."""
    with WarmCommand(tmp_path_factory.mktemp("warm") / "socket") as command:
        yield command


@pytest.fixture
def provbus(warm: WarmCommand, tmp_path: Path) -> Provbus:
    """Runs the command to its end, in the test's own directory."""

    def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return warm.run([*map(str, arguments)], tmp_path, {**os.environ, **environment}, TIMEOUT_S)

    return run


@pytest.fixture(scope="module")
def bootstrap() -> Iterator[str]:
    """A broker; one is enough for every test of a module."""
    with embedded() as servers:
        yield servers


@pytest.fixture
def configs(tmp_path: Path) -> dict[str, Config]:
    """Right configurations, but for their broker, which is away."""
    make_fleet(tmp_path / "keys", SERVICES, "lab", KEY_BYTES)
    (tmp_path / "cmts.secret").write_text("DOCSIS\n")
    (tmp_path / "cmts.secret").chmod(0o600)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made: dict[str, Config] = {
        name: {
            "instance": name,
            "fleet": "keys/fleet.yaml",
            "key": f"keys/curve/{name}.key",
            "signing_key": f"keys/sign/{name}.key",
            "state_directory": f"state/{name}",
            "settings_key": "keys/settings/fleet.key",
            "local": {"socket": f"{name}.sock"},
            "kafka": {"bootstrap": "127.0.0.1:1", "fetch_wait_s": 0.01},
        }
        for name in SERVICES
    }
    for name in ("dhcp-1", "mps-1"):
        made[name]["minter"] = {"seal_key": f"keys/seal/{name}.key"}
    made["cfm-1"]["cfm"] = {
        "listen": "tcp://127.0.0.1:*",
        "seal_keys": ["keys/seal/dhcp-1.key", "keys/seal/mps-1.key"],
        "secret_file": "cmts.secret",
        "tftp": {"address": "127.0.0.1", "port": port},
    }
    return made

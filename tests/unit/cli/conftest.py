"""What the tests of the command line share: the real command in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TIMEOUT_S = 60

Provbus = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command() -> list[str]:
    """The command, for a test that looks after the process itself."""
    return [sys.executable, "-W", "error", "-m", "services.cli"]


@pytest.fixture
def provbus(command: list[str], tmp_path: Path) -> Provbus:
    """Runs the command to its end, in the test's own directory."""

    def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )

    return run

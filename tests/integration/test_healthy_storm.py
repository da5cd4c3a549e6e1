"""A fleet that is healthy says so, however many modems boot: no reason, and no line of the log for a boot.

`PROVBUS_STORM_S` is how long modems boot, in s.
"""

import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.lab.site.processes import wait_until
from tests.integration.lab_run import ROOT, TIMEOUT_S, command, written

pytestmark = pytest.mark.soak

STORM_S = int(os.environ.get("PROVBUS_STORM_S", "60"))
WINDOW_S = 30
MODEMS = 1_500  # a boot, 50 in a second
NAMES = {"dhcp-1", "dhcp-2", "mps-1", "cfm-1", "cfm-2"}
ASK_S = 2.0
SETTLED_S = 5.0  # what is said once a second, and of what was a moment before
LINE = re.compile(r"^\S+ \S+ (INFO|WARNING|ERROR|CRITICAL) ")
HELD = "the services are up"


class Watched:
    """The pages and the logs of the instances of a lab that runs in this directory."""

    def __init__(self, directory: Path) -> None:
        self.looks = 0
        self.unready: set[tuple[str, str]] = set()
        """What was seen on the pages after all had been ready, and was not `ready`."""
        self.lines_when_ready: dict[str, int] = {}
        self._directory = directory
        self._ready_at = 0.0

    def look(self) -> None:
        """Look at every page once."""
        verdicts = {name: _verdict(listen) for name, listen in self._places().items()}
        if self._ready_at and time.monotonic() >= self._ready_at + SETTLED_S:
            self.looks += 1
            if not self.lines_when_ready:
                self.lines_when_ready = {name: len(lines) for name, lines in self.lines().items()}
            self.unready |= {one for one in verdicts.items() if one[1] != "ready"}
        elif verdicts.keys() == NAMES and {*verdicts.values()} == {"ready"} and not self._ready_at:
            self._ready_at = time.monotonic()

    def lines(self) -> dict[str, list[str]]:
        """The lines of everybody's log, by name."""
        paths = [path for path in self._directory.glob("provbus-lab-*/*.log") if path.stem in NAMES]
        found = {path.stem: path.read_text(errors="replace").splitlines() for path in paths}
        return {name: [one for one in lines if LINE.match(one)] for name, lines in found.items()}

    def lines_since(self) -> list[str]:
        """The lines that came after all had been ready."""
        return [
            f"{name}: {one}"
            for name, lines in self.lines().items()
            for one in lines[self.lines_when_ready[name] :]
        ]

    def _places(self) -> dict[str, str]:
        """Where each answers, by its name; empty until the lab has written what it starts."""
        paths = [path for path in self._directory.glob("provbus-lab-*/*.yaml") if path.stem in NAMES]
        found = {path.stem: yaml.safe_load(path.read_text()) for path in paths}
        return {name: data["http"]["listen"] for name, data in found.items() if data}


def _verdict(listen: str) -> str:
    """The first line of `/readyz` there."""
    connection = HTTPConnection(listen, timeout=ASK_S)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().read().decode().partition("\n")[0]
    except (OSError, HTTPException):
        return "no answer"
    finally:
        connection.close()


@contextmanager
def held(scenario: Path, directory: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A run of the lab with all its files in this directory, held at its end; interrupted after the block."""
    words = command("lab", "run", str(scenario), "--hold", "-o", "json")
    with (directory / "out").open("wb") as out, (directory / "said").open("wb") as said:
        process = subprocess.Popen(
            words, cwd=ROOT, env=environment | {"TMPDIR": str(directory)}, stdout=out, stderr=said
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(TIMEOUT_S)


def test_a_healthy_fleet_gives_no_reason_and_logs_no_boot(
    environment: dict[str, str], tmp_path: Path
) -> None:
    turns = max(1, STORM_S // WINDOW_S)
    plan = {"modems": MODEMS, "boot_window_s": WINDOW_S, "steps": [{"boot": None}], "repeat": turns}
    scenario = written(tmp_path, "failover-process", schedule=None, expect={}, **plan)
    with tempfile.TemporaryDirectory(prefix="storm-") as name:  # short enough for the paths of sockets
        directory = Path(name)
        watched, said = Watched(directory), directory / "said"
        with held(scenario, directory, environment) as process:

            def is_over() -> bool:
                assert process.poll() is None, said.read_text()
                watched.look()
                return HELD in said.read_text()

            wait_until(is_over, TIMEOUT_S + STORM_S, "the end of the storm", [])
            since = watched.lines_since()
        report: dict[str, Any] = json.loads((directory / "out").read_text())
    print(f"{report['online']} boots, {watched.looks} looks, lines before: {watched.lines_when_ready}")
    assert report["online"] == MODEMS * turns
    assert watched.looks > turns
    assert watched.unready == set()
    assert since == []

"""A lab that is killed -9 leaves no process behind, and none of its files."""

import os
import subprocess
from pathlib import Path

import pytest

from services.lab.site.guard import MARK
from services.lab.site.processes import wait_until
from tests.integration.lab_run import command, written
from tests.requirement import need_kafka

pytestmark = pytest.mark.soak
WITHIN_S = 60.0
PARTS = ("kafka.Kafka", "run dhcp", "run cfm", "run mps")


def left_of_runs_in(directory: Path) -> list[str]:
    """The commands of the processes whose run has its directory there."""
    mark = f"{MARK}={directory}/".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(word.startswith(mark) for word in (process / "environ").read_bytes().split(b"\0")):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it has ended
    return found


def test_a_killed_lab_leaves_nothing_behind(environment: dict[str, str], tmp_path: Path) -> None:
    need_kafka(os.environ)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    words = command("lab", "run", str(written(tmp_path, "failover-broker")))
    env, nowhere = environment | {"TMPDIR": str(temporary)}, subprocess.DEVNULL
    with subprocess.Popen(words, env=env, stdout=nowhere, stderr=nowhere) as lab:

        def is_whole() -> bool:
            commands = left_of_runs_in(temporary)
            return all(any(part in one for one in commands) for part in PARTS)

        wait_until(is_whole, WITHIN_S, "a run with all its parts", [])
        lab.kill()
    wait_until(lambda: not left_of_runs_in(temporary), WITHIN_S, "the last process to end", [])
    wait_until(lambda: not [*temporary.iterdir()], WITHIN_S, "the last file to be gone", [])

"""The guard of a run ends what the lab left, also if nobody reads what it says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.lab.site.processes import wait_until

WITHIN_S = 30.0
KILLED = """
import os, subprocess, sys
from pathlib import Path
from services.lab.site.guard import guarded
with guarded(Path(sys.argv[1])):
    print(subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL).pid, flush=True)
    os.kill(os.getpid(), 9)
"""


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("is_read", [True, False])
def test_what_a_killed_lab_left_is_ended_and_its_files_are_gone(tmp_path: Path, is_read: bool) -> None:
    directory = tmp_path / "run"
    directory.mkdir()
    (directory / "key").touch()
    read, write = os.pipe()
    words = [sys.executable, "-c", KILLED, str(directory)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=write) as lab:
        os.close(write)
        if not is_read:
            os.close(read)
        assert lab.stdout is not None
        left = int(lab.stdout.readline())
    wait_until(lambda: not command_of(left), WITHIN_S, "the process to end", [])
    wait_until(lambda: not directory.exists(), WITHIN_S, "the files to be gone", [])
    if is_read:
        with open(read) as said:
            assert "left by the lab, and killed: sleep 60" in said.read()

"""One process per state directory, and an identity that a copy does not have."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bus.errors import BusyError, ConfigError
from bus.runtime.instance_lock import InstanceLock

HOLD = """
import sys
from pathlib import Path
from bus.runtime.instance_lock import InstanceLock
lock = InstanceLock(Path(sys.argv[1]))
print(lock.identity, flush=True)
sys.stdin.read()
"""


def test_a_directory_has_one_process_at_a_time(tmp_path: Path) -> None:
    lock = InstanceLock(tmp_path / "state")
    with pytest.raises(BusyError, match="another process runs with"):
        InstanceLock(tmp_path / "state")
    lock.close()
    again = InstanceLock(tmp_path / "state")
    assert again.identity == lock.identity
    again.close()


def test_a_process_that_was_killed_gives_it_up(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        identity = holder.stdout.readline().strip()
        with pytest.raises(BusyError):
            InstanceLock(tmp_path)
        holder.kill()
    lock = InstanceLock(tmp_path)
    assert lock.identity == identity
    lock.close()


def test_a_copy_of_the_directory_has_another_identity(tmp_path: Path) -> None:
    lock = InstanceLock(tmp_path / "state")
    shutil.copytree(tmp_path / "state", tmp_path / "copy")
    copied = InstanceLock(tmp_path / "copy")
    assert copied.identity != lock.identity
    for one in (lock, copied):
        one.close()


def test_a_state_directory_that_is_none_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("precious")
    with pytest.raises(ConfigError, match="is not a directory"):
        InstanceLock(tmp_path / "state")

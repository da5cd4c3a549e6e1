"""A guard over the processes of a run: none is left behind, and no key, also by a lab that was killed -9.

All processes of a run inherit a variable that names its directory, brokers too, which live in sessions of
their own. The guard waits for the end of its input, which comes with the end of the lab, however it ends.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MARK = "LAB_OF_PROVBUS"  # without the prefix of our settings, which no variable may have that is none
_GUARD = """
trap '' PIPE  # nobody may be left to read what it says
cat > /dev/null
for process in /proc/[0-9]*; do
  if tr '\\0' '\\n' 2> /dev/null < "$process/environ" | grep -qxF "$1"; then
    echo "left by the lab, and killed: $(tr '\\0' ' ' 2> /dev/null < "$process/cmdline")" >&2
    kill -9 "${process#/proc/}" 2> /dev/null
  fi
done
for _ in 1 2 3 4 5; do
  rm -rf "$2" 2> /dev/null && exit
  sleep 0.2  # disks of its machines are there, for another moment
done
echo "not all of the lab's files could be removed: $2" >&2
"""


@contextmanager
def guarded(directory: Path) -> Iterator[None]:
    """Kill -9 at the end whoever was started meanwhile and is left, and remove the directory of the run."""
    words = ["sh", "-c", _GUARD, "sh", f"{MARK}={directory}", str(directory)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, start_new_session=True):
        os.environ[MARK] = str(directory)
        try:
            yield
        finally:
            del os.environ[MARK]

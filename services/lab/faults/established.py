"""The TCP connections of a process to a port, as the kernel shows them in `/proc/PID/fd` and `net/tcp`."""

import os
from pathlib import Path

_ESTABLISHED = "01"


def established(pid: int, port: int) -> set[str]:
    """The established connections of this process to this remote port, each by its two ends."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            name = os.readlink(link)
        except OSError:  # it was closed since
            continue
        if name.startswith("socket:["):
            inodes.add(name[8:-1])
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            local, remote, state, inode = words[1], words[2], words[3], words[9]
            if state == _ESTABLISHED and inode in inodes and int(remote.rpartition(":")[2], 16) == port:
                found.add(f"{local} {remote}")
    return found

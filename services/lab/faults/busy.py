"""Processes that keep the machine busy, so that the others get less CPU than they could use.

Each has a session of its own: the kernel shares the CPU out among sessions (`sched_autogroup_enabled`), and a
dozen busy processes of one session would take no more than one service. They end with their parent.
"""

import os
import subprocess
import sys

from services.lab.site.lab import Part

_BUSY = """
import os
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(100_000):
        pass
"""


class BusyProcesses(Part):
    """The busy processes of a run; none at first."""

    def __init__(self) -> None:
        self._children: list[subprocess.Popen[bytes]] = []

    def __len__(self) -> int:
        return len(self._children)

    def have(self, count: int) -> None:
        """Run so many from now on."""
        while len(self._children) < count:
            self._children.append(subprocess.Popen([sys.executable, "-c", _BUSY], start_new_session=True))
        while len(self._children) > count:
            child = self._children.pop()
            child.kill()
            child.wait()

    def stop(self) -> None:
        """End all of them."""
        self.have(0)


def load_average() -> float:
    """The machine's load average over the last minute."""
    return round(os.getloadavg()[0], 2)

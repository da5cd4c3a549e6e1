"""Kafka brokers that can be made to stop answering and to go on.

A broker that is suspended keeps its connections and its port and says nothing: the unreachable broker that a
client has the most trouble with. Real brokers are processes; librdkafka's embedded cluster gets a process of
its own here, for the same end.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from services.brokers.detached import parse_stat
from services.lab.site.processes import wait_until

STOPPED_S = 10.0
_EMBEDDED = """
import sys
from services.lab.site.embedded import embedded
with embedded() as bootstrap:
    print(bootstrap, flush=True)
    sys.stdin.read()
"""


class Brokers(NamedTuple):
    """A cluster by its `bootstrap.servers`, and the processes that it is made of."""

    bootstrap: str
    pids: tuple[int, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """A client's settings for the connection."""
        return {"bootstrap.servers": self.bootstrap, "log_level": 0}

    def suspend(self) -> None:
        """No broker says anything from now on: each thread of it stands still when this returns."""
        for pid in self.pids:
            os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: all(map(_stands_still, self.pids)), STOPPED_S, "brokers to stand still", [])

    def resume(self) -> None:
        """The end of `suspend`; without one, nothing happens."""
        for pid in self.pids:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def embedded_elsewhere() -> Iterator[Brokers]:
    """The lab's embedded cluster in a process of its own, which ends with this context or with ours."""
    command = [sys.executable, "-c", _EMBEDDED]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        brokers = Brokers(process.stdout.readline().strip(), (process.pid,))
        assert brokers.bootstrap, "the embedded cluster did not start"
        yield brokers


def _stands_still(pid: int) -> bool:
    """A signal stops one thread after the other, and on a busy machine that takes a moment."""
    stats = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return all(parse_stat(stat)[0] == "T" for stat in stats)

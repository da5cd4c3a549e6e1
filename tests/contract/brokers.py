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
from typing import Any, NamedTuple

_EMBEDDED = """
import sys
from services.lab.broker import embedded
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
        """No broker says anything from now on."""
        for pid in self.pids:
            os.kill(pid, signal.SIGSTOP)

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

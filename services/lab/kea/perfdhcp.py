"""`perfdhcp`, the load generator that comes with Kea: exchanges with new devices at a steady rate.

It plays one relay of its own. By default its devices are telephone adapters by option 60, so provbus has to
make a row for each of their leases.
"""

import os
import re
import subprocess
from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from bus.errors import UnavailableError
from services.lab.kea.process import find_program
from services.lab.network.addresses import KEA_ADDRESS

OVERTIME_S = 30.0
ADAPTER = "60," + b"pktc1.5:".hex()
"""Option 60 of a telephone adapter."""
_DEVICES = 10_000_000  # more than a run asks for: every lease is a new one
_MAC_BASE = "02:50:44:00:00:00"
_RATE = re.compile(r"^Rate: ([0-9.]+) 4-way exchanges/second", re.MULTILINE)
_ACKS_BY = re.compile(r"^sent: .*; received: \d+/(\d+);", re.MULTILINE)
_ACKS = re.compile(r"REQUEST-ACK\*{3}\s+sent packets: (\d+)\s+received packets: (\d+)")


class LoadFigures(NamedTuple):
    """The figures of a load: whole exchanges per second, the number that ended with an ACK, and of these the
    numbers within the first second, the first two, and so on.
    """

    per_s: float
    acks: int
    acks_by: tuple[int, ...] = ()

    def gap_s(self) -> int:
        """The longest time without an ACK, in whole seconds."""
        empty = (before == after for before, after in pairwise((0, *self.acks_by)))
        return max((sum(1 for _ in run) for is_empty, run in groupby(empty) if is_empty), default=0)

    def per_s_between(self, begin_s: int, end_s: int) -> float | None:
        """The rate between two seconds of the run; None if they are no part of it."""
        acks_by = (0, *self.acks_by)
        if not 0 <= begin_s < end_s < len(acks_by):
            return None
        return (acks_by[end_s] - acks_by[begin_s]) / (end_s - begin_s)


class LoadGenerator:
    """A run of perfdhcp against the Kea at `server_port`; it listens at `client_port` of Kea's address."""

    def __init__(
        self,
        server_port: int,
        client_port: int,
        rate_per_s: int,
        duration_s: int,
        options: Sequence[str] = (ADAPTER,),
    ) -> None:
        """Each request carries `options`, as `code,hex`."""
        self._limit_s = duration_s + OVERTIME_S
        ports = ["-L", str(client_port), "-N", str(server_port)]
        pace = ["-r", str(rate_per_s), "-R", str(_DEVICES), "-p", str(duration_s), "-t", "1"]
        device = ["-b", f"mac={_MAC_BASE}", *(word for option in options for word in ("-o", option))]
        words = [find_program("perfdhcp", os.environ), "-4", "-l", KEA_ADDRESS, *ports, *pace, *device]
        self._child = subprocess.Popen(
            [*words, KEA_ADDRESS], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    @property
    def is_done(self) -> bool:
        """Whether it has ended."""
        return self._child.poll() is not None

    def end(self) -> LoadFigures:
        """Wait for its end; `UnavailableError` if it measured nothing."""
        try:
            said, _ = self._child.communicate(timeout=self._limit_s)
        except subprocess.TimeoutExpired:
            self.stop()
            raise UnavailableError(f"perfdhcp did not end within {self._limit_s:g} s") from None
        rate, acks = _RATE.search(said), _ACKS.search(said)
        if rate is None or acks is None:
            raise UnavailableError(f"perfdhcp measured nothing: {said.strip()[-500:]}")
        return LoadFigures(float(rate[1]), int(acks[2]), tuple(map(int, _ACKS_BY.findall(said))))

    def stop(self) -> None:
        """Stop it, if it still runs."""
        if self._child.poll() is None:
            self._child.kill()
        self._child.communicate()

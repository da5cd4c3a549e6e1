"""`perfdhcp`, the load generator that comes with Kea: exchanges with new devices at a steady rate.

It plays one relay of its own. If they are not told otherwise, its devices say that they are telephone
adapters, so each of their leases is one that provbus has to make a row for.
"""

import os
import re
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

from bus.errors import UnavailableError
from services.lab.addresses import KEA_ADDRESS
from services.lab.kea_process import find_program

OVERTIME_S = 30.0
ADAPTER = "60," + b"pktc1.5:".hex()
"""Option 60 of a telephone adapter."""
_DEVICES = 10_000_000  # more than a run asks for: every lease is a new one
_MAC_BASE = "02:50:44:00:00:00"
_RATE = re.compile(r"^Rate: ([0-9.]+) 4-way exchanges/second", re.MULTILINE)
_ACKS = re.compile(r"REQUEST-ACK\*{3}\s+sent packets: (\d+)\s+received packets: (\d+)")


class Load(NamedTuple):
    """What Kea answered: whole exchanges per second, and how many ended with an ACK."""

    per_s: float
    acks: int


class PerfDhcp:
    """A run of perfdhcp against the Kea at `server_port`; it hears at `client_port` of Kea's address."""

    def __init__(
        self,
        server_port: int,
        client_port: int,
        rate_per_s: int,
        duration_s: int,
        options: Sequence[str] = (ADAPTER,),
    ) -> None:
        """`options` are what each request carries, as `code,hex`."""
        self._limit_s = duration_s + OVERTIME_S
        ports = ["-L", str(client_port), "-N", str(server_port)]
        pace = ["-r", str(rate_per_s), "-R", str(_DEVICES), "-p", str(duration_s)]
        device = ["-b", f"mac={_MAC_BASE}", *(word for option in options for word in ("-o", option))]
        words = [find_program("perfdhcp", os.environ), "-4", "-l", KEA_ADDRESS, *ports, *pace, *device]
        self._child = subprocess.Popen(
            [*words, KEA_ADDRESS], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    @property
    def is_done(self) -> bool:
        """Whether it has ended."""
        return self._child.poll() is not None

    def end(self) -> Load:
        """Wait for its end; `UnavailableError` if it did not measure anything."""
        try:
            said, _ = self._child.communicate(timeout=self._limit_s)
        except subprocess.TimeoutExpired:
            self.stop()
            raise UnavailableError(f"perfdhcp did not end within {self._limit_s:g} s") from None
        rate, acks = _RATE.search(said), _ACKS.search(said)
        if rate is None or acks is None:
            raise UnavailableError(f"perfdhcp measured nothing: {said.strip()[-500:]}")
        return Load(float(rate[1]), int(acks[2]))

    def stop(self) -> None:
        """Stop it, if it still runs."""
        if self._child.poll() is None:
            self._child.kill()
        self._child.communicate()

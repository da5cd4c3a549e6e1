"""The attackers: they flood the CFMs with reads that no CFM may answer.

`python -m services.lab.faults.attack CONFIG.json`. The shell of `services.lab.faults.arsenal`. Each source
address has a socket of its own, and all data that arrive there are counted: they are the attack's yield.
Before it prints `{"ready": true}` it completes the reads of the first half of its baits as their owners
would, so that it has spent names. At `go` it sends at its rate for its duration and prints the totals sent
and received, with `"done": true`.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
from pathlib import Path
from random import Random

from pydantic import BaseModel, ConfigDict, Field

from bus.errors import UnavailableError
from services.lab.faults.arsenal import Arsenal, Bait
from services.lab.site.file_read import read_file
from services.tftp.packets import DATA, parse_opcode

TICK_S = 0.002
PATIENCE_S = 5.0
TRIES = 3
AFTERMATH_S = 1.0  # an answer to the last read would come within that
_DATAGRAM_BYTES_MAX = 65_536


class AttackConfig(BaseModel):
    """The attackers' configuration, as JSON; `baits` are (name, owner's address, CFM's address)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    rate_per_s: float = Field(gt=0)
    duration_s: float = Field(gt=0)
    seed: int
    baits: list[tuple[str, str, str]] = Field(min_length=2)
    servers: list[str] = Field(min_length=1)
    tftp_port: int
    strangers: list[str] = Field(min_length=1)
    neighbours: list[str] = Field(min_length=1)


class AttackRun:
    """The sockets of an attack, and the totals of data received."""

    def __init__(self, config: AttackConfig, patience_s: float = PATIENCE_S) -> None:
        """`UnavailableError` if a bait's owner gets no file within `patience_s` in three tries."""
        baits = [Bait(name.encode(), owner, server) for name, owner, server in config.baits]
        half = len(baits) // 2
        for bait in baits[:half]:
            server = (bait.server, config.tftp_port)
            if read_file(bait.name, bait.owner, server, patience_s=patience_s, tries=TRIES) is None:
                raise UnavailableError(f"no file for {bait.owner} from {bait.server}")
        self._config = config
        self._arsenal = Arsenal(
            baits[:half],
            baits[half:],
            config.servers,
            config.strangers,
            config.neighbours,
            Random(config.seed),
        )
        self._epoll = select.epoll()
        self._sockets: dict[str, socket.socket] = {}
        self._by_descriptor: dict[int, socket.socket] = {}
        for address in sorted(self._arsenal.sources()):
            one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            self._sockets[address] = self._by_descriptor[one.fileno()] = one
            one.bind((address, 0))
            self._epoll.register(one, select.EPOLLIN)
        self.sent = 0
        self.files = 0
        self.bytes = 0

    def run(self) -> None:
        """Send the whole count at its rate, then listen for `AFTERMATH_S`."""
        config = self._config
        total = round(config.rate_per_s * config.duration_s)
        start = time.monotonic()
        while self.sent < total:
            due = min(total, int((time.monotonic() - start) * config.rate_per_s))
            while self.sent < due:
                self._shoot()
            self._listen(TICK_S)
        deadline = time.monotonic() + AFTERMATH_S
        while time.monotonic() < deadline:
            self._listen(AFTERMATH_S / 10)

    def close(self) -> None:
        """Close every socket."""
        self._epoll.close()
        for one in self._sockets.values():
            one.close()

    def _shoot(self) -> None:
        shot = self._arsenal.next()
        try:
            self._sockets[shot.source].sendto(shot.packet, (shot.server, self._config.tftp_port))
        except BlockingIOError:  # the queue is full: the same again at the next turn
            return
        self.sent += 1

    def _listen(self, wait_s: float) -> None:
        for descriptor, _ in self._epoll.poll(wait_s):
            data = self._by_descriptor[descriptor].recv(_DATAGRAM_BYTES_MAX)
            self.bytes += len(data)
            self.files += parse_opcode(data) == DATA


def main(arguments: list[str]) -> int:
    """Run one attack by the JSON file named in `arguments`; returns the exit code."""
    attack = AttackRun(AttackConfig.model_validate_json(Path(arguments[0]).read_bytes()))
    try:
        print(json.dumps({"ready": True}), flush=True)
        if not os.read(0, 64):
            return 1
        attack.run()
        totals = {"sent": attack.sent, "files": attack.files, "bytes": attack.bytes}
        print(json.dumps({"done": True, **totals}), flush=True)
    finally:
        attack.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The attackers: they flood the CFMs with reads that no CFM may answer.

`python -m services.lab.faults.attack.program CONFIG.json`. The shell of `services.lab.faults.attack.arsenal`.
Each source address has a socket of its own, and all data that arrive there are counted: they are the attack's
yield. Before it prints `{"ready": true}` it completes the reads of the first half of its baits as their
owners would, so that it has spent names. At `go` it sends at its rate for its duration, has owners abuse what
is theirs (`services.lab.faults.attack.abusers`), and prints the totals, with `"done": true`.
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
from services.lab.faults.attack.abusers import Owner
from services.lab.faults.attack.arsenal import Arsenal, Bait, Places, SeenNames
from services.lab.site.file_read import read_file
from services.tftp.packets import DATA, ERROR, ERROR_UNKNOWN_TID, HEAD, parse_opcode

TICK_S = 0.002
PATIENCE_S = 5.0
TRIES = 3
AFTERMATH_S = 1.0  # an answer to the last read would come within that
_DATAGRAM_BYTES_MAX = 65_536


Minted = list[tuple[str, str, str]]
"""Names, each with its owner's address and the address of the CFM that has its row."""


class AttackConfig(BaseModel):
    """The attackers' configuration, as JSON. Of `baits` the first half is spent, the others are live; the
    owners of `restarted` ask so many times a second in all, those of `endless` once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    rate_per_s: float = Field(gt=0)
    duration_s: float = Field(gt=0)
    restarts_per_s: float = Field(default=0.0, ge=0)
    seed: int
    baits: Minted = Field(min_length=2)
    expired: Minted = Field(min_length=1)
    restarted: Minted = Field(default_factory=list)
    endless: Minted = Field(default_factory=list)
    shared: list[str] = Field(min_length=1)
    servers: list[str] = Field(min_length=1)
    tftp_port: int
    strangers: list[str] = Field(min_length=1)
    neighbours: list[str] = Field(min_length=1)
    behind_proxy: bool = False


class AttackRun:
    """The sockets of an attack, and the totals of data received. `own_bytes` came to owners who asked by
    their own names.
    """

    def __init__(self, config: AttackConfig, patience_s: float = PATIENCE_S) -> None:
        """`UnavailableError` if a bait's owner gets no file within `patience_s` in three tries."""
        baits = _baits(config.baits)
        half = len(baits) // 2
        for bait in baits[:half]:
            server = (bait.server, config.tftp_port)
            if read_file(bait.name, bait.owner, server, patience_s=patience_s, tries=TRIES) is None:
                raise UnavailableError(f"no file for {bait.owner} from {bait.server}")
        self._config = config
        seen = SeenNames(
            baits[:half], baits[half:], _baits(config.expired), [name.encode() for name in config.shared]
        )
        places = Places(config.servers, config.strangers, config.neighbours, config.behind_proxy)
        self._arsenal = Arsenal(seen, places, Random(config.seed))
        self._restarters = [Owner(bait, "restart") for bait in _baits(config.restarted)]
        self._endless = [Owner(bait, "endless") for bait in _baits(config.endless)]
        self._epoll = select.epoll()
        self._sockets: dict[str, socket.socket] = {}
        self._by_descriptor: dict[int, socket.socket] = {}
        self._owners: dict[int, Owner] = {}
        for address in sorted(self._arsenal.sources()):
            self._open(address)
        for owner in (*self._restarters, *self._endless):
            self._owners[self._open(owner.bait.owner).fileno()] = owner
        self.sent = 0
        self.restarts = 0
        self.files = 0
        self.bytes = 0
        self.transfers_denied = 0

    @property
    def own_bytes(self) -> int:
        """The bytes that owners got by their own names."""
        return sum(owner.bytes for owner in self._owners.values())

    def run(self) -> None:
        """Send the whole count at its rate, then listen for `AFTERMATH_S`."""
        config = self._config
        total = round(config.rate_per_s * config.duration_s)
        start = time.monotonic()
        for owner in self._endless:
            self._ask(owner)
        while self.sent < total:
            past_s = time.monotonic() - start
            due = min(total, int(past_s * config.rate_per_s))
            while self.sent < due:
                self._shoot()
            self._restart(int(past_s * config.restarts_per_s))
            self._listen(TICK_S)
        deadline = time.monotonic() + AFTERMATH_S
        while time.monotonic() < deadline:
            self._listen(AFTERMATH_S / 10)

    def totals(self) -> dict[str, int]:
        """The figures of the report."""
        names = ("sent", "restarts", "files", "bytes", "transfers_denied", "own_bytes")
        return {name: getattr(self, name) for name in names}

    def close(self) -> None:
        """Close every socket."""
        self._epoll.close()
        for one in self._sockets.values():
            one.close()

    def _open(self, address: str) -> socket.socket:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._sockets[address] = self._by_descriptor[one.fileno()] = one
        one.bind((address, 0))
        self._epoll.register(one, select.EPOLLIN)
        return one

    def _restart(self, due: int) -> None:
        while self._restarters and self.restarts < due:
            self._ask(self._restarters[self.restarts % len(self._restarters)])
            self.restarts += 1

    def _ask(self, owner: Owner) -> None:
        self._send(owner.bait.owner, owner.request, (owner.bait.server, self._config.tftp_port))

    def _shoot(self) -> None:
        shot = self._arsenal.next()
        self.sent += self._send(shot.source, shot.packet, (shot.server, shot.port or self._config.tftp_port))

    def _send(self, source: str, packet: bytes, to: tuple[str, int]) -> bool:
        """Send; False if the queue is full."""
        try:
            self._sockets[source].sendto(packet, to)
        except BlockingIOError:
            return False
        return True

    def _listen(self, wait_s: float) -> None:
        for descriptor, _ in self._epoll.poll(wait_s):
            one = self._by_descriptor[descriptor]
            data, server = one.recvfrom(_DATAGRAM_BYTES_MAX)
            owner = self._owners.get(descriptor)
            if owner is None:
                self._note(data, one.getsockname()[0])
                continue
            self._arsenal.sends_from(*server)
            if (answer := owner.receive(data)) is not None:
                self._send(owner.bait.owner, answer, server)

    def _note(self, data: bytes, address: str) -> None:
        """Count what came to an address that asked for nothing of its own. A modem that reads at that address
        may be told that a forged ACK is of no transfer (RFC 1350, section 4); a stranger may not.
        """
        if address not in self._config.strangers and HEAD.unpack_from(data) == (ERROR, ERROR_UNKNOWN_TID):
            self.transfers_denied += 1
            return
        self.bytes += len(data)
        self.files += parse_opcode(data) == DATA


def _baits(minted: Minted) -> list[Bait]:
    return [Bait(name.encode(), owner, server) for name, owner, server in minted]


def main(arguments: list[str]) -> int:
    """Run one attack by the JSON file named in `arguments`; returns the exit code."""
    attack = AttackRun(AttackConfig.model_validate_json(Path(arguments[0]).read_bytes()))
    try:
        print(json.dumps({"ready": True}), flush=True)
        if not os.read(0, 64):
            return 1
        attack.run()
        print(json.dumps({"done": True, **attack.totals()}), flush=True)
    finally:
        attack.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Server and client cores against each other over a bad link, in virtual time."""

import random
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

import pytest

from services.tftp.client_core import ReadClient
from services.tftp.effects import (
    Abandoned,
    Completed,
    Datagram,
    Peer,
    ReadRepeated,
    ReadRequested,
    ReadRestarted,
)
from services.tftp.server_core import TftpServer

WELL_KNOWN_PORT = 69
PEER: Peer = ("10.0.0.1", 2000)
LADDER_S = 7.0  # longer than two retransmissions, or a long file would start over for ever
GIVEN_UP_S = 3600.0


@dataclass
class Modem:
    """A client, the port it speaks from and when it last heard something."""

    client: ReadClient
    peer: Peer
    new_port_on_restart: bool
    heard_at: float = 0.0


@dataclass
class Link:
    """One server and some modems; each datagram may be lost, doubled, or overtaken by a later one."""

    seed: int
    loss: float = 0.0
    duplication: float = 0.0
    delay_s_max: float = 0.01
    parked_s: tuple[float, float] = (0.0, 0.0)
    files: dict[bytes, bytes] = field(default_factory=dict)
    events: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.server = TftpServer(transfer_sockets=3)
        self.modems: list[Modem] = []
        self.now = 0.0
        self.acknowledged = 0
        self._sent = 0
        self._queue: list[tuple[float, int, str, int, bytes, Peer]] = []

    def add(self, client: ReadClient, peer: Peer, *, new_port_on_restart: bool = True) -> Modem:
        modem = Modem(client, peer, new_port_on_restart)
        self.modems.append(modem)
        self._send("to server", 0, client.request, modem.peer)
        return modem

    def run(self) -> None:
        """Until nothing is under way, no timer is set and every modem has its file."""
        while self.now < GIVEN_UP_S:
            late = [modem for modem in self.modems if not modem.client.done]
            times = [self.server.deadline(), self._queue[0][0] if self._queue else None]
            times += [modem.heard_at + LADDER_S for modem in late]
            due = [at for at in times if at is not None]
            if not due:
                return
            self.now = max(self.now, min(due))
            self._deliver()
            self._apply(self.server.tick(self.now))
            for modem in late:
                if modem.heard_at + LADDER_S <= self.now:
                    self._restart(modem)
        raise AssertionError(f"seed {self.seed} does not end")

    def completed(self, name: bytes) -> int:
        return sum(isinstance(event, Completed) and event.name == name for event in self.events)

    def _restart(self, modem: Modem) -> None:
        modem.heard_at = self.now
        if modem.new_port_on_restart:
            modem.peer = (modem.peer[0], modem.peer[1] + 1)
        self._send("to server", 0, modem.client.restart(), modem.peer)

    def _send(self, kind: str, socket: int, data: bytes, peer: Peer) -> None:
        copies = 1 + (self.rng.random() < self.duplication)
        for _ in range(copies):
            if self.rng.random() >= self.loss:
                self._enqueue(self.rng.uniform(0.0, self.delay_s_max), kind, socket, data, peer)

    def _enqueue(self, delay_s: float, kind: str, socket: int, data: bytes, peer: Peer) -> None:
        self._sent += 1
        heappush(self._queue, (self.now + delay_s, self._sent, kind, socket, data, peer))

    def _deliver(self) -> None:
        while self._queue and self._queue[0][0] <= self.now:
            _, _, kind, socket, data, peer = heappop(self._queue)
            if kind == "to server":
                self._apply(self.server.receive(socket, data, peer, self.now))
            elif kind == "file ready":
                self._apply(self.server.serve(socket, data, self.now))
            else:
                self._to_modem(socket, data, peer)

    def _to_modem(self, socket: int, data: bytes, peer: Peer) -> None:
        for modem in self.modems:
            if modem.peer == peer:
                blocks = modem.client.blocks
                reply = modem.client.receive(data, WELL_KNOWN_PORT + socket)
                if modem.client.blocks > blocks:
                    modem.heard_at = self.now
                if reply is not None:
                    self.acknowledged += 1
                    self._send("to server", socket, reply, peer)

    def _apply(self, effects: list[Any]) -> None:
        for effect in effects:
            if isinstance(effect, Datagram):
                self._send("to modem", effect.socket, effect.data, effect.peer)
                continue
            self.events.append(effect)
            if isinstance(effect, ReadRestarted):
                self._apply(self.server.serve(effect.read, self.files[effect.name], self.now))
            if isinstance(effect, ReadRequested):
                name = effect.request.name
                if not self.completed(name):
                    self.server.open(effect, self.now)
                    parked_s = self.rng.uniform(*self.parked_s)
                    self._enqueue(parked_s, "file ready", effect.read, self.files[name], effect.peer)


def content(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.mark.parametrize("blksize", [None, 600, 1448])
@pytest.mark.parametrize("size", [0, 511, 512, 513, 1300, 1448, 100000])
def test_a_good_link_needs_no_retransmission(size: int, blksize: int | None) -> None:
    link = Link(seed=size, files={b"cm.bin": content(size, size)})
    modem = link.add(ReadClient(b"cm.bin", blksize=blksize, tsize=True), PEER)
    link.run()
    assert modem.client.file == link.files[b"cm.bin"]
    blocks = size // (blksize or 512) + 1
    assert link.events[1:] == [Completed(1, b"cm.bin", modem.peer, size, blocks, 0)]
    assert (modem.client.blocks, modem.client.duplicates) == (blocks, 0)


@pytest.mark.parametrize("windowsize", [1, 2, 4, 16, 99])
@pytest.mark.parametrize("size", [0, 511, 512, 5000, 100000])
def test_a_window_saves_acknowledgements_and_needs_no_retransmission(size: int, windowsize: int) -> None:
    link = Link(seed=size, delay_s_max=0.0, files={b"cm.bin": content(size, size)})
    modem = link.add(ReadClient(b"cm.bin", windowsize=windowsize), PEER)
    link.run()
    assert modem.client.file == link.files[b"cm.bin"]
    blocks = size // 512 + 1
    assert link.events[1:] == [Completed(1, b"cm.bin", modem.peer, size, blocks, 0)]
    window = min(windowsize, 16)
    assert link.acknowledged == 1 + -(-blocks // window)


@pytest.mark.parametrize("seed", range(12))
def test_windows_over_a_bad_link(seed: int) -> None:
    link = Link(seed, loss=0.1, duplication=0.1, delay_s_max=0.1)
    for number, windowsize in enumerate((1, 2, 4, 16)):
        name = b"%d.bin" % number
        link.files[name] = content(20000, number)
        link.add(ReadClient(name, windowsize=windowsize, tsize=True), (f"10.0.0.{number}", 2000))
    link.run()
    assert [modem.client.file for modem in link.modems] == list(link.files.values())
    assert [link.completed(name) for name in link.files] == [1, 1, 1, 1]
    assert link.server.deadline() is None


@pytest.mark.parametrize("new_port_on_restart", [True, False])
@pytest.mark.parametrize("seed", range(12))
def test_a_bad_link_costs_time_but_not_a_file(seed: int, new_port_on_restart: bool) -> None:
    link = Link(seed, loss=0.15, duplication=0.15, delay_s_max=0.4, parked_s=(0.0, 1.5))
    for number, size in enumerate((0, 511, 512, 513, 1300, 20000)):
        name = b"%d.bin" % number
        link.files[name] = content(size, number)
        blksize = (None, 512, 1448)[(seed + number) % 3]
        client = ReadClient(name, blksize=blksize, tsize=number % 2 == 0)
        link.add(client, (f"10.0.0.{number}", 2000), new_port_on_restart=new_port_on_restart)
    link.run()
    for number, modem in enumerate(link.modems):
        name = b"%d.bin" % number
        assert modem.client.file == link.files[name]
        assert link.completed(name) == 1
    assert link.server.counters.retransmits > 0
    assert link.server.counters.duplicate_acks > 0
    assert link.server.deadline() is None


@pytest.mark.parametrize("seed", range(3))
def test_a_long_file_over_a_bad_link(seed: int) -> None:
    link = Link(seed, loss=0.05, duplication=0.1, delay_s_max=0.05, files={b"cm.bin": content(100000, seed)})
    modem = link.add(ReadClient(b"cm.bin"), PEER)
    link.run()
    assert modem.client.file == link.files[b"cm.bin"]
    assert link.completed(b"cm.bin") == 1


def test_more_blocks_than_numbers() -> None:
    file = content(8 * 65600 + 5, 1)
    link = Link(seed=1, duplication=0.01, loss=0.0001, delay_s_max=0.001, files={b"cm.bin": file})
    modem = link.add(ReadClient(b"cm.bin", blksize=8, tsize=True), PEER)
    link.run()
    assert modem.client.file == file
    assert modem.client.blocks == 65601
    assert link.completed(b"cm.bin") == 1


@pytest.mark.parametrize("seed", range(10))
def test_two_files_of_one_address_do_not_disturb_each_other(seed: int) -> None:
    link = Link(seed, loss=0.1, duplication=0.2, delay_s_max=0.5)
    for port, name in ((2000, b"cm.bin"), (6000, b"mta.bin")):
        link.files[name] = content(3000, port)
        link.add(ReadClient(name), (PEER[0], port))
    link.run()
    assert [modem.client.file for modem in link.modems] == list(link.files.values())
    assert [link.completed(name) for name in link.files] == [1, 1]
    assert [modem.client.failed for modem in link.modems] == [None, None]


def test_a_file_that_is_late_finds_its_read_again() -> None:
    link = Link(seed=4, parked_s=(2.0, 2.5), delay_s_max=0.01, files={b"cm.bin": b"settings"})
    modem = link.add(ReadClient(b"cm.bin"), PEER)
    modem.heard_at = 1.0 - LADDER_S  # its first rung is over after one second
    link.run()
    assert modem.client.file == b"settings"
    kinds = [type(event) for event in link.events]
    assert kinds == [ReadRequested, ReadRepeated, Completed]
    assert Abandoned not in kinds

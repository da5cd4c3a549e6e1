"""A host under election, on real sockets: silent unless it may act, and nothing leaves that is not noted."""

from __future__ import annotations

import json
import os
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.dhcp.client.bootp import ACK, DISCOVER, OFFER, REQUEST, Message, format_message, parse_message
from services.lab.hosts.process import HostConfig, HostProcess
from services.lab.network.run_network import free_port
from services.lab.site.journal import boottime_s, read_journal

PATIENCE_S = 10.0
ADDRESS = "127.0.0.2"
LONG_S = 60.0
LINES_MAX = 100
ASKED = {"host.attach": {"attached": True}, "authority": {}}
RULE = {"match": "docsis", "class": "residential", "values": {"customer": 1}}


class Bench:
    """A host in a thread; the test is its sidecar, its relay and its devices."""

    def __init__(self, directory: Path) -> None:
        self.journal = directory / "host.jsonl"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.settimeout(PATIENCE_S)
        self._listener.bind(str(directory / "dhcp-1.sock"))
        self._listener.listen()
        self._relay = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._relay.settimeout(PATIENCE_S)
        self._relay.bind(("127.0.0.1", 0))
        self._config = HostConfig.model_validate({
            "service": "dhcp",
            "listen": (ADDRESS, free_port([ADDRESS], socket.SOCK_DGRAM)),
            "socket": directory / "dhcp-1.sock",
            "journal": self.journal,
            "pool": "127.64.0.0/12",
            "attach": True,
            "settings": [RULE],
        })  # fmt: skip
        self._start()

    def _start(self) -> None:
        self._stopped, self._stop = os.pipe()
        host = HostProcess(self._config, self._stopped)
        self._thread = threading.Thread(target=host.run)
        self._thread.start()
        self._sidecar, _ = self._listener.accept()
        self._sidecar.settimeout(PATIENCE_S)
        self._lines = self._sidecar.makefile("rb")

    def _end(self) -> None:
        os.write(self._stop, b"!")
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        os.close(self._stop)
        os.close(self._stopped)
        self._lines.close()
        self._sidecar.close()

    def restart(self, torn: bytes) -> None:
        """Another process goes on with the journal, which ends in the middle of a line."""
        self._end()
        with self.journal.open("ab") as journal:
            journal.write(torn)
        self._start()

    def close(self) -> None:
        self._end()
        self._relay.close()
        self._listener.close()

    def next_line(self) -> dict[str, Any]:
        asked: dict[str, Any] = json.loads(self._lines.readline())
        return asked

    def say(self, **answer: Any) -> None:
        self._sidecar.sendall(json.dumps(answer).encode() + b"\n")

    def tell(self, lease_s: float, *, may_act: bool = True, times: int = 2) -> None:
        """Answer so many questions about authority. At the third the host has seen what was sent before the
        first.
        """
        for _ in range(times):
            operation = self.until(*ASKED)["op"]
            said = {"role": "dhcp/lab", "era": 0, "epoch": 17 if may_act else -1, "may_act": may_act}
            until = {"lease_until_s": boottime_s() + lease_s}
            self.say(id=operation, **said, **until, **ASKED[operation])

    def until(self, *operations: str) -> dict[str, Any]:
        """The next request for one of these."""
        for _ in range(LINES_MAX):
            asked = self.next_line()
            if asked["op"] in operations:
                return asked
        raise AssertionError(f"no {operations} came")

    def name(self, number: object) -> None:
        """Answer a create."""
        named = {"file": "n.cm", "fileid": "0" * 16, "next_server": "127.0.0.11", "acked": True}
        self.say(id=number, sealed="full", **named)

    def send(self, message: Message) -> None:
        self._relay.sendto(format_message(message), (ADDRESS, self._config.listen[1]))

    def receive(self) -> Message:
        return parse_message(self._relay.recv(2048))

    def offer(self, number: int) -> Message:
        """What a device that wants an address is offered; it asks again, as devices do."""
        for _ in range(10):
            self.send(device(DISCOVER, number))
            if select.select([self._relay], [], [], 1.0)[0]:
                return self.receive()
        raise AssertionError("no offer came")

    def effects(self) -> list[dict[str, Any]]:
        return [event for event in read_journal(self.journal) if event["event"] == "effect"]


def device(kind: int, number: int, offer: Message | None = None) -> Message:
    message = Message(kind, number, bytes((0, 26, 44, 0, 0, number)), vendor_class=b"docsis3.1:")
    if offer is None:
        return message
    return message._replace(requested=offer.yiaddr, server_id=offer.server_id)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


@pytest.mark.parametrize(("lease_s", "may_act"), [(LONG_S, False), (-1.0, True)])
def test_who_may_not_act_is_silent_and_gives_nothing_away(
    bench: Bench, lease_s: float, may_act: bool
) -> None:
    bench.tell(lease_s, may_act=may_act)
    bench.send(device(DISCOVER, 1))
    bench.tell(lease_s, may_act=may_act, times=3)
    bench.tell(LONG_S)
    offer = bench.offer(2)
    assert (offer.kind, offer.xid, offer.yiaddr) == (OFFER, 2, bytes((127, 64, 0, 1)))


def test_what_leaves_is_in_the_journal_with_its_epoch(bench: Bench) -> None:
    bench.tell(LONG_S)
    before = boottime_s()
    offer = bench.offer(3)
    effect = bench.effects()[0]
    assert before <= effect.pop("at") <= boottime_s()
    assert effect == {
        "event": "effect",
        "role": "dhcp/lab",
        "era": 0,
        "epoch": 17,
        "device": "001a.2c00.0003",
        "address": "127.64.0.1",
    }
    assert offer.yiaddr == bytes((127, 64, 0, 1))


def test_a_name_that_comes_when_the_right_is_over_is_noted_and_not_told(bench: Bench) -> None:
    bench.tell(LONG_S)
    bench.send(device(REQUEST, 4, bench.offer(4)))
    number = bench.until("fileid.create")["id"]
    bench.say(id="authority", role="dhcp/lab", era=0, epoch=-1, may_act=False, lease_until_s=0.0)
    bench.name(number)
    bench.until("host.yielded")
    bench.tell(LONG_S)
    assert bench.offer(5).xid == 5
    assert [event["file"] for event in read_journal(bench.journal) if event["event"] == "minted"] == ["n.cm"]
    assert [effect["device"][-1] for effect in bench.effects()] == ["4", "5"]


def test_who_comes_back_knows_what_it_gave_away(bench: Bench) -> None:
    bench.tell(LONG_S)
    offers = {number: bench.offer(number) for number in (6, 7)}
    bench.restart(torn=b'{"event":"eff')
    bench.tell(LONG_S)
    assert bench.offer(8).yiaddr not in {offer.yiaddr for offer in offers.values()}
    assert bench.offer(7).yiaddr == offers[7].yiaddr
    bench.send(device(REQUEST, 6, offers[6]))
    bench.name(bench.until("fileid.create")["id"])
    ack = bench.receive()
    assert (ack.kind, ack.yiaddr) == (ACK, offers[6].yiaddr)

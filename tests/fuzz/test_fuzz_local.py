"""The local socket: whatever a client writes is answered or refused, and nobody else notices."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bus.envelope import Stamp, number_of
from bus.messages import LocalRequest
from bus.runtime.local_socket import LocalServer
from bus.transport.poller import Poller
from fileid.handoff import Budget
from fileid.seal import KEY_BYTES, Opener, Sealer, SealKey
from fileid.table import Table
from services.cfm.assembly import assemble as assemble_cfm
from services.cfm.machine import Cfm
from services.settings.catalogue import record
from services.settings.vault import Vault
from services.sidecar.assembly import assemble
from services.sidecar.minter import Minter
from services.tftp.server_core import TftpServer
from tests.docs_pages.examples import EXAMPLES
from tests.fuzz.mutation import bounded, mutants
from tests.replies import Replies
from tests.trusting import ANYBODY

KEY = SealKey(1, number_of("dhcp-1"), bytes(range(KEY_BYTES)))
CLASSES: dict[str, dict[str, Any]] = {
    "data": {
        "kind": "cm",
        "placeholders": {"customer": {"kind": "uint32"}, "note": {"kind": "string", "default": ""}},
        "body": [
            {"network_access": 1},
            {"upstream_service_flow": [{"reference": 1}]},
            {"snmp_set": {"oid": "1.3.6.1.2.1.1.6.0", "string": "${customer} ${note}"}},
        ],
    }
}
CREATE = {
    "op": "fileid.create",
    "id": 7,
    "device": "00:1a:2c:00:00:01",
    "address": "127.64.0.5",
    "relay": "127.0.0.4",
    "settings": {"class": "data", "customer": 17, "note": "x"},
}
REQUESTS: list[dict[str, Any]] = [
    CREATE,
    {"op": "status", "id": 1},
    {"op": "trace", "id": 2, "device": "00:1a:2c:00:00:01"},
    {"op": "settings", "id": 3},
    {"op": "settings.apply", "id": 4, "classes": CLASSES},
    {"op": "fileid.lookup", "id": 5, "file": "AQ.data", "address": "127.64.0.5"},
    {"op": "fileid.done", "id": 6, "file": "AQ.data"},
]
REQUESTS += [{"op": name, **one.request} for name, one in EXAMPLES.items() if name[:4] in ("host", "fail")]
ODD: list[Any] = [None, True, -1, 2**70, 1.5, "", "\x00", "é" * 300, "1.2.3.4.5", [], [[]], {}, {"class": {}}]


def minter(**changes: Any) -> Minter:
    """A sidecar; keywords say what is different."""
    return assemble(
        **{
            "service": "dhcp",
            "trust": ANYBODY,
            "stamp": Stamp("dhcp-1", "lab", 1),
            "services": {"dhcp-1": "dhcp", "cfm-1": "cfm"},
            "sealer": Sealer(KEY),
            "budget": Budget(0.05, 0.15),
            "random": Random(1),
            "random_bytes": bytes,
            "minted_max": 100,
            "pins": {},
            "vault": Vault(),
            "catalogue": record(CLASSES, 1),
            **changes,
        }
    )


def cfm(**changes: Any) -> Cfm:
    """A CFM; keywords say what is different."""
    return assemble_cfm(
        **{
            "trust": ANYBODY,
            "stamp": Stamp("cfm-1", "lab", 1),
            "minters": ["dhcp-1"],
            "opener": Opener([KEY]),
            "table": Table(),
            "tftp": TftpServer(transfer_sockets=1),
            "endpoints": dict,
            "capacity": 10,
            "secret": b"s",
            "vault": Vault(),
            "catalogue": record(CLASSES, 1),
            **changes,
        }
    )


def bodies(seed: int, rounds: int) -> Iterator[dict[str, Any]]:
    """Requests in which a value was exchanged for an odd one, left out, or put where it does not belong."""
    random = Random(seed)
    for _ in range(rounds):
        body: dict[str, Any] = json.loads(json.dumps(random.choice(REQUESTS)))
        place = body
        while random.random() < 0.4 and (deeper := [one for one in place.values() if isinstance(one, dict)]):
            place = random.choice(deeper)
        key = random.choice([*place, "extra"])
        if random.random() < 0.2:
            place.pop(key, None)
        else:
            place[key] = random.choice(ODD)
        yield body


@pytest.mark.parametrize("make", [minter, cfm])
def test_a_service_answers_every_request_or_keeps_it(make: Callable[[], Minter | Cfm]) -> None:
    """No request ends the process; an answer is as the table of the local API has it."""
    machine = make()
    replies = Replies("dhcp" if isinstance(machine, Minter) else "cfm")
    for at, body in enumerate(bodies(1, 600)):
        received: list[Any] = []

        def receive(data: bytes, now: float = at * 0.001, received: list[Any] = received) -> None:
            request = LocalRequest(1, json.loads(data))
            replies.hear(request)
            received += machine.receive(request, now)

        bounded(json.dumps(body).encode(), receive)
        replies.check([*received, *machine.tick(at * 0.001)])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Poller, LocalServer, Path]]:
    poller, path = Poller(), tmp_path / "local.sock"
    one = LocalServer(poller, path, os.getegid())
    yield poller, one, path
    one.close()
    poller.close()


def test_a_client_that_writes_anything_hurts_nobody(server: tuple[Poller, LocalServer, Path]) -> None:
    """Each line is a request or an answer; a well-behaved client beside it is served at any time."""
    poller, local, path = server
    lines = [json.dumps(one).encode() + b"\n" for one in REQUESTS]
    with socket.socket(socket.AF_UNIX) as good:
        good.connect(str(path))
        good.setblocking(False)
        for at, data in enumerate(mutants(lines, 2, rounds=200)):
            with socket.socket(socket.AF_UNIX) as bad:
                bad.connect(str(path))
                bad.sendall(data)
                good.sendall(b'{"op":"status","id":%d}\n' % at)
                asked: list[dict[str, Any]] = []
                for _ in range(100):
                    asked += [one.body for one in poller.poll(0.01) if isinstance(one, LocalRequest)]
                    if {"op": "status", "id": at} in asked:
                        break
                assert {"op": "status", "id": at} in asked
    poller.poll(0)
    assert local.refused == 0

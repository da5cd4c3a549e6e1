"""The server process of a hand-off bench: `python -m tests.bench.peer raw|parts|codec|table|runner KEYS`."""

import json
import sys
import time
from pathlib import Path
from threading import Thread
from typing import Any

import zmq

from bus.effects import Publish, Send
from bus.envelope import Stamp, number_of
from bus.fleet.key_pair import KeyPair
from bus.runtime.runner import Runner
from bus.transport.poller import Poller
from bus.transport.zeromq.curve import ZapHandler, secure_server
from bus.transport.zeromq.owners import Owners
from bus.transport.zeromq.router import Router
from bus.wire.codec import from_frame, to_frame
from fileid.given import Given
from fileid.handoff import ACKED_SEQ
from fileid.row import ACK
from fileid.seal import Opener
from fileid.sender import Senders
from fileid.table import Table
from services.cfm.assembly import assemble
from services.settings.vault import Vault
from services.tftp.server_core import TftpServer
from tests.trusting import ANYBODY

ENDPOINT = "tcp://127.0.0.1:*"
MINTER = "dhcp-1"
ACK_BYTES = 40 + ACKED_SEQ.size + 1


def _stamp() -> Stamp:
    return Stamp("cfm-1", "bench", time.time_ns() // 1_000_000)


def _table() -> Table:
    return Table(10_000_000)


def serve_blocking(kind: str, client: bytes, keys: KeyPair) -> None:
    """Raw or through the codec, on a blocking ROUTER; the ZAP handler has a thread of its own."""
    context: zmq.Context[Any] = zmq.Context()
    zap_poller = Poller()
    ZapHandler(context, zap_poller, Owners({client: MINTER}))

    def zap() -> None:
        while True:
            zap_poller.poll(None)

    Thread(target=zap, daemon=True).start()
    socket = context.socket(zmq.ROUTER)
    secure_server(socket, keys)
    socket.bind(ENDPOINT)
    print(socket.getsockopt_string(zmq.LAST_ENDPOINT), flush=True)
    {"raw": _raw, "parts": _raw, "codec": _codec, "table": _codec}[kind](socket)


def _raw(socket: Any) -> None:
    ack = bytes(ACK_BYTES)
    while True:
        route, *_ = socket.recv_multipart()
        socket.send_multipart((route, ack))


def _codec(socket: Any) -> None:
    table, stamp, senders = _table(), _stamp(), Senders(Opener([]), Given(), ())
    minter = number_of(MINTER).to_bytes(4, "big")
    while True:
        route = socket.recv()
        envelope = from_frame(socket.recv(), MINTER)
        sender = senders.find(minter, envelope.time_ms)
        statuses, _ = table.accept(envelope.data, sender, time.monotonic())
        ack = stamp.envelope(ACK, ACKED_SEQ.pack(envelope.seq) + statuses, time_ms=0)
        socket.send(route, zmq.SNDMORE)
        socket.send(to_frame(ack))


def serve_runner(client: bytes, keys: KeyPair) -> None:
    """The real CFM machine behind the real runner and router; nobody reads its beats."""
    context: zmq.Context[Any] = zmq.Context()
    poller = Poller()
    owners = Owners({client: MINTER})
    ZapHandler(context, poller, owners)
    router = Router(context, poller, keys, owners, ENDPOINT)
    print(router.endpoint, flush=True)
    machine = assemble(
        stamp=_stamp(),
        trust=ANYBODY,
        minters=[MINTER],
        opener=Opener([]),
        table=_table(),
        tftp=TftpServer(transfer_sockets=1),
        endpoints=dict,
        capacity=1,
        secret=b"x",
        vault=Vault(),
    )
    handlers = {Send: lambda effect: router.send(effect.to, effect.envelope), Publish: lambda effect: None}
    Runner(machine, poller, handlers).run()


def main() -> None:
    """Serve until killed."""
    kind, path = sys.argv[1:]
    client, public, secret = (text.encode() for text in json.loads(Path(path).read_text()))
    if kind == "runner":
        serve_runner(client, KeyPair(public, secret))
    else:
        serve_blocking(kind, client, KeyPair(public, secret))


if __name__ == "__main__":
    main()

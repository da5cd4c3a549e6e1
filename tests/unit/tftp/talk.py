"""What the tests of the TFTP server core say to it, and what they expect to hear."""

from collections.abc import Iterable
from typing import Any

from services.tftp import packets
from services.tftp.effects import Datagram, Peer, ReadRequested, ReadRestarted
from services.tftp.packets import ACK, DATA, HEAD, Request
from services.tftp.server_core import TftpServer

MODEM: Peer = ("10.0.0.7", 2000)
RESTARTED: Peer = ("10.0.0.7", 2001)
OTHER: Peer = ("10.0.0.8", 2000)
NAME = b"cm.bin"
FILE = bytes(range(256)) * 5 + b"end"  # 1,283 bytes: three blocks of 512


def rrq(
    name: bytes = NAME,
    *,
    blksize: int | None = None,
    tsize: bool = False,
    windowsize: int | None = None,
) -> bytes:
    return packets.format_request(Request(name, blksize, tsize, windowsize))


def ack(block: int) -> bytes:
    return HEAD.pack(ACK, block & 0xFFFF)


def data(block: int, payload: bytes) -> bytes:
    return HEAD.pack(DATA, block & 0xFFFF) + payload


def block(number: int, size: int = 512) -> bytes:
    return data(number, FILE[(number - 1) * size : number * size])


def sent(effects: Iterable[Any]) -> list[bytes]:
    return [effect.data for effect in effects if isinstance(effect, Datagram)]


def ask(server: TftpServer, request: bytes, peer: Peer = MODEM, now: float = 0.0) -> list[Any]:
    """A request; the host vouches for everybody, and serves the same file to who begins anew."""
    effects: list[Any] = []
    for effect in server.receive(0, request, peer, now):
        if isinstance(effect, ReadRequested):
            server.open(effect, now)
        if isinstance(effect, ReadRestarted):
            effects += server.serve(effect.read, FILE, now)
        else:
            effects.append(effect)
    return effects


def say(server: TftpServer, packet: bytes, peer: Peer = MODEM, now: float = 0.0) -> list[Any]:
    return server.receive(1, packet, peer, now)


def serve(server: TftpServer, read: int, file: bytes = FILE) -> list[bytes]:
    return sent(server.serve(read, file, 0.0))


def running(server: TftpServer, request: bytes = b"", peer: Peer = MODEM, file: bytes = FILE) -> None:
    """Bring a read to its first packet."""
    (event,) = ask(server, request or rrq(), peer)
    assert isinstance(event, ReadRequested)
    serve(server, event.read, file)

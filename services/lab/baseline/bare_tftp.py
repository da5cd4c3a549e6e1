"""The bare TFTP loops with which our server is compared.

`python -m services.lab.baseline.bare_tftp KIND FILE ADDRESS PORT`, with one of these kinds:

`rfc1350`: the least that the standard asks of a server. A transfer has a transfer identifier, so a socket, of
its own (section 4), and an unacknowledged block is sent again. One constant file, no options, no checks, no
limits.

`stateless`: less than that. One socket for all transfers, no state, no retransmission: the cost of answering
seven datagrams in Python. It is no server, but no server can be cheaper.
"""

import json
import select
import socket
import sys
import time
from collections import deque
from pathlib import Path
from struct import Struct

HEAD = Struct(">HH")
DATA = 3
BLOCK_BYTES = 512
RETRANSMIT_S = 1.0
TRIES = 5

Peer = tuple[str, int]


class Transfer:
    """One read: its socket, its peer, the block that is outstanding."""

    def __init__(self, address: str, peer: Peer) -> None:
        self.socket = udp(address, 0)
        self.peer = peer
        self.block = 1
        self.tries = 0
        self.deadline = 0.0


def udp(address: str, port: int) -> socket.socket:
    """A bound socket that does not block."""
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((address, port))
    one.setblocking(False)
    return one


def serve_rfc1350(packets: list[bytes], address: str, listening: socket.socket) -> None:
    """A socket and a timer per transfer."""
    epoll = select.epoll()
    epoll.register(listening, select.EPOLLIN)
    transfers: dict[int, Transfer] = {}
    timers: deque[tuple[float, int, Transfer]] = deque()

    def send(number: int, transfer: Transfer) -> None:
        transfer.deadline = time.monotonic() + RETRANSMIT_S
        timers.append((transfer.deadline, number, transfer))
        transfer.socket.sendto(packets[transfer.block - 1], transfer.peer)

    def end(number: int) -> None:
        epoll.unregister(number)
        transfers.pop(number).socket.close()

    while True:
        for number, _ in epoll.poll(RETRANSMIT_S):
            if number == listening.fileno():
                _, peer = listening.recvfrom(2048)
                transfer = Transfer(address, peer)
                number = transfer.socket.fileno()
                transfers[number] = transfer
                epoll.register(number, select.EPOLLIN)
                send(number, transfer)
                continue
            transfer = transfers[number]
            data, peer = transfer.socket.recvfrom(2048)
            if peer != transfer.peer or HEAD.unpack_from(data)[1] != transfer.block:
                continue
            transfer.block += 1
            transfer.tries = 0
            if transfer.block > len(packets):
                end(number)
            else:
                send(number, transfer)
        now = time.monotonic()
        while timers and timers[0][0] <= now:
            due, number, transfer = timers.popleft()
            if transfers.get(number) is not transfer or transfer.deadline != due:
                continue
            transfer.tries += 1
            if transfer.tries > TRIES:
                end(number)
            else:
                send(number, transfer)


def serve_stateless(packets: list[bytes], address: str, listening: socket.socket) -> None:
    """One transfer socket, and nothing else."""
    transfer = udp(address, 0)
    epoll = select.epoll()
    for one in (listening, transfer):
        epoll.register(one, select.EPOLLIN)
    while True:
        for number, _ in epoll.poll():
            source = listening if number == listening.fileno() else transfer
            while True:
                try:
                    data, peer = source.recvfrom(2048)
                except BlockingIOError:
                    break
                acked = HEAD.unpack_from(data)[1] if source is transfer else 0
                if acked < len(packets):
                    transfer.sendto(packets[acked], peer)


def main() -> None:
    """Report ready, then serve until killed."""
    kind, path, address, port = sys.argv[1:]
    file = Path(path).read_bytes()
    starts = range(0, len(file) + 1, BLOCK_BYTES)
    packets = [HEAD.pack(DATA, 1 + at // BLOCK_BYTES) + file[at : at + BLOCK_BYTES] for at in starts]
    listening = udp(address, int(port))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    print(json.dumps({"ready": True}), flush=True)
    {"rfc1350": serve_rfc1350, "stateless": serve_stateless}[kind](packets, address, listening)


if __name__ == "__main__":
    main()

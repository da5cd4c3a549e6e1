"""The attack counts what it gets: nothing from a careful server, all of it from a careless one."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from bus.errors import UnavailableError
from services.lab.faults.attack.program import AttackConfig, AttackRun
from services.tftp.packets import DATA, HEAD, Request, parse_request

FILE = HEAD.pack(DATA, 1) + b"settings"
SERVER = "127.0.0.61"
BAITS = [(f"AQAbaitbaitbaitbaitbait{n}.residential", f"127.95.254.{n}", SERVER) for n in range(1, 5)]
EXPIRED = [("AQAexpiredexpiredexpired1.residential", "127.95.254.1", SERVER)]

Careful = Callable[[Request, str], bool]


@contextmanager
def server(may_have: Careful) -> Iterator[int]:
    """A TFTP server of one short block, for whoever may have it; yields its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((SERVER, 0))

        def serve() -> None:
            while True:
                data, peer = one.recvfrom(2048)
                if data == b"stop":
                    return
                request = parse_request(data)
                if request is not None and may_have(request, peer[0]):
                    one.sendto(FILE, peer)

        thread = Thread(target=serve)
        thread.start()
        try:
            yield one.getsockname()[1]
        finally:
            one.sendto(b"stop", one.getsockname())
            thread.join()


def config(port: int) -> AttackConfig:
    return AttackConfig(
        rate_per_s=2000,
        duration_s=0.1,
        seed=1,
        baits=BAITS,
        expired=EXPIRED,
        shared=["gold.cm"],
        servers=[SERVER],
        tftp_port=port,
        strangers=["127.200.1.1"],
        neighbours=["127.64.200.1"],
    )


def run(port: int) -> AttackRun:
    attack = AttackRun(config(port))
    try:
        attack.run()
    finally:
        attack.close()
    return attack


def owners_once() -> Careful:
    owners = {name.encode(): owner for name, owner, _ in BAITS}
    return lambda request, address: owners.pop(request.name, None) == address


def test_a_careful_server_gives_nothing() -> None:
    with server(owners_once()) as port:
        attack = run(port)
    assert (attack.sent, attack.files, attack.bytes) == (200, 0, 0)


def test_what_a_careless_server_gives_is_counted() -> None:
    with server(lambda _request, _address: True) as port:
        attack = run(port)
    assert attack.sent == 200
    assert attack.files > 0
    assert attack.bytes == attack.files * len(FILE)


def test_a_bait_without_its_file_is_an_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((SERVER, 0))
        with pytest.raises(UnavailableError, match=r"no file for 127\.95\.254\.1"):
            AttackRun(config(silent.getsockname()[1]), patience_s=0.01)

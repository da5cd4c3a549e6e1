"""Owners get what is theirs, and do with it what costs a server most."""

from services.lab.faults.attack.abusers import BLKSIZE, Owner
from services.lab.faults.attack.arsenal import Bait
from services.tftp.packets import ACK, DATA, HEAD, format_oack, parse_request

BAIT = Bait(b"AQAmine.residential", "127.95.254.1", "127.0.0.11")
FULL = HEAD.pack(DATA, 7) + bytes(BLKSIZE)
LAST = HEAD.pack(DATA, 8) + bytes(BLKSIZE - 1)


def test_one_who_restarts_acknowledges_nothing() -> None:
    owner = Owner(BAIT, "restart")
    assert parse_request(owner.request) is not None
    assert [owner.receive(data) for data in (FULL, LAST)] == [None, None]
    assert owner.bytes == len(FULL) + len(LAST)


def test_one_who_never_ends_acknowledges_all_but_the_last_block() -> None:
    owner = Owner(BAIT, "endless")
    request = parse_request(owner.request)
    assert request is not None
    assert request.blksize == BLKSIZE
    assert b"timeout\x00255\x00" in owner.request
    assert owner.receive(format_oack({b"blksize": BLKSIZE})) == HEAD.pack(ACK, 0)
    assert owner.receive(FULL) == HEAD.pack(ACK, 7)
    assert owner.receive(LAST) is None

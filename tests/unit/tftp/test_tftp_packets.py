"""TFTP packets: what parses, what does not, and that nothing a peer sends can raise."""

import random

import pytest

from bus.errors import LocalError
from services.tftp import packets
from services.tftp.packets import ErrorPacket, Request

NAME = b"cm.bin"


def rrq(*fields: bytes) -> bytes:
    return b"\0\1" + b"".join(field + b"\0" for field in fields)


def oack(*fields: bytes) -> bytes:
    return b"\0\6" + b"".join(field + b"\0" for field in fields)


@pytest.mark.parametrize(
    ("data", "request_expected"),
    [
        (rrq(NAME, b"octet"), Request(NAME)),
        (rrq(NAME, b"OcTeT"), Request(NAME)),
        (rrq(b"n" * 127, b"octet"), Request(b"n" * 127)),
        (rrq(b"../etc/\xff", b"octet"), Request(b"../etc/\xff")),
        (rrq(NAME, b"octet", b"blksize", b"8"), Request(NAME, blksize=8)),
        (rrq(NAME, b"octet", b"BLKSIZE", b"65464"), Request(NAME, blksize=65464)),
        (rrq(NAME, b"netascii"), Request(NAME, is_netascii=True)),
        (rrq(NAME, b"NetASCII", b"blksize", b"8"), Request(NAME, is_netascii=True)),
        (rrq(NAME, b"octet", b"tsize", b"0"), Request(NAME, tsize=True)),
        (rrq(NAME, b"octet", b"WindowSize", b"65535"), Request(NAME, windowsize=65535)),
        (rrq(NAME, b"octet", b"timeout", b"255", b"blksize", b"1448"), Request(NAME, 1448)),
        (rrq(NAME, b"octet", b"blksize", b"600", b"blksize", b"700"), Request(NAME, blksize=600)),
    ],
)
def test_a_legal_read_parses(data: bytes, request_expected: Request) -> None:
    assert packets.parse_request(data) == request_expected


@pytest.mark.parametrize(
    "options",
    [
        (b"blksize", b"7"),
        (b"blksize", b"65465"),
        (b"blksize", b"-8"),
        (b"blksize", b" 8"),
        (b"blksize", b""),
        (b"blksize", "٨٨".encode()),
        (b"blksize", b"0" * 9 + b"512"),
        (b"tsize", b"1"),
        (b"timeout", b"1"),
        (b"timeout", b"6"),
        (b"timeout", b"255"),
        (b"windowsize", b"0"),
        (b"windowsize", b"65536"),
        (b"multicast", b""),
        (b"blksize",),
        (b"",),
    ],
)
def test_an_illegal_or_unwanted_option_counts_as_not_asked(options: tuple[bytes, ...]) -> None:
    assert packets.parse_request(rrq(NAME, b"octet", *options)) == Request(NAME)


def test_an_option_without_its_last_nul_counts_as_not_asked() -> None:
    assert packets.parse_request(rrq(NAME, b"octet", b"blksize", b"1448")[:-1]) == Request(NAME)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"\0\1",
        b"\0\1\0\0",
        rrq(b"", b"octet"),
        rrq(NAME),
        rrq(NAME, b"octet")[:-1],
        rrq(b"", b"netascii"),
        rrq(b"n" * 128, b"netascii"),
        rrq(NAME, b"netascii")[:-1],
        rrq(NAME, b"mail"),
        rrq(NAME, b""),
        rrq(b"n" * 128, b"octet"),
        b"\0\2" + rrq(NAME, b"octet")[2:],
        b"\1\1" + rrq(NAME, b"octet")[2:],
        rrq(NAME, b"octet", b"x", b"1" * 500),
    ],
)
def test_anything_else_is_no_read(data: bytes) -> None:
    assert packets.parse_request(data) is None


def test_the_longest_read_is_512_bytes() -> None:
    bare = rrq(NAME, b"octet", b"x", b"")
    assert packets.parse_request(rrq(NAME, b"octet", b"x", b"y" * (512 - len(bare)))) == Request(NAME)
    assert packets.parse_request(rrq(NAME, b"octet", b"x", b"y" * (513 - len(bare)))) is None


@pytest.mark.parametrize(
    "request_",
    [Request(NAME), Request(NAME, 8, True, 16), Request(b"\xff" * 127), Request(NAME, is_netascii=True)],
)
def test_a_formatted_request_parses_back(request_: Request) -> None:
    assert packets.parse_request(packets.format_request(request_)) == request_


@pytest.mark.parametrize(
    "request_",
    [
        Request(b""),
        Request(b"n" * 128),
        Request(b"a\0b"),
        Request(NAME, blksize=7),
        Request(NAME, blksize=65465),
        Request(NAME, windowsize=0),
        Request(NAME, windowsize=65536),
    ],
)
def test_an_illegal_request_is_the_callers_error(request_: Request) -> None:
    with pytest.raises(LocalError):
        packets.format_request(request_)


def test_an_oack_parses_back() -> None:
    options = {b"blksize": 1448, b"windowsize": 3, b"tsize": 9_999_999_999}
    assert packets.parse_oack(packets.format_oack(options)) == options
    assert packets.parse_oack(oack(b"BlkSize", b"8")) == {b"blksize": 8}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\6",
        rrq(b"blksize", b"8"),
        oack(b"blksize"),
        oack(b"blksize", b"8")[:-1],
        oack(b"blksize", b"8", b"tsize"),
        oack(b"blksize", b"8") + b"tail",
        oack(b"timeout", b"6"),
        oack(b"blksize", b"7"),
        oack(b"blksize", b"x"),
        oack(b"windowsize", b"0"),
        oack(b"tsize", b"10000000000"),
        oack(b"tsize", b"1", b"TSIZE", b"1"),
    ],
)
def test_an_illegal_oack_is_none(data: bytes) -> None:
    assert packets.parse_oack(data) is None


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (packets.format_error(5, "unknown transfer"), ErrorPacket(5, "unknown transfer")),
        (b"\0\5\0\1", ErrorPacket(1, "")),
        (b"\0\5\0\1no NUL", ErrorPacket(1, "no NUL")),
        (b"\0\5\xff\xffa\nb\xe9\0rest", ErrorPacket(65535, "a?b?")),
        (b"\0\5\0\0" + b"x" * 500, ErrorPacket(0, "x" * 80)),
        (b"\0\5\0", None),
        (b"\0\4\0\1", None),
    ],
)
def test_errors(data: bytes, refusal: ErrorPacket | None) -> None:
    assert packets.parse_error(data) == refusal


@pytest.mark.parametrize(("data", "opcode"), [(b"\0\4\0\1", 4), (b"\0\4\0\1rest", 4), (b"\0\4\0", None)])
def test_opcodes(data: bytes, opcode: int | None) -> None:
    assert packets.parse_opcode(data) == opcode


def test_no_bytes_make_a_parser_raise() -> None:
    rng = random.Random(1350)
    seeds = [
        rrq(NAME, b"octet", b"blksize", b"1448", b"tsize", b"0"),
        rrq(NAME, b"netascii"),
        oack(b"blksize", b"1448", b"timeout", b"3"),
        packets.format_error(1, "no such file"),
    ]
    reads = 0
    for _ in range(3000):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.randrange(4)):
            data[rng.randrange(len(data))] = rng.choice((0, 255, rng.randrange(256)))
        mutated = bytes(data[: rng.randrange(len(data) + 1)]) if rng.random() < 0.3 else bytes(data)
        for candidate in (
            mutated,
            b"\0" + rng.randbytes(rng.randrange(40)),
            rng.randbytes(rng.randrange(600)),
        ):
            request = packets.parse_request(candidate)
            packets.parse_oack(candidate)
            packets.parse_error(candidate)
            if request is not None:
                reads += 1
                assert packets.parse_request(packets.format_request(request)) == request
    assert reads > 100

"""The read client: what it answers, what it ignores, and when it gives up."""

import random

import pytest

from bus.errors import LocalError
from services.tftp import packets
from services.tftp.client_core import ReadClient
from services.tftp.packets import ACK, DATA, HEAD

PORT = 3001


def data(block: int, payload: bytes) -> bytes:
    return HEAD.pack(DATA, block & 0xFFFF) + payload


def ack(block: int) -> bytes:
    return HEAD.pack(ACK, block & 0xFFFF)


def test_a_file_of_two_blocks() -> None:
    client = ReadClient(b"cm.bin")
    assert client.request == b"\0\1cm.bin\0octet\0"
    assert client.receive(data(1, b"a" * 512), PORT) == ack(1)
    assert (client.done, client.file, client.server_port) == (False, b"", PORT)
    assert client.receive(data(2, b""), PORT) == ack(2)
    assert (client.done, client.file, client.blocks, client.failed) == (True, b"a" * 512, 2, None)


def test_a_request_with_options() -> None:
    client = ReadClient(b"cm.bin", blksize=1448, tsize=True, windowsize=3)
    assert packets.parse_request(client.request) == packets.Request(b"cm.bin", 1448, True, 3)


@pytest.mark.parametrize(
    ("name", "blksize", "windowsize"), [(b"", None, None), (b"n", 7, None), (b"n", None, 65536)]
)
def test_an_illegal_request_is_refused(name: bytes, blksize: int | None, windowsize: int | None) -> None:
    with pytest.raises(LocalError):
        ReadClient(name, blksize=blksize, windowsize=windowsize)


def test_repeated_blocks_are_acknowledged_and_not_kept() -> None:
    client = ReadClient(b"cm.bin")
    client.receive(data(1, b"a" * 512), PORT)
    client.receive(data(2, b"b" * 512), PORT)
    assert client.receive(data(1, b"a" * 512), PORT) == ack(1)
    assert client.receive(data(2, b"b" * 512), PORT) == ack(2)
    client.receive(data(3, b"c"), PORT)
    assert client.receive(data(3, b"c"), PORT) == ack(3)
    assert client.receive(data(4, b"d"), PORT) is None
    assert (client.file, client.blocks, client.duplicates) == (b"a" * 512 + b"b" * 512 + b"c", 3, 3)


@pytest.mark.parametrize(
    "stray",
    [
        b"",
        b"\0\3\0",
        data(0, b"x"),
        data(2, b"x"),
        data(65535, b"x"),
        data(1, b"x" * 513),
        ack(1),
        b"\0\1cm.bin\0octet\0",
        b"\xff\xff\xff\xff",
        b"\0\6bl",
    ],
)
def test_a_packet_that_fits_nowhere_neither_counts_nor_pins_the_port(stray: bytes) -> None:
    client = ReadClient(b"cm.bin")
    assert client.receive(stray, PORT + 1) is None
    assert (client.ignored, client.server_port, client.blocks) == (1, None, 0)
    assert client.receive(data(1, b"a"), PORT) == ack(1)
    assert client.file == b"a"


@pytest.mark.parametrize("stranger", [data(2, b"evil"), packets.format_error(0, "evil"), data(1, b"a" * 512)])
def test_other_ports_are_ignored_once_the_first_reply_came(stranger: bytes) -> None:
    client = ReadClient(b"cm.bin")
    client.receive(data(1, b"a" * 512), PORT)
    assert client.receive(stranger, PORT + 1) is None
    assert (client.strangers, client.failed, client.blocks, client.duplicates) == (1, None, 1, 0)
    assert client.receive(data(2, b"b"), PORT) == ack(2)


def test_an_oack_sets_the_block_size() -> None:
    client = ReadClient(b"cm.bin", blksize=1448, tsize=True)
    oack = packets.format_oack({b"blksize": 1000, b"tsize": 1001})
    assert client.receive(oack, PORT) == ack(0)
    assert client.receive(packets.format_oack({b"blksize": 999}), PORT) is None
    assert client.receive(data(1, b"a" * 1000), PORT) == ack(1)
    assert client.receive(oack, PORT) == ack(0)
    assert client.receive(packets.format_oack({b"blksize": 8}), PORT) is None
    assert client.receive(data(2, b"b"), PORT) == ack(2)
    assert (len(client.file), client.duplicates, client.ignored) == (1001, 1, 2)


def test_a_server_without_options_sends_blocks_of_512() -> None:
    client = ReadClient(b"cm.bin", blksize=1448)
    assert client.receive(data(1, b"a" * 1448), PORT) is None
    assert client.receive(data(1, b"a" * 512), PORT) == ack(1)
    assert client.receive(packets.format_oack({b"blksize": 1448}), PORT) is None
    assert client.receive(data(2, b"b" * 511), PORT) == ack(2)
    assert len(client.file) == 1023


@pytest.mark.parametrize(
    "options",
    [{b"blksize": 513}, {b"tsize": 9}, {b"windowsize": 4}, {b"blksize": 512, b"windowsize": 4}],
)
def test_an_oack_of_something_else_ends_the_read_with_error_8(options: dict[bytes, int]) -> None:
    client = ReadClient(b"cm.bin", blksize=512, windowsize=3)
    reply = client.receive(packets.format_oack(options), PORT)
    assert reply == packets.format_error(8, "option or value not asked for")
    assert client.failed == "option or value not asked for"
    assert client.receive(data(1, b"a"), PORT) is None
    assert not client.done


def test_an_oack_nobody_asked_for_ends_the_read() -> None:
    client = ReadClient(b"cm.bin")
    assert client.receive(packets.format_oack({b"blksize": 512}), PORT) is not None
    assert client.failed is not None


def test_a_file_of_another_size_than_announced_fails() -> None:
    client = ReadClient(b"cm.bin", tsize=True)
    client.receive(packets.format_oack({b"tsize": 3}), PORT)
    assert client.receive(data(1, b"four"), PORT) == packets.format_error(0, "got 4 bytes, not 3")
    assert (client.done, client.file, client.failed) == (False, b"", "got 4 bytes, not 3")


def test_an_error_fails_the_read_until_it_is_restarted() -> None:
    client = ReadClient(b"cm.bin")
    assert client.receive(packets.format_error(1, "no such file"), PORT) is None
    assert client.failed == "server sent error 1: no such file"
    assert client.server_port == PORT
    assert client.receive(data(1, b"a"), PORT) is None
    assert client.restart() == client.request
    client.receive(data(1, b"a"), PORT)
    assert (client.done, client.file) == (True, b"a")


def test_an_error_does_not_undo_a_read_that_is_done() -> None:
    client = ReadClient(b"cm.bin")
    client.receive(data(1, b"a"), PORT)
    assert client.receive(packets.format_error(1, "late"), PORT) is None
    assert (client.done, client.failed) == (True, None)


def test_a_block_of_the_future_stays_ignored_after_the_numbers_have_wrapped() -> None:
    client = ReadClient(b"cm.bin", blksize=8)
    client.receive(packets.format_oack({b"blksize": 8}), PORT)
    for block in range(1, 65541):
        client.receive(data(block, b"8 bytes."), PORT)
    assert client.receive(data(65542, b"8 bytes."), PORT) is None
    assert client.receive(data(65539, b"8 bytes."), PORT) == ack(65539)
    assert client.receive(data(65541, b""), PORT) == ack(65541)
    assert client.done


def test_a_restart_forgets_blocks_options_and_port() -> None:
    client = ReadClient(b"cm.bin", blksize=1448, tsize=True)
    client.receive(packets.format_oack({b"blksize": 1448, b"tsize": 2000}), PORT)
    client.receive(data(1, b"a" * 1448), PORT)
    client.restart()
    assert (client.blocks, client.server_port, client.done) == (0, None, False)
    assert client.receive(data(2, b"a" * 552), PORT) is None
    assert client.receive(data(1, b"a" * 1448), PORT) is None
    assert client.receive(data(1, b"b" * 100), PORT + 1) == ack(1)
    assert (client.file, client.server_port) == (b"b" * 100, PORT + 1)


def test_no_bytes_make_the_client_raise_or_finish_wrongly() -> None:
    rng = random.Random(2347)
    for _ in range(300):
        client = ReadClient(b"cm.bin", blksize=512, tsize=True)
        client.receive(packets.format_oack({b"blksize": 512, b"tsize": 1000}), PORT)
        for _ in range(20):
            head = bytes((0, rng.randrange(8), 0, rng.randrange(4)))
            client.receive(rng.choice((b"", head)) + rng.randbytes(rng.randrange(30)), PORT)
        assert not client.done

"""The window of RFC 7440: what an acknowledgement sets off, and what it does not."""

from typing import Any

import pytest

from services.tftp import packets
from services.tftp.client_core import ReadClient
from services.tftp.effects import Abandoned, Completed
from services.tftp.packets import ACK, DATA, HEAD
from services.tftp.server_core import TftpServer
from tests.unit.tftp.talk import MODEM, NAME, ack, ask, data, rrq, running, say, sent

FILE = bytes(range(256)) * 20  # ten whole blocks of 512 and an empty one
PORT = 3001


def window(first: int, last: int) -> list[bytes]:
    return [data(number, FILE[(number - 1) * 512 : number * 512]) for number in range(first, last + 1)]


@pytest.fixture
def server() -> TftpServer:
    """A server that has sent the first window of four blocks."""
    server = TftpServer(transfer_sockets=1)
    running(server, rrq(windowsize=4), file=FILE)
    assert sent(say(server, ack(0))) == window(1, 4)
    return server


def test_each_acknowledged_window_is_followed_by_the_next(server: TftpServer) -> None:
    assert sent(say(server, ack(4))) == window(5, 8)
    assert sent(say(server, ack(8))) == window(9, 11)
    assert say(server, ack(11)) == [Completed(1, NAME, MODEM, len(FILE), 11, 0)]


def test_an_ack_inside_the_window_resumes_behind_it(server: TftpServer) -> None:
    assert sent(say(server, ack(2))) == window(3, 6)
    assert sent(say(server, ack(6))) == window(7, 10)
    assert sent(say(server, ack(9))) == window(10, 11)
    assert isinstance(say(server, ack(11))[0], Completed)


@pytest.mark.parametrize("late", [0, 1, 2, 65535])
def test_a_duplicate_ack_starts_no_storm(server: TftpServer, late: int) -> None:
    say(server, ack(2))
    for _ in range(100):
        assert say(server, ack(late)) == []
    assert server.counters.duplicate_acks == 100
    assert sent(say(server, ack(6))) == window(7, 10)


@pytest.mark.parametrize("future", [5, 11, 12])
def test_an_ack_of_what_was_not_sent_is_ignored(server: TftpServer, future: int) -> None:
    assert say(server, ack(future)) == []
    assert server.counters.malformed == 1


def test_an_ack_of_a_block_behind_the_last_one_is_ignored(server: TftpServer) -> None:
    say(server, ack(4))
    assert sent(say(server, ack(8))) == window(9, 11)
    assert say(server, ack(12)) == []
    assert isinstance(say(server, ack(11))[0], Completed)


def test_the_timer_resends_the_window_with_a_back_off(server: TftpServer) -> None:
    say(server, ack(2))
    effects: list[Any] = []
    times = []
    while (now := server.deadline()) is not None:
        effects = server.tick(now)
        if sent(effects):
            times.append(now)
            assert sent(effects) == window(3, 6)
    assert times == [1.0, 3.0, 7.0, 15.0, 23.0]
    assert effects == [Abandoned(1, NAME, MODEM, "retransmits exhausted")]
    assert server.counters.retransmits == 20


def test_a_repeated_request_resends_the_window_once_and_then_starts_over(server: TftpServer) -> None:
    oack = packets.format_oack({b"windowsize": 4})
    assert sent(ask(server, rrq(windowsize=4))) == window(1, 4)
    assert sent(server.receive(0, rrq(windowsize=4), MODEM, 0.0)) == []
    assert sent(server.serve(1, FILE, 0.0)) == [oack]
    assert sent(say(server, ack(0))) == window(1, 4)


def test_the_window_spans_the_wrap_of_the_numbers() -> None:
    server = TftpServer(transfer_sockets=1)
    running(server, rrq(blksize=8, windowsize=16), file=bytes(8 * 65540))
    position = 0
    effects = say(server, ack(0))
    while len(sent(effects)) == 16:
        position += 16
        effects = say(server, ack(position))
    assert position == 65536
    assert [packet[:4] for packet in sent(effects)] == [HEAD.pack(DATA, number) for number in range(1, 6)]
    assert sent(say(server, ack(65538)))[0][:4] == HEAD.pack(DATA, 3)
    assert isinstance(say(server, ack(65541))[0], Completed)


@pytest.fixture
def client() -> ReadClient:
    """A client that was granted a window of three blocks."""
    client = ReadClient(NAME, windowsize=4)
    assert client.receive(packets.format_oack({b"windowsize": 3}), PORT) == ack(0)
    return client


def hear(client: ReadClient, *numbers: int) -> list[bytes]:
    """What the client answers to these whole blocks."""
    replies = [client.receive(data(number, bytes(512)), PORT) for number in numbers]
    return [reply for reply in replies if reply is not None]


def test_the_client_acknowledges_a_window_and_the_end(client: ReadClient) -> None:
    assert hear(client, 1, 2, 3) == [ack(3)]
    assert hear(client, 4) == []
    assert client.receive(data(5, b"end"), PORT) == ack(5)
    assert (client.done, len(client.file)) == (True, 4 * 512 + 3)
    assert client.receive(data(5, b"end"), PORT) == ack(5)


def test_a_gap_is_answered_once_with_the_last_block_before_it(client: ReadClient) -> None:
    assert hear(client, 1, 3, 4, 3) == [ack(1)]
    assert hear(client, 2, 3) == []
    assert hear(client, 4) == [ack(4)]
    assert hear(client, 6) == [ack(4)]


def test_of_what_is_repeated_only_the_newest_block_is_acknowledged(client: ReadClient) -> None:
    hear(client, 1, 2, 3)
    assert hear(client, 1, 2) == []
    assert hear(client, 3) == [ack(3)]
    assert client.duplicates == 3


@pytest.mark.parametrize("number", [0, 5, 65535])
def test_a_block_from_beyond_the_window_is_ignored(client: ReadClient, number: int) -> None:
    assert hear(client, 1, number) == []
    assert client.ignored == 1


@pytest.mark.parametrize(("asked", "granted"), [(None, 2), (4, 5)])
def test_a_window_that_was_not_asked_for_ends_the_read(asked: int | None, granted: int) -> None:
    client = ReadClient(NAME, blksize=512, windowsize=asked)
    reply = client.receive(packets.format_oack({b"windowsize": granted}), PORT)
    assert reply == packets.format_error(8, "option or value not asked for")


def test_a_restart_forgets_the_window(client: ReadClient) -> None:
    hear(client, 1, 2)
    client.restart()
    assert hear(client, 1, 2) == [HEAD.pack(ACK, 1), HEAD.pack(ACK, 2)]

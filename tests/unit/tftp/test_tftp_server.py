"""The TFTP server core: every rule with its illegal twin."""

import random
from typing import Any

import pytest

from services.tftp import packets
from services.tftp.effects import Abandoned, Completed, NetasciiAsked, ReadRepeated, ReadRequested
from services.tftp.packets import Request
from services.tftp.server_core import TftpServer
from services.tftp.session import LIFE_S_MAX, RESTARTS_BURST
from tests.unit.tftp.talk import (
    FILE,
    MODEM,
    NAME,
    OTHER,
    RESTARTED,
    ack,
    ask,
    block,
    data,
    rrq,
    running,
    say,
    sent,
    serve,
)

TIMEOUT_255 = b"timeout\0255\0"


@pytest.fixture
def server() -> TftpServer:
    return TftpServer(transfer_sockets=1)


def test_a_read_without_options_is_data_in_lock_step(server: TftpServer) -> None:
    assert ask(server, rrq()) == [ReadRequested(1, Request(NAME), MODEM)]
    assert serve(server, 1) == [block(1)]
    assert sent(say(server, ack(1))) == [block(2)]
    assert sent(say(server, ack(2))) == [block(3)]
    assert say(server, ack(3)) == [Completed(1, NAME, MODEM, len(FILE), 3, 0)]
    assert server.deadline() is None


@pytest.mark.parametrize(("size", "last"), [(0, b""), (511, b"x" * 511), (512, b"")])
def test_the_last_block_is_short_even_when_empty(server: TftpServer, size: int, last: bytes) -> None:
    ask(server, rrq())
    first = serve(server, 1, b"x" * size)
    blocks = size // 512 + 1
    if blocks == 2:
        first = sent(say(server, ack(1)))
    assert first == [data(blocks, last)]
    assert say(server, ack(blocks)) == [Completed(1, NAME, MODEM, size, blocks, 0)]


@pytest.mark.parametrize(
    ("request_", "options"),
    [
        (rrq(blksize=8), {b"blksize": 8}),
        (rrq(blksize=1448), {b"blksize": 1448}),
        (rrq(blksize=1449), {b"blksize": 1448}),
        (rrq(blksize=65464), {b"blksize": 1448}),
        (rrq(tsize=True), {b"tsize": len(FILE)}),
        (rrq(blksize=600, tsize=True), {b"blksize": 600, b"tsize": len(FILE)}),
        (rrq(tsize=True) + TIMEOUT_255, {b"tsize": len(FILE)}),
        (rrq(blksize=600) + b"multicast\0\0", {b"blksize": 600}),
        (rrq(windowsize=1), {b"windowsize": 1}),
        (rrq(windowsize=16), {b"windowsize": 16}),
        (rrq(windowsize=17), {b"windowsize": 16}),
        (rrq(windowsize=65535, tsize=True), {b"windowsize": 16, b"tsize": len(FILE)}),
    ],
)
def test_only_what_was_asked_is_acknowledged(
    server: TftpServer, request_: bytes, options: dict[bytes, int]
) -> None:
    ask(server, request_)
    (oack,) = serve(server, 1)
    assert packets.parse_oack(oack) == options
    assert sent(say(server, ack(0)))[0] == block(1, options.get(b"blksize", 512))


@pytest.mark.parametrize(
    ("asked", "granted"), [(8, 8), (1448, 1448), (1468, 1468), (1469, 1468), (65464, 1468)]
)
def test_no_block_is_larger_than_the_operator_allows(asked: int, granted: int) -> None:
    server = TftpServer(transfer_sockets=1, blksize_max=1468)
    ask(server, rrq(blksize=asked))
    (oack,) = serve(server, 1, bytes(3000))
    assert packets.parse_oack(oack) == {b"blksize": granted}
    assert sent(say(server, ack(0))) == [data(1, bytes(granted))]


@pytest.mark.parametrize(
    "tail", [b"windowsize\00\0", b"blksize\07\0", b"tsize\05\0", b"timeout\06\0", b"rubbish"]
)
def test_options_that_cannot_be_taken_leave_a_plain_read(server: TftpServer, tail: bytes) -> None:
    ask(server, rrq() + tail)
    assert serve(server, 1) == [block(1)]


def test_block_numbers_wrap(server: TftpServer) -> None:
    file = bytes(8 * 65536 + 3)
    running(server, rrq(blksize=8), file=file)
    effects = say(server, ack(0))
    for number in range(1, 65537):
        assert sent(effects) == [data(number, bytes(8))]
        effects = say(server, ack(number))
    assert sent(effects) == [data(1, bytes(3))]
    assert say(server, ack(65536)) == []
    assert say(server, ack(65537)) == [Completed(1, NAME, MODEM, len(file), 65537, 0)]


def test_a_duplicate_ack_starts_nothing(server: TftpServer) -> None:
    running(server, rrq(blksize=512))
    say(server, ack(0))
    say(server, ack(1))
    assert say(server, ack(1)) == []
    assert say(server, ack(0)) == []
    assert server.counters.duplicate_acks == 2
    assert sent(say(server, ack(2))) == [block(3)]


@pytest.mark.parametrize(
    "garbage", [b"", b"\0", b"\0\4\0", ack(2), ack(9), data(1, b"x"), rrq(), b"\0\6\0\0", b"\xff\xff\0\1"]
)
def test_garbage_in_a_transfer_is_counted_and_harmless(server: TftpServer, garbage: bytes) -> None:
    running(server)
    assert say(server, garbage) == []
    assert server.counters.malformed == 1
    assert sent(say(server, ack(1) + b"padding")) == [block(2)]


@pytest.mark.parametrize(
    ("packet", "counter"),
    [
        (b"", "malformed"),
        (b"\0\1", "malformed"),
        (b"\0\2cm.bin\0octet\0", "refused_write"),
        (b"\0\1cm.bin\0mail\0", "malformed"),
        (ack(1), "malformed"),
        (data(1, b"x"), "malformed"),
        (packets.format_error(0, "x"), "malformed"),
    ],
)
def test_not_one_byte_answers_what_is_no_read(server: TftpServer, packet: bytes, counter: str) -> None:
    assert ask(server, packet) == []
    assert getattr(server.counters, counter) == 1
    assert server.deadline() is None


NETASCII = b"\0\1cm.bin\0netascii\0"


def test_a_read_in_netascii_is_counted_by_itself_and_nothing_is_remembered_of_it(server: TftpServer) -> None:
    (asked,) = server.receive(0, NETASCII, MODEM, 0.0)
    assert asked == NetasciiAsked(NAME, MODEM)
    assert (server.counters.netascii, server.counters.malformed) == (1, 0)
    assert (len(server), server.deadline()) == (0, None)
    assert isinstance(asked, NetasciiAsked)
    (refusal,) = server.refuse_netascii(asked)
    assert (refusal.socket, refusal.peer) == (1, MODEM)
    assert packets.parse_error(refusal.data) == packets.ErrorPacket(
        0, "not a text file: get it in octet (binary) mode"
    )
    assert len(server) == 0


def test_a_read_in_netascii_disturbs_no_read_of_its_port(server: TftpServer) -> None:
    running(server)
    (asked,) = server.receive(0, NETASCII, MODEM, 0.0)
    assert isinstance(asked, NetasciiAsked)
    assert server.refuse_netascii(asked) == []
    assert sent(say(server, ack(1))) == [block(2)]


def test_a_full_server_is_silent_but_serves_those_it_has() -> None:
    server = TftpServer(transfer_sockets=1, sessions_max=1)
    ask(server, rrq())
    assert ask(server, rrq(), OTHER) == []
    assert server.counters.refused_full == 1
    assert ask(server, rrq(), RESTARTED) == [ReadRepeated(1, NAME, RESTARTED)]
    server.drop(1)
    assert ask(server, rrq(), OTHER) == [ReadRequested(2, Request(NAME), OTHER)]


def test_what_nobody_vouches_for_leaves_nothing_behind(server: TftpServer) -> None:
    for number in range(100):
        peer = (f"10.0.1.{number}", 2000)
        (asked,) = server.receive(0, rrq(b"%d" % number), peer, 0.0)
        assert isinstance(asked, ReadRequested)
        assert say(server, ack(1), peer) == []
        assert serve(server, asked.read) == []
    assert (len(server), server.deadline()) == (0, None)


def test_a_full_server_sheds_what_was_given_up_the_oldest_first() -> None:
    server = TftpServer(transfer_sockets=1, sessions_max=3)
    ask(server, rrq(b"running"))
    ask(server, rrq(b"oldest"), now=1.0)
    ask(server, rrq(b"old"), (MODEM[0], 2001), now=1.2)
    server.serve(1, FILE, 2.0)
    assert ask(server, rrq(), OTHER, now=4.9) == []
    assert ask(server, rrq(), OTHER, now=5.0) == [
        Abandoned(2, b"oldest", MODEM, "shed"),
        ReadRequested(4, Request(NAME), OTHER),
    ]
    assert ask(server, rrq(), ("10.0.0.9", 2000), now=5.1) == []
    assert len(server) == 3
    assert (server.counters.shed, server.counters.refused_full) == (1, 2)
    assert sent(say(server, ack(1), now=5.1)) == [block(2)]


def test_a_running_read_makes_room_only_when_it_has_made_no_progress_for_4_s() -> None:
    server = TftpServer(transfer_sockets=1, sessions_max=2)
    running(server)
    running(server, peer=RESTARTED, request=rrq(b"mta.bin"))
    say(server, ack(1), now=3.0)
    ask(server, rrq(), now=3.9)  # to repeat a request is no progress
    assert ask(server, rrq(), OTHER, now=3.9) == []
    assert server.counters.refused_full == 1
    left, asked = ask(server, rrq(), OTHER, now=4.0)
    assert left == Abandoned(2, b"mta.bin", RESTARTED, "shed")
    assert asked == ReadRequested(3, Request(NAME), OTHER)
    assert sent(say(server, ack(2), now=4.1)) == [block(3)]


def test_drop_and_serve_of_a_read_that_is_gone_do_nothing(server: TftpServer) -> None:
    ask(server, rrq())
    server.drop(1)
    server.drop(1)
    assert serve(server, 1) == []
    assert server.tick(100.0) == []
    assert ask(server, rrq()) == [ReadRequested(2, Request(NAME), MODEM)]


def test_a_read_is_served_once(server: TftpServer) -> None:
    running(server)
    assert serve(server, 1, b"another file") == []
    assert sent(say(server, ack(1))) == [block(2)]


def test_a_running_read_can_be_dropped(server: TftpServer) -> None:
    running(server)
    running(server, peer=RESTARTED, request=rrq(b"mta.bin"))
    server.drop(1)
    assert say(server, ack(1), now=5.5) == []
    assert sent(say(server, ack(1), RESTARTED)) == [block(2)]


def test_a_waiting_read_is_forgotten_in_time(server: TftpServer) -> None:
    ask(server, rrq())
    assert ask(server, rrq(), now=2.0) == [ReadRepeated(1, NAME, MODEM)]
    assert [effect for now in (1.0, 4.0, 4.4) for effect in server.tick(now)] == []
    assert server.deadline() == 4.5
    assert server.tick(4.5) == [Abandoned(1, NAME, MODEM, "no file")]
    assert serve(server, 1) == []


@pytest.mark.parametrize("tail", [b"", b"timeout\01\0", b"timeout\06\0", TIMEOUT_255])
def test_a_client_that_is_gone_is_kept_31_s_whatever_timeout_it_asked_for(
    server: TftpServer, tail: bytes
) -> None:
    """Retransmission doubles up to 8 s and ends after five. With `timeout` 255 it was 1,530 s."""
    running(server, rrq() + tail)
    times = []
    effects: list[Any] = []
    while (now := server.deadline()) is not None:
        effects = server.tick(now)
        times += [now] if effects else []
        assert sent(effects) in ([], [block(1)])
    assert times == [1.0, 3.0, 7.0, 15.0, 23.0, 31.0]
    assert effects == [Abandoned(1, NAME, MODEM, "retransmits exhausted")]
    assert server.counters.retransmits == 5


def test_what_curl_asks_for_is_sent_again_after_our_own_second(server: TftpServer) -> None:
    """curl always asks for `timeout` 6: a lost block once cost it that long."""
    ask(server, rrq(blksize=512, tsize=True) + b"timeout\06\0")
    (oack,) = serve(server, 1)
    assert packets.parse_oack(oack) == {b"blksize": 512, b"tsize": len(FILE)}
    assert sent(server.tick(1.0)) == [oack]
    assert sent(say(server, ack(0), now=1.5)) == [block(1)]
    assert sent(server.tick(2.5)) == [block(1)]


@pytest.mark.parametrize("begins_anew", [False, True])
def test_no_read_outlives_120_s(server: TftpServer, begins_anew: bool) -> None:
    """Whatever its client does: it acknowledges one block each second, and may begin anew before the last."""
    running(server, rrq(blksize=8))
    number = 0
    effects: list[Any] = []
    for second in range(1, 200):
        now = float(second)
        effects += server.tick(now)
        if not len(server):
            break
        if begins_anew and number == 100:
            number = 0
            effects += ask(server, rrq(blksize=8), now=now)
        effects += say(server, ack(number), now=now)
        number += 1
    assert (now, effects[-1]) == (LIFE_S_MAX, Abandoned(1, NAME, MODEM, "took too long"))
    assert (server.counters.overdue, server.deadline()) == (1, None)
    assert sent(say(server, ack(number), now=now)) == []


def test_a_read_begins_anew_once_a_second(server: TftpServer) -> None:
    running(server)
    for now in (0.1, 10.1):
        asked = [ask(server, rrq(), (MODEM[0], 2001 + at), now=now) for at in range(100)]
        assert [bool(one) for one in asked] == [True] * RESTARTS_BURST + [False] * (100 - RESTARTS_BURST)
    assert server.counters.restarts == 2 * RESTARTS_BURST
    assert server.counters.restarts_refused == 2 * (100 - RESTARTS_BURST)
    served_at = (MODEM[0], 2000 + RESTARTS_BURST)
    assert sent(say(server, ack(1), served_at, now=10.2)) == [block(2)]


def test_an_acknowledgement_renews_patience_and_budget(server: TftpServer) -> None:
    running(server)
    for now in (1.0, 3.0, 7.0, 15.0, 23.0):
        assert sent(server.tick(now)) == [block(1)]
    say(server, ack(1), now=24.0)
    assert server.deadline() == 25.0
    for now in (25.0, 27.0, 31.0, 39.0, 47.0):
        assert sent(server.tick(now)) == [block(2)]
    say(server, ack(2), now=48.0)
    assert say(server, ack(3), now=48.0) == [Completed(1, NAME, MODEM, len(FILE), 3, 10)]


def test_a_completed_read_leaves_nothing_to_retransmit(server: TftpServer) -> None:
    running(server, file=b"x")
    say(server, ack(1))
    assert server.tick(100.0) == []


@pytest.mark.parametrize("acked", [0, 2])
def test_an_error_of_the_peer_is_never_a_completion(server: TftpServer, acked: int) -> None:
    running(server)
    for number in range(1, acked + 1):
        say(server, ack(number))
    assert say(server, packets.format_error(3, "disk\nfull")) == [
        Abandoned(1, NAME, MODEM, "peer sent error 3: disk?full")
    ]
    assert ask(server, rrq()) == [ReadRequested(2, Request(NAME), MODEM)]


def test_no_bytes_make_the_server_raise_or_answer_a_stranger(server: TftpServer) -> None:
    rng = random.Random(1350)
    running(server, file=bytes(5000))
    seeds = [rrq(blksize=512), ack(1), packets.format_error(1, "x"), data(1, b"x")]
    for now in range(3000):
        packet = bytearray(rng.choice(seeds))
        packet[rng.randrange(len(packet))] = rng.randrange(256)
        candidate = rng.choice((bytes(packet), rng.randbytes(rng.randrange(600))))
        effects = server.receive(rng.randrange(5), candidate, ("192.0.2.1", rng.randrange(9)), now / 1000)
        assert sent(effects) == []
        for effect in effects:
            if isinstance(effect, ReadRequested):
                server.drop(effect.read)
        server.receive(rng.randrange(5), candidate, MODEM, now / 1000)

"""Whose read is it: repeated and restarted requests, late packets and strangers."""

from collections.abc import Sequence
from typing import Any

import pytest

from services.tftp import packets
from services.tftp.effects import (
    Abandoned,
    Completed,
    Datagram,
    Peer,
    ReadRepeated,
    ReadRequested,
    ReadRestarted,
)
from services.tftp.packets import Request
from services.tftp.server_core import TftpServer
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

UNKNOWN = packets.format_error(5, "unknown transfer")


@pytest.fixture
def server() -> TftpServer:
    return TftpServer(transfer_sockets=1)


def test_a_repeated_request_of_a_waiting_read(server: TftpServer) -> None:
    ask(server, rrq())
    assert ask(server, rrq()) == [ReadRepeated(1, NAME, MODEM)]
    assert ask(server, rrq(tsize=True), RESTARTED) == [ReadRepeated(1, NAME, RESTARTED)]
    assert server.serve(1, b"x", 0.0) == [Datagram(1, packets.format_oack({b"tsize": 1}), RESTARTED)]


def test_a_repeated_request_of_a_running_read_resends_the_packet_outstanding(server: TftpServer) -> None:
    running(server)
    say(server, ack(1))
    assert sent(ask(server, rrq())) == [block(2)]
    assert server.counters.retransmits == 1
    assert sent(say(server, ack(2))) == [block(3)]


def test_after_a_vain_resend_a_repeated_request_starts_from_block_1(server: TftpServer) -> None:
    running(server)
    say(server, ack(1))
    assert sent(server.tick(1.0)) == [block(2)]
    assert sent(ask(server, rrq(), now=2.0)) == [block(1)]
    assert sent(ask(server, rrq(), now=2.0)) == [block(1)]
    assert server.counters.restarts == 1
    for number in (1, 2):
        say(server, ack(number), now=2.0)
    assert say(server, ack(3), now=2.0) == [Completed(1, NAME, MODEM, len(FILE), 3, 2)]


def test_a_resend_that_was_answered_was_not_in_vain(server: TftpServer) -> None:
    running(server)
    server.tick(1.0)
    say(server, ack(1), now=1.5)
    assert sent(ask(server, rrq(), now=2.0)) == [block(2)]


def test_other_options_are_a_new_attempt_from_the_same_port(server: TftpServer) -> None:
    running(server)
    say(server, ack(1))
    assert sent(ask(server, rrq(blksize=1000))) == [packets.format_oack({b"blksize": 1000})]
    assert sent(say(server, ack(0))) == [block(1, 1000)]


def test_a_restarted_read_joins_from_a_new_port(server: TftpServer) -> None:
    running(server)
    say(server, ack(1))
    assert sent(ask(server, rrq(blksize=1448), RESTARTED)) == [packets.format_oack({b"blksize": 1448})]
    assert say(server, ack(2)) == []
    assert sent(say(server, ack(0), RESTARTED)) == [block(1, 1448)]
    assert say(server, ack(1), RESTARTED) == [Completed(1, NAME, RESTARTED, len(FILE), 1, 0)]
    assert say(server, ack(3)) == []
    assert server.counters.completed == 1


def test_a_new_port_starts_from_block_1_with_the_same_options_too(server: TftpServer) -> None:
    running(server)
    say(server, ack(1))
    assert server.receive(0, rrq(), RESTARTED, 0.0) == [ReadRestarted(1, NAME, RESTARTED, 0.0)]
    assert server.serve(1, FILE, 0.0) == [Datagram(1, block(1), RESTARTED)]


def test_who_begins_anew_gets_the_file_as_it_is_now(server: TftpServer) -> None:
    """Not one block of the former file is sent, and none of the new one twice."""
    running(server)
    say(server, ack(1))
    assert server.receive(0, rrq(), RESTARTED, 9.0) == [ReadRestarted(1, NAME, RESTARTED, 0.0)]
    assert sent(server.serve(1, b"fresh", 9.0)) == [data(1, b"fresh")]
    assert server.serve(1, b"fresher", 9.0) == []
    assert say(server, ack(1), RESTARTED, 9.1) == [Completed(1, NAME, RESTARTED, 5, 1, 0)]


def test_repeating_the_request_does_not_keep_a_read_alive(server: TftpServer) -> None:
    running(server)
    effects: list[Any] = []
    for second in range(1, 40):
        effects += server.tick(float(second))
        if any(isinstance(effect, Abandoned) for effect in effects):
            break
        effects += ask(server, rrq(), (MODEM[0], 3000 + second), now=second + 0.5)
    assert isinstance(effects[-1], Abandoned)
    assert isinstance(ask(server, rrq(), now=50.0)[0], ReadRequested)


@pytest.mark.parametrize("peer", [OTHER, ("10.0.0.8", 2001)])
def test_the_same_name_from_another_address_is_another_read(server: TftpServer, peer: Peer) -> None:
    running(server)
    assert ask(server, rrq(), peer) == [ReadRequested(2, Request(NAME), peer)]


def test_another_name_from_the_same_port_replaces_the_read_once_it_is_served(server: TftpServer) -> None:
    running(server)
    assert ask(server, rrq(b"mta.bin")) == [ReadRequested(2, Request(b"mta.bin"), MODEM)]
    assert sent(say(server, ack(1))) == [block(2)]
    assert server.serve(2, b"x", 0.0) == [
        Datagram(1, data(1, b"x"), MODEM),
        Abandoned(1, NAME, MODEM, "replaced by another read"),
    ]
    assert len(server) == 1
    assert say(server, ack(1)) == [Completed(2, b"mta.bin", MODEM, 1, 1, 0)]


def test_a_forged_request_of_another_name_stops_no_download(server: TftpServer) -> None:
    running(server)
    server.receive(0, rrq(b"forged"), MODEM, 0.0)  # and the host vouches for nobody
    ask(server, rrq(b"waits for ever"))
    for number in (1, 2):
        assert sent(say(server, ack(number))) == [block(number + 1)]
    assert say(server, ack(3)) == [Completed(1, NAME, MODEM, len(FILE), 3, 0)]
    assert serve(server, 3, b"x") == [data(1, b"x")]
    assert isinstance(say(server, ack(1))[0], Completed)


def test_of_two_that_wait_at_one_port_the_served_one_stays(server: TftpServer) -> None:
    ask(server, rrq())
    ask(server, rrq(b"mta.bin"))
    assert server.serve(2, b"x", 0.0) == [
        Datagram(1, data(1, b"x"), MODEM),
        Abandoned(1, NAME, MODEM, "replaced by another read"),
    ]
    assert serve(server, 1) == []


def test_a_read_that_moves_to_the_port_of_another_replaces_it(server: TftpServer) -> None:
    running(server)
    running(server, rrq(b"mta.bin"), RESTARTED, file=b"x")
    assert ask(server, rrq(), RESTARTED) == [
        Datagram(1, block(1), RESTARTED),
        Abandoned(2, b"mta.bin", RESTARTED, "replaced by another read"),
    ]
    assert sent(say(server, ack(1), RESTARTED)) == [block(2)]


def test_a_waiting_read_that_moves_leaves_the_read_that_runs_there(server: TftpServer) -> None:
    running(server, rrq(b"mta.bin"), RESTARTED)
    ask(server, rrq())
    assert ask(server, rrq(), RESTARTED) == [ReadRepeated(2, NAME, RESTARTED)]
    assert sent(say(server, ack(1), RESTARTED)) == [block(2)]
    assert [type(one) for one in server.serve(2, FILE, 0.0)] == [Datagram, Abandoned]


def test_another_name_from_another_port_is_a_second_read(server: TftpServer) -> None:
    running(server)
    running(server, rrq(b"mta.bin"), RESTARTED)
    for peer in (MODEM, RESTARTED):
        assert sent(say(server, ack(1), peer)) == [block(2)]


def test_a_completed_name_may_be_asked_again(server: TftpServer) -> None:
    running(server, file=b"x")
    say(server, ack(1))
    assert ask(server, rrq()) == [ReadRequested(2, Request(NAME), MODEM)]
    assert say(server, ack(1)) == []


def test_an_unknown_peer_hears_error_5_only_where_its_address_is_served(server: TftpServer) -> None:
    stranger: Peer = (MODEM[0], 4000)
    assert server.receive(1, ack(1), stranger, 0.0) == []
    ask(server, rrq())
    assert server.receive(1, ack(1), stranger, 0.0) == []
    serve(server, 1)
    assert server.receive(1, ack(1), (OTHER[0], 4000), 0.0) == []
    assert server.receive(3, ack(1), stranger, 0.0) == [Datagram(3, UNKNOWN, stranger)]
    for packet in (b"", b"\0\4\0", data(1, b"x"), rrq(), packets.format_error(5, "x")):
        assert server.receive(3, packet, stranger, 0.0) == []
    assert (server.counters.unknown_tid, server.counters.errors_sent) == (9, 1)
    assert sent(say(server, ack(1))) == [block(2)]
    say(server, ack(2))
    assert isinstance(say(server, ack(3))[0], Completed)
    assert say(server, ack(1), stranger) == []


def test_a_known_peer_on_another_socket_is_no_reason_for_an_error(server: TftpServer) -> None:
    running(server)
    assert server.receive(2, ack(1), MODEM, 0.0) == []
    assert server.counters.unknown_tid == 1


def test_a_waiting_peer_hears_no_error(server: TftpServer) -> None:
    running(server)
    ask(server, rrq(b"mta.bin"), RESTARTED)
    assert server.receive(1, ack(1), RESTARTED, 0.0) == []
    assert server.receive(1, packets.format_error(0, "x"), RESTARTED, 0.0) == []
    assert serve(server, 2, b"x") == [data(1, b"x")]


@pytest.mark.parametrize(("now", "answers"), [(4.9, []), (5.0, [UNKNOWN])])
def test_a_late_last_ack_is_dropped_for_five_seconds(
    server: TftpServer, now: float, answers: list[bytes]
) -> None:
    running(server)
    running(server, rrq(b"mta.bin"), RESTARTED, file=b"x")
    assert isinstance(say(server, ack(1), RESTARTED)[0], Completed)
    assert sent(say(server, ack(1), RESTARTED, now=now)) == answers


def test_the_memory_of_served_ports_is_bounded() -> None:
    server = TftpServer(transfer_sockets=1, sessions_max=3)
    running(server)
    peers = [(MODEM[0], 5000 + number) for number in range(9)]
    for peer in peers:
        running(server, rrq(b"%d" % peer[1]), peer, file=b"x")
        say(server, ack(1), peer)
    silent = [peer for peer in peers if say(server, ack(1), peer) == []]
    assert silent == peers[-6:]


def test_the_transfer_socket_depends_on_the_peer_alone() -> None:
    def sockets(transfer_sockets: int, peers: Sequence[Peer]) -> list[int]:
        server = TftpServer(transfer_sockets=transfer_sockets)
        chosen = []
        for read, peer in enumerate(peers, start=1):
            ask(server, rrq(b"%d" % read), peer)
            (datagram,) = server.serve(read, b"x", 0.0)
            assert isinstance(datagram, Datagram)
            chosen.append(datagram.socket)
        return chosen

    addresses = [(f"10.0.{number}.1", 2000) for number in range(200)]
    ports = [("10.0.0.1", 2000 + number) for number in range(200)]
    for peers in (addresses, ports):
        chosen = sockets(4, peers)
        assert all(chosen.count(socket) > 20 for socket in (1, 2, 3, 4))
        assert chosen == sockets(4, peers)
        assert set(sockets(1, peers)) == {1}
    assert sockets(4, addresses)[:4] == [4, 1, 2, 3]  # as in another process, with another salt of hash()


def test_a_read_that_moves_gets_the_socket_of_its_new_port() -> None:
    server = TftpServer(transfer_sockets=4)
    ask(server, rrq())
    (first,) = server.serve(1, b"x", 0.0)
    server.receive(0, rrq(), RESTARTED, 0.0)
    (second,) = server.serve(1, b"x", 0.0)
    assert isinstance(first, Datagram)
    assert second == Datagram(first.socket % 4 + 1, data(1, b"x"), RESTARTED)

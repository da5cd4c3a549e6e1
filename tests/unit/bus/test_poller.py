"""The poller: each readable thing is read once a round, and what was removed is not."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Thread
from typing import Any

import pytest
import zmq

from bus.transport.poller import FRAMES_MAX, Poller

pytestmark = pytest.mark.usefixtures("no_leaks")

Pair = tuple[socket.socket, socket.socket]
ZmqPair = tuple[zmq.Socket[bytes], zmq.Socket[bytes]]
DEADLINE_S = 10.0


@pytest.fixture
def pairs() -> Iterator[list[Pair]]:
    with ExitStack() as stack:
        made = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(3)]
        for pair in made:
            for end in pair:
                stack.enter_context(end)
        yield made


def test_nothing_to_read_is_no_messages(poller: Poller, pairs: list[Pair]) -> None:
    assert poller.poll(0) == []
    poller.add(pairs[0][0].fileno(), lambda: ["never"])
    assert poller.poll(0) == []
    assert poller.poll(0.001) == []


def test_only_what_is_readable_is_read(poller: Poller, pairs: list[Pair]) -> None:
    for number, (near, _) in enumerate(pairs):
        poller.add(near.fileno(), lambda near=near, number=number: [(number, near.recv(9))])  # type: ignore[misc]
    pairs[0][1].send(b"a")
    pairs[2][1].send(b"c")
    assert sorted(poller.poll(None)) == [(0, b"a"), (2, b"c")]
    assert poller.poll(0) == []


def test_what_one_reader_leaves_is_there_in_the_next_round(poller: Poller, pairs: list[Pair]) -> None:
    near, far = pairs[0]
    poller.add(near.fileno(), lambda: [near.recv(9)])
    for text in (b"1", b"2", b"3"):
        far.send(text)
    assert [poller.poll(0) for _ in range(3)] == [[b"1"], [b"2"], [b"3"]]


def test_what_another_reader_removed_is_not_read(poller: Poller, pairs: list[Pair]) -> None:
    """Both are readable; whichever comes first removes the other, which may be closed by then."""
    read = []

    def reader(mine: int, other: int) -> list[int]:
        read.append(mine)
        poller.remove(pairs[other][0].fileno())
        return [mine]

    poller.add(pairs[0][0].fileno(), lambda: reader(0, 1))
    poller.add(pairs[1][0].fileno(), lambda: reader(1, 0))
    pairs[0][1].send(b"x")
    pairs[1][1].send(b"x")
    assert len(poller.poll(0)) == 1
    assert len(read) == 1


def test_writability_is_watched_only_as_long_as_it_is_wanted(poller: Poller, pairs: list[Pair]) -> None:
    near, far = pairs[0]
    calls: list[str] = []
    poller.add(near.fileno(), lambda: calls.append("called") or [])
    poller.poll(0)
    assert calls == []
    poller.watch_write(near.fileno(), True)
    poller.poll(0)
    assert calls == ["called"]
    poller.watch_write(near.fileno(), False)
    poller.poll(0)
    assert calls == ["called"]
    far.send(b"x")
    poller.poll(0)
    assert calls == ["called", "called"]


def test_a_closed_peer_wakes_the_reader(poller: Poller) -> None:
    near, far = socket.socketpair()
    with near:
        poller.add(near.fileno(), lambda: [near.recv(9)])
        far.close()
        assert poller.poll(0) == [b""]


def test_what_was_collected_leaves_before_the_wait(poller: Poller, pairs: list[Pair]) -> None:
    near, far = pairs[0]
    poller.add(near.fileno(), lambda: [near.recv(9)])
    collected = [b"answer"]

    def flush() -> None:
        while collected:
            far.send(collected.pop())

    poller.before_wait(flush)
    assert poller.poll(0) == [b"answer"]
    assert poller.poll(0) == []


def test_closing_gives_the_descriptor_back() -> None:
    before = set(os.listdir("/proc/self/fd"))
    poller = Poller()
    assert set(os.listdir("/proc/self/fd")) != before
    poller.close()
    assert set(os.listdir("/proc/self/fd")) == before


@pytest.fixture
def zmq_pairs(context: zmq.Context[Any]) -> Iterator[list[ZmqPair]]:
    made = []
    for number in range(2):
        near, far = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        near.bind(f"inproc://pair-{number}")
        far.connect(f"inproc://pair-{number}")
        made.append((near, far))
    yield made
    for pair in made:
        for end in pair:
            end.close(linger=0)


def test_a_zeromq_socket_is_read_to_its_end_one_message_a_round(
    poller: Poller, zmq_pairs: list[ZmqPair]
) -> None:
    near, far = zmq_pairs[0]
    far.send(b"0")  # before anybody polls: its sign must not be missed
    poller.add(near, lambda: [near.recv(zmq.NOBLOCK)])
    for number in range(1, 200):
        far.send(b"%d" % number)
    assert [poller.poll(0) for _ in range(200)] == [[b"%d" % number] for number in range(200)]
    assert poller.poll(0) == []
    poller.remove(near)


def test_a_send_that_swallows_the_sign_loses_no_message(poller: Poller, zmq_pairs: list[ZmqPair]) -> None:
    near, far = zmq_pairs[0]
    poller.add(near, lambda: [near.recv(zmq.NOBLOCK)])
    for _ in range(200):
        assert poller.poll(0) == []
        far.send(b"x")
        near.send(b"y")  # processes what is pending inside, so the descriptor falls silent
        poller.used(near)
        assert poller.poll(0) == [b"x"]
    poller.remove(near)


def test_both_kinds_get_their_turn(poller: Poller, zmq_pairs: list[ZmqPair], pairs: list[Pair]) -> None:
    near, far = zmq_pairs[0]
    poller.add(near, lambda: [near.recv(zmq.NOBLOCK)])
    poller.add(pairs[0][0].fileno(), lambda: [pairs[0][0].recv(9)])
    for _ in range(100):
        far.send(b"zeromq")
    pairs[0][1].send(b"udp")
    early = [message for _ in range(3) for message in poller.poll(0)]
    assert b"udp" in early
    assert b"zeromq" in early
    poller.remove(near)


def test_a_busy_turn_takes_many_messages_but_not_all(
    poller: Poller, zmq_pairs: list[ZmqPair], pairs: list[Pair]
) -> None:
    """Datagrams that never end must not leave a ZeroMQ socket with one message a turn."""
    near, far = zmq_pairs[0]
    poller.add(near, lambda: [near.recv(zmq.NOBLOCK)])
    poller.add(pairs[0][0].fileno(), lambda: [pairs[0][0].recv(9)])
    for _ in range(5 * FRAMES_MAX):
        far.send(b"zeromq")
    taken = []
    for _ in range(3):
        pairs[0][1].send(b"udp")
        messages = poller.poll(0)
        assert messages.count(b"udp") == 1
        taken.append(messages.count(b"zeromq"))
    assert taken == [FRAMES_MAX + 1] * 3
    poller.remove(near)


def test_what_is_removed_is_read_no_more(poller: Poller, zmq_pairs: list[ZmqPair]) -> None:
    near, far = zmq_pairs[0]
    poller.add(near, lambda: [near.recv(zmq.NOBLOCK)])
    far.send(b"x")
    poller.remove(near)
    assert poller.poll(0.01) == []
    poller.add(near, lambda: [near.recv(zmq.NOBLOCK)])
    assert poller.poll(0) == [b"x"]
    poller.remove(near)


def test_a_reader_may_close_the_socket_that_would_be_next(poller: Poller, zmq_pairs: list[ZmqPair]) -> None:
    read = []

    def reader(mine: int, other: int) -> list[int]:
        read.append(mine)
        poller.remove(zmq_pairs[other][0])
        zmq_pairs[other][0].close(linger=0)
        return [mine]

    poller.add(zmq_pairs[0][0], lambda: reader(0, 1))
    poller.add(zmq_pairs[1][0], lambda: reader(1, 0))
    for _, far in zmq_pairs:
        far.send(b"x")
    deadline = time.monotonic() + DEADLINE_S
    while not read and time.monotonic() < deadline:
        poller.poll(0.01)
    assert len(read) == 1
    poller.remove(zmq_pairs[read[0]][0])


def test_a_message_of_no_meaning_does_not_make_the_next_one_wait(poller: Poller) -> None:
    """Both are in the socket before its events are asked for; no sign of the second will come any more."""
    with zmq.Context() as context, context.socket(zmq.PAIR) as near, context.socket(zmq.PAIR) as far:
        near.bind("inproc://pair")
        far.connect("inproc://pair")
        poller.add(near, lambda: [data for data in [near.recv()] if data != b"junk"])
        far.send(b"junk")
        far.send(b"good")
        found: list[Any] = []
        waiting = Thread(target=lambda: found.extend(poller.poll(None)), daemon=True)
        waiting.start()
        waiting.join(DEADLINE_S)
        assert found == [b"good"]
        poller.remove(near)

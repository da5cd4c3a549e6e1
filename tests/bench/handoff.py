"""The hand-off beside raw pyzmq: round trips and acked rows, CURVE over loopback TCP, two processes."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import zmq

from bus.effects import Exit, Send
from bus.envelope import Stamp, Token, number_of
from bus.fleet.key_pair import KeyPair, new_key_pair
from bus.messages import Received, Undelivered, WallClock
from bus.runtime.runner import Runner
from bus.transport.poller import Poller
from bus.transport.zeromq.curve import secure_client
from bus.transport.zeromq.dealers import Dealers
from bus.wire.codec import from_frame, to_frame
from fileid.handoff import Budget, Handoff
from fileid.row import HEAD, ROWS, Fields, Row, pack, pack_rows
from fileid.seal import KEY_BYTES, Sealer, SealKey
from tests.bench.figure import Figure, alternate, ratios
from tests.stamps import stamp_under

ROUND_TRIPS = 1_000
FRAMES = 2_000
ROWS_PER_FRAME = 16
WINDOW = 64  # unacked frames; acks are taken by the half window, on both sides of the comparison
MINTER = "dhcp-1"
VALUES = b"\0\0\0\x2a\4"


def handoff_figures() -> list[Figure]:
    """Ours against raw, in alternation."""
    # Each process has its own core for the round trips: left to itself, the scheduler moves their threads
    # about, and a wake-up on the other core costs more than what is compared.
    cores = sorted(os.sched_getaffinity(0))
    with cores_only(cores[:1]), ExitStack() as stack:
        raw_peer, codec_peer, runner_peer = (
            stack.enter_context(server_peer(kind, cores[-1:])) for kind in ("raw", "codec", "runner")
        )
        raw, codec, runner = alternate(
            lambda: _raw_round_trips(raw_peer),
            lambda: _codec_round_trips(codec_peer),
            lambda: runner_round_trips(runner_peer),
        )
    with ExitStack() as stack:
        frame_peer, parts_peer, table_peer = (
            stack.enter_context(server_peer(kind, cores)) for kind in ("raw", "parts", "table")
        )
        frames, parts, rows = alternate(
            lambda: _raw_rows(frame_peer, as_parts=False),
            lambda: _raw_rows(parts_peer, as_parts=True),
            lambda: _our_rows(table_peer),
        )
    return [
        Figure(
            "fileid_codec_rtt_vs_raw",
            ratios(codec, raw),
            "≤ 1.3",
            "round trip, our codec and table on blocking sockets / the same bytes raw",
        ),
        Figure(
            "fileid_rtt_vs_raw",
            ratios(runner, raw),
            "≤ 1.6",
            "round trip through the runner on both sides / the same bytes raw",
        ),
        Figure(
            "fileid_rows_vs_raw_frame",
            ratios(rows, frames),
            "≥ 0.3",
            "acked rows/s, row objects to rows in the table / one raw frame of the same bytes",
        ),
        Figure("fileid_rows_vs_raw_parts", ratios(rows, parts), "≥ 1", "the same / 16 raw parts"),
        Figure("fileid_rtt_us", [one * 1e6 for one in runner], "", "round trip through the runner, µs"),
        Figure("fileid_rows_per_s", rows, "", "acked rows per second"),
    ]


class ServerPeer:
    """A server process and our connection to it."""

    def __init__(self, endpoint: str, keys: KeyPair, server: bytes) -> None:
        self.endpoint = endpoint
        self.keys = keys
        self.server = server
        self.context: zmq.Context[Any] = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        secure_client(self.socket, keys, server)
        self.socket.connect(endpoint)

    def close(self) -> None:
        self.socket.close()
        self.context.term()


@contextmanager
def cores_only(cores: Sequence[int]) -> Iterator[None]:
    """Threads and processes started here run on these cores only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def server_peer(kind: str, cores: Sequence[int]) -> Iterator[ServerPeer]:
    """A server on these cores."""
    client, server = new_key_pair(), new_key_pair()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "keys.json"
        path.touch(0o600)
        path.write_text(json.dumps([client.public.decode(), server.public.decode(), server.secret.decode()]))
        with cores_only(cores):
            child = subprocess.Popen(
                [sys.executable, "-m", "tests.bench.peer", kind, str(path)], stdout=subprocess.PIPE, text=True
            )
        try:
            assert child.stdout is not None
            peer = ServerPeer(child.stdout.readline().strip(), client, server.public)
            yield peer
            peer.close()
        finally:
            child.kill()
            child.wait()
            if child.stdout is not None:
                child.stdout.close()


def _unix_ms() -> int:
    return int(time.time() * 1000)


class _Minter:
    """Makes rows as a sidecar does, all of them before the clock starts."""

    def __init__(self) -> None:
        self.stamp = stamp_under(Token(1, 1), MINTER, "bench", time.time_ns() // 1_000_000)
        self._sealer = Sealer(SealKey(0, number_of(MINTER), os.urandom(KEY_BYTES)))

    def rows(self, count: int) -> list[Row]:
        number = number_of(MINTER)
        fields = Fields(
            False,
            _unix_ms(),
            Token(1, 1),
            b"\0\x1a\x2c\0\0\1",
            b"\x7f\x40\0\5",
            bytes(4),
            number,
            1,
            7,
            b"",
            VALUES,
        )
        return [
            self._sealer.seal(pack(fields._replace(serial=os.urandom(8))), "residential")
            for _ in range(count)
        ]


def _raw_round_trips(peer: ServerPeer) -> float:
    minter = _Minter()
    frame = to_frame(minter.stamp.envelope(ROWS, pack_rows(minter.rows(1)), time_ms=_unix_ms()))
    send, receive = peer.socket.send, peer.socket.recv
    start = time.perf_counter()
    for _ in range(ROUND_TRIPS):
        send(frame)
        receive()
    return (time.perf_counter() - start) / ROUND_TRIPS


def _codec_round_trips(peer: ServerPeer) -> float:
    minter = _Minter()
    rows = minter.rows(ROUND_TRIPS)
    start = time.perf_counter()
    for row in rows:
        peer.socket.send(to_frame(minter.stamp.envelope(ROWS, pack_rows([row]), time_ms=_unix_ms())))
        ack = from_frame(peer.socket.recv(), "cfm-1")
        assert ack.data[8:] == b"\0"
    return (time.perf_counter() - start) / ROUND_TRIPS


class _Sender:
    """A machine that hands one row off after the other."""

    def __init__(self, stamp: Stamp, rows: list[Row]) -> None:
        self.began = 0.0
        self._handoff = Handoff(stamp, lambda _exclude, _now: "cfm-1", Budget(1.0, 5.0))
        self._rows = rows

    def receive(self, message: Any, now: float) -> list[Any]:
        if isinstance(message, Received):
            settled = self._handoff.acked(message.envelope)
            assert all(end.acked for end in settled)
            return self._next(now)
        assert isinstance(message, WallClock | Undelivered)
        if self.began:
            return []
        self.began = time.perf_counter()
        return self._next(now)

    def tick(self, now: float) -> list[Any]:
        sends, settled = self._handoff.tick(now, time.time() - now)
        assert not settled
        return list(sends)

    def deadline(self) -> float | None:
        return self._handoff.deadline()

    def _next(self, now: float) -> list[Any]:
        if not self._rows:
            return [Exit(0, "all acked")]
        self._handoff.offer(self._rows.pop(), None, now)
        return []


def runner_round_trips(peer: ServerPeer) -> float:
    """Seconds per hand-off of one row, from one machine to the other."""
    minter = _Minter()
    machine = _Sender(minter.stamp, minter.rows(ROUND_TRIPS))
    poller = Poller()
    dealers = Dealers(peer.context, poller, peer.keys, {"cfm-1": [peer.server]})
    dealers.connect("cfm-1", peer.endpoint)
    while not dealers.is_connected("cfm-1"):
        poller.poll(0.01)
    runner = Runner(machine, poller, {Send: lambda effect: dealers.send(effect.to, effect.envelope)})
    runner.run()
    took = time.perf_counter() - machine.began
    dealers.close()
    return took / ROUND_TRIPS


def _raw_rows(peer: ServerPeer, as_parts: bool) -> float:
    minter = _Minter()
    rows = minter.rows(ROWS_PER_FRAME)
    frame = to_frame(minter.stamp.envelope(ROWS, pack_rows(rows), time_ms=_unix_ms()))
    parts = [frame[:40], *(row.name + row.body for row in rows)] if as_parts else [frame]
    outstanding = 0
    start = time.perf_counter()
    for _ in range(FRAMES):
        if outstanding == WINDOW:
            for _ in range(WINDOW // 2):
                peer.socket.recv()
            outstanding -= WINDOW // 2
        peer.socket.send_multipart(parts) if as_parts else peer.socket.send(frame)
        outstanding += 1
    for _ in range(outstanding):
        peer.socket.recv()
    return FRAMES * ROWS_PER_FRAME / (time.perf_counter() - start)


def _our_rows(peer: ServerPeer) -> float:
    minter = _Minter()
    rows = minter.rows(FRAMES * ROWS_PER_FRAME)
    frames = [rows[at : at + ROWS_PER_FRAME] for at in range(0, len(rows), ROWS_PER_FRAME)]
    acked = outstanding = 0
    start = time.perf_counter()
    for frame in frames:
        if outstanding == WINDOW:
            for _ in range(WINDOW // 2):
                acked += from_frame(peer.socket.recv(), "cfm-1").data.count(0, 8)
            outstanding -= WINDOW // 2
        peer.socket.send(to_frame(minter.stamp.envelope(ROWS, pack_rows(frame), time_ms=_unix_ms())))
        outstanding += 1
    for _ in range(outstanding):
        acked += from_frame(peer.socket.recv(), "cfm-1").data.count(0, 8)
    took = time.perf_counter() - start
    assert acked == len(rows), f"{acked} of {len(rows)} rows acked"
    assert len(rows[0].body) == HEAD.size + len(VALUES)
    return len(rows) / took

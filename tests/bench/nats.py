"""The hand-off beside NATS request and reply: two processes each, the same number of bytes both ways.

NATS has its server in between and no encryption; ours is direct and has CURVE, the machine and its runner.
"""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from services.lab.network.run_network import free_port
from tests.bench.figure import Figure, alternate, ratios
from tests.bench.handoff import ROUND_TRIPS, cores_only, runner_round_trips, server_peer
from tests.bench.peer import ACK_BYTES
from tests.bench.peers import Program, find_nats_server, need

FIGURES = ("fileid_rtt_vs_nats",)
ADDRESS = "127.0.0.1"
START_S = 5.0
FRAME_BYTES = 160  # a hand-off of one row


def nats_figures() -> list[Figure]:
    """Ours against NATS, in alternation."""
    need("nats-py", FIGURES)
    program = find_nats_server(FIGURES)
    cores = sorted(os.sched_getaffinity(0))
    with ExitStack() as stack:
        url = stack.enter_context(_server(program))
        with cores_only(cores[-1:]):
            responder = stack.enter_context(closing(Program("nats_peer.py", "respond", url)))
        assert responder.answer() == "ready"
        stack.enter_context(cores_only(cores[:1]))
        requester = stack.enter_context(closing(Program("nats_peer.py", "request", url)))
        peer = stack.enter_context(server_peer("runner", cores[-1:]))
        ours, theirs = alternate(lambda: runner_round_trips(peer), lambda: _requests(requester))
    what = f"round trip through the runner / NATS request and reply ({FRAME_BYTES} bytes, no encryption)"
    return [
        Figure("fileid_rtt_vs_nats", ratios(ours, theirs), "≤ 0.5", what),
        Figure("nats_rtt_us", [one * 1e6 for one in theirs], "", "NATS request and reply, µs"),
    ]


def _requests(requester: Program) -> float:
    took = requester.ask(count=ROUND_TRIPS, request_bytes=FRAME_BYTES, reply_bytes=ACK_BYTES)
    return took / ROUND_TRIPS


@contextmanager
def _server(program: str) -> Iterator[str]:
    """A NATS server that accepts connections; yields its address."""
    port = free_port([ADDRESS])
    with tempfile.TemporaryDirectory() as directory:
        words = [program, "-a", ADDRESS, "-p", str(port), "-l", f"{directory}/log"]
        child = subprocess.Popen(words, cwd=directory)
        try:
            _wait_for(port)
            yield f"nats://{ADDRESS}:{port}"
        finally:
            child.kill()
            child.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection((ADDRESS, port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
        else:
            return

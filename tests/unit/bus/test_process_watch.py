"""Processes that end, and what they leave behind in their group: real children, killed with signal 9."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.messages import HostGone
from bus.runtime.local_socket import LocalServer
from bus.runtime.process_watch import LOOK_LATER_S, ProcessWatch
from bus.transport.poller import Poller
from tests.unit.bus.conftest import DEADLINE_S, Until
from tests.unit.descriptors import only

pytestmark = pytest.mark.usefixtures("no_leaks")

SESSION = 7
# It says its own number, or that of the child which it started and which stays in its group.
ALONE = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
PARENT = (
    "import subprocess, sys, time;"
    "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, flush=True);"
    "time.sleep(600)"
)


class Child:
    """A process in a group of its own, or in ours; `spoken` is the number that it printed."""

    def __init__(self, code: str, *, own_group: bool = True) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, process_group=0 if own_group else None
        )
        assert self._popen.stdout is not None
        self.pid = self._popen.pid
        self.spoken = int(self._popen.stdout.readline())

    def kill(self) -> None:
        """Kill -9 this process alone, and wait for it as its parent must."""
        self._popen.kill()
        self._popen.wait()

    def end(self) -> None:
        for pid in {self.spoken, self.pid}:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._popen.wait()
        assert self._popen.stdout is not None
        self._popen.stdout.close()


Start = Callable[..., Child]


@pytest.fixture
def poller() -> Iterator[Poller]:
    poller = Poller()
    yield poller
    poller.close()


@pytest.fixture
def watch(poller: Poller) -> Iterator[ProcessWatch]:
    watch = ProcessWatch(poller)
    yield watch
    watch.close()


@pytest.fixture
def start() -> Iterator[Start]:
    made: list[Child] = []

    def begin(code: str, **options: Any) -> Child:
        made.append(Child(code, **options))
        return made[-1]

    yield begin
    for child in made:
        child.end()


def told(poller: Poller, count: int = 1) -> list[Any]:
    """The messages, as soon as there are so many."""
    messages: list[Any] = []
    deadline = time.monotonic() + DEADLINE_S
    while len(messages) < count:
        assert time.monotonic() < deadline, f"waited in vain, and was told {messages}"
        messages += poller.poll(0.05)
    return messages


def test_a_killed_process_is_told_once(poller: Poller, watch: ProcessWatch, start: Start) -> None:
    child = start(ALONE)
    watch.watch(SESSION, child.pid)
    assert poller.poll(0) == []
    child.kill()
    assert told(poller) == [HostGone(SESSION)]
    assert [poller.poll(0.02) for _ in range(3)] == [[], [], []]


def test_without_a_descriptor_a_process_is_watched_later(
    poller: Poller, watch: ProcessWatch, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    child = start(ALONE)
    with only(0):
        watch.watch(SESSION, child.pid)
        assert poller.poll(LOOK_LATER_S + 0.2) == []
        assert poller.poll(0) == []
    assert [(one.name, one.value) for one in watch.samples()] == [("provbus_host_watches_failed_total", 2)]
    assert caplog.messages == [f"cannot watch process {child.pid}: Too many open files; tried again"]
    poller.poll(LOOK_LATER_S + 0.2)
    child.kill()
    assert told(poller) == [HostGone(SESSION)]


def test_a_process_that_ended_before_it_could_be_watched_is_told(
    poller: Poller, watch: ProcessWatch, start: Start
) -> None:
    child = start(ALONE)
    with only(0):
        watch.watch(SESSION, child.pid)
    child.kill()
    assert told(poller) == [HostGone(SESSION)]


def test_a_process_is_not_gone_while_another_of_its_group_lives(
    poller: Poller, watch: ProcessWatch, start: Start
) -> None:
    child = start(PARENT)
    watch.watch(SESSION, child.pid)
    child.kill()
    assert [message for _ in range(20) for message in poller.poll(0.02)] == []
    os.kill(child.spoken, signal.SIGKILL)
    assert told(poller) == [HostGone(SESSION)]


def test_a_process_of_our_own_group_is_gone_when_it_ended(
    poller: Poller, watch: ProcessWatch, start: Start
) -> None:
    child = start(ALONE, own_group=False)
    watch.watch(SESSION, child.pid)
    child.kill()
    assert told(poller) == [HostGone(SESSION)]


def test_a_process_that_was_gone_before_is_told_too(
    poller: Poller, watch: ProcessWatch, start: Start
) -> None:
    child = start(ALONE)
    child.kill()
    watch.watch(SESSION, child.pid)
    assert told(poller) == [HostGone(SESSION)]


def test_a_group_that_outlived_its_leader_is_found_by_the_leaders_number(
    poller: Poller, watch: ProcessWatch, start: Start
) -> None:
    child = start(PARENT)
    child.kill()
    watch.watch(SESSION, child.pid)
    assert [message for _ in range(5) for message in poller.poll(0.02)] == []
    os.kill(child.spoken, signal.SIGKILL)
    assert told(poller) == [HostGone(SESSION)]


def test_every_session_of_a_process_is_told(poller: Poller, watch: ProcessWatch, start: Start) -> None:
    child = start(ALONE)
    for session in (1, 2):
        watch.watch(session, child.pid)
    child.kill()
    assert told(poller, 2) == [HostGone(1), HostGone(2)]


def test_one_that_lingers_keeps_nobody_else_waiting(
    poller: Poller, watch: ProcessWatch, start: Start
) -> None:
    lingers, ends = start(PARENT), start(ALONE)
    watch.watch(1, lingers.pid)
    watch.watch(2, ends.pid)
    lingers.kill()
    ends.kill()
    assert told(poller) == [HostGone(2)]


def test_closing_gives_every_descriptor_back(poller: Poller, start: Start) -> None:
    child, ended = start(ALONE), start(PARENT)
    before = set(os.listdir("/proc/self/fd"))
    watch = ProcessWatch(poller)
    watch.watch(1, child.pid)
    watch.watch(2, ended.pid)
    ended.kill()
    poller.poll(1.0)
    watch.close()
    assert set(os.listdir("/proc/self/fd")) == before


def test_the_socket_knows_the_process_of_a_session(poller: Poller, tmp_path: Path, until: Until) -> None:
    path = tmp_path / "dhcp-1.sock"
    server = LocalServer(poller, path, os.getegid())
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.send(b'{"op":"host.attach"}\n')
        (request,) = told(poller)
        assert server.peer_pid(request.session) == os.getpid()
    (closed,) = told(poller)
    assert server.peer_pid(closed.session) is None
    server.close()

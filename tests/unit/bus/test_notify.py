"""What systemd hears from us, on a socket like its own."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bus.effects import Exit
from bus.runtime.notify import Notifier
from bus.runtime.runner import Runner
from bus.transport.poller import Poller
from tests.unit.descriptors import only

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A service manager's socket, and the name under which `$NOTIFY_SOCKET` gives it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        name = f"{tmp_path}/notify" if request.param == "path" else f"@provbus-test-{os.getpid()}"
        listener.bind(name.replace("@", "\0", 1))
        listener.setblocking(False)
        yield listener, name


def heard(listener: socket.socket) -> list[str]:
    """Every datagram so far."""
    found = []
    try:
        while True:
            found.append(listener.recv(4096).decode())
    except BlockingIOError:
        return found


def test_ready_and_stopping_come_with_their_status(manager: tuple[socket.socket, str]) -> None:
    listener, name = manager
    with closing(Notifier({"NOTIFY_SOCKET": name})) as notifier:
        notifier.ready("running")
        notifier.stopping("draining")
    assert heard(listener) == ["READY=1\nSTATUS=running", "STOPPING=1\nSTATUS=draining"]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, []),
        ({"WATCHDOG_USEC": "4000000"}, ["WATCHDOG=1"]),
        ({"WATCHDOG_USEC": "4000000", "WATCHDOG_PID": str(os.getpid())}, ["WATCHDOG=1"]),
        ({"WATCHDOG_USEC": "4000000", "WATCHDOG_PID": "1"}, []),  # it watches our parent
    ],
)
def test_the_watchdog_is_fed_if_it_is_ours(
    manager: tuple[socket.socket, str], environment: dict[str, str], said: list[str]
) -> None:
    listener, name = manager
    with closing(Notifier({"NOTIFY_SOCKET": name, **environment})) as notifier:
        notifier.alive()
    assert heard(listener) == said


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"NOTIFY_SOCKET": ""},
        {"NOTIFY_SOCKET": "/nonexistent/notify"},
        {"NOTIFY_SOCKET": "@provbus-nobody"},
        {"NOTIFY_SOCKET": "vsock:2:1234"},
        {"NOTIFY_SOCKET": "/" + "x" * 200},
    ],
    ids=lambda environment: environment.get("NOTIFY_SOCKET", "unset")[:20],
)
def test_nobody_who_listens_is_no_reason_to_stop(environment: dict[str, str]) -> None:
    with closing(Notifier({**environment, "WATCHDOG_USEC": "4000000"})) as notifier:
        notifier.ready("running")
        notifier.alive()


def test_a_manager_that_does_not_read_does_not_stop_us(manager: tuple[socket.socket, str]) -> None:
    listener, name = manager
    with closing(Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "4000000"})) as notifier:
        for _ in range(10_000):  # far more than a socket's queue holds
            notifier.alive()
    assert set(heard(listener)) == {"WATCHDOG=1"}


def test_without_descriptors_it_is_still_fed(manager: tuple[socket.socket, str]) -> None:
    listener, name = manager
    with closing(Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "4000000"})) as notifier, only(0):
        notifier.alive()
    assert heard(listener) == ["WATCHDOG=1"]


class Ticks:
    """A machine that ends after a few ticks."""

    def __init__(self, exit_after: int) -> None:
        self._left = exit_after

    def receive(self, message: Any, now: float) -> list[Any]:
        return []

    def tick(self, now: float) -> list[Any]:
        self._left -= 1
        return [Exit(0, "done")] if self._left == 0 else []

    def deadline(self) -> float | None:
        return 0.0


def test_the_loop_feeds_it_when_it_looks_at_the_clock(
    poller: Poller, manager: tuple[socket.socket, str]
) -> None:
    listener, name = manager
    with closing(Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "4000000"})) as notifier:
        Runner(Ticks(3), poller, {}, notifier=notifier).run()
    assert heard(listener) == ["READY=1\nSTATUS=running", "WATCHDOG=1"]

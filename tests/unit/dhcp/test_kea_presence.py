"""Whether Kea is there: found by its control socket, and its death noticed without asking again."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.dhcp.kea.daemon.presence import ASK_EVERY_S, FIND_EVERY_S, Presence
from tests.unit.descriptors import only

LISTEN = (
    "import socket, sys, time; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(5); "
    "print('up', flush=True); sys.stdin.read()"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kea.sock"


@pytest.fixture
def presence(path: Path) -> Iterator[Presence]:
    found = Presence(path)
    yield found
    found.close()


def listener(path: Path) -> subprocess.Popen[bytes]:
    """A process that listens there."""
    child = subprocess.Popen(
        [sys.executable, "-c", LISTEN, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    return child


def end(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGKILL)
    child.communicate()


def test_nobody_is_there_before_somebody_listens(presence: Presence, path: Path) -> None:
    assert not presence.look(0.0)
    assert not presence.is_there
    child = listener(path)
    try:
        assert not presence.look(FIND_EVERY_S / 2)  # it is not looked for all the time
        assert presence.look(FIND_EVERY_S)
        assert presence.is_there
    finally:
        end(child)


def test_a_death_is_noticed_at_once_and_a_restart_is_found(presence: Presence, path: Path) -> None:
    child = listener(path)
    presence.look(0.0)
    assert not presence.look(0.01)
    end(child)
    assert presence.look(0.02)
    assert not presence.is_there
    path.unlink()
    child = listener(path)
    try:
        assert presence.look(0.02 + FIND_EVERY_S)
        assert presence.is_there
    finally:
        end(child)


def test_that_we_have_no_descriptor_says_nothing_of_kea(presence: Presence, path: Path) -> None:
    with only(0):
        assert not presence.look(0.0)
    child = listener(path)
    try:
        with only(1):  # for the connection, and not for the process
            assert presence.look(FIND_EVERY_S)
        with only(0):
            assert not presence.look(FIND_EVERY_S + ASK_EVERY_S)
        assert presence.is_there
        presence.look(FIND_EVERY_S + 2 * ASK_EVERY_S)
    finally:
        end(child)
    assert presence.look(FIND_EVERY_S + 2 * ASK_EVERY_S + 0.02)
    assert not presence.is_there


def test_a_process_that_lives_is_connected_to_once(presence: Presence, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as here:
        here.bind(str(path))
        here.listen(5)
        here.setblocking(False)
        for turn in range(100):
            presence.look(turn * ASK_EVERY_S)
        assert presence.is_there
        here.accept()[0].close()
        with pytest.raises(BlockingIOError):
            here.accept()


def test_a_socket_that_nobody_listens_on_is_nobody(presence: Presence, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as here:
        here.bind(str(path))
    presence.look(0.0)
    assert not presence.is_there
    assert os.path.exists(path)

"""The local socket as a file: who may open it, and whose it is."""

import os
import pwd
import socket
import stat
import tempfile
import threading
from pathlib import Path

import pytest

from bus.errors import BusyError
from bus.messages import User
from bus.runtime.local_socket import LocalServer, user_of
from bus.transport.poller import Poller
from tests.unit.bus.local.clients import Dial, Requests, Until, is_closed

NAMELESS = 61_234

pytestmark = pytest.mark.usefixtures("no_leaks")


def test_the_socket_is_for_owner_and_group(server: LocalServer, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_the_kernel_says_who_connects(poller: Poller, until: Until) -> None:
    """Even where the socket's mode would let a stranger in."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        path = Path(directory) / "open.sock"
        server = LocalServer(poller, path)
        path.chmod(0o666)
        stranger = os.fork()
        if stranger == 0:
            os._exit(_answer_as_nobody(path))
        until(lambda: server.refused)
        server.close()
    assert os.waitstatus_to_exitcode(os.waitpid(stranger, 0)[1]) == 0


def test_a_request_has_the_user_that_the_kernel_attests(dial: Dial, requests: Requests) -> None:
    dial().sendall(b'{"op": "failover.era", "user": "ann", "authority": "ann"}\n')
    (request,) = requests(1)
    assert request.user == User(os.geteuid(), pwd.getpwuid(os.geteuid()).pw_name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_user_without_a_name_is_told_by_number(poller: Poller, requests: Requests) -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        path = Path(directory) / "open.sock"
        server = LocalServer(poller, path)
        path.chmod(0o666)
        member = os.fork()
        if member == 0:
            os._exit(_ask_as(NAMELESS, path))
        (request,) = requests(1)
        server.close()
    assert os.waitstatus_to_exitcode(os.waitpid(member, 0)[1]) == 0
    assert request.user == User(NAMELESS, f"uid {NAMELESS}")


def test_every_number_has_a_name_on_one_line() -> None:
    assert user_of(NAMELESS).name == f"uid {NAMELESS}"
    assert user_of(0) == User(0, pwd.getpwuid(0).pw_name)


def _ask_as(uid: int, path: Path) -> int:
    """Become this user of our own group, ask, and wait for the end; 0 if that went well."""
    try:
        os.setuid(uid)
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.connect(str(path))
        client.sendall(b"{}\n")
        return len(client.recv(9))
    except OSError:
        return 99


def _answer_as_nobody(path: Path) -> int:
    """Give up every right, connect, and return what came back: 0 for a hang-up."""
    try:
        os.setgroups([])
        os.setgid(65_534)
        os.setuid(65_534)
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.connect(str(path))
        return len(client.recv(9))
    except OSError:
        return 99


def test_a_socket_that_a_killed_process_left_is_replaced(
    poller: Poller, path: Path, requests: Requests
) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
        dead.listen()
    assert path.is_socket()
    server = LocalServer(poller, path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(path))
        client.sendall(b"{}\n")
        assert len(requests(1)) == 1
    server.close()


def test_a_live_socket_is_refused_and_lives_on(
    server: LocalServer, poller: Poller, path: Path, dial: Dial, requests: Requests
) -> None:
    with pytest.raises(BusyError, match="another process listens there"):
        LocalServer(poller, path)
    client = dial()
    client.sendall(b"{}\n")
    assert len(requests(1)) == 1


def test_a_live_process_that_accepts_nobody_is_still_live(poller: Poller, path: Path) -> None:
    """A stopped process with a full backlog: asking it must not hang us."""
    path.parent.mkdir()
    waiting: list[socket.socket] = []
    refusals: list[BusyError] = []

    def attempt() -> None:
        try:
            LocalServer(poller, path).close()
        except BusyError as error:
            refusals.append(error)

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stopped:
        stopped.bind(str(path))
        stopped.listen(0)
        try:
            while len(waiting) < 1_000:
                waiting.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                waiting[-1].setblocking(False)
                waiting[-1].connect(str(path))
        except BlockingIOError:
            pass
        asking = threading.Thread(target=attempt)
        asking.start()
        asking.join(5)
        hung = asking.is_alive()
    for client in waiting:
        client.close()
    asking.join(5)
    assert not hung
    assert len(refusals) == 1
    assert path.is_socket()


@pytest.mark.parametrize("kind", ["file", "directory", "file as parent"])
def test_a_path_that_cannot_be_had_is_busy_and_left_alone(poller: Poller, path: Path, kind: str) -> None:
    occupied = path.parent if kind == "file as parent" else path
    occupied.parent.mkdir(exist_ok=True)
    if kind == "directory":
        occupied.mkdir()
    else:
        occupied.write_text("precious")
    with pytest.raises(BusyError, match="cannot listen on"):
        LocalServer(poller, path)
    assert occupied.is_dir() if kind == "directory" else occupied.read_text() == "precious"


def test_a_path_longer_than_the_kernel_takes_is_refused(poller: Poller, tmp_path: Path) -> None:
    with pytest.raises(BusyError, match="too long"):
        LocalServer(poller, tmp_path / ("x" * 120))


def test_closing_hangs_up_and_removes_the_socket(poller: Poller, path: Path, requests: Requests) -> None:
    server = LocalServer(poller, path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(path))
        client.sendall(b"{}\n")
        requests(1)
        server.close()
        assert is_closed(client)
    assert not path.exists()
    LocalServer(poller, path).close()


def test_a_removed_socket_does_not_stop_the_close(poller: Poller, path: Path) -> None:
    server = LocalServer(poller, path)
    path.unlink()
    server.close()
    assert poller.poll(0) == []

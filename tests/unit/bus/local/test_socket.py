"""The local sockets as files: who may open them, and whose they are."""

import grp
import os
import pwd
import socket
import stat
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bus.config.paths import admin_socket_of
from bus.errors import BusyError, ConfigError, ProvbusError
from bus.messages import LocalDoor, User
from bus.runtime.exchange import exchange
from bus.runtime.local_socket import ADMIN_SESSIONS_MAX, SESSIONS_MAX, LocalServer
from bus.transport.peer import group_named, user_of
from bus.transport.poller import Poller
from tests.unit.bus.local.clients import Dial, Requests, Until, is_closed
from tests.unit.umask import umask

NAMELESS = 61_234

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_one_socket_is_for_a_group_and_one_for_our_user_whatever_the_umask(
    poller: Poller, path: Path, mask: int
) -> None:
    with umask(mask):
        server = LocalServer(poller, path, os.getegid())
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (path, admin_socket_of(path), path.parent)]
    assert modes == [0o660, 0o600, 0o755]
    assert (path.stat().st_gid, admin_socket_of(path).name) == (os.getegid(), "dhcp-1.admin.sock")
    server.close()
    assert [*path.parent.iterdir()] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to a group that it is not in")
def test_the_hosts_socket_belongs_to_the_group_that_is_configured(poller: Poller, path: Path) -> None:
    server = LocalServer(poller, path, NAMELESS)
    assert (path.stat().st_gid, admin_socket_of(path).stat().st_gid) == (NAMELESS, os.getegid())
    server.close()


def test_a_busy_operators_socket_leaves_none_of_ours_behind(poller: Poller, path: Path) -> None:
    path.parent.mkdir()
    admin_socket_of(path).mkdir()
    with pytest.raises(BusyError, match=r"cannot listen on .*dhcp-1\.admin\.sock"):
        LocalServer(poller, path, os.getegid())
    assert [*path.parent.iterdir()] == [admin_socket_of(path)]


def test_operators_find_a_place_however_many_hosts_there_are(
    server: LocalServer, path: Path, dial: Dial, requests: Requests
) -> None:
    for _ in range(SESSIONS_MAX):
        dial().sendall(b"{}\n")
    requests(SESSIONS_MAX)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as operator:
        operator.connect(str(admin_socket_of(path)))
        operator.sendall(b"{}\n")
        assert [one.door for one in requests(1)] == [LocalDoor.ADMIN]
        depths = [(one.labels, one.value) for one in server.samples() if one.name == "provbus_queue_depth"]
    assert depths == [({"queue": "local_sessions"}, SESSIONS_MAX), ({"queue": "local_admin_sessions"}, 1)]


def test_who_is_turned_away_is_named(
    poller: Poller, path: Path, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    server = LocalServer(poller, path, os.getegid())
    clients = []
    for _ in range(ADMIN_SESSIONS_MAX + 1):
        clients.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        clients[-1].connect(str(admin_socket_of(path)))
        poller.poll(0.001)
    until(lambda: server.refused)
    server.close()
    for client in clients:
        client.close()
    assert caplog.messages == ["turned a client away: the admin socket has 16 clients already"]


def test_a_group_that_is_not_there_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="there is no group 'no-such' on this host: groupadd"):
        group_named("no-such")
    own = grp.getgrgid(os.getegid())
    assert (group_named(own.gr_name), group_named(None)) == (own.gr_gid, own.gr_gid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_group_that_we_are_not_in_is_a_mistake_of_the_configuration() -> None:
    said = told_as(NAMELESS, lambda: group_named("root"))
    assert said == (
        f"ConfigError: local.group: uid {NAMELESS} is not in the group root: usermod --append --groups root"
        f" uid {NAMELESS}, or SupplementaryGroups=root in the unit"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_who_may_not_open_the_operators_socket_is_refused_not_told_that_nobody_is_there(
    poller: Poller,
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        path = Path(directory) / "dhcp-1.sock"
        server = LocalServer(poller, path, os.getegid())
        said = told_as(NAMELESS, lambda: exchange(admin_socket_of(path), {"op": "settings"}, 5.0))
        server.close()
    assert said == f"RemoteError: {admin_socket_of(path)} is not for our user"


def told_as(uid: int, deed: Callable[[], object]) -> str:
    """The error of a deed of this user, who has no group but its own."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        try:
            deed()
        except ProvbusError as error:
            os.write(tell, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(tell)
    with os.fdopen(told, "rb") as stream:
        said = stream.read().decode()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_the_kernel_says_who_connects(poller: Poller, until: Until) -> None:
    """Even where the socket's mode would let a stranger in."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        path = Path(directory) / "open.sock"
        server = LocalServer(poller, path, os.getegid())
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
        server = LocalServer(poller, path, os.getegid())
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
    server = LocalServer(poller, path, os.getegid())
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(path))
        client.sendall(b"{}\n")
        assert len(requests(1)) == 1
    server.close()


def test_a_live_socket_is_refused_and_lives_on(
    server: LocalServer, poller: Poller, path: Path, dial: Dial, requests: Requests
) -> None:
    with pytest.raises(BusyError, match="another process listens there"):
        LocalServer(poller, path, os.getegid())
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
            LocalServer(poller, path, os.getegid()).close()
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
        LocalServer(poller, path, os.getegid())
    assert occupied.is_dir() if kind == "directory" else occupied.read_text() == "precious"


def test_a_path_longer_than_the_kernel_takes_is_refused(poller: Poller, tmp_path: Path) -> None:
    with pytest.raises(BusyError, match="too long"):
        LocalServer(poller, tmp_path / ("x" * 120), os.getegid())


def test_closing_hangs_up_and_removes_the_socket(poller: Poller, path: Path, requests: Requests) -> None:
    server = LocalServer(poller, path, os.getegid())
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(path))
        client.sendall(b"{}\n")
        requests(1)
        server.close()
        assert is_closed(client)
    assert not path.exists()
    LocalServer(poller, path, os.getegid()).close()


def test_a_removed_socket_does_not_stop_the_close(poller: Poller, path: Path) -> None:
    server = LocalServer(poller, path, os.getegid())
    path.unlink()
    server.close()
    assert poller.poll(0) == []

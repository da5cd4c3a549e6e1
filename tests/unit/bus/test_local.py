"""The local socket: pipelined lines, and clients that are wrong, slow, silent or gone."""

import json
import os
import socket
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.errors import BusyError
from bus.machine import LocalRequest, Reply
from bus.transport.local import LINE_BYTES_MAX, SESSIONS_MAX, UNREAD_BYTES_MAX, LocalServer
from bus.transport.poller import Poller

Until = Callable[[Callable[[], object]], list[Any]]
Dial = Callable[[], socket.socket]
Requests = Callable[[int], list[LocalRequest]]
ROUNDS_MAX = 10_000
KERNEL_BYTES_MAX = 1 << 20  # what the kernel may hold of a Unix stream, with room

pytestmark = pytest.mark.usefixtures("no_leaks")


class Watched(Poller):
    """A poller that tells whether it watches for writability."""

    def __init__(self) -> None:
        super().__init__()
        self.writing: set[int] = set()

    def watch_write(self, descriptor: int, wanted: bool) -> None:
        super().watch_write(descriptor, wanted)
        (self.writing.add if wanted else self.writing.discard)(descriptor)

    def remove(self, pollable: Any) -> None:
        super().remove(pollable)
        self.writing.discard(pollable)


@pytest.fixture
def poller() -> Iterator[Watched]:
    poller = Watched()
    yield poller
    poller.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "dhcp-1.sock"


@pytest.fixture
def server(poller: Poller, path: Path) -> Iterator[LocalServer]:
    server = LocalServer(poller, path)
    yield server
    server.close()


@pytest.fixture
def dial(server: LocalServer, path: Path) -> Iterator[Dial]:
    """Makes connections and closes them at the end."""
    made: list[socket.socket] = []

    def connect() -> socket.socket:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.append(client)
        client.settimeout(5)
        client.connect(str(path))
        return client

    yield connect
    for client in made:
        client.close()


@pytest.fixture
def requests(poller: Poller) -> Requests:
    """Waits for the next so many requests."""

    def take(count: int) -> list[LocalRequest]:
        found: list[LocalRequest] = []
        for _ in range(ROUNDS_MAX):
            if len(found) >= count:
                break
            found += poller.poll(0.001)
        assert len(found) == count
        return found

    return take


def read_lines(client: socket.socket, poller: Poller, count: int) -> list[Any]:
    """The next `count` answers, read while the server runs."""
    client.setblocking(False)
    text = b""
    for _ in range(ROUNDS_MAX):
        poller.poll(0.001)
        try:
            text += client.recv(1 << 20)
        except BlockingIOError:
            continue
        if text.count(b"\n") >= count:
            break
    lines = text.splitlines()
    assert len(lines) == count
    return [json.loads(line) for line in lines]


def is_closed(client: socket.socket) -> bool:
    """Whether the server hung up; what it said before is thrown away."""
    client.setblocking(False)
    try:
        while client.recv(1 << 20):
            pass
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    return True


def test_pipelined_requests_arrive_in_order(dial: Dial, requests: Requests) -> None:
    client = dial()
    client.sendall(b"".join(b'{"op":"status","id":%d}\n' % number for number in range(500)))
    found = requests(500)
    assert [one.body["id"] for one in found] == list(range(500))
    assert len({one.session for one in found}) == 1


def test_answers_may_come_in_any_order(
    server: LocalServer, poller: Poller, dial: Dial, requests: Requests
) -> None:
    client = dial()
    client.sendall(b'{"id":1}\n{"id":2}\n')
    for request in reversed(requests(2)):
        server.reply(Reply(request.session, {"id": request.body["id"], "error": "ü"}))
    assert read_lines(client, poller, 2) == [{"id": 2, "error": "ü"}, {"id": 1, "error": "ü"}]


def test_a_request_may_come_in_pieces(dial: Dial, poller: Poller, requests: Requests) -> None:
    client = dial()
    for piece in (b'{"id', b'":', b'"\xc3', b'\xbc"}', b"\n{"):
        assert poller.poll(0) == []
        client.sendall(piece)
    assert [one.body for one in requests(1)] == [{"id": "ü"}]


def test_sessions_are_told_apart(server: LocalServer, poller: Poller, dial: Dial, requests: Requests) -> None:
    clients = [dial() for _ in range(3)]
    for number, client in enumerate(clients):
        client.sendall(b'{"id":%d}\n' % number)
    for request in requests(3):
        server.reply(Reply(request.session, request.body))
    assert [read_lines(client, poller, 1) for client in clients] == [[{"id": number}] for number in range(3)]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" ",
        b"{",
        b"[]",
        b"1",
        b"null",
        b'"status"',
        b"\xff",
        b'{"op":"\xff"}',
        b'{"op":"a"}{"op":"b"}',
        b"[" * 20_000,
        b'{"id":' + b"9" * 10_000 + b"}",
    ],
)
def test_what_is_not_a_json_object_is_answered_and_counted(
    server: LocalServer, poller: Poller, dial: Dial, line: bytes
) -> None:
    client = dial()
    client.sendall(line + b"\n")
    (answer,) = read_lines(client, poller, 1)
    assert answer["error"] == "bad_request"
    assert server.malformed == 1


def test_a_bad_line_does_not_harm_its_neighbours(server: LocalServer, dial: Dial, requests: Requests) -> None:
    client = dial()
    client.sendall(b'{"id":1}\nnonsense\n{"id":2}\n')
    assert [one.body["id"] for one in requests(2)] == [1, 2]
    assert server.malformed == 1


def test_the_longest_line_is_taken(server: LocalServer, dial: Dial, requests: Requests) -> None:
    dial().sendall(b'{"id":1}'.ljust(LINE_BYTES_MAX) + b"\n")
    assert [one.body for one in requests(1)] == [{"id": 1}]
    assert server.malformed == 0


def test_a_longer_line_is_not(server: LocalServer, poller: Poller, dial: Dial, until: Until) -> None:
    """Answered or hung up on, as it happens to arrive; counted, and never a request."""
    client = dial()
    client.sendall(b'{"id":1}'.ljust(LINE_BYTES_MAX + 1) + b"\n")
    assert until(lambda: server.malformed) == []
    assert poller.poll(0.01) == []


def test_a_line_without_end_is_hung_up_on(
    server: LocalServer, dial: Dial, until: Until, requests: Requests
) -> None:
    client, neighbour = dial(), dial()
    client.sendall(b"x" * (LINE_BYTES_MAX + 1))
    until(lambda: is_closed(client))
    assert server.malformed == 1
    neighbour.sendall(b'{"id":1}\n')
    assert len(requests(1)) == 1


def test_a_client_that_never_reads_is_bounded_and_then_dropped(
    server: LocalServer, poller: Watched, dial: Dial, until: Until, requests: Requests
) -> None:
    client, neighbour = dial(), dial()
    client.sendall(b"{}\n")
    (request,) = requests(1)
    body = {"text": "x" * 50_000}
    sent_bytes = 0
    while server.refused == 0:
        assert sent_bytes < UNREAD_BYTES_MAX + KERNEL_BYTES_MAX, "nothing bounds what a client does not read"
        server.reply(Reply(request.session, body))
        sent_bytes += 50_000
        poller.poll(0)
    assert sent_bytes > UNREAD_BYTES_MAX
    until(lambda: is_closed(client))
    assert poller.writing == set()
    neighbour.sendall(b'{"id":1}\n')
    (other,) = requests(1)
    server.reply(Reply(request.session, body))  # the session is gone: nobody is told
    server.reply(Reply(other.session, {"id": 1}))
    assert read_lines(neighbour, poller, 1) == [{"id": 1}]


def test_a_partial_answer_is_finished_when_the_client_reads_again(
    server: LocalServer, poller: Watched, dial: Dial, requests: Requests
) -> None:
    client = dial()
    client.sendall(b"{}\n")
    (request,) = requests(1)
    bodies = [{"id": number, "text": "x" * 700_000} for number in range(3)]
    for body in bodies:
        server.reply(Reply(request.session, body))
    poller.poll(0)
    assert len(poller.writing) == 1
    assert read_lines(client, poller, 3) == bodies
    poller.poll(0)
    assert poller.writing == set(), "it would spin for ever"
    client.sendall(b'{"id":7}\n')
    assert [one.body for one in requests(1)] == [{"id": 7}]


def test_a_blocked_client_is_still_heard(
    server: LocalServer, poller: Watched, dial: Dial, requests: Requests
) -> None:
    client = dial()
    client.sendall(b"{}\n")
    (request,) = requests(1)
    server.reply(Reply(request.session, {"text": "x" * 2_000_000}))
    poller.poll(0)
    client.sendall(b'{"id":7}\n')
    assert [one.body for one in requests(1)] == [{"id": 7}]


def test_a_client_that_left_gets_no_answer_and_harms_nobody(
    server: LocalServer, poller: Poller, dial: Dial, requests: Requests
) -> None:
    client, neighbour = dial(), dial()
    client.sendall(b"{}\n")
    (request,) = requests(1)
    client.close()
    server.reply(Reply(request.session, {"text": "x" * 2_000_000}))
    poller.poll(0)
    server.reply(Reply(request.session, {}))
    neighbour.sendall(b"{}\n")
    assert len(requests(1)) == 1


def test_the_answer_to_one_who_left_does_not_reach_who_came_after(
    server: LocalServer, poller: Poller, dial: Dial, requests: Requests
) -> None:
    client = dial()
    client.sendall(b'{"id":"first"}\n')
    (late,) = requests(1)
    client.close()
    poller.poll(0.1)
    successor = dial()
    successor.sendall(b'{"id":"second"}\n')
    (request,) = requests(1)
    server.reply(Reply(late.session, {"for": "first"}))
    server.reply(Reply(request.session, {"for": "second"}))
    assert read_lines(successor, poller, 1) == [{"for": "second"}]


def test_requests_behind_a_bad_line_of_one_who_left_are_harmless(
    server: LocalServer, poller: Poller, dial: Dial, requests: Requests
) -> None:
    client = dial()
    client.sendall(b'nonsense\n{"id":1}\n')
    client.close()
    for request in requests(1):
        server.reply(Reply(request.session, {"id": 1}))
    poller.poll(0)
    assert server.malformed == 1


def test_sessions_are_bounded_and_a_place_is_free_again(
    server: LocalServer, poller: Poller, dial: Dial, until: Until, requests: Requests
) -> None:
    clients = [dial() for _ in range(SESSIONS_MAX)]
    for client in clients:
        client.sendall(b"{}\n")
    requests(SESSIONS_MAX)
    surplus = dial()
    until(lambda: server.refused)
    until(lambda: is_closed(surplus))
    clients[0].close()
    poller.poll(1.0)
    late = dial()
    late.sendall(b'{"id":1}\n')
    assert len(requests(1)) == 1
    assert server.refused == 1


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

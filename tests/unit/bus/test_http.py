"""The HTTP server: a GET gets its page, everything else an error, and nobody can make it hold more."""

import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.errors import BusyError, UnavailableError
from bus.runtime.http_server import (
    CONNECTION_S_MAX,
    CONNECTIONS_MAX,
    REQUEST_BYTES_MAX,
    HttpServer,
    parse,
)
from bus.telemetry.page import Page
from bus.transport.poller import Poller

Until = Callable[[Callable[[], object]], list[Any]]
Dial = Callable[[], socket.socket]

LARGE = b"x" * 8_000_000
GET = b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n"

pytestmark = pytest.mark.usefixtures("no_leaks")


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(poller: Poller, clock: Clock) -> Iterator[HttpServer]:
    def broken(now: float) -> Page:
        raise RuntimeError("a bug")

    pages = {
        "/page": lambda _now: Page(200, "text/plain", b"hello\n"),
        "/sick": lambda _now: Page(503, "text/plain", b"ill\n"),
        "/large": lambda _now: Page(200, "text/plain", LARGE),
        "/broken": broken,
    }
    server = HttpServer(poller, ("127.0.0.1", 0), pages, clock)
    yield server
    server.close()
    poller.close()


@pytest.fixture
def dial(server: HttpServer) -> Iterator[Dial]:
    made: list[socket.socket] = []

    def connect() -> socket.socket:
        made.append(socket.create_connection(("127.0.0.1", server.name[1]), 10))
        made[-1].setblocking(False)
        return made[-1]

    yield connect
    for client in made:
        client.close()


class Reading:
    """Everything that a connection says, as it arrives; `ended` once the server said that it is done."""

    def __init__(self, client: socket.socket) -> None:
        self.client = client
        self.data = bytearray()
        self.ended = False
        self.was_reset = False

    def __call__(self) -> bool:
        try:
            while not self.ended:
                chunk = self.client.recv(1 << 20)
                self.ended = not chunk
                self.data += chunk
        except BlockingIOError:
            pass
        except ConnectionResetError:
            self.ended = self.was_reset = True
        return self.ended


def answer(client: socket.socket, until: Until) -> tuple[int, dict[str, str], bytes]:
    """Status, header fields and body of the answer, which the connection's end must follow."""
    reading = Reading(client)
    until(reading)
    head, _, body = bytes(reading.data).partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    protocol, code, _ = line.split(" ", 2)
    assert protocol == "HTTP/1.1"
    return int(code), dict(field.split(": ", 1) for field in fields), body


def test_a_page_is_answered(dial: Dial, until: Until) -> None:
    client = dial()
    client.sendall(GET)
    assert answer(client, until) == (
        200,
        {
            "Content-Type": "text/plain",
            "Content-Length": "6",
            "Cache-Control": "no-store",
            "Connection": "close",
        },
        b"hello\n",
    )


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /page?name=x HTTP/1.1\r\nhost: x\r\nAccept: */*\r\n\r\n", 200),
        (b"GET /page HTTP/1.0\r\n\r\n", 200),
        (b"GET /sick HTTP/1.1\r\nHost: x\r\n\r\n", 503),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET /page/ HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"POST /page HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", 405),
        (b"HEAD /page HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"GET /broken HTTP/1.1\r\nHost: x\r\n\r\n", 500),
        (b"GET /page HTTP/1.1\r\n\r\n", 400),
        (b"GET /page HTTP/2.0\r\nHost: x\r\n\r\n", 400),
        (b"GET page HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /page\r\n\r\n", 400),
        (b"\x16\x03\x01\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"GET /page HTTP/1.1\r\nHost: " + b"x" * REQUEST_BYTES_MAX, 431),
    ],
)
def test_every_request_has_its_status(
    dial: Dial, until: Until, server: HttpServer, request_: bytes, status: int
) -> None:
    client = dial()
    client.sendall(request_)
    code, fields, body = answer(client, until)
    assert code == status
    assert int(fields["Content-Length"]) == len(body) > 0
    assert fields.get("Allow") == ("GET" if status == 405 else None)
    counted = {one.labels["code"]: one.value for one in server.samples() if one.value}
    assert counted == {str(status): 1}


def test_a_page_that_fails_is_counted_and_told_once_and_the_next_one_is_served(
    dial: Dial, until: Until, poller: Poller, caplog: pytest.LogCaptureFixture
) -> None:
    for path, status in (("/broken", 500), ("/broken", 500), ("/page", 200)):
        client = dial()
        client.sendall(GET.replace(b"/page", path.encode()))
        assert answer(client, until)[0] == status
    assert poller.faults.counts["page"] == 2
    (said,) = caplog.messages
    assert said.startswith("a fault of ours cost one page (/broken): RuntimeError at test_http.py:")
    assert "a bug" not in caplog.text


def test_a_request_may_come_in_pieces(dial: Dial, until: Until, poller: Poller) -> None:
    client = dial()
    for at in range(len(GET)):
        client.sendall(GET[at : at + 1])
        poller.poll(0.01)
    assert answer(client, until)[0] == 200


def test_a_page_larger_than_the_kernel_takes_arrives_whole(dial: Dial, until: Until) -> None:
    client = dial()
    client.sendall(GET.replace(b"/page", b"/large"))
    assert answer(client, until)[2] == LARGE


def test_what_follows_a_request_neither_matters_nor_harms(dial: Dial, until: Until) -> None:
    """A close with unread bytes would reset the connection before the answer was read."""
    client = dial()
    client.sendall(GET + b"y" * 50_000)
    reading = Reading(client)
    until(reading)
    assert reading.data.endswith(b"hello\n")
    assert not reading.was_reset


def test_a_client_that_says_nothing_is_hung_up_on(
    dial: Dial, until: Until, poller: Poller, clock: Clock
) -> None:
    silent, slow = Reading(dial()), Reading(dial())
    poller.poll(0.01)
    slow.client.sendall(b"GET /pa")
    for _ in range(10):
        poller.poll(0.01)
    assert not silent()
    clock.now = CONNECTION_S_MAX
    until(lambda: silent() and slow())
    assert silent.data == slow.data == b""


def test_a_client_that_does_not_hang_up_after_its_answer_is_hung_up_on(
    dial: Dial, until: Until, poller: Poller, clock: Clock
) -> None:
    client = dial()
    client.sendall(GET)
    assert answer(client, until)[0] == 200
    clock.now = CONNECTION_S_MAX
    poller.poll(0)

    def is_gone() -> bool:
        try:
            client.send(b"more")
        except OSError:
            return True
        return False

    until(is_gone)


def test_connections_are_bounded_and_the_oldest_gives_way(dial: Dial, until: Until) -> None:
    oldest, *others = [Reading(dial()) for _ in range(CONNECTIONS_MAX)]
    newest = dial()
    newest.sendall(GET)
    assert answer(newest, until)[0] == 200
    until(oldest)
    assert not any(one() for one in others)


def test_a_client_that_leaves_early_does_no_harm(dial: Dial, until: Until, poller: Poller) -> None:
    for request in (b"", b"GET /pa", GET.replace(b"/page", b"/large")):
        leaver = dial()
        leaver.sendall(request)
        poller.poll(0.01)
        leaver.close()
    client = dial()
    client.sendall(GET)
    assert answer(client, until)[0] == 200


def test_a_port_in_use_is_busy(poller: Poller, server: HttpServer) -> None:
    with pytest.raises(BusyError, match=f"cannot listen on 127.0.0.1 port {server.name[1]}: "):
        HttpServer(poller, ("127.0.0.1", server.name[1]), {})


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::77", "name.invalid"])
def test_an_address_that_is_not_ours_is_not_there(poller: Poller, host: str) -> None:
    with pytest.raises(UnavailableError, match=r"^http\.listen: "):
        HttpServer(poller, (host, 9464), {})


def test_closing_hangs_up_and_frees_the_port(poller: Poller, until: Until) -> None:
    server = HttpServer(poller, ("127.0.0.1", 0), {})
    with socket.create_connection(("127.0.0.1", server.name[1]), 10) as client:
        client.setblocking(False)
        poller.poll(0.1)
        server.close()
        until(Reading(client))
    HttpServer(poller, ("127.0.0.1", server.name[1]), {}).close()
    assert poller.poll(0) == []


def test_a_socket_serves_the_pages_to_a_group_and_goes_with_the_server(
    poller: Poller, until: Until, tmp_path: Path
) -> None:
    path = tmp_path / "http.sock"
    server = HttpServer(poller, path, {"/page": lambda _now: Page(200, "text/plain", b"hello\n")})
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    with pytest.raises(BusyError, match="another process listens there"):
        HttpServer(poller, path, {})
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(path))
        client.setblocking(False)
        client.sendall(GET)
        status, _, body = answer(client, until)
    server.close()
    assert (status, body) == (200, b"hello\n")
    assert not path.exists()


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.5", 0), ("::1", 0), ("0.0.0.0", 1)])
def test_an_address_beyond_loopback_is_warned_of(
    poller: Poller, caplog: pytest.LogCaptureFixture, host: str, warned: int
) -> None:
    HttpServer(poller, (host, 0), {}).close()
    assert caplog.text.count(f"http.listen: whoever can reach {host} reads") == warned


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"GET /a HTTP/1.0", ("GET", "/a")),
        (b"GET /a?b=/c HTTP/1.1\r\nHOST:x", ("GET", "/a")),
        (b"G-T /a HTTP/1.0", None),
        (b"GET  /a HTTP/1.0", None),
        (b"GET http://x/a HTTP/1.1\r\nHost: x", None),
        (b"\xff /a HTTP/1.0", None),
    ],
)
def test_a_head_is_parsed_or_is_none(head: bytes, found: tuple[str, str] | None) -> None:
    assert parse(head) == found

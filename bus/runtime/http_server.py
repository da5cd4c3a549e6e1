"""HTTP: pages about the state of this process, answered by its own main loop.

No thread: an answer proves that the loop turns, and a page is made between two messages, so there is no race.
Just enough of HTTP/1.1 (RFC 9112) for a GET without a body, one per connection. Everything a client
can make us hold is bounded: connections (the oldest gives way), the request's length, and the time from
accept to the end; a page that costs something bounds itself (`bus.telemetry.page`). After the answer we say
that we are done and let the client close: closing first, with unread bytes left, would reset the connection
and could take the answer with it.

The pages name instances, roles and faults to whoever can connect: so at an address it is a port of loopback,
or at a path a Unix socket of mode 0660. Any other address is warned of.
"""

import socket
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Any

from bus.runtime.accepting import Acceptor
from bus.telemetry.metrics import Sample, labelled
from bus.telemetry.page import Page, error_page
from bus.transport.here import cannot_listen, look_up, warn_beyond_loopback
from bus.transport.poller import Poller
from bus.transport.unix_socket import listen_at

CONNECTIONS_MAX = 64
REQUEST_BYTES_MAX = 4 * 1024
CONNECTION_S_MAX = 5.0  # half of what Prometheus waits for a scrape
_SOCKET_MODE = 0o660

Pages = Mapping[str, Callable[[float], Page]]
Place = tuple[str, int] | Path


class _Connection:
    def __init__(self, stream: socket.socket, deadline: float) -> None:
        self.stream = stream
        self.deadline = deadline
        self.request = b""
        self.unsent: bytes | None = None  # None until there is an answer


class HttpServer:
    """Answers GET requests with `pages`, by path."""

    def __init__(
        self,
        poller: Poller,
        place: Place,
        pages: Pages,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Listen on this host and port, or at this path; `BusyError` if another has it, `UnavailableError` if
        the host is not here.
        """
        self._responses: dict[str, int] = {"200": 0}
        self._poller = poller
        self._pages = pages
        self._clock = clock
        self._numbers = count(1)
        self._connections: dict[int, _Connection] = {}  # oldest first
        self._path = place if isinstance(place, Path) else None
        listener = (
            listen_at(place, _SOCKET_MODE, CONNECTIONS_MAX) if isinstance(place, Path) else _listen(*place)
        )
        self.name = listener.getsockname()
        self._acceptor = Acceptor(poller, listener, "http", self._take)
        poller.before_wait(self._expire)

    def samples(self) -> list[Sample]:
        """Answers and failed accepts."""
        return [
            *labelled("provbus_http_responses_total", "code", self._responses),
            self._acceptor.sample(),
        ]

    def close(self) -> None:
        """Stop listening and hang up on everybody."""
        self._acceptor.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        for number in list(self._connections):
            self._drop(number)

    def _take(self, stream: socket.socket) -> None:
        if len(self._connections) >= CONNECTIONS_MAX:
            self._drop(next(iter(self._connections)))
        number = next(self._numbers)
        self._poller.add(stream.fileno(), lambda: self._serve(number))
        self._connections[number] = _Connection(stream, self._clock() + CONNECTION_S_MAX)

    def _expire(self) -> None:
        while self._connections:
            number, oldest = next(iter(self._connections.items()))
            if self._clock() < oldest.deadline:
                break
            self._drop(number)

    def _serve(self, number: int) -> list[Any]:
        connection = self._connections[number]
        try:
            chunk = connection.stream.recv(REQUEST_BYTES_MAX)
            if not chunk:
                self._drop(number)
                return []
        except BlockingIOError:
            chunk = b""
        except OSError:
            self._drop(number)
            return []
        if connection.unsent is None:
            connection.request += chunk
            self._begin(connection)
        if connection.unsent:
            self._flush(number, connection)
        return []

    def _begin(self, connection: _Connection) -> None:
        """Answer as soon as the request is whole or cannot become one; later bytes are thrown away."""
        head, end, _ = connection.request.partition(b"\r\n\r\n")
        if len(head) > REQUEST_BYTES_MAX:
            connection.unsent = self._answer(error_page(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE))
        elif end:
            connection.unsent = self._answer(self._page(head))

    def _page(self, head: bytes) -> Page:
        found = parse(head)
        if found is None:
            return error_page(HTTPStatus.BAD_REQUEST)
        method, path = found
        make = self._pages.get(path)
        if make is None:
            return error_page(HTTPStatus.NOT_FOUND)
        if method != "GET":
            return error_page(HTTPStatus.METHOD_NOT_ALLOWED)
        try:
            return make(self._clock())
        except Exception as error:  # a page must not stop the loop that serves the subscribers
            self._poller.faults.note("page", "page", error, path)
            return error_page(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _answer(self, page: Page) -> bytes:
        code = str(page.status)
        self._responses[code] = self._responses.get(code, 0) + 1
        allow = "Allow: GET\r\n" if page.status == HTTPStatus.METHOD_NOT_ALLOWED else ""
        head = (
            f"HTTP/1.1 {code} {HTTPStatus(page.status).phrase}\r\n"
            f"Content-Type: {page.content_type}\r\nContent-Length: {len(page.body)}\r\n"
            f"{allow}Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + page.body

    def _flush(self, number: int, connection: _Connection) -> None:
        assert connection.unsent is not None
        try:
            sent = connection.stream.send(connection.unsent)
            connection.unsent = connection.unsent[sent:]
            if not connection.unsent:
                connection.stream.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass
        except OSError:
            self._drop(number)
            return
        self._poller.watch_write(connection.stream.fileno(), bool(connection.unsent))

    def _drop(self, number: int) -> None:
        connection = self._connections.pop(number)
        self._poller.remove(connection.stream.fileno())
        connection.stream.close()


def parse(head: bytes) -> tuple[str, str] | None:
    """Method and path of a request's head, without its query; None if it is not one (RFC 9112, sections 3
    and 3.2).
    """
    line, *fields = head.decode("latin-1").split("\r\n")
    words = line.split(" ")
    if len(words) != 3 or not words[0].isalpha() or not head.isascii() or not words[1].startswith("/"):
        return None
    has_host = any(field.lower().startswith("host:") for field in fields)
    if words[2] != "HTTP/1.0" and not (words[2] == "HTTP/1.1" and has_host):
        return None
    return words[0], words[1].partition("?")[0]


def _listen(name: str, port: int) -> socket.socket:
    host = look_up(name, "http.listen")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=CONNECTIONS_MAX)
    except OSError as error:
        raise cannot_listen(f"http.listen: cannot listen on {host} port {port}", host, error.errno) from error
    warn_beyond_loopback("http.listen", host)
    return listener

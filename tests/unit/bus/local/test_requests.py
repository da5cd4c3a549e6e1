"""Lines on the local socket: pipelined, in pieces, too long, or no requests at all."""

import pytest

from bus.effects import Reply
from bus.routes import route
from bus.runtime.local_socket import LINE_BYTES_MAX, LocalServer
from bus.transport.poller import Poller
from tests.unit.bus.local.clients import Dial, Requests, Until, is_closed, pour, read_lines

pytestmark = pytest.mark.usefixtures("no_leaks")


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


def test_the_longest_line_is_taken(server: LocalServer, poller: Poller, dial: Dial) -> None:
    found = pour(dial(), b'{"id":1}'.ljust(LINE_BYTES_MAX) + b"\n", poller)
    assert [one.body for one in found] == [{"id": 1}]
    assert server.malformed == 0


def test_a_catalogue_as_large_as_its_class_may_be_is_a_line() -> None:
    assert route("config").payload_bytes_max + 1024 < LINE_BYTES_MAX


def test_a_longer_line_is_not(server: LocalServer, poller: Poller, dial: Dial, until: Until) -> None:
    """Answered or hung up on, as it happens to arrive; counted, and never a request."""
    assert pour(dial(), b'{"id":1}'.ljust(LINE_BYTES_MAX + 1) + b"\n", poller) == []
    assert until(lambda: server.malformed) == []
    assert poller.poll(0.01) == []


def test_a_line_without_end_is_hung_up_on(
    server: LocalServer, poller: Poller, dial: Dial, until: Until, requests: Requests
) -> None:
    client, neighbour = dial(), dial()
    pour(client, b"x" * (LINE_BYTES_MAX + 1), poller)
    until(lambda: is_closed(client))
    assert server.malformed == 1
    neighbour.sendall(b'{"id":1}\n')
    assert len(requests(1)) == 1

"""Clients of the local socket that are slow, silent, gone, or too many."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bus.effects import Reply
from bus.errors import TryAgainError, UnavailableError
from bus.messages import LocalDoor, LocalRequest, SessionClosed
from bus.runtime.exchange import exchange
from bus.runtime.local_socket import SESSIONS_MAX, UNREAD_BYTES_MAX, LocalServer
from bus.transport.peer import user_of
from bus.transport.poller import Poller
from tests.unit.bus.local.clients import ROUNDS_MAX, Dial, Requests, Until, Watched, is_closed, read_lines

KERNEL_BYTES_MAX = 1 << 20  # what the kernel may hold of a Unix stream, with room

pytestmark = pytest.mark.usefixtures("no_leaks")


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


def test_a_client_that_leaves_is_told_behind_its_last_request(poller: Watched, dial: Dial) -> None:
    client = dial()
    client.sendall(b'{"id":1}\n')
    client.close()
    messages: list[Any] = []
    for _ in range(ROUNDS_MAX):
        messages += poller.poll(0.001)
        if len(messages) == 2:
            break
    assert messages == [LocalRequest(1, {"id": 1}, user_of(os.geteuid()), LocalDoor.HOST), SessionClosed(1)]


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


def test_an_exchange_is_one_request_and_its_answer(server: LocalServer, poller: Poller, path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(exchange, path, {"op": "status"}, 5.0)
        while not answer.done():
            for message in poller.poll(0.001):
                if isinstance(message, LocalRequest):
                    server.reply(Reply(message.session, {"of": message.body["op"]}))
        assert answer.result() == {"of": "status"}


def test_an_exchange_with_who_hangs_up_is_indeterminate(poller: Poller, path: Path) -> None:
    server = LocalServer(poller, path, os.getegid())
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(exchange, path, {"op": "status"}, 5.0)
        while not any(isinstance(message, LocalRequest) for message in poller.poll(0.001)):
            assert not answer.done()
        server.close()
        with pytest.raises(TryAgainError, match="indeterminate"):
            answer.result()


def test_an_exchange_with_nobody_is_unavailable(path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"nobody answers at .*dhcp-1\.sock"):
        exchange(path, {"op": "status"}, 5.0)

"""CURVE: listed keys get in under their own name, everybody else stays out, and the self-test can tell."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import zmq

from bus.errors import ConfigError, StateError
from bus.fleet.key_pair import KeyPair, key_pair, new_key_pair
from bus.transport.poller import Poller
from bus.transport.zeromq.curve import (
    ZAP_DOMAIN,
    ZAP_ENDPOINT,
    ZapHandler,
    check_strangers_refused,
    secure_client,
    secure_server,
)
from bus.transport.zeromq.owners import Owners

Until = Callable[[Callable[[], object]], list[Any]]
Context = zmq.Context[Any]
Open = Callable[[int], zmq.Socket[bytes]]
Harden = Callable[[zmq.Socket[bytes], KeyPair], None]

KEYS = new_key_pair()
CLIENT = new_key_pair()

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
def zap(context: Context, poller: Poller) -> Iterator[ZapHandler]:
    handler = ZapHandler(context, poller, Owners({CLIENT.public: "dhcp-1"}))
    yield handler
    handler.close()


@pytest.fixture
def open_socket(context: Context) -> Iterator[Open]:
    """Makes sockets and closes them at the end, however that comes."""
    with ExitStack() as stack:

        def make(kind: int) -> zmq.Socket[bytes]:
            made: zmq.Socket[bytes] = stack.enter_context(context.socket(kind))
            made.setsockopt(zmq.LINGER, 0)
            return made

        yield make


@pytest.fixture
def foreign_socket() -> Iterator[zmq.Socket[bytes]]:
    """A server of a context that has no handler."""
    foreign: Context = zmq.Context()
    with foreign, foreign.socket(zmq.ROUTER) as made:
        made.setsockopt(zmq.LINGER, 0)
        yield made


def serve(server: zmq.Socket[bytes], harden: Harden = secure_server) -> str:
    """Harden a socket as told and bind it; returns where it listens."""
    harden(server, KEYS)
    server.bind("tcp://127.0.0.1:*")
    return server.getsockopt_string(zmq.LAST_ENDPOINT)


def dial(client: zmq.Socket[bytes], endpoint: str, keys: KeyPair) -> None:
    """Connect and say hello."""
    secure_client(client, keys, KEYS.public)
    client.connect(endpoint)
    client.send(b"hello")


def test_a_pair_is_found_from_its_secret() -> None:
    pair = new_key_pair()
    assert key_pair(pair.secret) == pair
    assert (len(pair.public), len(pair.secret)) == (40, 40)
    assert new_key_pair() != pair


@pytest.mark.parametrize(
    "secret",
    [b"", b"x", b"a" * 39, b"a" * 41, b"a" * 40 + b"\n", b" " * 40, b"\xff" * 40, b"a" * 39 + b'"'],
)
def test_what_is_no_secret_key_is_a_mistake_in_the_configuration(secret: bytes) -> None:
    with pytest.raises(ConfigError, match="40 characters of Z85"):
        key_pair(secret)


def test_a_listed_key_gets_in_under_its_name(zap: ZapHandler, open_socket: Open, until: Until) -> None:
    server, client = open_socket(zmq.ROUTER), open_socket(zmq.DEALER)
    dial(client, serve(server), CLIENT)
    until(lambda: server.poll(0))
    _, part = server.recv_multipart(copy=False)
    assert (part.bytes, part.get("User-Id")) == (b"hello", f"dhcp-1 {CLIENT.public.decode()}")
    assert zap.refused == 0


def test_an_unlisted_key_stays_out(zap: ZapHandler, open_socket: Open, until: Until) -> None:
    server, client = open_socket(zmq.ROUTER), open_socket(zmq.DEALER)
    dial(client, serve(server), new_key_pair())
    assert zap.lacks() == []
    until(lambda: zap.refused)
    assert not server.poll(100)
    assert [one.code for one in zap.lacks()] == ["stranger-refused"]
    zap.forgive()
    assert (zap.refused, zap.lacks()) == (0, [])


def test_without_its_handler_a_server_lets_nobody_in(
    context: Context, poller: Poller, open_socket: Open
) -> None:
    """Also not the listed: it fails closed."""
    zap = ZapHandler(context, poller, Owners({CLIENT.public: "dhcp-1"}))
    server, client = open_socket(zmq.ROUTER), open_socket(zmq.DEALER)
    endpoint = serve(server)
    zap.close()
    dial(client, endpoint, CLIENT)
    assert not server.poll(300)


RAW_KEY = zmq.utils.z85.decode(CLIENT.public)
QUESTION = [b"1.0", b"42", ZAP_DOMAIN, b"127.0.0.1", b"", b"CURVE", RAW_KEY]


@pytest.mark.parametrize(
    ("question", "status"),
    [
        (QUESTION, b"200"),
        ([*QUESTION[:6], bytes(32)], b"400"),
        ([*QUESTION[:6], CLIENT.public], b"400"),
        ([*QUESTION[:6], b""], b"400"),
        ([*QUESTION[:5], b"NULL"], b"400"),
        ([*QUESTION[:5], b"PLAIN", b"dhcp-1", b"secret"], b"400"),
        ([*QUESTION[:5], b"PLAIN", RAW_KEY], b"400"),
        ([*QUESTION[:2], b"", *QUESTION[3:]], b"400"),
        ([*QUESTION[:2], b"other", *QUESTION[3:]], b"400"),
        (QUESTION[:6], b"400"),
        ([*QUESTION, b"surplus"], b"400"),
        (QUESTION[:2], b"400"),
    ],
)
def test_the_verdict_on_each_question(
    zap: ZapHandler, open_socket: Open, question: list[bytes], status: bytes, until: Until
) -> None:
    """As RFC 27 (ZAP) words it: version, request id, status code, text, user id, metadata."""
    asking = open_socket(zmq.REQ)
    asking.connect(ZAP_ENDPOINT)
    asking.send_multipart(question)
    until(lambda: asking.poll(0))
    version, request_id, verdict, _, user, metadata = asking.recv_multipart()
    assert (version, request_id, verdict, metadata) == (b"1.0", b"42", status, b"")
    assert user == (b"dhcp-1 " + CLIENT.public if status == b"200" else b"")
    assert (zap.accepted, zap.refused) == (status == b"200", status != b"200")


def test_a_question_of_one_part_is_refused(zap: ZapHandler, open_socket: Open, until: Until) -> None:
    asking = open_socket(zmq.REQ)
    asking.connect(ZAP_ENDPOINT)
    asking.send(b"1.0")
    until(lambda: asking.poll(0))
    assert asking.recv_multipart()[1:3] == [b"", b"400"]


def test_no_question_is_no_answer(zap: ZapHandler) -> None:
    assert zap.answer() == []


def test_a_second_handler_cannot_take_over_and_leaves_nothing_open(
    context: Context, poller: Poller, zap: ZapHandler
) -> None:
    with pytest.raises(StateError, match="already"):
        ZapHandler(context, poller, Owners({}))


def _without_domain(socket: zmq.Socket[bytes], keys: KeyPair) -> None:
    socket.setsockopt(zmq.CURVE_SERVER, 1)
    socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret)


def _with_an_empty_domain(socket: zmq.Socket[bytes], keys: KeyPair) -> None:
    _without_domain(socket, keys)
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)


def _without_security(socket: zmq.Socket[bytes], keys: KeyPair) -> None:
    pass


@pytest.mark.parametrize("harden", [secure_server, _without_domain])
def test_the_self_test_passes_where_strangers_are_refused(
    context: Context, zap: ZapHandler, open_socket: Open, harden: Harden
) -> None:
    """Without a domain the handler is asked all the same, as long as there is one; it refuses everybody."""
    check_strangers_refused(context, zap, serve(open_socket(zmq.ROUTER), harden), KEYS.public)
    assert (zap.refused, zap.lacks()) == (0, [])  # it was us


@pytest.mark.parametrize("harden", [_with_an_empty_domain, _without_security])
def test_the_self_test_fails_where_the_handler_is_not_asked(
    context: Context, zap: ZapHandler, open_socket: Open, harden: Harden
) -> None:
    endpoint = serve(open_socket(zmq.ROUTER), harden)
    with pytest.raises(StateError, match="did not refuse an unlisted key"):
        check_strangers_refused(context, zap, endpoint, KEYS.public)


@pytest.mark.parametrize("harden", [_without_domain, _with_an_empty_domain, _without_security])
def test_the_self_test_fails_where_the_handler_is_another_contexts(
    context: Context, zap: ZapHandler, foreign_socket: zmq.Socket[bytes], harden: Harden
) -> None:
    endpoint = serve(foreign_socket, harden)
    with pytest.raises(StateError, match="did not refuse an unlisted key"):
        check_strangers_refused(context, zap, endpoint, KEYS.public)


def test_the_self_test_fails_where_the_handler_knows_everybody(
    context: Context, poller: Poller, open_socket: Open
) -> None:
    class Naive(ZapHandler):
        def _verdict(self, request: list[bytes]) -> list[bytes]:
            return [b"1.0", request[1], b"200", b"", b"anybody", b""]

    zap = Naive(context, poller, Owners({}))
    try:
        endpoint = serve(open_socket(zmq.ROUTER))
        with pytest.raises(StateError, match="did not refuse an unlisted key"):
            check_strangers_refused(context, zap, endpoint, KEYS.public)
    finally:
        zap.close()

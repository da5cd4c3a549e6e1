"""Asking over UDP: only the answer to our question counts."""

import socket
import threading
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address

import pytest

from bus.errors import UnavailableError
from services.dhcp.client.asking import Place, ask, hears_at, new_xid, towards
from services.dhcp.client.bootp import ACK, DISCOVER, OFFER, Message, format_message, parse_message

HERE = IPv4Address("127.0.0.1")
MAC = bytes.fromhex("001a2c000001")
QUESTION = Message(DISCOVER, 7, MAC, ciaddr=HERE.packed)
ANSWER = Message(OFFER, 7, MAC, yiaddr=bytes((10, 0, 0, 9)), file=b"modem.cm")
DEADLINE_S = 20.0

Serve = Callable[..., Place]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server that answers each question with the next of these lists of datagrams."""
    threads, sockets = [], []

    def begin(*answers: list[bytes]) -> Place:
        endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        endpoint.settimeout(DEADLINE_S)
        endpoint.bind((str(HERE), 0))
        sockets.append(endpoint)

        def answer() -> None:
            for datagrams in answers:
                asked, whence = endpoint.recvfrom(2000)
                assert parse_message(asked) == QUESTION
                for datagram in datagrams:
                    endpoint.sendto(datagram, whence)

        threads.append(threading.Thread(target=answer))
        threads[-1].start()
        return HERE, endpoint.getsockname()[1]

    yield begin
    for thread in threads:
        thread.join(DEADLINE_S)
    for endpoint in sockets:
        endpoint.close()


def test_what_is_no_answer_is_passed_over(serve: Serve) -> None:
    others = [ANSWER._replace(xid=8), ANSWER._replace(chaddr=bytes(6)), ANSWER._replace(kind=ACK)]
    at = serve([b"garbage", *map(format_message, (*others, ANSWER))])
    assert ask(QUESTION, at, (HERE, 0)) == ANSWER


def test_a_question_is_asked_again(serve: Serve) -> None:
    at = serve([], [format_message(ANSWER)])
    assert ask(QUESTION, at, (HERE, 0)) == ANSWER


def test_an_address_of_somebody_else_is_refused() -> None:
    with pytest.raises(UnavailableError, match=r"cannot hear at 192\.0\.2\.200:0"):
        ask(QUESTION, (HERE, 9), (IPv4Address("192.0.2.200"), 0))


def test_a_kea_hears_at_an_address_of_its_interfaces() -> None:
    assert hears_at(["lo"]) == HERE
    assert hears_at(["lo/127.0.0.7"]) == IPv4Address("127.0.0.7")
    assert hears_at(["no-such-one", "lo"]) == HERE
    assert hears_at(["no-such-one"]) is None
    assert hears_at([]) is None
    assert hears_at(["*"]) != HERE


def test_our_end_is_the_one_that_goes_there() -> None:
    assert towards((HERE, 67)) == HERE


def test_questions_differ() -> None:
    assert len({new_xid() for _ in range(100)}) > 90

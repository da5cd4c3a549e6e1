"""What ZeroMQ owes beyond the contract of all: who may speak, as whom, and back on which way."""

from collections.abc import Iterator

import pytest
import zmq

from bus.errors import BusyError, ConfigError, UnavailableError
from bus.fleet.key_pair import new_key_pair
from bus.messages import Received
from bus.transport.zeromq.address_families import connect
from bus.transport.zeromq.curve import check_strangers_refused, secure_client
from bus.transport.zeromq.frames import FRAME_BYTES_MAX
from bus.transport.zeromq.router import Router
from bus.wire.codec import to_frame
from tests.contract.harness import TURN_S
from tests.contract.zeromq import ZeroMqHarness


@pytest.fixture
def zeromq(any_port: str) -> Iterator[ZeroMqHarness]:
    harness = ZeroMqHarness(any_port)
    harness.open()
    yield harness
    harness.close()


def test_an_unlisted_key_gets_nothing_through(zeromq: ZeroMqHarness) -> None:
    stranger = zeromq.minter_of(new_key_pair())
    zeromq.until(lambda: zeromq.zap.refused, "the refusal")
    assert not stranger.is_connected("cfm-1")
    with pytest.raises(UnavailableError):
        stranger.send("cfm-1", zeromq.some(1)[0])
    good = zeromq.some(1)
    assert zeromq.exchange(good) == [zeromq.expected(good[0])]
    assert not stranger.is_connected("cfm-1")


def test_a_connection_without_curve_gets_nothing_through(zeromq: ZeroMqHarness) -> None:
    plain = zeromq.socket(zmq.DEALER, zeromq.minter)
    event = zeromq.event(plain, zmq.EVENT_HANDSHAKE_SUCCEEDED, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)
    connect(plain, zeromq.endpoint)
    plain.send(to_frame(zeromq.some(1)[0]))
    assert event() == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    good = zeromq.some(1)
    assert zeromq.exchange(good) == [zeromq.expected(good[0])]


def test_a_minter_does_not_speak_to_a_cfm_with_another_key(zeromq: ZeroMqHarness) -> None:
    """The port of `cfm-1` announced as that of `cfm-2`: a beat redirects nobody."""
    zeromq.dealers.connect("cfm-2", zeromq.endpoint)
    good = zeromq.some(20)
    for envelope in good:
        with pytest.raises(UnavailableError):
            zeromq.dealers.send("cfm-2", envelope)
        zeromq.send_patiently(envelope)
    assert zeromq.receive(good[-1]) == [zeromq.expected(one) for one in good]


def test_each_minter_speaks_for_itself_only(zeromq: ZeroMqHarness) -> None:
    other = zeromq.minter_of(zeromq.keys["dhcp-2"])
    zeromq.until(lambda: other.is_connected("cfm-1"), "the second minter")
    mine, forged = zeromq.some(2)
    zeromq.send(mine)
    assert zeromq.receive(mine)[0].source == "dhcp-1"
    other.send("cfm-1", forged)  # says it comes from dhcp-1
    assert forged.source == "dhcp-1"
    assert zeromq.receive(forged)[0].source == "dhcp-2"


def test_the_answer_finds_its_minter_by_route_and_by_name(zeromq: ZeroMqHarness) -> None:
    question, by_route, by_name = zeromq.some(3)
    zeromq.stall()  # nobody else may take the question
    zeromq.send(question)
    messages: list[Received] = []

    def is_asked() -> bool:
        messages.extend(zeromq.far.poll(TURN_S))
        return bool(messages)

    zeromq.until(is_asked, "the question")
    zeromq.router.send(messages[0].via, by_route)
    zeromq.router.send("dhcp-1", by_name)
    assert [one.source for one in zeromq.receive(by_name)] == ["cfm-1", "cfm-1"]


def test_garbage_harms_nothing_behind_it_on_the_same_connection(zeromq: ZeroMqHarness) -> None:
    rogue = zeromq.bare_minter("dhcp-2")
    first, second, third = zeromq.some(3)
    rogue.send(to_frame(first))
    rogue.send(b"garbage")
    rogue.send(to_frame(second))
    rogue.send_multipart([to_frame(first), to_frame(first), b""])  # more parts than a message has
    rogue.send_multipart([b"garbage", to_frame(first)])
    rogue.send(to_frame(third))
    arrived = zeromq.receive(third)
    assert [(one.seq, one.source) for one in arrived] == [
        (one.seq, "dhcp-2") for one in (first, second, third)
    ]
    assert zeromq.undecodable == 3


def test_a_frame_over_the_limit_costs_its_sender_the_connection_and_nobody_else(
    zeromq: ZeroMqHarness,
) -> None:
    rogue = zeromq.bare_minter("dhcp-2")
    event = zeromq.event(rogue, zmq.EVENT_DISCONNECTED)
    first, second = zeromq.some(2)
    rogue.send(to_frame(first))
    zeromq.receive(first)
    rogue.send(bytes(FRAME_BYTES_MAX + 1))
    assert event() == zmq.EVENT_DISCONNECTED
    assert zeromq.exchange([second]) == [zeromq.expected(second)]
    assert zeromq.undecodable == 0


def test_the_self_test_proves_that_strangers_are_refused(zeromq: ZeroMqHarness) -> None:
    check_strangers_refused(zeromq.cfm, zeromq.zap, zeromq.endpoint, zeromq.keys["cfm-1"].public)
    assert (zeromq.zap.refused, zeromq.zap.lacks()) == (0, [])  # it was us


def test_two_routers_do_not_share_an_endpoint(zeromq: ZeroMqHarness) -> None:
    with pytest.raises(BusyError, match="cannot listen"):
        Router(zeromq.cfm, zeromq.far, zeromq.keys["cfm-2"], zeromq.owners, zeromq.endpoint)


def test_peers_that_are_not_known_are_refused(zeromq: ZeroMqHarness) -> None:
    envelope = zeromq.some(1)[0]
    with pytest.raises(UnavailableError):
        zeromq.dealers.send("cfm-2", envelope)  # known, never connected
    with pytest.raises(UnavailableError):
        zeromq.router.send("dhcp-2", envelope)
    with pytest.raises(UnavailableError):
        zeromq.router.send(b"\0no such route", envelope)
    with pytest.raises(ConfigError, match="no key"):
        zeromq.dealers.connect("cfm-9", zeromq.endpoint)


def test_a_key_may_connect_only_while_it_proves_itself(zeromq: ZeroMqHarness) -> None:
    """The public key of a listed minter with the secret key of somebody else."""
    thief = zeromq.socket(zmq.DEALER, zeromq.minter)
    stolen = zeromq.keys["dhcp-2"]._replace(secret=new_key_pair().secret)
    secure_client(thief, stolen, zeromq.keys["cfm-1"].public)
    event = zeromq.event(thief, zmq.EVENT_HANDSHAKE_SUCCEEDED, zmq.EVENT_DISCONNECTED)
    connect(thief, zeromq.endpoint)
    thief.send(to_frame(zeromq.some(1)[0]))
    assert event() != zmq.EVENT_HANDSHAKE_SUCCEEDED
    good = zeromq.some(1)
    assert zeromq.exchange(good) == [zeromq.expected(good[0])]

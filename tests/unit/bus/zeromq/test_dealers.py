"""The dealers: one connection per CFM, found again after every loss, and a refused send says so."""

import socket
from typing import Any

import pytest
import zmq

from bus.errors import ConfigError, OversizeError, UnavailableError
from bus.transport.poller import Poller
from bus.transport.zeromq.address_families import bind
from bus.transport.zeromq.curve import ZapHandler, secure_server
from bus.transport.zeromq.dealers import Dealers
from bus.transport.zeromq.owners import Owners
from bus.transport.zeromq.router import Router
from bus.wire.codec import to_frame
from tests.unit.bus.zeromq.peers import (
    LISTED,
    PAYLOAD_BYTES_MAX,
    SERVER,
    Context,
    Take,
    Until,
    deliver,
    fill,
    listen,
    refused,
    rows,
)

pytestmark = pytest.mark.usefixtures("no_leaks")


def test_the_largest_message_travels_and_a_larger_one_does_not(
    router: Router, dealers: Dealers, take: Take, until: Until
) -> None:
    dealers.connect("cfm-1", router.endpoint)
    until(lambda: dealers.is_connected("cfm-1"))
    largest = rows(1, bytes(PAYLOAD_BYTES_MAX))
    larger = rows(2, bytes(PAYLOAD_BYTES_MAX + 1))
    with pytest.raises(OversizeError):
        dealers.send("cfm-1", larger)
    deliver(dealers, "cfm-1", largest, until)
    assert take(1)[0].envelope == largest
    with pytest.raises(OversizeError):
        router.send("dhcp-1", larger)
    router.send("dhcp-1", largest)
    assert take(1)[0].envelope == largest._replace(source="cfm-1")


def test_a_server_that_does_not_read_is_refused_and_loses_nothing(
    context: Context, zap: ZapHandler, dealers: Dealers, until: Until, any_port: str
) -> None:
    elsewhere = Poller()
    router = Router(context, elsewhere, SERVER, Owners(LISTED), any_port, queue_max=10)
    dealers.connect("cfm-1", router.endpoint)
    until(lambda: dealers.is_connected("cfm-1"))
    deliver(dealers, "cfm-1", rows(9_999), until)
    accepted = fill(lambda envelope: dealers.send("cfm-1", envelope))
    assert accepted > 0
    found: list[Any] = []
    for _ in range(1_000):
        found += elsewhere.poll(0.01) if len(found) <= accepted else []
    assert [message.envelope.seq for message in found] == [9_999, *range(accepted)]
    router.close()
    elsewhere.close()


def test_a_dealer_speaks_with_each_server_by_itself(
    context: Context,
    poller: Poller,
    router: Router,
    dealers: Dealers,
    until: Until,
    take: Take,
    any_port: str,
) -> None:
    other = Router(context, poller, SERVER, Owners(LISTED), any_port)
    endpoints = {"cfm-1": router.endpoint, "cfm-2": other.endpoint}
    for peer, endpoint in endpoints.items():
        dealers.connect(peer, endpoint)
    arrived: list[Any] = []
    for seq, peer in enumerate(("cfm-1", "cfm-2", "cfm-2")):
        arrived += deliver(dealers, peer, rows(seq), until)
    arrived += take(3 - len(arrived))
    assert sorted(message.envelope.seq for message in arrived) == [0, 1, 2]
    router.send("dhcp-1", rows(10))
    other.send("dhcp-1", rows(20))
    assert {(one.envelope.source, one.envelope.seq, one.via) for one in take(2)} == {
        ("cfm-1", 10, "cfm-1"),
        ("cfm-2", 20, "cfm-2"),
    }
    other.close()


def test_before_and_without_a_connection_a_send_is_refused(dealers: Dealers) -> None:
    for to in ("cfm-1", b"cfm-1", ""):
        with pytest.raises(UnavailableError):
            dealers.send(to, rows(1))
    dealers.connect("cfm-1", "tcp://127.0.0.1:1")
    with pytest.raises(UnavailableError):
        dealers.send("cfm-1", rows(1))
    assert not dealers.is_connected("cfm-1")
    assert dealers.lacks() == []  # nobody refused our key
    assert not dealers.is_connected("cfm-2")


def test_a_server_without_a_key_in_the_fleet_is_not_dialled(dealers: Dealers) -> None:
    with pytest.raises(ConfigError, match="cfm-9 has no key"):
        dealers.connect("cfm-9", "tcp://127.0.0.1:1")


@pytest.mark.parametrize("endpoint", ["", "nonsense", "tcp://", "carrier://pigeon"])
def test_an_endpoint_that_cannot_be_used_is_refused_and_leaves_nothing_open(
    dealers: Dealers, endpoint: str
) -> None:
    with pytest.raises(ConfigError, match="cfm-1 announces an endpoint"):
        dealers.connect("cfm-1", endpoint)
    with pytest.raises(UnavailableError):
        dealers.send("cfm-1", rows(1))


def test_connecting_again_to_the_same_endpoint_keeps_the_connection(
    router: Router, dealers: Dealers, until: Until, take: Take
) -> None:
    dealers.connect("cfm-1", router.endpoint)
    until(lambda: dealers.is_connected("cfm-1"))
    deliver(dealers, "cfm-1", rows(1), until)
    dealers.connect("cfm-1", router.endpoint)
    assert dealers.is_connected("cfm-1")
    dealers.send("cfm-1", rows(2))
    vias = {message.via for message in take(2)}
    assert len(vias) == 1


def test_another_endpoint_replaces_the_connection(
    context: Context,
    poller: Poller,
    router: Router,
    dealers: Dealers,
    until: Until,
    take: Take,
    any_port: str,
) -> None:
    dealers.connect("cfm-1", router.endpoint)
    until(lambda: dealers.is_connected("cfm-1"))
    moved = Router(context, poller, SERVER, Owners(LISTED), any_port)
    dealers.connect("cfm-1", moved.endpoint)
    assert not dealers.is_connected("cfm-1")
    until(lambda: dealers.is_connected("cfm-1"))
    deliver(dealers, "cfm-1", rows(1), until)
    take(1)
    moved.send("dhcp-1", rows(2))
    assert take(1)[0].envelope.seq == 2
    with pytest.raises(UnavailableError):
        router.send("dhcp-1", rows(3))
    moved.close()


def test_disconnecting_forgets_the_server(router: Router, dealers: Dealers, until: Until) -> None:
    dealers.connect("cfm-1", router.endpoint)
    until(lambda: dealers.is_connected("cfm-1"))
    dealers.disconnect("cfm-1")
    dealers.disconnect("cfm-1")
    with pytest.raises(UnavailableError):
        dealers.send("cfm-1", rows(1))


def test_a_server_that_comes_back_is_found_again(
    context: Context,
    poller: Poller,
    zap: ZapHandler,
    dealers: Dealers,
    until: Until,
    take: Take,
    any_port: str,
) -> None:
    router = Router(context, poller, SERVER, Owners(LISTED), any_port)
    endpoint = router.endpoint
    dealers.connect("cfm-1", endpoint)
    until(lambda: dealers.is_connected("cfm-1"))
    router.close()
    until(lambda: refused(lambda: dealers.send("cfm-1", rows(1)), UnavailableError))
    assert not dealers.is_connected("cfm-1")
    router = listen(context, poller, endpoint)
    until(lambda: dealers.is_connected("cfm-1"))
    deliver(dealers, "cfm-1", rows(2), until)
    assert take(1)[0].envelope == rows(2)
    router.close()


def test_a_server_that_refused_us_is_tried_again(
    context: Context, poller: Poller, dealers: Dealers, until: Until, take: Take, any_port: str
) -> None:
    """It comes up again, with a newer fleet file; libzmq alone would never try it again."""
    with zmq.Context() as older:
        zap = ZapHandler(older, poller, Owners({}))
        router = Router(older, poller, SERVER, Owners(LISTED), any_port)
        dealers.connect("cfm-1", router.endpoint)
        assert dealers.lacks() == []
        until(lambda: zap.refused)
        until(lambda: refused(lambda: dealers.send("cfm-1", rows(1)), UnavailableError) and dealers.lacks())
        (reason,) = dealers.lacks()
        assert reason.code == "handshake-refused"
        assert reason.startswith(f"the handshake with cfm-1 at {router.endpoint}: ")
        router.close()
        zap.close()
    zap = ZapHandler(context, poller, Owners(LISTED))
    router = listen(context, poller, router.endpoint)
    try:
        deliver(dealers, "cfm-1", rows(2), until)
        assert take(1)[0].envelope == rows(2)
        assert dealers.lacks() == []
    finally:
        router.close()
        zap.close()


def test_junk_from_a_server_is_counted(
    context: Context, zap: ZapHandler, dealers: Dealers, until: Until, take: Take, any_port: str
) -> None:
    with context.socket(zmq.ROUTER) as server:
        server.setsockopt(zmq.LINGER, 0)
        secure_server(server, SERVER)
        bind(server, any_port)
        dealers.connect("cfm-1", server.getsockopt_string(zmq.LAST_ENDPOINT))
        deliver(dealers, "cfm-1", rows(1), until)
        until(lambda: server.poll(0))
        route, _ = server.recv_multipart()
        server.send_multipart([route, b"junk"])
        server.send_multipart([route, to_frame(rows(2))])
        assert take(1)[0].envelope.seq == 2
    assert dealers.undecodable == 1


def test_closing_leaves_the_poller_quiet(
    context: Context, poller: Poller, zap: ZapHandler, dealers: Dealers, until: Until, any_port: str
) -> None:
    router = Router(context, poller, SERVER, Owners(LISTED), any_port)
    dealers.connect("cfm-1", router.endpoint)
    until(lambda: dealers.is_connected("cfm-1"))
    deliver(dealers, "cfm-1", rows(1), until)
    dealers.close()
    dealers.close()
    router.close()
    assert poller.poll(0.01) == []


def test_a_server_that_stands_still_is_not_taken_for_one_with_another_key(
    dealers: Dealers, until: Until
) -> None:
    """It accepts a connection, as the kernel does for a stopped process, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dealers.connect("cfm-1", f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        with silent.accept()[0] as first:
            while first.recv(1_024):  # until the handshake has timed out
                pass
            with pytest.raises(UnavailableError):
                dealers.send("cfm-1", rows(1))
            assert dealers.lacks() == []

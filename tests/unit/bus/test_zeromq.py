"""ZeroMQ, point to point: who speaks is who holds the key, and a refused send says so."""

import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import zmq

from bus.codec import from_frame, to_frame
from bus.envelope import Envelope
from bus.errors import (
    BackpressureError,
    BusyError,
    ConfigError,
    OversizeError,
    TransportError,
    UnavailableError,
)
from bus.machine import Received
from bus.routes import route
from bus.transport.curve import ZapHandler, new_key_pair, secure_client, secure_server
from bus.transport.poller import Poller
from bus.transport.zeromq import FRAME_BYTES_MAX, Dealers, Router

Until = Callable[[Callable[[], object]], list[Any]]
Context = zmq.Context[Any]
Dial = Callable[[str], zmq.Socket[bytes]]

PAYLOAD_BYTES_MAX = route("fileid").payload_bytes_max
SERVER = new_key_pair()
MINTERS = {"dhcp-1": new_key_pair(), "mps-1": new_key_pair()}
LISTED = {pair.public: name for name, pair in MINTERS.items()}
CFMS = {"cfm-1": SERVER.public, "cfm-2": SERVER.public}

pytestmark = pytest.mark.usefixtures("no_leaks")


def rows(seq: int, data: bytes = b"") -> Envelope:
    return Envelope("provbus.fileid.rows.v1", "dhcp-1", 7, seq, 0, data)


@pytest.fixture
def zap(context: Context, poller: Poller) -> Iterator[ZapHandler]:
    handler = ZapHandler(context, poller, LISTED)
    yield handler
    handler.close()


@pytest.fixture
def router(context: Context, poller: Poller, zap: ZapHandler) -> Iterator[Router]:
    router = Router(context, poller, SERVER, "tcp://127.0.0.1:*", queue_max=10)
    yield router
    router.close()


@pytest.fixture
def dealers(context: Context, poller: Poller) -> Iterator[Dealers]:
    dealers = Dealers(context, poller, MINTERS["dhcp-1"], CFMS, queue_max=10)
    yield dealers
    dealers.close()


@pytest.fixture
def dial(context: Context, router: Router) -> Iterator[Dial]:
    """Connections of a minter that does as it likes, but holds a valid key."""
    with ExitStack() as stack:

        def make(minter: str) -> zmq.Socket[bytes]:
            client: zmq.Socket[bytes] = stack.enter_context(context.socket(zmq.DEALER))
            client.setsockopt(zmq.LINGER, 0)
            secure_client(client, MINTERS[minter], SERVER.public)
            client.connect(router.endpoint)
            return client

        yield make


@pytest.fixture
def take(poller: Poller) -> Callable[[int], list[Received]]:
    """Waits for the next so many messages."""

    def wait(count: int) -> list[Received]:
        messages: list[Received] = []
        for _ in range(1_000):
            if len(messages) >= count:
                break
            messages += poller.poll(0.01)
        assert len(messages) == count
        return messages

    return wait


Take = Callable[[int], list[Received]]


def hear(client: zmq.Socket[bytes], until: Until) -> Envelope:
    """The next message that a client gets."""
    until(lambda: client.poll(0))
    (frame,) = client.recv_multipart()
    return from_frame(frame, "cfm-1")


def fill(send: Callable[[Envelope], None]) -> int:
    """Send until there is no room; returns how many were accepted, numbered from 0."""
    for seq in range(5_000):
        try:
            send(rows(seq, bytes(32_768)))
        except BackpressureError:
            return seq
    raise AssertionError("nothing bounds the queue")


def listen(context: Context, poller: Poller, endpoint: str) -> Router:
    """A router where another one has just closed; libzmq gives the port back in its own time."""
    for _ in range(1_000):
        try:
            return Router(context, poller, SERVER, endpoint)
        except BusyError:
            poller.poll(0.01)
    raise AssertionError("the port is never given back")


def refused(send: Callable[[], None], kind: type[TransportError]) -> bool:
    """Whether sending is refused for this reason now."""
    try:
        send()
    except kind:
        return True
    except TransportError:
        pass
    return False


def deliver(dealers: Dealers, peer: str, envelope: Envelope, until: Until) -> list[Any]:
    """Send as soon as it is possible; returns what arrived meanwhile. (libzmq reports a connection a moment
    before it takes messages.)
    """
    return until(lambda: not refused(lambda: dealers.send(peer, envelope), TransportError))


def test_the_source_is_whose_key_it_is(dial: Dial, take: Take) -> None:
    dial("dhcp-1").send(to_frame(rows(1)))
    dial("mps-1").send(to_frame(rows(1)))
    found = {message.envelope.source: message.via for message in take(2)}
    assert sorted(found) == ["dhcp-1", "mps-1"]
    assert found["dhcp-1"] != found["mps-1"]


@pytest.mark.parametrize(
    "shape",
    ["ff", "rf", "frf", "ffrf", "ef", "fe", "rfrfrf"],
    ids=lambda shape: f"parts {shape}",
)
def test_parts_are_never_read_as_anothers_route(
    router: Router, dial: Dial, take: Take, poller: Poller, until: Until, shape: str
) -> None:
    """f: a frame, r: the victim's route, e: nothing."""
    victim, attacker = dial("dhcp-1"), dial("mps-1")
    victim.send(to_frame(rows(1)))
    (first,) = take(1)
    assert isinstance(first.via, bytes)
    parts = {"f": to_frame(rows(66)), "r": first.via, "e": b""}
    attacker.send_multipart([parts[letter] for letter in shape])
    until(lambda: router.undecodable)
    attacker.send(to_frame(rows(2)))
    (after,) = take(1)
    assert (after.envelope.source, after.envelope.seq) == ("mps-1", 2)
    assert poller.poll(0.02) == []
    assert router.undecodable == 1
    router.send("dhcp-1", rows(3))
    assert hear(victim, until).seq == 3


@pytest.mark.parametrize(
    "junk", [b"", b"\1", b"\1\1" + bytes(37), b"\2\1" + bytes(60), b"\1\xff" + bytes(60)]
)
def test_junk_is_counted_and_the_connection_stands(
    router: Router, dial: Dial, take: Take, junk: bytes
) -> None:
    client = dial("dhcp-1")
    client.send(junk)
    client.send(to_frame(rows(2)))
    assert take(1)[0].envelope.seq == 2
    assert router.undecodable == 1


def test_an_answer_goes_back_by_route_and_by_name(
    router: Router, dial: Dial, take: Take, until: Until
) -> None:
    clients = {name: dial(name) for name in MINTERS}
    for client in clients.values():
        client.send(to_frame(rows(1)))
    for message in take(2):
        source = message.envelope.source
        router.send(message.via, rows(10))
        router.send(source, rows(11))
        assert [hear(clients[source], until).seq for _ in range(2)] == [10, 11]


def test_the_newest_connection_of_a_minter_is_its_route(
    router: Router, dial: Dial, take: Take, until: Until
) -> None:
    old, new = dial("dhcp-1"), dial("dhcp-1")
    vias = []
    for number, client in enumerate((old, new)):
        client.send(to_frame(rows(number)))
        vias.append(take(1)[0].via)
    router.send("dhcp-1", rows(10))
    assert hear(new, until).seq == 10
    router.send(vias[0], rows(11))
    assert hear(old, until).seq == 11
    old.close()
    router.send("dhcp-1", rows(12))
    assert hear(new, until).seq == 12


@pytest.mark.parametrize("to", ["dhcp-1", "cfm-1", "", b"", b"\0none"])
def test_nobody_there_is_said(router: Router, to: str | bytes) -> None:
    for _ in range(2):
        with pytest.raises(UnavailableError):
            router.send(to, rows(1))


def test_who_left_is_unavailable_by_route_and_by_name(
    router: Router, dial: Dial, take: Take, until: Until
) -> None:
    client = dial("dhcp-1")
    client.send(to_frame(rows(1)))
    via = take(1)[0].via
    client.close()
    until(lambda: refused(lambda: router.send(via, rows(2)), UnavailableError))
    with pytest.raises(UnavailableError):
        router.send("dhcp-1", rows(3))
    back = dial("dhcp-1")
    back.send(to_frame(rows(4)))
    take(1)
    router.send("dhcp-1", rows(5))
    assert hear(back, until).seq == 5


def test_what_cannot_be_written_down_does_not_spoil_what_follows(
    router: Router, dial: Dial, take: Take, until: Until
) -> None:
    clients = {name: dial(name) for name in MINTERS}
    for client in clients.values():
        client.send(to_frame(rows(1)))
    take(2)
    with pytest.raises(KeyError):
        router.send("mps-1", rows(2)._replace(type="provbus.audit.batch.v1"))
    with pytest.raises(struct.error):
        router.send("mps-1", rows(2)._replace(seq=2**64))
    router.send("dhcp-1", rows(3))
    router.send("mps-1", rows(4))
    assert hear(clients["dhcp-1"], until).seq == 3
    assert hear(clients["mps-1"], until).seq == 4


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


def test_a_frame_beyond_the_limit_costs_its_sender_the_connection(
    router: Router, dial: Dial, take: Take, poller: Poller, until: Until
) -> None:
    client, neighbour = dial("mps-1"), dial("dhcp-1")
    client.send(to_frame(rows(1)))
    via = take(1)[0].via
    client.send(bytes(FRAME_BYTES_MAX + 1))
    until(lambda: refused(lambda: router.send(via, rows(2)), UnavailableError))
    neighbour.send(to_frame(rows(3)))
    assert [message.envelope.source for message in take(1)] == ["dhcp-1"]


def test_a_client_that_does_not_read_is_refused_and_loses_nothing(
    router: Router, dial: Dial, take: Take, until: Until
) -> None:
    client = dial("dhcp-1")
    client.setsockopt(zmq.RCVHWM, 10)
    client.send(to_frame(rows(1)))
    take(1)
    accepted = fill(lambda envelope: router.send("dhcp-1", envelope))
    assert accepted > 0
    assert [hear(client, until).seq for _ in range(accepted)] == list(range(accepted))
    router.send("dhcp-1", rows(9_999))
    assert hear(client, until).seq == 9_999


def test_a_server_that_does_not_read_is_refused_and_loses_nothing(
    context: Context, zap: ZapHandler, dealers: Dealers, until: Until
) -> None:
    elsewhere = Poller()
    router = Router(context, elsewhere, SERVER, "tcp://127.0.0.1:*", queue_max=10)
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
    context: Context, poller: Poller, router: Router, dealers: Dealers, until: Until, take: Take
) -> None:
    other = Router(context, poller, SERVER, "tcp://127.0.0.1:*")
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
    context: Context, poller: Poller, router: Router, dealers: Dealers, until: Until, take: Take
) -> None:
    dealers.connect("cfm-1", router.endpoint)
    until(lambda: dealers.is_connected("cfm-1"))
    moved = Router(context, poller, SERVER, "tcp://127.0.0.1:*")
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
    context: Context, poller: Poller, zap: ZapHandler, dealers: Dealers, until: Until, take: Take
) -> None:
    router = Router(context, poller, SERVER, "tcp://127.0.0.1:*")
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
    context: Context, poller: Poller, dealers: Dealers, until: Until, take: Take
) -> None:
    """It comes up again, with a newer fleet file; libzmq alone would never try it again."""
    with zmq.Context() as older:
        zap = ZapHandler(older, poller, {})
        router = Router(older, poller, SERVER, "tcp://127.0.0.1:*")
        dealers.connect("cfm-1", router.endpoint)
        until(lambda: zap.refused)
        until(lambda: refused(lambda: dealers.send("cfm-1", rows(1)), UnavailableError))
        router.close()
        zap.close()
    zap = ZapHandler(context, poller, LISTED)
    router = listen(context, poller, router.endpoint)
    try:
        deliver(dealers, "cfm-1", rows(2), until)
        assert take(1)[0].envelope == rows(2)
    finally:
        router.close()
        zap.close()


def test_junk_from_a_server_is_counted(
    context: Context, zap: ZapHandler, dealers: Dealers, until: Until, take: Take
) -> None:
    with context.socket(zmq.ROUTER) as server:
        server.setsockopt(zmq.LINGER, 0)
        secure_server(server, SERVER)
        server.bind("tcp://127.0.0.1:*")
        dealers.connect("cfm-1", server.getsockopt_string(zmq.LAST_ENDPOINT))
        deliver(dealers, "cfm-1", rows(1), until)
        until(lambda: server.poll(0))
        route, _ = server.recv_multipart()
        server.send_multipart([route, b"junk"])
        server.send_multipart([route, to_frame(rows(2))])
        assert take(1)[0].envelope.seq == 2
    assert dealers.undecodable == 1


@pytest.mark.parametrize("endpoint", ["", "nonsense", "tcp://192.0.2.1:5555"])
def test_an_endpoint_that_cannot_be_had_is_busy_and_leaves_nothing_open(
    context: Context, poller: Poller, endpoint: str
) -> None:
    with pytest.raises(BusyError, match="cannot listen on"):
        Router(context, poller, SERVER, endpoint)


def test_a_port_in_use_is_busy(context: Context, poller: Poller, router: Router) -> None:
    with pytest.raises(BusyError, match="cannot listen on"):
        Router(context, poller, SERVER, router.endpoint)


def test_closing_leaves_the_poller_quiet(
    context: Context, poller: Poller, zap: ZapHandler, dealers: Dealers, until: Until
) -> None:
    router = Router(context, poller, SERVER, "tcp://127.0.0.1:*")
    dealers.connect("cfm-1", router.endpoint)
    until(lambda: dealers.is_connected("cfm-1"))
    deliver(dealers, "cfm-1", rows(1), until)
    dealers.close()
    dealers.close()
    router.close()
    assert poller.poll(0.01) == []

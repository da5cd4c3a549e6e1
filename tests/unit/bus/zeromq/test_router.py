"""The router: who speaks is who holds the key, and nobody is taken for another."""

import struct

import pytest
import zmq

from bus.errors import BackpressureError, BusyError, ConfigError, ProvbusError, UnavailableError
from bus.transport.poller import Poller
from bus.transport.zeromq.frames import FRAME_BYTES_MAX
from bus.transport.zeromq.owners import Owners
from bus.transport.zeromq.router import Router
from bus.wire.codec import to_frame
from tests.unit.bus.zeromq.peers import (
    LISTED,
    MINTERS,
    SERVER,
    Context,
    Dial,
    Take,
    Until,
    fill,
    hear,
    refused,
    rows,
)

pytestmark = pytest.mark.usefixtures("no_leaks")


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
    "junk", [b"", b"\1", b"\2\1" + bytes(33), b"\1\1" + bytes(60), b"\2\xff" + bytes(60)]
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
    # What was read makes room a moment later.
    until(lambda: not refused(lambda: router.send("dhcp-1", rows(9_999)), BackpressureError))
    assert hear(client, until).seq == 9_999


@pytest.mark.parametrize(
    ("endpoint", "kind"),
    [("", ConfigError), ("nonsense", ConfigError), ("tcp://192.0.2.1:5555", UnavailableError)],
)
def test_an_endpoint_that_cannot_be_had_says_why_and_leaves_nothing_open(
    context: Context, poller: Poller, endpoint: str, kind: type[ProvbusError]
) -> None:
    with pytest.raises(kind, match="cannot listen on"):
        Router(context, poller, SERVER, Owners(LISTED), endpoint)


def test_a_port_in_use_is_busy(context: Context, poller: Poller, router: Router) -> None:
    with pytest.raises(BusyError, match="cannot listen on"):
        Router(context, poller, SERVER, Owners(LISTED), router.endpoint)

"""CURVE keys replaced under way: who knows the next key in time goes on, everybody else is refused."""

import pytest

from bus.errors import UnavailableError
from bus.fleet.key_pair import new_key_pair
from bus.transport.poller import Poller
from bus.transport.zeromq.curve import ZapHandler
from bus.transport.zeromq.dealers import Dealers
from bus.transport.zeromq.owners import Owners
from bus.transport.zeromq.router import Router
from bus.wire.codec import to_frame
from tests.unit.bus.zeromq.peers import (
    CFMS,
    LISTED,
    MINTERS,
    SERVER,
    Context,
    Dial,
    Take,
    Until,
    deliver,
    hear,
    refused,
    rows,
)

NEXT_SERVER = new_key_pair()
NEXT_MINTER = new_key_pair()
BOTH = {"cfm-1": [SERVER.public, NEXT_SERVER.public]}


def test_a_minter_that_knows_both_keys_follows_its_server(
    router: Router, dealers: Dealers, until: Until, take: Take
) -> None:
    dealers.use(MINTERS["dhcp-1"], BOTH)
    dealers.connect("cfm-1", router.endpoint)
    deliver(dealers, "cfm-1", rows(1), until)
    assert take(1)[0].envelope == rows(1)
    endpoint = router.endpoint
    router.use(NEXT_SERVER)
    assert router.endpoint == endpoint
    until(lambda: refused(lambda: dealers.send("cfm-1", rows(2)), UnavailableError))
    deliver(dealers, "cfm-1", rows(3), until)
    assert take(1)[0].envelope == rows(3)


def test_a_server_with_the_same_key_keeps_its_connections(
    router: Router, dealers: Dealers, until: Until, take: Take
) -> None:
    dealers.connect("cfm-1", router.endpoint)
    deliver(dealers, "cfm-1", rows(1), until)
    router.use(SERVER)
    dealers.use(MINTERS["dhcp-1"], CFMS)
    dealers.send("cfm-1", rows(2))
    assert [one.envelope for one in take(2)] == [rows(1), rows(2)]


def test_a_minter_with_its_next_key_connects_anew(
    owners: Owners, router: Router, dealers: Dealers, until: Until, take: Take
) -> None:
    owners.use({**LISTED, NEXT_MINTER.public: "dhcp-1"})
    dealers.connect("cfm-1", router.endpoint)
    deliver(dealers, "cfm-1", rows(1), until)
    [before] = take(1)
    dealers.use(NEXT_MINTER, CFMS)
    deliver(dealers, "cfm-1", rows(2), until)
    [after] = take(1)
    assert (before.envelope, after.envelope) == (rows(1), rows(2))
    assert before.via != after.via


def test_the_former_key_is_refused_when_it_was_dropped(
    context: Context, poller: Poller, zap: ZapHandler, owners: Owners, router: Router, until: Until
) -> None:
    owners.use({NEXT_MINTER.public: "dhcp-1"})
    late = Dealers(context, poller, MINTERS["dhcp-1"], CFMS)
    try:
        late.connect("cfm-1", router.endpoint)
        until(lambda: zap.refused)
        with pytest.raises(UnavailableError):
            late.send("cfm-1", rows(1))
    finally:
        late.close()


def test_a_connection_whose_key_was_dropped_is_not_heard_and_told_nothing(
    owners: Owners, router: Router, dial: Dial, poller: Poller, take: Take, until: Until
) -> None:
    holder = dial("dhcp-1")
    holder.send(to_frame(rows(1)))
    via = take(1)[0].via
    owners.use({NEXT_MINTER.public: "dhcp-1"})
    router.use(SERVER)
    for to in (via, "dhcp-1"):
        with pytest.raises(UnavailableError):
            router.send(to, rows(2))
    for seq in range(3, 6):
        holder.send(to_frame(rows(seq)))
    assert until(lambda: router.dropped == 3) == []
    assert [one.code for one in router.lacks()] == ["former-key"]
    with pytest.raises(UnavailableError):
        router.send(via, rows(6))
    assert holder.poll(20) == 0


def test_dropping_a_key_leaves_every_other_connection_as_it_is(
    owners: Owners, zap: ZapHandler, router: Router, dial: Dial, take: Take, until: Until
) -> None:
    holder, other = dial("dhcp-1"), dial("mps-1")
    for client in (holder, other):
        client.send(to_frame(rows(1)))
    vias = {message.envelope.source: message.via for message in take(2)}
    accepted = zap.accepted
    owners.use({NEXT_MINTER.public: "dhcp-1", MINTERS["mps-1"].public: "mps-1"})
    router.use(SERVER)
    router.send("mps-1", rows(2))
    assert hear(other, until).seq == 2
    other.send(to_frame(rows(3)))
    holder.send(to_frame(rows(4)))
    [heard] = take(1)
    assert (heard.envelope.source, heard.via) == ("mps-1", vias["mps-1"])
    assert zap.accepted == accepted


def test_the_present_key_is_heard_beside_the_former_one_of_the_same_instance(
    context: Context, poller: Poller, owners: Owners, router: Router, dial: Dial, take: Take, until: Until
) -> None:
    owners.use({**LISTED, NEXT_MINTER.public: "dhcp-1"})
    former = dial("dhcp-1")
    present = Dealers(context, poller, NEXT_MINTER, CFMS)
    try:
        present.connect("cfm-1", router.endpoint)
        deliver(present, "cfm-1", rows(1), until)
        take(1)
        former.send(to_frame(rows(2)))
        take(1)  # and it is the newest route of dhcp-1 now
        owners.use({NEXT_MINTER.public: "dhcp-1"})
        router.use(SERVER)
        former.send(to_frame(rows(3)))
        present.send("cfm-1", rows(4))
        [heard] = take(1)
        assert (heard.envelope.source, heard.envelope.seq) == ("dhcp-1", 4)
        router.send("dhcp-1", rows(5))
        assert take(1)[0].envelope.seq == 5
        assert former.poll(20) == 0
    finally:
        present.close()


def test_a_key_that_is_listed_again_is_heard_on_the_connection_that_stands(
    owners: Owners, router: Router, dial: Dial, take: Take, until: Until
) -> None:
    holder = dial("dhcp-1")
    holder.send(to_frame(rows(1)))
    via = take(1)[0].via
    owners.use({})
    router.use(SERVER)
    holder.send(to_frame(rows(2)))
    until(lambda: router.dropped)
    owners.use(LISTED)
    router.use(SERVER)
    holder.send(to_frame(rows(3)))
    [heard] = take(1)
    assert (heard.envelope.seq, heard.via) == (3, via)


def test_a_server_whose_key_was_dropped_is_left(router: Router, dealers: Dealers, until: Until) -> None:
    dealers.use(MINTERS["dhcp-1"], BOTH)
    dealers.connect("cfm-1", router.endpoint)
    until(lambda: dealers.is_connected("cfm-1"))
    dealers.use(MINTERS["dhcp-1"], {"cfm-1": [NEXT_SERVER.public]})
    assert refused(lambda: dealers.send("cfm-1", rows(1)), UnavailableError)
    dealers.use(MINTERS["dhcp-1"], {})
    assert not dealers.is_connected("cfm-1")

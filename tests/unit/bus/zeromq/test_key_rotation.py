"""CURVE keys replaced under way: who knows the next key in time goes on, everybody else is refused."""

import pytest

from bus.errors import UnavailableError
from bus.fleet.key_pair import new_key_pair
from bus.transport.poller import Poller
from bus.transport.zeromq.curve import ZapHandler
from bus.transport.zeromq.dealers import Dealers
from bus.transport.zeromq.router import Router
from tests.unit.bus.zeromq.peers import (
    CFMS,
    LISTED,
    MINTERS,
    SERVER,
    Context,
    Take,
    Until,
    deliver,
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
    zap: ZapHandler, router: Router, dealers: Dealers, until: Until, take: Take
) -> None:
    zap.use({**LISTED, NEXT_MINTER.public: "dhcp-1"})
    dealers.connect("cfm-1", router.endpoint)
    deliver(dealers, "cfm-1", rows(1), until)
    [before] = take(1)
    dealers.use(NEXT_MINTER, CFMS)
    deliver(dealers, "cfm-1", rows(2), until)
    [after] = take(1)
    assert (before.envelope, after.envelope) == (rows(1), rows(2))
    assert before.via != after.via


def test_the_former_key_is_refused_when_it_was_dropped(
    context: Context, poller: Poller, zap: ZapHandler, router: Router, until: Until
) -> None:
    zap.use({NEXT_MINTER.public: "dhcp-1"})
    late = Dealers(context, poller, MINTERS["dhcp-1"], CFMS)
    try:
        late.connect("cfm-1", router.endpoint)
        until(lambda: zap.refused)
        with pytest.raises(UnavailableError):
            late.send("cfm-1", rows(1))
    finally:
        late.close()


def test_a_server_whose_key_was_dropped_is_left(router: Router, dealers: Dealers, until: Until) -> None:
    dealers.use(MINTERS["dhcp-1"], BOTH)
    dealers.connect("cfm-1", router.endpoint)
    until(lambda: dealers.is_connected("cfm-1"))
    dealers.use(MINTERS["dhcp-1"], {"cfm-1": [NEXT_SERVER.public]})
    assert refused(lambda: dealers.send("cfm-1", rows(1)), UnavailableError)
    dealers.use(MINTERS["dhcp-1"], {})
    assert not dealers.is_connected("cfm-1")

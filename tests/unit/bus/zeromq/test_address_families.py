"""IPv4 and IPv6: each where it is asked for, both where any address is, and no IPv4 in disguise."""

import pytest
import zmq

from bus.errors import ConfigError, UnavailableError
from bus.transport.poller import Poller
from bus.transport.zeromq.address_families import own
from bus.transport.zeromq.curve import ZapHandler, check_strangers_refused
from bus.transport.zeromq.dealers import Dealers
from bus.transport.zeromq.owners import Owners
from bus.transport.zeromq.router import Router
from tests.unit.bus.zeromq.peers import LISTED, SERVER, Context, Take, Until, deliver, rows

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.mark.parametrize("listen", ["tcp://*:*", "tcp://[::]:*"])
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_who_listens_on_any_address_is_reached_over_both_families(
    context: Context,
    poller: Poller,
    zap: ZapHandler,
    dealers: Dealers,
    until: Until,
    take: Take,
    any_ipv6_port: str,
    listen: str,
    host: str,
) -> None:
    router = Router(context, poller, SERVER, Owners(LISTED), listen)
    try:
        port = router.endpoint.rpartition(":")[2]
        assert router.endpoint == f"tcp://[::]:{port}"
        check_strangers_refused(context, zap, router.endpoint, SERVER.public)
        dealers.connect("cfm-1", f"tcp://{host}:{port}")
        deliver(dealers, "cfm-1", rows(1), until)
        assert take(1)[0].envelope == rows(1)
    finally:
        router.close()


def test_every_address_of_ipv4_is_no_address_of_ipv6(
    context: Context, poller: Poller, zap: ZapHandler, any_ipv6_port: str
) -> None:
    first = Router(context, poller, SERVER, Owners(LISTED), "tcp://0.0.0.0:*")
    port = first.endpoint.rpartition(":")[2]
    second = Router(context, poller, SERVER, Owners(LISTED), f"tcp://[::1]:{port}")
    assert (first.endpoint, second.endpoint) == (f"tcp://0.0.0.0:{port}", f"tcp://[::1]:{port}")
    second.close()
    first.close()


def test_where_it_listens_is_said_as_it_was_written(router: Router, any_port: str) -> None:
    """What is announced when nothing else is: never `[::ffff:127.0.0.1]`."""
    assert router.endpoint.rpartition(":")[0] == any_port.rpartition(":")[0]


@pytest.mark.parametrize("endpoint", ["tcp://192.0.2.77:7001", "tcp://[2001:db8::77]:7001"])
def test_an_address_of_another_host_is_not_there(
    context: Context, poller: Poller, zap: ZapHandler, any_ipv6_port: str, endpoint: str
) -> None:
    with pytest.raises(UnavailableError, match="is not an address of this host"):
        Router(context, poller, SERVER, Owners(LISTED), endpoint)


@pytest.mark.parametrize("endpoint", ["127.0.0.1:7001", "tcp://[::1]", "tcp://127.0.0.1:0", "tcp://::1:7001"])
def test_what_is_no_endpoint_is_not_connected_to(dealers: Dealers, endpoint: str) -> None:
    with pytest.raises(ConfigError, match="cannot be used"):
        dealers.connect("cfm-1", endpoint)
    assert not dealers.is_connected("cfm-1")


def test_ipv4_stays_without_the_option(context: Context, dealers: Dealers, router: Router) -> None:
    """So a machine without IPv6 needs nothing of it."""
    with context.socket(zmq.DEALER) as plain:
        assert plain.getsockopt(zmq.IPV6) == 0
    dealers.connect("cfm-1", "tcp://127.0.0.1:7001")


@pytest.mark.parametrize(
    ("listens", "reached"),
    [
        ("tcp://[::]:7001", "tcp://127.0.0.1:7001"),
        ("tcp://0.0.0.0:7001", "tcp://127.0.0.1:7001"),
        ("tcp://[::1]:7001", "tcp://[::1]:7001"),
        ("tcp://127.0.0.11:7001", "tcp://127.0.0.11:7001"),
    ],
)
def test_we_reach_ourselves_on_loopback_where_any_address_is(listens: str, reached: str) -> None:
    """A host whose IPv6 is switched off takes the socket, but no connection to `[::]`."""
    assert own(listens) == reached

"""One router, one minter's dealers, and connections of minters that do as they like."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import zmq

from bus.messages import Received
from bus.transport.poller import Poller
from bus.transport.zeromq.address_families import connect
from bus.transport.zeromq.curve import ZapHandler, secure_client
from bus.transport.zeromq.dealers import Dealers
from bus.transport.zeromq.owners import Owners
from bus.transport.zeromq.router import Router
from tests.unit.bus.zeromq.peers import (
    CFMS,
    LISTED,
    MINTERS,
    SERVER,
    Context,
    Dial,
    Take,
)


@pytest.fixture
def owners() -> Owners:
    return Owners(LISTED)


@pytest.fixture
def zap(context: Context, poller: Poller, owners: Owners) -> Iterator[ZapHandler]:
    handler = ZapHandler(context, poller, owners)
    yield handler
    handler.close()


@pytest.fixture
def router(
    context: Context, poller: Poller, zap: ZapHandler, owners: Owners, any_port: str
) -> Iterator[Router]:
    router = Router(context, poller, SERVER, owners, any_port, queue_max=10)
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
            connect(client, router.endpoint)
            return client

        yield make


@pytest.fixture
def take(poller: Poller) -> Take:
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

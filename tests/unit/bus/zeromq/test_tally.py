"""What both ends count: messages that left, that were refused to their sender, and that came."""

import pytest

from bus.errors import OversizeError, UnavailableError
from bus.transport.poller import Poller
from bus.transport.zeromq.dealers import Dealers
from bus.transport.zeromq.router import Router
from tests.unit.bus.zeromq.peers import PAYLOAD_BYTES_MAX, Take, Until, deliver, rows

pytestmark = pytest.mark.usefixtures("no_leaks")


def counted(end: Dealers | Router) -> dict[str, float]:
    """The outcomes that happened; `refused` is compared apart, a connection being made refuses some."""
    return {
        one.labels["outcome"]: float(one.value)  # type: ignore[arg-type]
        for one in end.samples()
        if one.name == "provbus_messages_total" and one.value and one.labels["outcome"] != "refused"
    }


def test_both_ends_count_what_travels(
    router: Router, dealers: Dealers, poller: Poller, take: Take, until: Until
) -> None:
    dealers.connect("cfm-1", router.endpoint)
    arrived = deliver(dealers, "cfm-1", rows(1), until)
    arrived += take(1 - len(arrived))
    router.send("dhcp-1", rows(2))
    take(1)
    assert counted(dealers) == counted(router) == {"sent": 1, "received": 1}


def test_what_is_refused_to_its_sender_is_counted(router: Router, dealers: Dealers) -> None:
    for end in (router, dealers):
        with pytest.raises(UnavailableError):
            end.send("nobody", rows(1))
        with pytest.raises(OversizeError):
            end.send("nobody", rows(1, bytes(PAYLOAD_BYTES_MAX + 1)))
        refused = [one.value for one in end.samples() if one.labels.get("outcome") == "refused"]
        assert refused == [2]
        assert counted(end) == {}

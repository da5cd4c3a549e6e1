"""What a CFM announces and nobody can reach: it is said, and neither rows nor modems go there."""

from collections.abc import Callable
from typing import Any

import pytest

from bus.effects import Connect, Reply, Send
from bus.messages import LocalRequest
from fileid.row import HELLO
from services.sidecar.announced import Announced
from services.sidecar.minter import Minter
from tests.unit.sidecar.conftest import SERVICES

Build = Callable[..., Minter]
Make = Callable[..., Any]

GOOD = {"fileid": "tcp://127.0.0.11:7000", "tftp": "127.0.0.11"}
BAD = [
    GOOD | {"tftp": "0.0.0.0"},
    GOOD | {"tftp": "255.255.255.255"},
    GOOD | {"tftp": "fe80::1"},
    GOOD | {"tftp": "cfm-1.example.net"},
    GOOD | {"tftp": ""},
    GOOD | {"fileid": "tcp://0.0.0.0:7000"},
    GOOD | {"fileid": "tcp://127.0.0.11:0"},
    GOOD | {"fileid": "tcp://127.0.0.11"},
    GOOD | {"fileid": "127.0.0.11:7000"},
    GOOD | {"fileid": "tcp://cfm-1:7000"},
    GOOD | {"fileid": "udp://127.0.0.11:7000"},
    GOOD | {"fileid": "ipc:///tmp/x"},
    GOOD | {"fileid": ""},
    GOOD | {"fileid": "\0"},
]


def rows_to(effects: list[Any]) -> list[Any]:
    return [one.to for one in effects if isinstance(one, Send) and one.envelope.type != HELLO]


@pytest.mark.parametrize("endpoints", BAD, ids=repr)
def test_a_place_of_no_use_gets_nothing_and_is_said(
    build: Build, beat: Make, create: Make, endpoints: dict[str, str]
) -> None:
    minter = build()
    for now in (0.0, 0.5):
        assert minter.receive(beat("cfm-1", endpoints=endpoints), now) == []
    minter.receive(create(), 0.6)
    effects = minter.tick(0.6)
    assert rows_to(effects) == []
    assert minter.status.missing() == ["no CFM that is alive can take rows"]
    [reason] = minter.status.degraded()
    assert reason.startswith("the place of cfm-1 is of no use: ")
    samples = {one.name: one.value for one in minter.status.samples(0.6) if not one.labels}
    assert samples["provbus_places_ignored_total"] == 2
    assert minter.status.describe(0.6)["unusable"] == {"cfm-1": reason.partition(": ")[2]}


def test_the_others_get_the_rows_and_the_modems(build: Build, beat: Make, create: Make, ack: Make) -> None:
    minter = build()
    minter.receive(beat("cfm-1", endpoints=GOOD | {"tftp": "0.0.0.0"}), 0.0)
    assert minter.receive(beat("cfm-2"), 0.0) == [Connect("cfm-2", "tcp://127.0.0.12:7000")]
    for _ in range(20):
        minter.receive(create(), 0.1)
    sends = [one for one in minter.tick(0.1) if isinstance(one, Send) and one.envelope.type != HELLO]
    assert {one.to for one in sends} == {"cfm-2"}
    replies = [reply for send in sends for reply in minter.receive(ack(send), 0.1)]
    assert {reply.body["next_server"] for reply in replies if isinstance(reply, Reply)} == {"127.0.0.12"}


def test_a_modem_is_not_sent_where_nobody_is_although_the_row_is_there(
    build: Build, beat: Make, create: Make, ack: Make
) -> None:
    """The CFM took the row and announced another address before its ack came."""
    minter = build(default_next_server="192.0.2.9")
    minter.receive(beat("cfm-1"), 0.0)
    minter.receive(create(), 0.1)
    [send] = [one for one in minter.tick(0.1) if isinstance(one, Send) and one.envelope.type != HELLO]
    minter.receive(beat("cfm-1", endpoints=GOOD | {"tftp": "224.0.0.1"}), 0.11)
    [reply] = minter.receive(ack(send), 0.12)
    assert (reply.body["next_server"], reply.body["acked"]) == ("192.0.2.9", True)


def test_it_is_used_again_as_soon_as_it_says_something_better(build: Build, beat: Make) -> None:
    minter = build()
    minter.receive(beat("cfm-1", endpoints=GOOD | {"tftp": "0.0.0.0"}), 0.0)
    assert minter.receive(beat("cfm-1", endpoints=GOOD), 0.5) == [Connect("cfm-1", GOOD["fileid"])]
    assert (minter.status.missing(), minter.status.degraded()) == ([], [])


def test_who_is_silent_is_not_told_of(build: Build, beat: Make) -> None:
    minter = build()
    minter.receive(beat("cfm-1", endpoints=GOOD | {"tftp": "0.0.0.0"}), 0.0)
    minter.tick(10.0)
    assert minter.status.degraded() == []


def test_over_multicast_a_place_is_of_udp() -> None:
    announced = Announced(lambda: ["udp"], {})
    assert announced.heard("cfm-1", {"fileid": "udp://127.0.0.11:40000", "tftp": "127.0.0.11"})
    assert announced.heard("cfm-2", {"fileid": "tcp://127.0.0.12:7001", "tftp": "127.0.0.12"}) == []
    assert announced.unusable == {"cfm-2": "tcp://127.0.0.12:7001 is not of udp"}


@pytest.mark.parametrize(
    ("endpoint", "host", "is_good"),
    [
        ("tcp://192.0.2.7:7000", "192.0.2.7", True),
        ("tcp://192.0.2.7:7001", "192.0.2.7", True),
        ("tcp://[2001:db8::7]:7000", "2001:db8:0::7", True),
        ("tcp://192.0.2.8:7000", "192.0.2.7", False),
        ("tcp://[2001:db8::8]:7000", "2001:db8::7", False),
        ("tcp://192.0.2.7:7000", "2001:db8::7", False),
    ],
)
def test_a_cfm_is_connected_to_at_its_pinned_host_alone(endpoint: str, host: str, is_good: bool) -> None:
    announced = Announced(lambda: ["tcp"], {"cfm-1": {"fileid": host}})
    assert announced.heard("cfm-1", {"fileid": endpoint}) == ([endpoint] if is_good else [])
    assert announced.unusable == (
        {} if is_good else {"cfm-1": f"{endpoint} is not at {host}, where the fleet file has it"}
    )


def test_modems_are_sent_to_the_pinned_address_alone(build: Build, beat: Make) -> None:
    minter = build(pins={"cfm-1": {"tftp": "127.0.0.11"}})
    minter.receive(beat("cfm-1", endpoints=GOOD | {"tftp": "192.0.2.66"}), 0.0)
    assert minter.status.describe(0.0)["cfms"] == []
    assert minter.status.describe(0.0)["unusable"] == {
        "cfm-1": "192.0.2.66 is not at 127.0.0.11, where the fleet file has it"
    }
    minter.receive(beat("cfm-1"), 0.5)
    assert minter.status.describe(0.5)["cfms"] == ["cfm-1"]


def test_a_pin_that_comes_later_is_held_to_what_was_announced(build: Build, beat: Make) -> None:
    minter = build()
    minter.receive(beat("cfm-1"), 0.0)
    minter.receive(beat("cfm-2"), 0.0)
    assert minter.status.describe(0.0)["cfms"] == ["cfm-1", "cfm-2"]
    minter.keep_to(SERVICES, {"cfm-1": {"fileid": "192.0.2.7"}, "cfm-2": {"fileid": "127.0.0.12"}})
    assert minter.status.describe(0.0)["cfms"] == ["cfm-2"]
    minter.keep_to(SERVICES, {})
    assert minter.status.describe(0.0)["cfms"] == ["cfm-1", "cfm-2"]


def test_the_place_of_another_minter_is_nobodys_business(build: Build, beat: Make, create: Make) -> None:
    minter = build()
    assert minter.receive(beat("dhcp-2", service="dhcp", endpoints={"fileid": "nonsense"}), 0.0) == []
    assert minter.status.degraded() == []


def test_a_device_at_an_address_of_nobody_is_refused(build: Build, beat: Make, create: Make) -> None:
    minter = build()
    minter.receive(beat("cfm-1"), 0.0)
    request = create(address="0.0.0.0")
    assert isinstance(request, LocalRequest)
    [reply] = minter.receive(request, 0.1)
    assert reply.body == {
        "id": 7,
        "error": "bad_request",
        "detail": "address: 0.0.0.0 stands for every address of a host, so it tells nobody which one to use",
    }

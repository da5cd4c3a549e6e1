"""Names that Kea gives out: one name for many devices is served by address, one per device by name."""

import json
from base64 import b64decode
from collections.abc import Callable
from typing import Any

import pytest

from bus.effects import Publish, Reply, Send
from bus.envelope import Envelope
from bus.messages import LocalRequest, Received
from bus.telemetry.audit import AUDIT, DELAY_S
from fileid.given import Given
from fileid.reads import SEAL_AFTER_S, SILENT_AFTER_S
from fileid.row import HELLO, PULL, PULLED, Row, unpack_names
from heartbeat.roles.claim import Claim
from heartbeat.roles.hello import pack_hello
from services.cfm.machine import Cfm
from services.cfm.reading.lookups import ANSWER_S
from services.docsis.checks.verify import verify
from services.tftp.effects import Datagram
from services.tftp.packets import Request, format_request
from services.tftp.sockets import Wakeup

SECRET = b"s3cret-for-tests"
SEVEN, EIGHT, NINE = ("10.0.0.7", "10.0.0.8", "10.0.0.9")
MODEM = b"modem.cm"
OWN = b"001122334455.cm"
PORT = 2000

Make = Callable[..., Any]


@pytest.fixture
def cfm(build: Callable[..., Cfm]) -> Cfm:
    """cfm-1, which Kea names as the server of these names; dhcp-1 follows Kea."""
    return build(given=Given(["modem.cm", "{device}.cm"]), givers=["dhcp-1"])


def packed(address: str) -> bytes:
    return bytes(map(int, address.split(".")))


def rrq(name: bytes, address: str = SEVEN, port: int = PORT) -> Wakeup:
    return Wakeup(0, [(format_request(Request(name)), (address, port))])


def data(effects: list[Any]) -> list[Datagram]:
    return [one for one in effects if isinstance(one, Datagram)]


def read(cfm: Cfm, name: bytes, now: float, address: str = SEVEN, port: int = PORT) -> bytes | None:
    """The file, read to its end; None if not one byte came."""
    got = data(cfm.receive(rrq(name, address, port), now))
    if not got:
        return None
    (block,) = got
    cfm.receive(Wakeup(1, [(b"\0\4\0\1", (address, port))]), now)
    return block.data[4:]


def pulls(effects: list[Any]) -> list[tuple[str, list[bytes]]]:
    sends = [one for one in effects if isinstance(one, Send) and one.envelope.type == PULL]
    return [(str(one.to), unpack_names(one.envelope.data)) for one in sends]


def lookup(name: bytes, address: str = SEVEN, session: int = 1) -> LocalRequest:
    body = {"op": "fileid.lookup", "id": 7, "file": name.decode(), "address": address}
    return LocalRequest(session, body)


def done(name: bytes, address: str | None = SEVEN) -> LocalRequest:
    where = {} if address is None else {"address": address}
    return LocalRequest(1, {"op": "fileid.done", "id": 8, "file": name.decode(), **where})


def answers(effects: list[Any]) -> list[dict[str, Any]]:
    return [one.body for one in effects if isinstance(one, Reply)]


def told(effects: list[Any]) -> list[dict[str, Any]]:
    batches = [one.envelope for one in effects if isinstance(one, Publish) and one.envelope.type == AUDIT]
    return [event for batch in batches for event in json.loads(batch.data)["events"]]


def test_two_devices_with_one_name_get_each_its_own_file(cfm: Cfm, lease: Make, hand_off: Make) -> None:
    cfm.receive(hand_off(lease(customer=7), lease(address=packed(EIGHT), customer=8)), 0.0)
    for address, customer in ((SEVEN, b"customer 7"), (EIGHT, b"customer 8")):
        file = read(cfm, MODEM, 1.0, address)
        assert file is not None
        assert verify(file, [SECRET]) == "ok"
        assert customer in file


def test_a_third_gets_not_one_byte(cfm: Cfm, lease: Make, hand_off: Make) -> None:
    cfm.receive(hand_off(lease(), lease("{device}.cm")), 0.0)
    for name in (MODEM, OWN):
        for now in (0.0, 0.1, 2.0):
            assert data(cfm.receive(rrq(name, NINE, 3000), now)) == []
    for now in (SEAL_AFTER_S, SILENT_AFTER_S, 10.0):
        assert data(cfm.tick(now)) == []
    assert read(cfm, MODEM, 10.0) is not None


def test_a_name_per_device_is_served(cfm: Cfm, lease: Make, hand_off: Make) -> None:
    cfm.receive(hand_off(lease("{device}.cm", customer=7)), 0.0)
    assert b"customer 7" in (read(cfm, OWN, 1.0) or b"")


@pytest.mark.parametrize(("pattern", "name"), [("modem.cm", MODEM), ("{device}.cm", OWN)])
def test_after_a_reboot_a_new_lease_is_served_and_a_repeat_without_one_is_not(
    cfm: Cfm, lease: Make, hand_off: Make, pattern: str, name: bytes
) -> None:
    first = lease(pattern, granted_s=0.0, customer=7)
    cfm.receive(hand_off(first), 0.0)
    assert read(cfm, name, 1.0) is not None
    cfm.receive(hand_off(first), 2.0)
    assert read(cfm, name, 3.0, port=2001) is None
    cfm.receive(hand_off(lease(pattern, granted_s=10.0, customer=8)), 10.0)
    assert b"customer 8" in (read(cfm, name, 11.0, port=2002) or b"")
    assert read(cfm, name, 12.0, port=2003) is None


def test_a_download_of_the_former_lease_that_ends_late_leaves_the_newer_row(
    cfm: Cfm, lease: Make, hand_off: Make
) -> None:
    cfm.receive(hand_off(lease(customer=7)), 0.0)
    assert len(data(cfm.receive(rrq(MODEM), 1.0))) == 1
    cfm.receive(hand_off(lease(granted_s=2.0, customer=8)), 2.0)
    cfm.receive(Wakeup(1, [(b"\0\4\0\1", (SEVEN, PORT))]), 2.1)
    assert b"customer 8" in (read(cfm, MODEM, 3.0, port=2001) or b"")


def test_a_read_that_begins_anew_after_the_next_lease_gets_the_file_of_that(
    cfm: Cfm, lease: Make, hand_off: Make
) -> None:
    cfm.receive(hand_off(lease(customer=7)), 0.0)
    assert len(data(cfm.receive(rrq(MODEM), 1.0))) == 1  # and its device is never heard again
    cfm.receive(hand_off(lease(granted_s=10.0, customer=8)), 10.0)
    (block,) = data(cfm.receive(rrq(MODEM, port=3000), 10.1))
    assert b"customer 8" in block.data


def test_the_early_read_of_a_name_waits_for_whoever_asked_last(cfm: Cfm, lease: Make, hand_off: Make) -> None:
    assert data(cfm.receive(rrq(OWN, NINE), 0.0)) == []  # anybody
    assert data(cfm.receive(rrq(OWN), 0.1)) == []
    (block,) = data(cfm.receive(hand_off(lease("{device}.cm")), 0.2))
    assert block.peer == (SEVEN, PORT)
    assert {one.peer for one in data(cfm.tick(SILENT_AFTER_S))} == {(SEVEN, PORT)}


def test_a_row_that_was_pulled_and_read_does_not_stand_in_the_way_of_the_next_lease(
    cfm: Cfm, lease: Make, hand_off: Make
) -> None:
    cfm.receive(rrq(MODEM), 0.0)
    assert len(data(cfm.receive(hand_off(lease(), type_=PULLED), 0.1))) == 1
    cfm.receive(Wakeup(1, [(b"\0\4\0\1", (SEVEN, PORT))]), 0.2)
    cfm.receive(hand_off(lease()), 0.3)  # it comes after all
    assert read(cfm, MODEM, 1.0, port=2001) is None
    cfm.receive(hand_off(lease(granted_s=10.0, customer=8)), 10.0)
    assert b"customer 8" in (read(cfm, MODEM, 11.0, port=2002) or b"")


def test_an_early_read_is_pulled_and_served_by_its_row(cfm: Cfm, lease: Make, hand_off: Make) -> None:
    row = lease(customer=7)
    assert cfm.receive(rrq(MODEM), 0.0) == []
    assert pulls(cfm.tick(0.0)) == [("dhcp-1", [row.name])]
    assert data(cfm.tick(SEAL_AFTER_S)) == []
    (_, datagram) = cfm.receive(hand_off(row), 1.0)
    assert isinstance(datagram, Datagram)
    assert (datagram.peer, b"customer 7" in datagram.data) == ((SEVEN, PORT), True)


def test_an_early_read_is_served_by_a_pull_of_its_follower_and_of_nobody_else(
    cfm: Cfm, lease: Make, hand_off: Make, mint: Make
) -> None:
    row = lease()
    cfm.receive(rrq(MODEM), 0.0)
    cfm.tick(0.0)
    foreign = Row(row.name, mint(minter=1).body)
    assert cfm.receive(hand_off(foreign, source="mps-1", type_=PULLED), 0.1) == []
    assert cfm.receive(hand_off(row, source="mps-1", type_=PULLED), 0.1) == []
    assert len(data(cfm.receive(hand_off(row, type_=PULLED), 0.2))) == 1


def test_a_repeated_read_pulls_again(cfm: Cfm, lease: Make) -> None:
    for now in (0.0, 2.0):
        cfm.receive(rrq(MODEM), now)
        assert pulls(cfm.tick(now)) == [("dhcp-1", [lease().name])]


def test_a_follower_that_comes_back_is_asked(cfm: Cfm, lease: Make) -> None:
    cfm.receive(rrq(MODEM), 0.0)
    cfm.tick(0.0)
    cfm.receive(Received(Envelope(HELLO, "dhcp-1", 1, 1, 0, pack_hello(Claim(), 0.0)), b"route"), 0.5)
    assert pulls(cfm.tick(0.5)) == [("dhcp-1", [lease().name])]


def test_the_rows_download_is_told_with_its_device(cfm: Cfm, lease: Make, hand_off: Make) -> None:
    cfm.receive(hand_off(lease()), 0.0)
    read(cfm, MODEM, 1.0)
    events = told(cfm.tick(1.0 + DELAY_S))
    assert [(one["event"], one["device"]) for one in events] == [("download.completed", "0011.2233.4455")]


def test_a_lookup_of_a_shared_name_is_answered_by_address(cfm: Cfm, lease: Make, hand_off: Make) -> None:
    cfm.receive(hand_off(lease(customer=7), lease(address=packed(EIGHT), customer=8)), 0.0)
    for address, customer in ((SEVEN, b"customer 7"), (EIGHT, b"customer 8"), (SEVEN, b"customer 7")):
        (answer,) = answers(cfm.receive(lookup(MODEM, address), 1.0))
        assert customer in b64decode(answer["content"])
    assert answers(cfm.receive(lookup(MODEM, NINE), 1.0)) == []
    assert answers(cfm.tick(1.0 + SILENT_AFTER_S)) == [{"id": 7, "error": "unknown"}]


def test_an_answer_is_over_when_a_later_lease_is_here(cfm: Cfm, lease: Make, hand_off: Make) -> None:
    cfm.receive(hand_off(lease(customer=7)), 0.0)
    cfm.receive(lookup(MODEM), 1.0)
    cfm.receive(hand_off(lease(granted_s=2.0, customer=8)), 2.0)
    (answer,) = answers(cfm.receive(lookup(MODEM), 3.0))
    assert b"customer 8" in b64decode(answer["content"])


def test_done_of_a_shared_name_needs_its_address(cfm: Cfm, lease: Make, hand_off: Make) -> None:
    cfm.receive(hand_off(lease(), lease(address=packed(EIGHT))), 0.0)
    cfm.receive(lookup(MODEM), 1.0)
    assert answers(cfm.receive(done(MODEM, None), 1.5)) == [{"id": 8, "error": "unknown"}]
    assert answers(cfm.receive(done(MODEM), 2.0)) == [{"id": 8, "done": True}]
    assert answers(cfm.receive(lookup(MODEM), 2.5)) == []  # waits for the row of a later lease
    assert len(answers(cfm.receive(lookup(MODEM, EIGHT), 2.5))) == 1
    (answer,) = answers(cfm.receive(hand_off(lease(granted_s=3.0)), 3.0))
    assert answer["how"] == "parked"


def test_done_of_a_name_per_device_needs_no_address(cfm: Cfm, lease: Make, hand_off: Make) -> None:
    cfm.receive(hand_off(lease("{device}.cm")), 0.0)
    cfm.receive(lookup(OWN), 1.0)
    assert answers(cfm.receive(done(OWN, None), 1.5)) == [{"id": 8, "done": True}]
    assert answers(cfm.receive(lookup(OWN), 2.0)) == []


def test_done_holds_for_a_lease_whose_answer_is_not_remembered_and_not_for_the_next_one(
    cfm: Cfm, lease: Make, hand_off: Make
) -> None:
    cfm.receive(hand_off(lease()), 0.0)
    cfm.receive(lookup(MODEM), 0.0)
    cfm.tick(ANSWER_S)
    assert answers(cfm.receive(done(MODEM), ANSWER_S + 1.0)) == [{"id": 8, "done": True}]
    assert answers(cfm.receive(lookup(MODEM), ANSWER_S + 2.0)) == []
    later = lease(granted_s=ANSWER_S + 3.0)
    assert len(answers(cfm.receive(hand_off(later), ANSWER_S + 3.0))) == 1


@pytest.mark.parametrize("address", [5, "here", ""])
def test_done_with_a_wrong_address_is_refused(cfm: Cfm, address: Any) -> None:
    (answer,) = answers(cfm.receive(done(MODEM, address), 0.0))
    assert (answer["id"], answer["error"]) == (8, "bad_request")


def test_where_kea_names_nothing_such_a_name_is_nobodys(build: Make, lease: Make) -> None:
    cfm = build()
    for name in (MODEM, OWN):
        assert cfm.receive(rrq(name), 0.0) == []
        assert answers(cfm.receive(lookup(name), 0.0)) == [{"id": 7, "error": "unknown"}]
    assert pulls(cfm.tick(0.0)) == []

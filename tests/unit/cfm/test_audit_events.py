"""What a CFM tells of reads that went wrong: enough to find the reason, never enough to fill the stream."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bus.effects import Publish
from bus.messages import LocalRequest
from bus.telemetry.audit import AUDIT, DELAY_S
from fileid.reads import SILENT_AFTER_S
from fileid.row import HEAD, Row
from fileid.shares import WORDS_BURST
from services.cfm.machine import Cfm
from services.cfm.reading.audit_events import EACH_BURST, EACH_PER_S, STRANGERS_BURST
from services.tftp.effects import Datagram
from services.tftp.packets import ACK, DATA, ErrorPacket, Request, format_error, format_request, parse_error
from services.tftp.packets import HEAD as TFTP_HEAD
from services.tftp.sockets import Wakeup

Make = Callable[..., Any]

DEVICE = "0011.2233.4455"


def told(effects: list[Any]) -> list[dict[str, Any]]:
    """The events among these effects."""
    batches = [one.envelope for one in effects if isinstance(one, Publish) and one.envelope.type == AUDIT]
    return [event for batch in batches for event in json.loads(batch.data)["events"]]


def after(cfm: Cfm, now: float) -> list[dict[str, Any]]:
    """What was told up to `now`."""
    return told(cfm.tick(now + DELAY_S))


def stray(name: bytes = b"modem.bin", address: str = "10.0.0.9", port: int = 4000) -> Wakeup:
    """A read of a name that is no FileID."""
    return Wakeup(0, [(format_request(Request(name)), (address, port))])


def spoilt(row: Row) -> Row:
    """The same row with values that are too short."""
    return Row(row.name, row.body[: HEAD.size + 1])


def test_a_foreign_address_is_told_with_the_device_whose_name_it_used(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row, early = mint(), mint()
    cfm.receive(hand_off(row), 0.0)
    cfm.receive(rrq(row, address="10.0.0.8"), 1.0)
    cfm.receive(rrq(early, address="10.0.0.8"), 1.0)
    first, second = after(cfm, 1.0)
    assert first == {
        "event": "read.refused",
        "device": DEVICE,
        "fileid": "0000000000000001",
        "at": 1_700_000_001.0,
        "reason": "address",
        "address": "10.0.0.8",
    }
    assert (second["reason"], second["fileid"]) == ("address", "0000000000000002")


@pytest.mark.parametrize("has_row", [True, False])
def test_a_read_in_netascii_is_told_with_its_device_and_refused_in_words(
    build: Make, mint: Make, hand_off: Make, rrq: Make, has_row: bool
) -> None:
    """It is what tftp-hpa asks for unless it is told `-m octet`; then it gets its file."""
    cfm, row = build(), mint()
    if has_row:
        cfm.receive(hand_off(row), 0.0)
    (refusal,) = cfm.receive(rrq(row, netascii=True), 1.0)
    assert parse_error(refusal.data) == ErrorPacket(0, "not a text file: get it in octet (binary) mode")
    assert after(cfm, 1.0) == [
        {
            "event": "read.refused",
            "device": DEVICE,
            "fileid": "0000000000000001",
            "at": 1_700_000_001.0,
            "reason": "netascii",
            "address": "10.0.0.7",
        }
    ]
    (reply,) = cfm.receive(LocalRequest(1, {"op": "status", "id": 1}), 1.5)
    assert (reply.body["tftp"]["netascii"], reply.body["tftp"]["malformed"]) == (1, 0)
    cfm.receive(hand_off(row), 2.0)
    assert any(isinstance(one, Datagram) and one.data[1] == DATA for one in cfm.receive(rrq(row), 2.0))


def test_a_read_in_netascii_from_another_address_is_told_and_not_answered(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row = mint()
    cfm.receive(hand_off(row), 0.0)
    assert cfm.receive(rrq(row, netascii=True, address="10.0.0.8"), 1.0) == []
    (told_,) = after(cfm, 1.0)
    assert (told_["device"], told_["reason"], told_["address"]) == (DEVICE, "netascii", "10.0.0.8")


def test_a_read_in_netascii_of_no_file_of_ours_is_a_strangers(cfm: Cfm) -> None:
    request = format_request(Request(b"modem.bin", is_netascii=True))
    assert cfm.receive(Wakeup(0, [(request, ("10.0.0.9", 4000))]), 1.0) == []
    (told_,) = after(cfm, 1.0)
    assert (told_["device"], told_["reason"], told_["address"]) == ("", "netascii", "10.0.0.9")


def test_each_reason_is_told(build: Make, mint: Make, hand_off: Make, rrq: Make) -> None:
    cfm = build()
    done, bad, late, old = mint(), mint(), mint("voice"), mint(minted_s=-70.0)
    text = {"oid": "1.3.6.1.2.1.1.6.0", "string": "${customer}"}
    unknown = {"kind": "cm", "placeholders": {"customer": {"kind": "uint8"}}, "body": [{"snmp_set": text}]}
    gold = mint("gold", among={"gold": unknown}, customer=1)
    cfm.receive(hand_off(done, spoilt(bad), gold), 0.0)
    cfm.receive(rrq(done), 0.0)
    cfm.receive(Wakeup(1, [(TFTP_HEAD.pack(ACK, 1), ("10.0.0.7", 2000))]), 0.1)
    for row in (done, bad, gold, old, late):
        cfm.receive(rrq(row), 0.2)
    events = after(cfm, 0.2) + after(cfm, 0.2 + SILENT_AFTER_S) + after(cfm, 0.6 + SILENT_AFTER_S)
    found = [(one["fileid"], one["reason"]) for one in events if one["event"] == "read.refused"]
    serial = {row: row.fields().serial.hex() for row in (done, bad, gold, old, late)}
    assert found == [
        (serial[done], "spent"),
        (serial[bad], "bad_values"),
        (serial[gold], "no_template"),
        (serial[old], "age"),
        (serial[late], "late"),
    ]


def test_a_download_that_was_broken_off_has_its_reason(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row = mint()
    cfm.receive(hand_off(row), 0.0)
    cfm.receive(rrq(row), 1.0)
    cfm.receive(Wakeup(1, [(format_error(3, "disk full"), ("10.0.0.7", 2000))]), 1.5)
    (event,) = after(cfm, 1.5)
    assert (event["event"], event["device"]) == ("download.abandoned", DEVICE)
    assert (event["reason"], event["how"]) == ("peer sent error 3: disk full", "row")
    assert event["took_ms"] == 500.0


def test_a_read_that_waited_says_for_how_long(cfm: Cfm, mint: Make, hand_off: Make, rrq: Make) -> None:
    row = mint()
    cfm.receive(rrq(row), 0.0)
    cfm.receive(hand_off(row), 0.25)
    cfm.receive(Wakeup(1, [(TFTP_HEAD.pack(ACK, 1), ("10.0.0.7", 2000))]), 0.375)
    (event,) = after(cfm, 0.375)
    assert (event["how"], event["waited_ms"], event["took_ms"]) == ("parked", 250.0, 375.0)


def test_strangers_are_told_now_and_then_and_their_names_never(cfm: Cfm) -> None:
    for at in range(STRANGERS_BURST + 30):
        address = f"10.0.0.{9 + at // WORDS_BURST}"
        assert cfm.receive(stray(b"secret-%d" % at, address=address, port=at + 1), 1.0) == []
    events = after(cfm, 1.0)
    assert len(events) == STRANGERS_BURST
    assert events[0] == {
        "event": "read.refused",
        "device": "",
        "fileid": "",
        "at": 1_700_000_001.0,
        "reason": "name",
        "address": "10.0.0.9",
    }
    assert "secret" not in json.dumps(events)
    (reply,) = cfm.receive(LocalRequest(1, {"op": "status"}), 2.0)
    assert reply.body["audit"]["untold"] == {"refusals": 0, "strangers": 30}
    assert reply.body["silent"] == {"name": STRANGERS_BURST + 30}
    cfm.receive(stray(address="10.0.1.1"), 2.0)
    assert len(after(cfm, 2.0)) == 1


def test_one_stranger_leaves_the_others_their_words(cfm: Cfm) -> None:
    for at in range(STRANGERS_BURST + 30):
        cfm.receive(stray(b"secret-%d" % at, port=at + 1), 1.0)
    cfm.receive(stray(address="10.0.0.10"), 1.0)
    assert [one["address"] for one in after(cfm, 1.0)] == ["10.0.0.9"] * WORDS_BURST + ["10.0.0.10"]


def test_a_device_that_repeats_an_expired_name_leaves_the_others_their_words(
    cfm: Cfm, mint: Make, rrq: Make
) -> None:
    """300 reads a second for a minute, and one of another device each second."""
    own, others, asked = mint(), [mint(address=bytes([10, 0, 1, at])) for at in range(60)], 0
    told_: list[dict[str, Any]] = []
    for second, other in enumerate(others):
        now = 100.0 + second
        for port in range(300):
            asked += 1
            cfm.receive(rrq(own, port=port + 1), now)
        cfm.receive(rrq(other, address=f"10.0.1.{second}"), now)
        told_ += after(cfm, now)
    of_own = [one for one in told_ if one["fileid"] == own.fields().serial.hex()]
    assert len(of_own) <= EACH_BURST + 60 * EACH_PER_S
    assert len(told_) - len(of_own) == len(others)
    (reply,) = cfm.receive(LocalRequest(1, {"op": "status"}), 200.0)
    assert reply.body["audit"]["untold"] == {"refusals": asked - len(of_own), "strangers": 0}
    assert len(json.dumps(of_own[0])) * EACH_PER_S * 86_400 < 2_000_000


def test_what_neighbours_ask_in_a_devices_name_does_not_use_up_its_own_words(
    cfm: Cfm, mint: Make, rrq: Make
) -> None:
    row = mint()
    for port in range(100):
        cfm.receive(rrq(row, address="10.0.0.8", port=port + 1), 1.0)
    cfm.receive(rrq(row), 100.0)
    assert after(cfm, 100.0)[-1]["reason"] == "age"


def test_who_shares_an_address_with_a_stranger_is_served_and_told_all_the_same(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row, early, thief = mint(), mint(), mint()
    cfm.receive(hand_off(row, thief), 0.0)
    for port in range(2 * STRANGERS_BURST):
        cfm.receive(stray(address="10.0.0.7", port=port + 1), 1.0)
    assert [type(one) for one in cfm.receive(rrq(row, port=9000), 1.0)] == [Datagram]
    cfm.receive(rrq(early, port=9001), 1.0)
    assert [type(one) for one in cfm.receive(hand_off(early), 1.1)][1:] == [Datagram]
    cfm.receive(rrq(thief, address="10.0.0.8"), 1.1)
    assert after(cfm, 1.1)[-1]["fileid"] == thief.fields().serial.hex()


def test_a_name_that_is_repeated_from_elsewhere_does_not_fill_the_stream(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row = mint()
    cfm.receive(hand_off(row), 0.0)
    for port in range(1_000):
        cfm.receive(rrq(row, address="10.0.0.8", port=port + 1), 1.0)
    assert len(after(cfm, 1.0)) == EACH_BURST
    assert [type(one) for one in cfm.receive(rrq(row), 2.0)] == [Datagram]


def test_what_was_told_is_remembered(cfm: Cfm, mint: Make, hand_off: Make, rrq: Make) -> None:
    row, other = mint(), mint()
    cfm.receive(hand_off(row, other), 0.0)
    for one in (row, other):
        cfm.receive(rrq(one, address="10.0.0.8"), 1.0)
    cfm.tick(1.0 + DELAY_S)
    cfm.receive(rrq(row, address="10.0.0.9"), 2.0)  # not sent yet, and known all the same
    (reply,) = cfm.receive(LocalRequest(4, {"op": "trace", "id": 5, "fileid": "0000000000000001"}), 2.0)
    assert (reply.session, reply.body["id"], reply.body["instance"]) == (4, 5, "cfm-1")
    assert [one["address"] for one in reply.body["events"]] == ["10.0.0.8", "10.0.0.9"]
    (reply,) = cfm.receive(LocalRequest(4, {"op": "trace", "device": DEVICE}), 2.0)
    assert len(reply.body["events"]) == 3


@pytest.mark.parametrize("more", [{}, {"device": DEVICE, "fileid": "0" * 16}, {"device": 5}, {"fileid": "x"}])
def test_a_trace_asks_for_one_thing(cfm: Cfm, more: dict[str, Any]) -> None:
    (reply,) = cfm.receive(LocalRequest(4, {"op": "trace", "id": 5, **more}), 0.0)
    assert (reply.body["id"], reply.body["error"]) == (5, "bad_request")

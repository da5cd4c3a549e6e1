"""DHCP messages: what comes back is what went out, the bytes are those of the RFCs, garbage is refused."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from bus.errors import DecodeError, OversizeError
from services.dhcp.client.bootp import (
    ACK,
    DISCOVER,
    FILE_BYTES_MAX,
    MESSAGE_BYTES_MAX,
    NAK,
    OFFER,
    REQUEST,
    Message,
    address_text,
    format_message,
    parse_message,
)

MAC = bytes.fromhex("001a2c000001")
RELAY = bytes((127, 0, 1, 1))
RELAYED: dict[str, Any] = {"giaddr": RELAY, "circuit_id": b"\x80\0\0\1", "remote_id": MAC}
DISCOVERED = Message(DISCOVER, 7, MAC, vendor_class=b"docsis3.1:", client_id=b"\1" + MAC, **RELAYED)
MESSAGES = [
    DISCOVERED,
    Message(OFFER, 0xFFFFFFFF, MAC, yiaddr=bytes((127, 64, 0, 5)), server_id=RELAY, lease_s=0, **RELAYED),
    Message(REQUEST, 0, MAC, requested=bytes((127, 64, 0, 5)), server_id=RELAY, **RELAYED),
    Message(ACK, 1, MAC, siaddr=bytes((127, 0, 0, 11)), file=b"f" * FILE_BYTES_MAX, lease_s=86400, **RELAYED),
    Message(NAK, 1, MAC),
    Message(ACK, 1, MAC, vendor_class=b"v" * 255, client_id=b"c" * 255, remote_id=b"r" * 251),
    Message(DISCOVER, 1, MAC, ciaddr=RELAY, remote_id=MAC, link=bytes((10, 0, 0, 1))),
]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_survives_the_wire(message: Message) -> None:
    assert parse_message(format_message(message)) == message


def test_a_relayed_request_has_the_bytes_of_the_rfcs() -> None:
    data = format_message(DISCOVERED)
    assert len(data) == 300
    assert data[:8] == bytes((1, 1, 6, 1)) + bytes((0, 0, 0, 7))  # op htype hlen hops xid
    assert data[24:28] == RELAY
    assert data[28:44] == MAC + bytes(10)
    assert data[236:240] == bytes((99, 130, 83, 99))
    options = "350101" + "3c0a" + b"docsis3.1:".hex() + "3d0701001a2c000001"
    assert data[240:].rstrip(b"\0").hex() == options + "520e" + "010480000001" + "0206001a2c000001" + "ff"


def test_the_link_is_the_fifth_sub_option() -> None:
    data = format_message(Message(DISCOVER, 7, MAC, ciaddr=RELAY, remote_id=MAC, link=bytes((10, 0, 0, 1))))
    assert (data[3], data[12:16], data[24:28]) == (0, RELAY, bytes(4))
    assert data[243:].rstrip(b"\0").hex() == "520e" + "0206001a2c000001" + "05040a000001" + "ff"


def test_a_reply_has_op_2_and_its_file_in_the_bootp_field() -> None:
    data = format_message(Message(ACK, 1, MAC, siaddr=bytes((127, 0, 0, 11)), file=b"name.cm", **RELAYED))
    assert (data[0], data[3]) == (2, 0)
    assert data[20:24] == bytes((127, 0, 0, 11))
    assert data[108:236] == b"name.cm".ljust(128, b"\0")


@pytest.mark.parametrize(
    "message",
    [Message(ACK, 1, MAC, file=b"f" * 128), Message(ACK, 1, MAC, vendor_class=bytes(256))],
)
def test_what_does_not_fit_is_refused(message: Message) -> None:
    with pytest.raises(OversizeError):
        format_message(message)


def _with_options(options: str, op: int = 1) -> bytes:
    return bytes((op,)) + format_message(DISCOVERED)[1:240] + bytes.fromhex(options)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "of 0 bytes"),
        (format_message(DISCOVERED)[:240], "of 240 bytes"),
        (format_message(DISCOVERED) + bytes(MESSAGE_BYTES_MAX), "of 1772 bytes"),
        (format_message(DISCOVERED).replace(b"\x63\x82\x53\x63", b"\x63\x82\x53\x64"), "not a DHCP message"),
        (b"\1\6" + format_message(DISCOVERED)[2:], "not a DHCP message of an Ethernet"),
        (b"\1\1\x10" + format_message(DISCOVERED)[3:], "not a DHCP message of an Ethernet"),
        (_with_options("ff"), "of kind 0"),
        (_with_options("350100ff"), "of kind 0"),
        (_with_options("350109ff"), "of kind 9"),
        (_with_options("35020101ff"), "option 53 is not 1"),
        (_with_options("350101350101ff"), "option 53 is not 1"),
        (_with_options("350101"), "without an end mark"),
        (_with_options("35"), "runs past"),
        (_with_options("350101" + "3c05" + "00ff"), "runs past"),
        (_with_options("350101" + "3203" + "7f4000" + "ff"), "option 50 is not 4"),
        (_with_options("350101" + "330100" + "ff"), "option 51 is not 4"),
        (_with_options("350101" + "340101" + "ff"), "overload"),
        (_with_options("350101" + "5203" + "010900" + "ff"), "option 1 runs past"),
        (_with_options("350105ff", op=1), "of kind 5 with op 1"),
        (_with_options("350101ff", op=2), "of kind 1 with op 2"),
    ],
)
def test_garbage_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        parse_message(data)


def test_unknown_and_padded_options_are_passed_over_and_split_ones_joined() -> None:
    message = parse_message(_with_options("00" + "37020103" + "350101" + "3c0161" + "0000" + "3c0162" + "ff"))
    assert (message.kind, message.vendor_class) == (DISCOVER, b"ab")


def test_random_and_damaged_bytes_never_raise_anything_else() -> None:
    random = Random(5)
    good = format_message(MESSAGES[3])
    parsed = 0
    for _ in range(2000):
        data = bytearray(good if random.random() < 0.7 else random.randbytes(random.randrange(700)))
        for _ in range(random.randrange(6) if data else 0):
            data[random.randrange(len(data))] = random.randrange(256)
        try:
            message = parse_message(bytes(data[: random.randrange(200, 400)]))
        except DecodeError:
            continue
        parsed += 1
        assert len(message.file) <= FILE_BYTES_MAX
        assert len(message.chaddr) == 6
    assert parsed > 0


def test_an_address_as_text() -> None:
    assert address_text(bytes((127, 64, 0, 255))) == "127.64.0.255"

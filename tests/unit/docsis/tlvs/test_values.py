"""Every kind of value: what people write, its bytes, and back."""

import random
from typing import Any

import pytest

from services.docsis.errors import DocsisError
from services.docsis.parts import render
from services.docsis.placeholders import PlaceholderScope
from services.docsis.tlvs.rows.tlv_row import VALUE, WIDTH_BYTES, TlvRow, ValueKind
from services.docsis.tlvs.tlv_table import TABLE
from services.docsis.tlvs.values import decode, encode

RANDOM_PER_ROW = 12


def row_of(kind: ValueKind, low: int = 0, high: int = VALUE, unit: str = "") -> TlvRow:
    if kind in WIDTH_BYTES:
        high = 256 ** WIDTH_BYTES[kind] - 1
    return TlvRow((1,), "name", kind, low, high, "C.1", unit)


def bytes_of(row: TlvRow, value: object) -> bytes:
    return render(encode(row, value, PlaceholderScope(()), "here"), ())


SAID: list[tuple[ValueKind, Any, str]] = [
    (ValueKind.UINT8, 7, "07"),
    (ValueKind.UINT16, 258, "0102"),
    (ValueKind.UINT24, 66_051, "010203"),
    (ValueKind.UINT32, 16_909_060, "01020304"),
    (ValueKind.UINT8S, [1, 255], "01ff"),
    (ValueKind.UINT16S, [1, 65_535], "0001ffff"),
    (ValueKind.IPV4, "192.0.2.1", "c0000201"),
    (ValueKind.IPV4S, ["192.0.2.1", "0.0.0.0"], "c000020100000000"),
    (ValueKind.IPV6, "2001:db8::1", "20010db8000000000000000000000001"),
    (ValueKind.IPV6S, ["::", "ff02::1"], "00" * 16 + "ff020000000000000000000000000001"),
    (ValueKind.IPV6_PREFIXES, ["2001:db8::/56"], "20010db8" + "00" * 12 + "38"),
    (ValueKind.ADDRESS, "192.0.2.1", "c0000201"),
    (ValueKind.ADDRESS, "ff3e::1", "ff3e0000000000000000000000000001"),
    (ValueKind.ENDPOINT, "192.0.2.1:162", "c000020100a2"),
    (ValueKind.ENDPOINT, "[2001:db8::1]:0", "20010db80000000000000000000000010000"),
    (ValueKind.MAC, "00:1a:2c:00:00:ff", "001a2c0000ff"),
    (ValueKind.TEXT, "modem é", "6d6f64656d20c3a9"),
    (ValueKind.TEXT_Z, "gold", "676f6c6400"),
    (ValueKind.HEX, "00ff", "00ff"),
    (ValueKind.HEX, "", ""),
    (ValueKind.HEX_SPLIT, "3082", "3082"),
    (ValueKind.EXTENSION, "080300000c0a0102", "080300000c0a0102"),
    (ValueKind.GROUP_OR_HEX, "020101", "020101"),
    (ValueKind.OBJECT_ID, "docsDevNmAccessIp.1", "060b2b060102014501020102 01"),
    (ValueKind.OBJECT_ID, "1.3.9", "06022b09"),
    (ValueKind.WRITE_CONTROL, {"oid": "sysLocation.0", "write": "deny"}, "06082b06010201010600 01"),
    (ValueKind.WRITE_CONTROL, {"oid": "1.3.9", "write": "allow"}, "06022b0900"),
]


@pytest.mark.parametrize(("kind", "value", "content"), SAID, ids=str)
def test_a_value_is_read_back_as_it_was_written(kind: ValueKind, value: object, content: str) -> None:
    row = row_of(kind)
    assert bytes_of(row, value) == bytes.fromhex(content)
    assert decode(row, bytes.fromhex(content)) == value


@pytest.mark.parametrize("text", ["001A.2c00.00ff", "001a2c0000ff", "00-1a-2c-00-00-ff", "00:1a:2c:00:00:FF"])
def test_a_mac_address_is_read_in_every_common_form(text: str) -> None:
    assert bytes_of(row_of(ValueKind.MAC), text) == bytes.fromhex("001a2c0000ff")


def test_every_kind_but_lists_of_sub_tlvs_and_varbinds_is_tried() -> None:
    assert {kind for kind, _, _ in SAID} == set(ValueKind) - {ValueKind.GROUP, ValueKind.VARBIND}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ValueKind.UINT8, "7"),
        (ValueKind.UINT8, True),
        (ValueKind.UINT8, 7.0),
        (ValueKind.UINT8S, 1),
        (ValueKind.UINT8S, [256]),
        (ValueKind.IPV4, "2001:db8::1"),
        (ValueKind.IPV6, "192.0.2.1"),
        (ValueKind.IPV6, "fe80::1%eth0"),
        (ValueKind.IPV6, 1),
        (ValueKind.IPV6S, "::1"),
        (ValueKind.IPV6_PREFIXES, ["2001:db8::"]),
        (ValueKind.IPV6_PREFIXES, ["2001:db8::/129"]),
        (ValueKind.IPV6_PREFIXES, ["192.0.2.0/24"]),
        (ValueKind.ADDRESS, "a.example"),
        (ValueKind.ADDRESS, None),
        (ValueKind.ENDPOINT, "192.0.2.1"),
        (ValueKind.ENDPOINT, "192.0.2.1:65536"),
        (ValueKind.ENDPOINT, "192.0.2.999:1"),
        (ValueKind.ENDPOINT, "2001:db8::1:162"),
        (ValueKind.MAC, "00:1a:2c:00:00"),
        (ValueKind.MAC, "00.1a.2c.00.00.ff"),
        (ValueKind.MAC, 66_051),
        (ValueKind.TEXT_Z, "é"),
        (ValueKind.HEX_SPLIT, "0"),
        (ValueKind.OBJECT_ID, "docsDevNmAccesIp"),
        (ValueKind.OBJECT_ID, "9.9"),
        (ValueKind.OBJECT_ID, 1.3),
        (ValueKind.WRITE_CONTROL, {"oid": "1.3.9"}),
        (ValueKind.WRITE_CONTROL, {"oid": "1.3.9", "write": "no"}),
        (ValueKind.WRITE_CONTROL, "1.3.9"),
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_with_its_place(kind: ValueKind, value: object) -> None:
    with pytest.raises(DocsisError) as caught:
        bytes_of(row_of(kind), value)
    assert caught.value.path.startswith("here")


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (ValueKind.UINT16S, "000102"),
        (ValueKind.IPV4S, "c00002"),
        (ValueKind.ADDRESS, "c000020102"),
        (ValueKind.ENDPOINT, "c0000201"),
        (ValueKind.IPV6_PREFIXES, "20010db8" + "00" * 12 + "81"),
        (ValueKind.TEXT, "ff"),
        (ValueKind.TEXT, "6100"),
        (ValueKind.TEXT, "247b617d"),  # ${a} would be a placeholder
        (ValueKind.TEXT_Z, "61"),
        (ValueKind.TEXT_Z, "c3a900"),
        (ValueKind.EXTENSION, "0803ffffff"),  # sub-TLVs say it
        (ValueKind.OBJECT_ID, ""),
        (ValueKind.OBJECT_ID, "06"),
        (ValueKind.OBJECT_ID, "0681022b09"),  # length not minimal
        (ValueKind.OBJECT_ID, "06032b8009"),  # number not minimal
        (ValueKind.OBJECT_ID, "04022b09"),
        (ValueKind.WRITE_CONTROL, ""),
        (ValueKind.WRITE_CONTROL, "06022b0902"),
        (ValueKind.GROUP, "010101"),
        (ValueKind.VARBIND, "3000"),
    ],
    ids=str,
)
def test_bytes_that_the_kind_cannot_say_are_left_to_hex(kind: ValueKind, content: str) -> None:
    assert decode(row_of(kind), bytes.fromhex(content)) is None


@pytest.mark.parametrize(
    ("unit", "value", "content", "shown"),
    [
        ("bit/s", "20 Mbit/s", "01312d00", "20 Mbit/s"),
        ("bit/s", 1500, "000005dc", "1500 bit/s"),
        ("bit/s", 0, "00000000", 0),
        ("us", "10 ms", "00002710", "10 ms"),
        ("bytes", "42600 bytes", "0000a668", 42_600),
    ],
)
def test_numbers_take_their_unit(unit: str, value: object, content: str, shown: object) -> None:
    row = row_of(ValueKind.UINT32, unit=unit)
    assert bytes_of(row, value) == bytes.fromhex(content)
    assert decode(row, bytes.fromhex(content)) == shown


def test_a_unit_is_refused_where_there_is_none() -> None:
    with pytest.raises(DocsisError):
        bytes_of(row_of(ValueKind.UINT32), "20 Mbit/s")


def test_any_bytes_are_said_exactly_or_not_at_all() -> None:
    chance = random.Random(7)
    said = 0
    for row in TABLE:
        low, high = row.length_bytes
        for _ in range(RANDOM_PER_ROW):
            size = chance.choice((low, min(high, VALUE), chance.randint(0, 40)))
            content = chance.choice(
                (chance.randbytes(size), bytes(size), b"06022b09"[:size], b"\6\2\x2b\x09\1")
            )
            value = decode(row, content)
            if value is not None:
                said += 1
                assert bytes_of(row, value) == content, row
    assert said > RANDOM_PER_ROW * len(TABLE) // 4

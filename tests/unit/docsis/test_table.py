"""The table of TLVs is sound, and every row keeps its bounds in both directions."""

import re
from collections import Counter

import pytest

from services.docsis.body import compile_item
from services.docsis.errors import DocsisError
from services.docsis.parts import render
from services.docsis.placeholders import Scope
from services.docsis.row import WIDTH_BYTES
from services.docsis.table import CHILDREN, TABLE, Kind, Row
from services.docsis.tlv import LONG_TYPES, LONG_VALUE_BYTES_MAX, VALUE_BYTES_MAX
from services.docsis.units import UNITS
from services.docsis.values import decode, encode

GROUPS = (Kind.GROUP, Kind.EXTENSION)
NUMBERS = [row for row in TABLE if row.kind in WIDTH_BYTES]
SIZED = [
    row for row in TABLE if row.kind in (Kind.HEX, Kind.TEXT, Kind.TEXT_Z, Kind.MAC, Kind.IPV4, Kind.IPV6)
]
SECTION = re.compile(r"(C|SEC A|L2VPN B|eRouter B|MULPI 4\.0 C)(\.[0-9]+)+|eDOCSIS 5\.2|SYNC")
MADE_AT_THE_DOWNLOAD = (19, 20, 59)


def once(rows: list[Row]) -> list[Row]:
    """One of all rows that differ only in their parent."""
    return list({(row.name, row.kind, row.low, row.high): row for row in rows}.values())


def label(row: Row) -> str:
    return ".".join(map(str, row.path))


def bytes_of(row: Row, value: object) -> bytes:
    return render(encode(row, value, Scope(()), "here"), ())


def test_names_and_types_are_unique_below_every_parent() -> None:
    for file in ("cm", "mta"):
        rows = [row for row in TABLE if file in row.files]
        assert Counter((row.path[:-1], row.name) for row in rows).most_common(1)[0][1] == 1
        assert Counter(row.path for row in rows).most_common(1)[0][1] == 1
    assert sum(len(rows) for rows in CHILDREN.values()) == sum(len(row.files) for row in TABLE)


@pytest.mark.parametrize("file", ["cm", "mta"])
def test_groups_and_only_groups_have_children(file: str) -> None:
    rows = [row for row in TABLE if file in row.files]
    groups = {row.path for row in rows if row.kind in GROUPS}
    assert {row.path[:-1] for row in rows} - {()} == groups


def test_every_row_says_what_people_need() -> None:
    for row in TABLE:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", row.name), row
        assert row.name not in ("tlv", "hex", "pad"), row
        assert SECTION.fullmatch(row.section), row
        assert all(0 < type < 255 for type in row.path), row
        assert row.unit == "" or (row.unit in UNITS and row.kind in WIDTH_BYTES), row


def test_bounds_are_within_what_the_frame_can_hold() -> None:
    for row in TABLE:
        width = WIDTH_BYTES.get(row.kind)
        long = row.kind in (Kind.VARBIND, Kind.HEX_SPLIT) or row.path[0] in LONG_TYPES["cm"]
        most = 256**width - 1 if width else LONG_VALUE_BYTES_MAX if long else VALUE_BYTES_MAX
        assert 0 <= row.low <= row.high <= most, row


def test_what_catalogues_and_tools_count_on() -> None:
    top = CHILDREN["cm", ()]
    assert {name: top[name].type for name in ("tftp_server_timestamp", "vendor_specific", "ssh_server")} == {
        "tftp_server_timestamp": 19,
        "vendor_specific": 43,
        "ssh_server": 103,
    }
    assert CHILDREN["cm", (43, 6)].keys() == {"hmac_type", "bitmap", "digest"}
    assert [row.type for row in CHILDREN["mta", ()].values()] == [11, 38, 53, 54, 43]
    assert CHILDREN["cm", (22, 43, 5)].keys() == CHILDREN["cm", (43, 5)].keys()


@pytest.mark.parametrize("row", once(NUMBERS), ids=label)
def test_a_number_is_said_up_to_its_bounds(row: Row) -> None:
    for number in (row.low, row.high):
        content = bytes_of(row, number)
        assert content == number.to_bytes(WIDTH_BYTES[row.kind], "big")
        assert bytes_of(row, decode(row, content)) == content
    for number in (row.low - 1, row.high + 1):
        with pytest.raises(DocsisError, match="here"):
            bytes_of(row, number)
        if 0 <= number < 256 ** WIDTH_BYTES[row.kind]:
            assert decode(row, number.to_bytes(WIDTH_BYTES[row.kind], "big")) is None
    for wrong in (bytes(WIDTH_BYTES[row.kind] - 1), bytes(WIDTH_BYTES[row.kind] + 1)):
        assert decode(row, wrong) is None


@pytest.mark.parametrize("row", once(SIZED), ids=label)
def test_a_value_is_said_up_to_its_lengths(row: Row) -> None:
    for size in {row.low, row.high}:
        content = b"1" * (size - 1) + b"\0" if row.kind is Kind.TEXT_Z else b"1" * size
        value = decode(row, content)
        assert bytes_of(row, value) == content
        if row.path[0] not in MADE_AT_THE_DOWNLOAD:
            assert compile_item({row.name: value}, "cm", row.path[:-1]).endswith(content)
    for size in {row.low - 1, row.high + 1} - {-1}:
        content = b"1" * size
        assert decode(row, content) is None
        if row.kind in (Kind.HEX, Kind.TEXT):
            value = content.hex() if row.kind is Kind.HEX else content.decode()
            with pytest.raises(DocsisError):
                compile_item({row.name: value}, "cm", row.path[:-1])

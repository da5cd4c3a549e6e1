"""The table of TLVs is sound, and every row keeps its bounds in both directions."""

import re
from collections import Counter

import pytest

from services.docsis.errors import DocsisError
from services.docsis.parts import render
from services.docsis.placeholders import PlaceholderScope
from services.docsis.text.body import compile_item
from services.docsis.text.decode import decode_items
from services.docsis.tlv import LONG_TYPES, LONG_VALUE_BYTES_MAX, VALUE_BYTES_MAX, Tlv
from services.docsis.tlvs.rows.tlv_row import GROUPS, WIDTH_BYTES, TlvRow, ValueKind
from services.docsis.tlvs.tlv_table import BY_PATH, CHILDREN, TABLE
from services.docsis.tlvs.units import UNITS
from services.docsis.tlvs.values import decode, encode

NUMBERS = [row for row in TABLE if row.kind in WIDTH_BYTES]
SIZED = [
    row
    for row in TABLE
    if row.kind
    in (ValueKind.HEX, ValueKind.TEXT, ValueKind.TEXT_Z, ValueKind.MAC, ValueKind.IPV4, ValueKind.IPV6)
]
SECTION = re.compile(
    r"(C|SEC A|L2VPN B|eRouter B|MULPI 4\.0 C|SYNC D|DEMARC B)(\.[0-9]+)+|eDOCSIS 5\.2|DPoE MULPI 2\.0"
)
MADE_AT_THE_DOWNLOAD = (19, 20, 59)


def once(rows: list[TlvRow]) -> list[TlvRow]:
    """One of all rows that differ only in their parent."""
    return list({(row.name, row.kind, row.low, row.high): row for row in rows}.values())


def label(row: TlvRow) -> str:
    return ".".join(map(str, row.path))


def bytes_of(row: TlvRow, value: object) -> bytes:
    return render(encode(row, value, PlaceholderScope(()), "here"), ())


def test_names_and_types_are_unique_below_every_parent() -> None:
    for file in ("cm", "mta"):
        rows = [row for row in TABLE if file in row.files]
        assert Counter((row.path[:-1], row.name) for row in rows).most_common(1)[0][1] == 1
        assert {path for path, count in Counter(row.path for row in rows).items() if count > 1} <= {(83,)}
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


def test_what_is_allowed_is_within_what_is_written() -> None:
    narrower = [row for row in TABLE if row.allowed is not None]
    assert {row.name for row in narrower} >= {"qos_parameter_set_type", "application_identifier"}
    for row in narrower:
        assert row.allowed
        assert row.low <= min(row.allowed) <= max(row.allowed) <= row.high, row


def test_type_83_is_the_dtp_mode_in_one_byte_and_l2cp_management_as_a_group() -> None:
    assert [row.name for row in BY_PATH["cm", (83,)]] == ["l2cp_management", "dtp_mode"]
    assert decode_items([Tlv(83, b"\1"), Tlv(83, bytes.fromhex("020101"))], "cm") == [
        {"dtp_mode": 1},
        {"l2cp_management": [{"l2cp_mode": 1}]},
    ]
    assert decode_items([Tlv(83, b"\3")], "cm") == [{"tlv": 83, "hex": "03"}]
    assert compile_item({"dtp_mode": 2}, "cm", ()) == bytes.fromhex("530102")


NAMED = [
    ("60.13", "cm_interface_mask"),
    ("41.1.3", "channel_type"),
    ("41.2.5", "channel_type"),
    *((f"{aggregate}.4", "qos_profile_name") for aggregate in (70, 71)),
    *((f"{flow}.39", "iatc_profile_name") for flow in (24, 25)),
    ("24.44", "guaranteed_grant_interval"),
    ("24.45", "guaranteed_grant_rate"),
    ("24.46", "guaranteed_request_interval"),
    ("24.48", "absolute_queue_depth_request_enable"),
    ("24.49", "pgs_activity_detection_disable"),
    ("69.1", "control"),
    ("69.2", "holdoff_timer"),
    ("74.4", "docsis_light_sleep_mode"),
    ("79.1", "context_cm_interface_mask"),
    ("79.9", "media_type"),
    ("43.12.1", "enable"),
    ("43.12.4", "downstream_service_class_name"),
    *((f"{aggregate}.47", "intra_asf_scheduling") for aggregate in (93, 94)),
    *((f"{aggregate}.47.4", "priority") for aggregate in (93, 94)),
    ("96.1", "upstream_upper_band_edge"),
    ("96.3", "downstream_upper_band_edge"),
    ("101.1", "ptp_master_clock_enable"),
    ("101.4", "sync_e_clock_enable"),
    ("102.1", "ptp_source_address"),
    ("102.3", "ptp_destination_multicast_mac"),
    ("202.4", "tr369_controller_count"),
    ("202.5", "tr369_controller"),
    ("202.12", "ip_multicast_configuration_server"),
]


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_settings_of_newer_specifications_have_a_name(path: str, name: str) -> None:
    (row,) = BY_PATH["cm", tuple(map(int, path.split(".")))]
    assert row.name == name


@pytest.mark.parametrize("row", [row for row in TABLE if row.kind is ValueKind.GROUP_OR_HEX], ids=label)
def test_a_group_that_an_earlier_build_knew_as_hex_is_still_read_as_such(row: TlvRow) -> None:
    child = compile_item({"tlv": 1, "hex": "01"}, "cm", row.path)
    as_hex = compile_item({row.name: child.hex()}, "cm", row.path[:-1])
    assert compile_item({row.name: [{"tlv": 1, "hex": "01"}]}, "cm", row.path[:-1]) == as_hex


def test_bounds_are_within_what_the_frame_can_hold() -> None:
    for row in TABLE:
        width = WIDTH_BYTES.get(row.kind)
        long = row.kind in (ValueKind.VARBIND, ValueKind.HEX_SPLIT) or row.path[0] in LONG_TYPES["cm"]
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
def test_a_number_is_said_up_to_its_bounds(row: TlvRow) -> None:
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
def test_a_value_is_said_up_to_its_lengths(row: TlvRow) -> None:
    for size in {row.low, row.high}:
        content = b"1" * (size - 1) + b"\0" if row.kind is ValueKind.TEXT_Z else b"1" * size
        value = decode(row, content)
        assert bytes_of(row, value) == content
        if row.path[0] not in MADE_AT_THE_DOWNLOAD:
            assert compile_item({row.name: value}, "cm", row.path[:-1]).endswith(content)
    for size in {row.low - 1, row.high + 1} - {-1}:
        content = b"1" * size
        assert decode(row, content) is None
        if row.kind in (ValueKind.HEX, ValueKind.TEXT):
            value = content.hex() if row.kind is ValueKind.HEX else content.decode()
            with pytest.raises(DocsisError):
                compile_item({row.name: value}, "cm", row.path[:-1])

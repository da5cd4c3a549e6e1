"""Lines of Kea's journal and entries of its answers become leases, or are said to be none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import DecodeError
from fileid.lease import Lease
from services.dhcp.kea.journal.entries import parse_entry, parse_header, parse_line, relay_options
from tests.unit.dhcp.conftest import HEADER, entry, line

DEVICE = bytes.fromhex("001a2c000000")
WRITTEN = (  # by Kea 2.2
    b"127.64.0.1,00:1a:2c:00:00:00,01:00:1a:2c:00:00:00,3600,1795262486,1,0,0,,0,"
    b'{ "ISC": { "relay-agent-info": "0x0104800000010206001A2C000001" } }'
)
READ = Lease(
    DEVICE, bytes((127, 64, 0, 1)), 1795258886, 1, bytes.fromhex("80000001"), bytes.fromhex("001a2c000001")
)
COLUMNS = parse_header(HEADER)


def test_a_line_of_kea_is_a_lease() -> None:
    assert parse_line(WRITTEN + b"\n", COLUMNS) == READ


def test_a_line_and_an_entry_say_the_same() -> None:
    assert parse_entry(entry(7, 1_700_000_000)) == parse_line(line(7, 1_700_000_000), COLUMNS)


def test_columns_are_found_by_their_names() -> None:
    names, values = HEADER.split(b","), WRITTEN.split(b",")
    header, turned = b",".join(reversed([*names, b"pool_id"])), b",".join(reversed([*values, b"0"]))
    assert parse_line(turned, parse_header(header + b"\r\n")) == READ


@pytest.mark.parametrize("name", [b"hwaddr", b"state", b"user_context", b"expire"])
def test_a_header_without_what_we_need_is_refused(name: bytes) -> None:
    with pytest.raises(DecodeError, match=f"no column {name.decode()}"):
        parse_header(HEADER.replace(name, b"x"))


@pytest.mark.parametrize(
    "said",
    [
        b'{"a": 1&#x2c "ISC": {"relay-agent-info": "0x0206001a2c000000"}}',
        b'{"ISC": {"relay-agent-info": {"sub-options": "0x0206001a2c000000"&#x2c "remote-id": "x"}}}',
        b'{"ISC": {"relay-agent-info": "0x01000206001A2C000000"}}',
        b'&#x7b"ISC": {"relay-agent-info": "0x0206001a2c000000"}}',
    ],
)
def test_option_82_is_found_however_it_is_written(said: bytes) -> None:
    fields = WRITTEN.split(b",", 10)
    found = parse_line(b",".join([*fields[:10], said]), COLUMNS)
    assert found is not None
    assert (found.remote_id, found.circuit_id) == (DEVICE, b"")


@pytest.mark.parametrize("said", [b"", b"{}", b'{"ISC": {}}', b'{"ISC": {"relay-agent-info": {}}}'])
def test_a_lease_without_option_82_is_one(said: bytes) -> None:
    fields = WRITTEN.split(b",", 10)
    assert parse_line(b",".join([*fields[:10], said]), COLUMNS) == READ._replace(
        circuit_id=b"", remote_id=b""
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(line(1, 1_000, state=1), id="declined"),
        pytest.param(line(1, 1_000, state=2), id="expired and reclaimed"),
        pytest.param(line(1, 1_000, lifetime_s=0), id="released"),
        pytest.param(WRITTEN.replace(b"00:1a:2c:00:00:00", b""), id="no hardware address"),
        pytest.param(WRITTEN.replace(b"1,00:1a:2c:00:00:00", b"1,00:1a:2c:00"), id="not of Ethernet"),
    ],
)
def test_what_grants_nothing_to_a_device_is_no_lease(text: bytes) -> None:
    assert parse_line(text, COLUMNS) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b",3600,", b",,"),
        (b",3600,", b",99999999999,"),
        (b",1795262486,", b",99999999999999999,"),
        (b",3600,", b",36x0,"),
        (b"127.64.0.1", b"127.64.0.256"),
        (b"127.64.0.1", b"2001:db8::1"),
        (b"127.64.0.1,00", b"127.64.0.1,0g"),
        (b",1,0,0", b",1,0"),
        (b"0,{", b"0,0,{"),
        (b'{ "ISC"', b"{ ISC"),
        (b'{ "ISC": { "relay-agent-info": "0x0104800000010206001A2C000001" } }', b"[]"),
        (b'{ "ISC": {', b'{ "ISC": 7, "x": {'),
        (b"0x01", b"0xg1"),
        (b"0001020", b"000102f"),
        (b'000001"', b'000001aa"'),
        (b"127.64.0.1", b"\xff\xfe"),
    ],
)
def test_a_line_that_kea_did_not_write_is_malformed(old: bytes, new: bytes) -> None:
    assert old in WRITTEN
    with pytest.raises(DecodeError):
        parse_line(WRITTEN.replace(old, new, 1), COLUMNS)


@given(st.binary(max_size=200))
def test_no_line_does_worse_than_being_malformed(data: bytes) -> None:
    for text in (data, WRITTEN[:40] + data, WRITTEN[: WRITTEN.index(b"{")] + data):
        try:
            found = parse_line(text, COLUMNS)
        except DecodeError:
            continue
        assert found is None or len(found.device) == 6


@given(st.dictionaries(st.integers(1, 255), st.binary(max_size=20), max_size=5))
def test_sub_options_are_found_by_their_numbers(options: dict[int, bytes]) -> None:
    data = b"".join(bytes((kind, len(value))) + value for kind, value in options.items())
    assert relay_options({"ISC": {"relay-agent-info": f"0x{data.hex()}"}}) == options


@pytest.mark.parametrize("change", [{"state": 1}, {"valid-lft": 0}, {"hw-address": ""}])
def test_an_entry_that_grants_nothing_is_no_lease(change: dict[str, Any]) -> None:
    assert parse_entry({**entry(1, 1_000), **change}) is None


@pytest.mark.parametrize(
    "change",
    [{"cltt": "soon"}, {"ip-address": "x"}, {"valid-lft": None}, {"user-context": 7}, {"hw-address": "zz"}],
)
def test_an_entry_that_kea_did_not_write_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(DecodeError):
        parse_entry({**entry(1, 1_000), **change})


def test_an_entry_without_an_address_is_malformed() -> None:
    with pytest.raises(DecodeError, match="ip-address"):
        parse_entry({key: value for key, value in entry(1, 1_000).items() if key != "ip-address"})

"""What a host service may ask, field by field."""

from typing import Any

import pytest

from bus.errors import DecodeError
from services.sidecar.requests import parse_create

BODY: dict[str, Any] = {
    "op": "fileid.create",
    "id": "x",
    "device": "00:1A:2c:00:00:01",
    "address": "10.0.0.7",
    "relay": "10.0.0.1",
    "settings": {"class": "data", "customer": 17},
}


def test_a_request_is_packed_once_and_for_all() -> None:
    create = parse_create(BODY)
    assert create.id == "x"
    assert create.device == bytes.fromhex("001a2c000001")
    assert create.address == bytes([10, 0, 0, 7])
    assert create.relay == bytes([10, 0, 0, 1])
    assert (create.class_name, create.values) == ("data", {"customer": 17})


def test_parsing_changes_nothing_of_the_request() -> None:
    parse_create(BODY)
    assert BODY["settings"] == {"class": "data", "customer": 17}


@pytest.mark.parametrize("missing", ["id", "relay"])
def test_what_may_be_missing(missing: str) -> None:
    create = parse_create({key: value for key, value in BODY.items() if key != missing})
    assert (create.id, create.relay) == ((None, bytes([10, 0, 0, 1])) if missing == "id" else ("x", bytes(4)))


@pytest.mark.parametrize("missing", ["device", "address", "settings"])
def test_what_may_not_be_missing(missing: str) -> None:
    with pytest.raises(DecodeError, match=f"^{missing}"):
        parse_create({key: value for key, value in BODY.items() if key != missing})


@pytest.mark.parametrize("relay", ["2001:db8::1", "10.0.0.1", None])
def test_the_relay_of_an_ipv6_device_is_not_kept(relay: str | None) -> None:
    body = BODY | {"address": "2001:db8::7", "relay": relay}
    create = parse_create({key: value for key, value in body.items() if value is not None})
    assert (create.address[-1], len(create.address), create.relay) == (7, 16, bytes(4))


@pytest.mark.parametrize("relay", ["fe80::1", "ff02::1:2", "::"])
def test_the_relay_of_an_ipv6_device_may_be_any_address(relay: str) -> None:
    """It is not kept; a relay agent on the modem's own link speaks from a link-local address."""
    assert parse_create(BODY | {"address": "2001:db8::7", "relay": relay}).relay == bytes(4)


def test_a_device_on_the_link_of_its_server_has_no_relay() -> None:
    """`giaddr` is zero then (RFC 2131)."""
    assert parse_create(BODY | {"relay": "0.0.0.0"}).relay == bytes(4)


def test_an_address_that_no_device_has_is_refused_with_its_reason() -> None:
    with pytest.raises(DecodeError, match=r"^address: 224\.0\.0\.1 is a multicast group"):
        parse_create(BODY | {"address": "224.0.0.1"})


def test_an_ipv4_address_inside_an_ipv6_one_is_the_ipv4_address() -> None:
    assert parse_create(BODY | {"address": "::ffff:10.0.0.7"}).address == bytes([10, 0, 0, 7])


@pytest.mark.parametrize(
    "device", ["001a2c000001", "00-1a-2c-00-00-01", "00:1a:2c-00-0001", "001a.2c00.0001"]
)
def test_the_usual_spellings_of_a_hardware_address(device: str) -> None:
    assert parse_create(BODY | {"device": device}).device == bytes.fromhex("001a2c000001")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("device", 5),
        ("device", ""),
        ("device", "00:1a:2c:00:00"),
        ("device", "00:1a:2c:00:00:01:02"),
        ("device", "00:1a:2c:00:00:0g"),
        ("device", "00:1a:2c:00:00:01\n"),
        ("device", "00:1a:2c:00:00:01:"),
        ("device", ["00:1a:2c:00:00:01"]),
        ("address", None),
        ("address", 7),
        ("address", True),
        ("address", "10.0.0"),
        ("address", "10.0.0.256"),
        ("address", "2001:db8::1::2"),
        ("address", "0.0.0.0"),
        ("address", "0.1.2.3"),
        ("address", "127.0.0.1.1"),
        ("address", "169.254.0.7"),
        ("address", "224.0.0.1"),
        ("address", "239.255.70.1"),
        ("address", "240.0.0.1"),
        ("address", "255.255.255.255"),
        ("address", "::"),
        ("address", "::ffff:0.0.0.0"),
        ("address", "fe80::1"),
        ("address", "fe80::1%eth0"),
        ("address", "ff02::1"),
        ("relay", "169.254.0.1"),
        ("relay", "224.0.0.1"),
        ("relay", "255.255.255.255"),
        ("relay", "2001:db8::1"),
        ("relay", "2001:db8::x"),
        ("relay", None),
        ("relay", ""),
        ("settings", None),
        ("settings", "data"),
        ("settings", {}),
        ("settings", {"class": None}),
        ("settings", {"class": ["data"]}),
        ("priority", 1),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object) -> None:
    with pytest.raises(DecodeError, match=f"^{field}"):
        parse_create(BODY | {field: value})

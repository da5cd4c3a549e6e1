"""What is asked at every boot is parsed by hand, for speed: parser and contract accept the same requests."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import DecodeError
from bus.messages import LocalRequest
from services.cfm.reading.lookups import parse_done, parse_lookup
from services.sidecar.requests import parse_create
from tests.nearly import (
    ADDRESS,
    DEVICE,
    DEVICES,
    FILE,
    FILES,
    HOSTS,
    NO_ADDRESSES,
    NO_DEVICES,
    NO_FILES,
    NOT_HOSTS,
    SETTINGS,
    Field,
    fits,
    nearly,
)

seeded = settings(derandomize=True, max_examples=200, deadline=None)
CREATE = {
    "device": DEVICE,
    "address": ADDRESS,
    "relay": ADDRESS._replace(is_optional=True),
    "settings": SETTINGS,
}
FIELDS: dict[str, dict[str, Field]] = {
    "fileid.create": CREATE,
    "fileid.lookup": {"file": FILE, "address": ADDRESS},
    "fileid.done": {"file": FILE, "address": ADDRESS._replace(is_optional=True)},
}


def accepts(parse: Callable[[dict[str, Any]], object], body: dict[str, Any]) -> bool:
    try:
        parse(body)
    except DecodeError:
        return False
    return True


def parse(operation: str) -> Callable[[dict[str, Any]], object]:
    if operation == "fileid.create":
        return parse_create
    by_hand = parse_lookup if operation == "fileid.lookup" else parse_done
    return lambda body: by_hand(LocalRequest(1, body))


@pytest.mark.parametrize("operation", FIELDS)
@seeded
@given(data=st.data())
def test_a_request_is_parsed_as_its_contract_says(operation: str, data: st.DataObject) -> None:
    """Which classes there are, and which values they take, only the settings in force know."""
    body = data.draw(nearly(FIELDS[operation]))
    assert accepts(parse(operation), body) == fits(operation, body)


RIGHT: dict[str, Any] = {
    "device": "001a2c000001",
    "address": "10.0.0.7",
    "relay": "10.0.0.1",
    "settings": {"class": "data"},
    "file": "x",
}
EDGES: dict[str, list[Any]] = {
    "device": [*DEVICES, *NO_DEVICES],
    "address": [*HOSTS, *NOT_HOSTS, *NO_ADDRESSES, None],
    "relay": [*HOSTS, *NOT_HOSTS, *NO_ADDRESSES, None],
    "settings": [{}, {"class": ""}, {"class": None}, {"class": "data", "class_name": 5}],
    "file": [*FILES, *NO_FILES],
}


@pytest.mark.parametrize(
    ("operation", "field", "value"),
    [(name, field, value) for name, fields in FIELDS.items() for field in fields for value in EDGES[field]],
)
def test_at_its_edges_a_request_is_parsed_as_its_contract_says(
    operation: str, field: str, value: Any
) -> None:
    for address in ("10.0.0.7", "2001:db8::7"):
        body = {name: RIGHT[name] for name in FIELDS[operation]} | {"address": address} | {field: value}
        assert accepts(parse(operation), body) == fits(operation, body)

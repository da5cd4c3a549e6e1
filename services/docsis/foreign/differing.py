"""The values in which two definitions of one class may differ: those that a placeholder can replace.

Theory of operation
-------------------
The *shape* of a definition is the definition without these values: files of one shape are one class with
other values. A value is a number, an IPv4 address or a text that is all of its TLV, or of an SNMP object. A
value that a placeholder cannot hold (a negative number, hexadecimal digits, a list) belongs to the shape. So
does the unit of a flow's rates, because the other values of the flow are written in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, cast

from services.docsis.placeholders import STRING_BYTES_MAX
from services.docsis.tlv import FileKind
from services.docsis.tlvs.rows.tlv_row import GROUPS, WIDTH_BYTES, TlvRow, ValueKind
from services.docsis.tlvs.tlv_table import CHILDREN
from services.docsis.tlvs.units import parse

Replace = Callable[["Value"], object]

_NUMBERS: Final = {1: "uint8", 2: "uint16", 3: "uint16", 4: "uint32"}
_UNIT: Final = "data_rate_unit_setting"
_OBJECT_KINDS: Final = {
    "integer": "uint32",
    "counter32": "uint32",
    "gauge32": "uint32",
    "timeticks": "uint32",
    "string": "string",
    "ipaddress": "ipv4",
}


class Value(NamedTuple):
    """A value that a placeholder of `kind` can replace; `content` is the placeholder's value for it.

    `name` is the name of its setting, `written` its form in the document.
    """

    name: str
    kind: str
    content: int | str
    written: object


def values(definition: Mapping[str, object]) -> list[Value]:
    """Every such value, in the order of the body."""
    found: list[Value] = []

    def keep(value: Value) -> object:
        found.append(value)
        return value.written

    replaced(definition, keep)
    return found


def shape(definition: Mapping[str, object]) -> str:
    """The shape as a text: equal for two definitions that differ only in such values."""
    return json.dumps(replaced(definition, lambda value: {"": value.kind}), sort_keys=True)


def replaced(definition: Mapping[str, object], replace: Replace) -> dict[str, Any]:
    """The definition with every such value replaced by `replace` of it."""
    kind = cast(FileKind, definition["kind"])
    body = cast(list[dict[str, object]], definition["body"])
    return {**definition, "body": [_entry(item, kind, (), replace) for item in body]}


def _entry(
    item: Mapping[str, object], kind: FileKind, parent: tuple[int, ...], replace: Replace
) -> dict[str, object]:
    name, value = next(iter(item.items()))
    row = CHILDREN.get((kind, parent), {}).get(name)
    if row is None or len(item) != 1:
        return dict(item)
    if isinstance(value, list) and row.kind in GROUPS:
        return {name: [_entry(child, kind, row.path, replace) for child in value]}
    if row.kind is ValueKind.VARBIND and isinstance(value, dict):
        return {name: dict(_of_object(value, replace))}
    found = None if name == _UNIT else _of_row(row, value)
    return {name: value if found is None else replace(found)}


def _of_row(row: TlvRow, value: object) -> Value | None:
    """The value of a TLV that a placeholder can replace, None if none can."""
    if row.kind in WIDTH_BYTES:
        number = parse(value, row.unit, "") if isinstance(value, str) and row.unit else value
        kind = _NUMBERS[WIDTH_BYTES[row.kind]]
        return _number(row.name, kind, number, value)
    if row.kind is ValueKind.IPV4:
        return Value(row.name, "ipv4", str(value), value)
    if row.kind in (ValueKind.TEXT, ValueKind.TEXT_Z):
        return _text(row.name, value)
    return None


def _of_object(varbind: Mapping[str, object], replace: Replace) -> Iterator[tuple[str, object]]:
    name = str(varbind["oid"])
    for key, value in varbind.items():
        kind = _OBJECT_KINDS.get(key, "")
        found = None
        if kind == "uint32":
            found = _number(name, kind, value, value)
        elif kind == "string":
            found = _text(name, value)
        elif kind == "ipv4":
            found = Value(name, kind, str(value), value)
        yield key, value if found is None else replace(found)


def _number(name: str, kind: str, number: object, written: object) -> Value | None:
    high = 2 ** int(kind.removeprefix("uint")) - 1
    return Value(name, kind, number, written) if isinstance(number, int) and 0 <= number <= high else None


def _text(name: str, value: object) -> Value | None:
    fits = isinstance(value, str) and len(value.encode()) <= STRING_BYTES_MAX
    return Value(name, "string", str(value), value) if fits else None

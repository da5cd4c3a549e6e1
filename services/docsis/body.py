"""The body of a template: a list of TLVs as written by hand, compiled into parts.

Every entry is a mapping of one name of `services.docsis.table` to its value, or `{tlv: N, hex: "..."}` for
what the table does not name. A group's value is again such a list. What is made at the download (the MICs,
timestamp and address of a modem's file, the frame of a PacketCable one) cannot be written.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import partial
from typing import Final, NamedTuple

from services.docsis.errors import DocsisError, shown
from services.docsis.parts import Parts, frame, merge
from services.docsis.placeholders import Scope
from services.docsis.table import CHILDREN, Kind, Row
from services.docsis.tlv import END_OF_DATA, LONG_TYPES, PAD, FileKind, header
from services.docsis.values import encode, raw
from services.docsis.varbinds import compile_varbind

ENTRIES_MAX: Final = 2048
"""Per list; the smallest TLV has three bytes, so no file of 64 KiB that makes sense has more."""

OURS: Final[dict[FileKind, frozenset[int]]] = {
    "cm": frozenset({PAD, 6, 7, 19, 20, END_OF_DATA}),
    "mta": frozenset({PAD, 254, END_OF_DATA}),
}
"""The top-level types that only the builder writes."""

_CLASS_OF_SERVICE = 4
_SERVICE_FLOWS = frozenset({24, 25})


class Entry(NamedTuple):
    """One compiled top-level TLV, complete with its header."""

    type: int
    parts: Parts


def compile_body(definition: object, kind: FileKind, scope: Scope) -> tuple[Entry, ...]:
    """The top-level TLVs in file order; raises DocsisError naming the path of what is wrong."""
    entries = _compile_list(definition, kind, (), scope, "body", indexed=True)
    types = {entry.type for entry in entries}
    if kind == "cm" and _CLASS_OF_SERVICE in types and types & _SERVICE_FLOWS:
        raise DocsisError("body", "a file has a class of service (4) or service flows (24, 25), never both")
    return entries


def _compile_list(
    definition: object, kind: FileKind, parent: tuple[int, ...], scope: Scope, path: str, *, indexed: bool
) -> tuple[Entry, ...]:
    if not isinstance(definition, list) or not 1 <= len(definition) <= ENTRIES_MAX:
        raise DocsisError(path, f"must be a list of 1 to {ENTRIES_MAX} TLVs")
    entries = []
    for at, item in enumerate(definition):
        here = f"{path}[{at}]"
        if not isinstance(item, Mapping) or not item:
            raise DocsisError(here, "must be a mapping such as {max_cpe: 4} or {tlv: 43, hex: '...'}")
        if "tlv" in item:
            entries.append(_compile_raw(item, kind, parent, here))
            continue
        name, value = next(iter(item.items()))
        if len(item) != 1:
            raise DocsisError(here, f"has {len(item)} keys; each TLV is an entry of the list")
        row = _row(name, kind, parent, here)
        entries.append(_compile_row(row, value, kind, scope, f"{here if indexed else path}.{name}"))
    return tuple(entries)


def _compile_raw(item: Mapping[object, object], kind: FileKind, parent: tuple[int, ...], path: str) -> Entry:
    type = item["tlv"]
    if item.keys() != {"tlv", "hex"}:
        raise DocsisError(path, "takes exactly `tlv` and `hex`")
    if not isinstance(type, int) or isinstance(type, bool) or not 1 <= type <= 254:
        raise DocsisError(f"{path}.tlv", f"must be a number from 1 to 254, not {shown(type)}")
    if not parent and type in OURS[kind]:
        raise DocsisError(f"{path}.tlv", f"TLV {type} is made when the file is built")
    value = raw(item["hex"], f"{path}.hex")
    long = not parent and type in LONG_TYPES[kind]
    return Entry(type, (header(type, len(value), long=long, path=f"{path}.hex") + value,))


def _row(name: object, kind: FileKind, parent: tuple[int, ...], path: str) -> Row:
    rows = CHILDREN.get((kind, parent), {})
    if isinstance(name, str) and name in rows:
        return rows[name]
    near = get_close_matches(str(name), rows, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "what has no name is written {tlv: N, hex: '...'}"
    raise DocsisError(path, f"there is no TLV {shown(name)} here; {hint}")


def _compile_row(row: Row, value: object, kind: FileKind, scope: Scope, path: str) -> Entry:
    if row.kind is Kind.VARBIND:
        return Entry(row.type, compile_varbind(value, kind, scope, path))
    if row.kind is Kind.GROUP:
        children = _compile_list(value, kind, row.path, scope, path, indexed=False)
        content = merge(part for child in children for part in child.parts)
        return Entry(row.type, frame(partial(header, row.type, path=path), content))
    numeric = row.kind in (Kind.UINT8, Kind.UINT16, Kind.UINT32, Kind.RATE)
    low, high = (1, 254) if numeric else (row.low, row.high)
    content = encode(row, value, scope, path)
    return Entry(row.type, frame(partial(header, row.type, low=low, high=high, path=path), content))

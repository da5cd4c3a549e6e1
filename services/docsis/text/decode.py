"""Decoding: from the TLVs of a file to the entries of a document, so that they encode to the same bytes.

Theory of operation
-------------------
Each TLV is decoded by its row of the table, then encoded again by the very compiler that writes documents,
and the bytes are compared. If they differ, or no name can express the value, the TLV is kept as
`{tlv: N, hex: "..."}`. In a group only such a child is kept in this form; the group itself is kept as bytes
when it is not a sequence of TLVs. Order and repeats stay as they are. So every decoded file encodes to the
same bytes, whether the table is right or not.

The table bounds how deep groups are read, and every level costs one encoding of its bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from services.docsis.errors import DocsisError
from services.docsis.text.body import compile_item
from services.docsis.text.varbinds import LONG_VARBIND, VARBIND, decode_varbind
from services.docsis.tlv import PAD, VALUE_BYTES_MAX, FileKind, Tlv, read_group, write
from services.docsis.tlvs.rows.extension import GENERAL_EXTENSION, VENDOR_ID
from services.docsis.tlvs.rows.service_flow import DATA_RATE_UNIT
from services.docsis.tlvs.rows.tlv_row import GROUPS, TlvRow, ValueKind
from services.docsis.tlvs.tlv_table import BY_PATH
from services.docsis.tlvs.values import decode

Item = dict[str, object]

_TOP: Final = ()
_FLOWS: Final = frozenset({(24,), (25,), (70,), (71,)})


def decode_items(tlvs: Sequence[Tlv], kind: FileKind, parent: tuple[int, ...] = _TOP) -> list[Item]:
    """The entries of a document for the TLVs below `parent`, padding as type 0."""
    return [item for item, _ in decode_runs(tlvs, kind, parent)]


def decode_runs(
    tlvs: Sequence[Tlv], kind: FileKind, parent: tuple[int, ...] = _TOP
) -> Iterator[tuple[Item, int]]:
    """The entries one by one, each with the number of TLVs that it stands for."""
    rescaled = parent in _FLOWS and any(tlv.type == DATA_RATE_UNIT and any(tlv.value) for tlv in tlvs)
    at = 0
    while at < len(tlvs):
        tlv = tlvs[at]
        rows = _rows(kind, parent, tlv.type)
        if rescaled:
            rows = tuple(row._replace(unit="") if row.unit == "bit/s" else row for row in rows)
        count = 1
        if parent == _TOP and tlv.type == PAD:
            yield {"pad": len(tlv.value)}, 1
        elif rows and rows[0].kind is ValueKind.HEX_SPLIT:
            count = _run(tlvs, at)
            items = _joined(rows[0], tlvs[at : at + count], kind)
            yield from ((item, count // len(items)) for item in items)
        else:
            yield _decode_item(rows, tlv, kind, parent), 1
        at += count


def _decode_item(rows: Sequence[TlvRow], tlv: Tlv, kind: FileKind, parent: tuple[int, ...]) -> Item:
    for row in rows:
        value = _value(row, tlv, kind)
        if value is not None:
            item: Item = {row.name: value}
            if _encodes_to(item, _bytes(tlv, kind, parent), kind, parent):
                return item
    return {"tlv": tlv.type, "hex": tlv.value.hex()}


def _value(row: TlvRow, tlv: Tlv, kind: FileKind) -> object | None:
    if row.kind is ValueKind.VARBIND:
        return decode_varbind(tlv.value)
    if row.kind is ValueKind.EXTENSION and not tlv.value.startswith(GENERAL_EXTENSION):
        return _of_vendor(tlv.value) or decode(row, tlv.value)
    if row.kind in GROUPS:
        children = read_group(tlv.value)
        if children:
            return decode_items(children, kind, row.path)
    return None if row.kind is ValueKind.GROUP else decode(row, tlv.value)


def _of_vendor(value: bytes) -> list[Item] | None:
    """The entries of a vendor's own extension field, which has no names of ours below its identifier.

    None if it is no such field, or holds a TLV that a class could not: an empty one, or one of type 0 or 255.
    """
    children = read_group(value)
    if not children or not value.startswith(VENDOR_ID):
        return None
    if not all(child.value and 0 < child.type < 255 for child in children):
        return None
    others = [{"tlv": child.type, "hex": child.value.hex()} for child in children[1:]]
    return [{"vendor_id": children[0].value.hex()}, *others]


def _run(tlvs: Sequence[Tlv], at: int) -> int:
    """The number of TLVs from `at` on that may be pieces of one value: all but the last are full."""
    end = at
    while (
        end + 1 < len(tlvs)
        and tlvs[end + 1].type == tlvs[at].type
        and len(tlvs[end].value) == VALUE_BYTES_MAX
    ):
        end += 1
    return end - at + 1


def _joined(row: TlvRow, tlvs: Sequence[Tlv], kind: FileKind) -> list[Item]:
    """One value for all of `tlvs`, or each by itself."""
    item: Item = {row.name: b"".join(tlv.value for tlv in tlvs).hex()}
    if _encodes_to(item, b"".join(write(tlv, kind) for tlv in tlvs), kind, _TOP):
        return [item]
    return [{"tlv": tlv.type, "hex": tlv.value.hex()} for tlv in tlvs]


def _encodes_to(item: Item, expected: bytes, kind: FileKind, parent: tuple[int, ...]) -> bool:
    try:
        return compile_item(item, kind, parent) == expected
    except DocsisError:
        return False


def _bytes(tlv: Tlv, kind: FileKind, parent: tuple[int, ...]) -> bytes:
    """The complete TLV; only at the top level can a length have two bytes."""
    return bytes((tlv.type, len(tlv.value))) + tlv.value if parent else write(tlv, kind)


def _rows(kind: FileKind, parent: tuple[int, ...], type: int) -> tuple[TlvRow, ...]:
    if kind == "mta" and parent == _TOP and type == LONG_VARBIND:
        type = VARBIND
    return BY_PATH.get((kind, (*parent, type)), ())

"""A file as the judge sees it: its TLVs as a tree, each with its place in the definition.

Theory of operation
-------------------
The tree has one node for each entry, in whatever form it is written: a group in hexadecimal has the nodes of
its bytes, and all of them point at the entry. A value that a placeholder fills is that of the device, if its
values are given, else the default; without either it is unknown, and a rule that needs it finds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from services.docsis.errors import DocsisError
from services.docsis.judge.assignment import Assignment
from services.docsis.mib.ber import read_varbind
from services.docsis.mib.names import Names
from services.docsis.packing import Packing
from services.docsis.parts import Parts, Slot, WidthFrame, render
from services.docsis.placeholders import PlaceholderScope
from services.docsis.text.body import Compilation, unmarked
from services.docsis.text.definition import Compiled
from services.docsis.text.varbinds import LONG_VARBIND, VARBIND
from services.docsis.tlv import LONG_TYPES, FileKind, read_group
from services.docsis.tlvs.rows.extension import GENERAL_EXTENSION
from services.docsis.tlvs.rows.tlv_row import GROUPS, WIDTH_BYTES, TlvRow, ValueKind
from services.docsis.tlvs.tlv_table import BY_PATH, CHILDREN

_VENDOR_ID = 8
_VARBINDS: Final[dict[FileKind, tuple[int, ...]]] = {"cm": (VARBIND,), "mta": (VARBIND, LONG_VARBIND)}


@dataclass(frozen=True)
class TreeNode:
    """One TLV: its types from the top, its place, its value if it is known, and its sub-TLVs.

    `row` is the table's, None for a TLV without a name here; `name` is empty for an entry in hexadecimal. A
    node that `varies` depends on a placeholder, though its value may be known.
    """

    types: tuple[int, ...]
    path: str
    name: str
    row: TlvRow | None
    value: bytes | None
    children: tuple[TreeNode, ...] = ()
    varies: bool = False

    @property
    def type(self) -> int:
        """Its own type number."""
        return self.types[-1]

    @property
    def label(self) -> str:
        """Its name in messages."""
        return f"TLV {self.type}" if self.row is None else self.row.name

    @property
    def is_group(self) -> bool:
        """Whether it holds sub-TLVs, by the table."""
        return self.row is not None and self.row.kind in GROUPS

    @property
    def number(self) -> int | None:
        """The number it holds; None if it is unknown, or if the table has no number of this width."""
        width = None if self.row is None else WIDTH_BYTES.get(self.row.kind)
        if width is None or self.value is None or len(self.value) != width:
            return None
        return int.from_bytes(self.value, "big")

    def all(self, type: int) -> list[TreeNode]:
        """The sub-TLVs of this type, in file order."""
        return [child for child in self.children if child.type == type]

    def first(self, type: int) -> TreeNode | None:
        """The first sub-TLV of this type, None if it has none."""
        return next(iter(self.all(type)), None)

    def number_of(self, type: int) -> int | None:
        """The number in the first sub-TLV of this type; None if there is none, or it is unknown."""
        found = self.first(type)
        return None if found is None else found.number


@dataclass(frozen=True)
class File:
    """The contents of a file. `hash` is that of its definition; empty for a modem's file.

    `is_document` distinguishes a single file from a class of the catalogue, to which each download adds a
    timestamp and an address. `is_signed`: it gets MICs. `names` are those of SNMP objects.
    """

    kind: FileKind
    hash: str
    is_document: bool
    is_signed: bool
    nodes: tuple[TreeNode, ...]
    names: Names

    @cached_property
    def assignments(self) -> tuple[Assignment, ...]:
        """The SNMP assignments of the file, in its order; unknown values are left out."""
        return tuple(_assignments(self.all(*_VARBINDS[self.kind])))

    def all(self, *types: int) -> list[TreeNode]:
        """The top-level TLVs of these types, in file order."""
        return [node for node in self.nodes if node.type in types]

    @cached_property
    def everything(self) -> tuple[TreeNode, ...]:
        """Every node, parents before their children."""
        return tuple(_below(self.nodes))


def _assignments(nodes: Sequence[TreeNode]) -> Iterator[Assignment]:
    for node in nodes:
        if node.value is None:
            continue
        try:
            oid, tag, content = read_varbind(node.value)
        except DocsisError:  # nothing that a modem could set
            continue
        yield Assignment(node.path, oid, tag, content)


def file_of(
    definition: Mapping[str, object],
    compiled: Compiled,
    values: Mapping[str, object],
    names: Names,
    *,
    document: bool,
) -> File:
    """The tree of a definition that compiles. `values` are a device's, by placeholder."""
    scope = PlaceholderScope(compiled.placeholders)
    entries = definition.get("body")
    assert isinstance(entries, list)
    planting = _Planting(compiled, scope, _fields(compiled, values), document)
    return File(
        kind=compiled.kind,
        hash=compiled.model,
        is_document=document,
        is_signed=compiled.kind == "cm" and "mic" not in definition,
        nodes=tuple(planting.nodes(entries, (), "body")),
        names=names,
    )


class _Planting:
    """Makes the nodes of one definition; `fields` are the values of its placeholders, None if unknown."""

    def __init__(
        self, compiled: Compiled, scope: PlaceholderScope, fields: Sequence[bytes | None], document: bool
    ) -> None:
        self._kind: FileKind = compiled.kind
        self._compilation = Compilation(compiled.kind, scope, document=document, hashed=False)
        self._fields = fields

    def nodes(
        self, entries: Sequence[object], parent: tuple[int, ...], path: str, *, are_vendors: bool = False
    ) -> Iterator[TreeNode]:
        """The nodes of a list of entries; padding has none. `are_vendors`: types are those of the field's
        vendor, which have no names here.
        """
        for at, entry in enumerate(entries):
            assert isinstance(entry, Mapping)
            entry = unmarked(entry)
            here = f"{path}[{at}]"
            if "pad" in entry:
                continue
            if "tlv" in entry and are_vendors:
                yield TreeNode((*parent, entry["tlv"]), here, "", None, bytes.fromhex(entry["hex"]))
            else:
                yield self._node(entry, parent, here)

    def _node(self, entry: Mapping[str, object], parent: tuple[int, ...], path: str) -> TreeNode:
        name, written = next(iter(entry.items()))
        if "tlv" in entry:
            type, content = entry["tlv"], entry["hex"]
            assert isinstance(type, int)
            assert isinstance(content, str)
            return self._from_bytes(bytes.fromhex(content), (*parent, type), path)
        row = CHILDREN[self._kind, parent][name]
        here = f"{path}.{name}"
        if isinstance(written, list) and row.kind in GROUPS:
            are_vendors = row.kind is ValueKind.EXTENSION and not _is_general(written)
            children = tuple(self.nodes(written, row.path, here, are_vendors=are_vendors))
            value, varies = _together(children)
            return TreeNode(row.path, here, name, row, value, children, varies)
        parts = self._compilation.entry(entry, parent, "").parts
        value = self._content(parts, at_top=not parent)
        if row.kind in GROUPS and value is not None:
            return replace(self._from_bytes(value, row.path, here), name=name)
        varies = next(_slots(parts), None) is not None
        return TreeNode(row.path, here, name, row, value, varies=varies)

    def _from_bytes(self, value: bytes, types: tuple[int, ...], path: str) -> TreeNode:
        rows = BY_PATH.get((self._kind, types), ())
        row = next((one for one in rows if _fits(one, value)), rows[0] if rows else None)
        children: tuple[TreeNode, ...] = ()
        if row is not None and row.kind in GROUPS:
            are_vendors = row.kind is ValueKind.EXTENSION and not value.startswith(GENERAL_EXTENSION)
            children = tuple(
                TreeNode((*types, tlv.type), path, "", None, tlv.value)
                if are_vendors
                else self._from_bytes(tlv.value, (*types, tlv.type), path)
                for tlv in read_group(value) or ()
            )
        return TreeNode(types, path, "", row, value, children)

    def _content(self, parts: Parts, *, at_top: bool) -> bytes | None:
        """The value of a compiled TLV, without its header; None if it depends on an unknown value."""
        if any(self._fields[at] is None for at in _slots(parts)):
            return None
        data = render(parts, [field or b"" for field in self._fields])
        return data[3 if at_top and data[0] in LONG_TYPES[self._kind] else 2 :]


def _is_general(entries: Sequence[object]) -> bool:
    """Whether an extension field, written as a list, may hold TLVs with names here: unless it begins with
    another vendor.
    """
    first = entries[0] if entries else None
    if not isinstance(first, Mapping):
        return True
    vendor = first.get("vendor_id", first.get("hex") if first.get("tlv") == _VENDOR_ID else None)
    return not isinstance(vendor, str) or bytes.fromhex(vendor) == GENERAL_EXTENSION[2:]


def _together(children: Sequence[TreeNode]) -> tuple[bytes | None, bool]:
    """The value of a group, None if a sub-TLV is unknown, and whether it differs between devices."""
    values = [(child.type, child.value) for child in children]
    varies = any(child.varies for child in children)
    whole = [bytes((type, len(value))) + value for type, value in values if value is not None]
    return (b"".join(whole) if len(whole) == len(values) else None), varies


def _fits(row: TlvRow, value: bytes) -> bool:
    """Whether these bytes fit a row: of two rows for one type, the length decides."""
    low, high = row.length_bytes
    return low <= len(value) <= high and (row.kind in WIDTH_BYTES or read_group(value) is not None)


def _fields(compiled: Compiled, values: Mapping[str, object]) -> list[bytes | None]:
    return [
        Packing((one,)).fields({one.name: values[one.name]})[0] if one.name in values else one.default
        for one in compiled.placeholders
    ]


def _slots(parts: Parts) -> Iterator[int]:
    """The placeholders that these parts hold."""
    for part in parts:
        if isinstance(part, Slot):
            yield part.field
        elif isinstance(part, WidthFrame):
            yield from _slots(part.content)


def _below(nodes: Sequence[TreeNode]) -> Iterator[TreeNode]:
    for node in nodes:
        yield node
        yield from _below(node.children)

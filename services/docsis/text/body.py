"""The body of a definition: a list of TLVs as written by hand, compiled into parts.

Theory of operation
-------------------
Every entry is a mapping of one name of `services.docsis.tlvs.tlv_table` to its value, or
`{tlv: N, hex: "..."}` for a TLV without a name. A group's value is again such a list. A class of the
catalogue cannot hold TLVs that are made at the download (the MICs, timestamp and address of a modem's file,
the frame of a PacketCable one).
A document describes one file as it is: it may hold a timestamp and an address, values that no name can
express, and padding between two TLVs as `{pad: N}`.

A wrong entry is noted with its path and left out, so that one reading finds every mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple

from services.docsis.errors import PROBLEMS_MAX, DocsisError, Misnamed, shown
from services.docsis.parts import Parts, frame, merge, render
from services.docsis.placeholders import PlaceholderScope
from services.docsis.text.varbinds import compile_varbind
from services.docsis.tlv import (
    END_OF_DATA,
    FILE_BYTES_MAX,
    LONG_TYPES,
    PAD,
    VALUE_BYTES_MAX,
    FileKind,
    header,
)
from services.docsis.tlvs.rows.tlv_row import GROUPS, TlvRow, ValueKind
from services.docsis.tlvs.tlv_table import CHILDREN
from services.docsis.tlvs.values import encode, raw

ENTRIES_MAX: Final = FILE_BYTES_MAX // 2
"""The limit of a list; the smallest TLV has two bytes, so no file has more."""

FRAME: Final[dict[FileKind, frozenset[int]]] = {
    "cm": frozenset({PAD, 6, 7, END_OF_DATA}),
    "mta": frozenset({PAD, 254, END_OF_DATA}),
}
"""The top-level types that are never part of a body."""

DOWNLOAD: Final[dict[FileKind, frozenset[int]]] = {"cm": frozenset({19, 20, 59}), "mta": frozenset()}
"""The top-level types that belong to one download; only a document may hold them."""

SECRET: Final = "secret"
"""The key beside a TLV, or of a placeholder, that says whether its value is secret
(`services.docsis.text.secrets`). No byte of a file depends on it.
"""

_CLASS_OF_SERVICE = 4
_SERVICE_FLOWS = frozenset({24, 25})


class CompiledEntry(NamedTuple):
    """One compiled top-level entry, complete with its header."""

    type: int
    parts: Parts


@dataclass(slots=True)
class Compilation:
    """The compilation of one definition, and the errors found so far.

    `document` allows entries that only a document may hold, `hashed` says that the builder adds the hash of a
    PacketCable file.
    """

    kind: FileKind
    scope: PlaceholderScope
    document: bool = False
    hashed: bool = True
    errors: list[DocsisError] = field(default_factory=list)

    def body(self, definition: object) -> tuple[CompiledEntry, ...]:
        """The top-level TLVs in file order; notes mistakes with their paths."""
        entries = tuple(self._list(definition, (), "body"))
        types = {entry.type for entry in entries}
        both = _CLASS_OF_SERVICE in types and types & _SERVICE_FLOWS
        if self.kind == "cm" and both and not self.document:
            reason = "a file has a class of service (4) or service flows (24, 25), never both"
            self.errors.append(DocsisError("body", reason))
        return entries

    def entry(self, item: object, parent: tuple[int, ...], path: str) -> CompiledEntry:
        """One item of a list; raises DocsisError for a mistake of its own and notes those below it."""
        if not isinstance(item, Mapping) or not item:
            raise DocsisError(path, "must be a mapping such as {max_cpe: 4} or {tlv: 43, hex: '...'}")
        if not isinstance(item.get(SECRET, False), bool):
            raise DocsisError(f"{path}.{SECRET}", "must be true or false")
        item = unmarked(item)
        if not item:
            raise DocsisError(path, "marks no TLV: `secret` stands beside one")
        if "tlv" in item:
            return self._raw(item, parent, path)
        name, value = next(iter(item.items()))
        if len(item) != 1:
            raise DocsisError(path, f"has {len(item)} keys; each TLV is an entry of the list")
        here = f"{path}.{name}"
        if name == "pad" and self.document and self.kind == "cm" and not parent:
            return _padding(value, here)
        return self._named(self._row(name, parent, path), value, here)

    def _list(self, definition: object, parent: tuple[int, ...], path: str) -> list[CompiledEntry]:
        fewest = 0 if self.document and not parent else 1
        if not isinstance(definition, list) or not fewest <= len(definition) <= ENTRIES_MAX:
            self.errors.append(DocsisError(path, f"must be a list of {fewest} to {ENTRIES_MAX} TLVs"))
            return []
        rescaled = any(
            isinstance(item, Mapping) and item.get("data_rate_unit_setting") for item in definition
        )
        entries = []
        for at, item in enumerate(definition):
            try:
                if rescaled:
                    _refuse_bits(item, f"{path}[{at}]")
                entries.append(self.entry(item, parent, f"{path}[{at}]"))
            except DocsisError as error:
                self.errors.append(error)
            if len(self.errors) >= PROBLEMS_MAX:
                break
        return entries

    def _raw(self, item: Mapping[object, object], parent: tuple[int, ...], path: str) -> CompiledEntry:
        type = item["tlv"]
        if item.keys() != {"tlv", "hex"}:
            raise DocsisError(path, "takes exactly `tlv` and `hex`")
        low, high = (0, 255) if self.document and parent else (1, 254)
        if not isinstance(type, int) or isinstance(type, bool) or not low <= type <= high:
            raise DocsisError(f"{path}.tlv", f"must be a number from {low} to {high}, not {shown(type)}")
        self._refuse_ours(type, parent, f"{path}.tlv")
        value = raw(item["hex"], f"{path}.hex")
        long = not parent and type in LONG_TYPES[self.kind]
        if self.document and len(value) <= 255 and not long:
            return CompiledEntry(type, (bytes((type, len(value))) + value,))
        low = 0 if self.document else 1
        return CompiledEntry(
            type, (header(type, len(value), long=long, low=low, path=f"{path}.hex") + value,)
        )

    def _refuse_ours(self, type: int, parent: tuple[int, ...], path: str) -> None:
        if parent:
            return
        if type in FRAME[self.kind] or (type in DOWNLOAD[self.kind] and not self.document):
            raise DocsisError(path, f"TLV {type} is made when the file is built")

    def _row(self, name: object, parent: tuple[int, ...], path: str) -> TlvRow:
        rows = CHILDREN.get((self.kind, parent), {})
        if isinstance(name, str) and name in rows:
            self._refuse_ours(rows[name].type, parent, f"{path}.{name}")
            return rows[name]
        otherwise = "what has no name is written {tlv: N, hex: '...'}"
        reason = Misnamed(f"there is no TLV {shown(name)} here", shown(name).strip("'"), rows, otherwise)
        raise DocsisError(path, reason)

    def _named(self, row: TlvRow, value: object, path: str) -> CompiledEntry:
        if row.kind is ValueKind.VARBIND:
            return CompiledEntry(
                row.type, compile_varbind(value, self.kind, self.scope, path, hashed=self.hashed)
            )
        low, high = row.length_bytes
        long = len(row.path) == 1 and row.type in LONG_TYPES[self.kind]
        framed = partial(header, row.type, long=long, low=low, high=high, path=path)
        if row.kind is ValueKind.GROUP or (row.kind in GROUPS and isinstance(value, list)):
            known = len(self.errors)
            children = self._list(value, row.path, path)
            if len(self.errors) > known:
                return CompiledEntry(row.type, ())  # its length would be wrong as well
            return CompiledEntry(
                row.type, frame(framed, merge(part for child in children for part in child.parts))
            )
        content = encode(row, value, self.scope, path)
        if row.kind is ValueKind.HEX_SPLIT:
            return CompiledEntry(row.type, _split(row, content, path))
        return CompiledEntry(row.type, frame(framed, content))


def unmarked(item: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """An entry without its mark."""
    return {key: value for key, value in item.items() if key != SECRET} if SECRET in item else item


def compile_item(item: object, kind: FileKind, parent: tuple[int, ...]) -> bytes:
    """The bytes of one item of a document below `parent`, header and all; raises DocsisError."""
    compilation = Compilation(kind, PlaceholderScope(()), document=True, hashed=False)
    entry = compilation.entry(item, parent, "")
    if compilation.errors:
        raise compilation.errors[0]
    return render(entry.parts, ())


def _refuse_bits(item: object, path: str) -> None:
    """Raise DocsisError for a rate in bit/s beside a data_rate_unit_setting, which changes the unit."""
    for name, value in item.items() if isinstance(item, Mapping) else ():
        if isinstance(value, str) and value.endswith("bit/s"):
            reason = f"must be a bare number, not {shown(value)}: data_rate_unit_setting changes its unit"
            raise DocsisError(f"{path}.{name}", reason)


def _padding(value: object, path: str) -> CompiledEntry:
    if type(value) is not int or not 1 <= value <= FILE_BYTES_MAX:
        raise DocsisError(path, f"must be a number from 1 to {FILE_BYTES_MAX}, not {shown(value)}")
    return CompiledEntry(PAD, (bytes(value),))


def _split(row: TlvRow, content: Parts, path: str) -> Parts:
    """A constant value as successive TLVs of at most 254 bytes (MULPI C.1.2.13)."""
    value = render(content, ())
    low, high = row.length_bytes
    if not low <= len(value) <= high:
        raise DocsisError(path, f"TLV {row.type} takes {low} to {high} bytes, not {len(value)}")
    cuts = range(0, len(value), VALUE_BYTES_MAX)
    pieces = [value[at : at + VALUE_BYTES_MAX] for at in cuts]
    return (b"".join(header(row.type, len(piece)) + piece for piece in pieces),)

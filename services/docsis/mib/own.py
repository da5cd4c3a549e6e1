"""Objects of an operator's own MIBs, from a compiler's output: one JSON document for each module.

Theory of operation
-------------------
The documents are those of pysmi's code generator `jsondoc`: symbols by name, each with its class, its
identifier, its type or the index of its row. A type is one of the SMI's or a textual convention, which may be
of another module and refer to a third one. A type that does not resolve to one of the SMI has no syntax here,
and a table with such an index has no known one; the names can still be used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from services.docsis.mib.names import BUILT_IN, Object
from services.docsis.mib.syntax import TAGS, Index, IndexPart, Syntax

Document = Mapping[str, Any]
"""The symbols of one module."""

DEPTH_MAX: Final = 16
"""The depth of conventions that refer to conventions; RFC 2579 forbids even one."""

_NAMED: Final = {"objecttype", "objectidentity", "moduleidentity", "notificationtype"}
_TYPES: Final = {
    "integer": ("INTEGER", "Integer32", "Integer"),
    "octets": ("OCTET STRING", "OctetString", "Opaque"),
    "bits": ("BITS", "Bits"),
    "object_id": ("OBJECT IDENTIFIER", "ObjectIdentifier"),
    "ipaddress": ("IpAddress", "NetworkAddress"),
    "counter32": ("Counter32", "Counter"),
    "gauge32": ("Gauge32", "Gauge", "Unsigned32"),
    "timeticks": ("TimeTicks",),
    "counter64": ("Counter64",),
}
_KIND_OF: Final = {name: kind for kind, names in _TYPES.items() for name in names}
_BYTES: Final = {
    **dict.fromkeys(("PhysAddress", "MacAddress", "DateAndTime", "TAddress", "SnmpEngineID"), "bytes"),
    "InetAddress": "address",
}
"""The conventions of octets that are no text."""

_OID: Final = re.compile(r"[0-9]+(\.[0-9]+)+")
_BEGIN: Final = re.compile(r"\bDEFINITIONS\s*::=\s*BEGIN\b")
_MODULE: Final = re.compile(r"[A-Z][A-Za-z0-9-]*")
_IMPORTS: Final = re.compile(r"\bFROM\s+([A-Z][A-Za-z0-9-]*)")
_COMMENT: Final = re.compile(r"--.*?(?:--|$)|\"[^\"]*\"", re.MULTILINE)


class _Type(NamedTuple):
    syntax: Syntax
    size: int  # of a text of one size in bytes, else 0


def modules_in(text: str) -> list[str]:
    """The modules that a file defines, in its order.

    The name stands before DEFINITIONS, perhaps with an identifier in braces between them. Each part of the
    text is read once, for the file is an operator's, and its content is unknown.
    """
    found = []
    *parts, _ = _BEGIN.split(_COMMENT.sub(" ", text))
    for part in parts:
        before = part.rstrip()
        if before.endswith("}"):
            before = before.rpartition("{")[0]
        words = before.rsplit(maxsplit=1)
        if words and _MODULE.fullmatch(words[-1]):
            found.append(words[-1])
    return found


def imports_in(text: str) -> list[str]:
    """The modules that a file imports from, each once."""
    return list(dict.fromkeys(_IMPORTS.findall(_COMMENT.sub(" ", text))))


def objects_in(documents: Mapping[str, Document], modules: Iterator[str] | list[str]) -> Iterator[Object]:
    """The named objects of these modules; types may be of any of the documents."""
    library = _Library(documents)
    for module in modules:
        for name, symbol in documents.get(module, {}).items():
            if isinstance(symbol, Mapping) and symbol.get("class") in _NAMED:
                oid = symbol.get("oid", "")
                if _OID.fullmatch(oid):
                    yield Object(
                        module, name, oid, library.syntax(module, symbol), library.index(module, symbol)
                    )


class _Library:
    """Follows references between modules."""

    def __init__(self, documents: Mapping[str, Document]) -> None:
        self._documents = documents
        self._rows = {
            symbol["oid"]: (module, symbol)
            for module, document in documents.items()
            for symbol in document.values()
            if isinstance(symbol, Mapping) and symbol.get("nodetype") == "row"
        }

    def syntax(self, module: str, symbol: Document) -> Syntax | None:
        """The syntax of a scalar or column; None for another node."""
        if symbol.get("nodetype") not in ("scalar", "column"):
            return None
        found = self._type(module, symbol.get("syntax", {}), 0)
        return found and found.syntax

    def index(self, module: str, symbol: Document) -> Index | None:
        """The index of a column's table; empty for a scalar, None if it is not known."""
        if symbol.get("nodetype") == "scalar":
            return ()
        row = self._rows.get(symbol["oid"].rpartition(".")[0])
        return self._row_index(*row, 0) if row and symbol.get("nodetype") == "column" else None

    def _row_index(self, module: str, row: Document, depth: int) -> Index | None:
        augmented = row.get("augmention")
        if augmented and depth < DEPTH_MAX:
            home = augmented.get("module", module)
            other = self._documents.get(home, {}).get(augmented.get("object"))
            return None if other is None else self._row_index(home, other, depth + 1)
        parts = [self._part(entry) for entry in row.get("indices", ())]
        return None if not parts or None in parts else [part for part in parts if part]

    def _part(self, entry: Document) -> IndexPart | None:
        """One part of an index, by the type of its object."""
        home, name = entry.get("module", ""), entry.get("object", "")
        found = self._type(home, self._documents.get(home, {}).get(name, {}).get("syntax", {}), 0)
        if found is None:
            built_in = next((one for one in BUILT_IN if (one.module, one.name) == (home, name)), None)
            if built_in is None or built_in.syntax is None:
                return None
            found = _Type(built_in.syntax, 0)
        kinds = {TAGS["octets"]: "text", TAGS["object_id"]: "identifier", TAGS["ipaddress"]: "address"}
        kind = kinds.get(found.syntax.tag, "number")
        if entry.get("implied"):
            kind = {"text": "implied", "identifier": "implied_identifier"}.get(kind, kind)
        if kind == "text" and found.size:
            kind = "fixed"
        return IndexPart(kind, found.size, found.syntax.labels)  # type: ignore[arg-type]

    def _type(self, module: str, written: Document, depth: int) -> _Type | None:
        """The type of the SMI that a type resolves to; labels and sizes of the outermost one count."""
        name = written.get("type", "")
        constraints = written.get("constraints", {})
        labels = _by_number(written.get("bits") or constraints.get("enumeration") or {})
        size = _size(constraints)
        if name in _KIND_OF:
            kind = _KIND_OF[name]
            return _Type(Syntax(kind, labels), size)
        home, convention = self._convention(module, name)
        if convention is None or depth >= DEPTH_MAX:
            return None
        found = self._type(home, convention.get("type", {}), depth + 1)
        if found is None:
            return None
        syntax = Syntax(_BYTES.get(name, found.syntax.kind), labels or found.syntax.labels)
        return _Type(syntax, size or found.size)

    def _convention(self, module: str, name: str) -> tuple[str, Document | None]:
        """A textual convention of this module, or of the one that it imports it from."""
        document = self._documents.get(module, {})
        if name in document:
            return module, document[name]
        for home, names in document.get("imports", {}).items():
            if name in names and home in self._documents:
                return home, self._documents[home].get(name)
        return module, None


def _by_number(labels: Mapping[str, int]) -> dict[str, int]:
    """The labels as a MIB lists them; the compiler sorts them by name."""
    return dict(sorted(labels.items(), key=lambda label: label[1]))


def _size(constraints: Document) -> int:
    sizes = constraints.get("size", [])
    return sizes[0]["max"] if len(sizes) == 1 and sizes[0]["min"] == sizes[0]["max"] else 0

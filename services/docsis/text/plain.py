"""Definitions in plain words: only names, numbers and types that every instance knows, also an older one.

Theory of operation
-------------------
A definition may name SNMP objects as its writer does: by names of an operator's own MIBs, by texts and
labels. A definition that is sent to others must not depend on them. So before that, each name becomes the one
that decoding a file would show, built-in or numbers, and each label becomes its number. The bytes of the file
stay the same. The way back shows a decoded document with names of an operator's MIBs.

Only places that hold a name are rewritten; the compiler reports mistakes elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from services.docsis.errors import DocsisError
from services.docsis.mib import ber
from services.docsis.mib.labels import label_bits, label_number
from services.docsis.mib.names import BUILT_IN, Names
from services.docsis.tlvs.rows.tlv_row import ValueKind
from services.docsis.tlvs.tlv_table import TABLE

DEPTH_MAX: Final = 8
"""The depth of groups in groups; the table of TLVs has four levels."""

_VARBINDS: Final = frozenset(row.name for row in TABLE if row.kind is ValueKind.VARBIND)
_PREFIXES: Final = frozenset(row.name for row in TABLE if row.kind is ValueKind.WRITE_CONTROL)
_IDENTIFIERS: Final = frozenset(row.name for row in TABLE if row.kind is ValueKind.OBJECT_ID)


def plain(definition: object, names: Names = BUILT_IN) -> tuple[Any, list[DocsisError]]:
    """The definition in plain words, and an error for each name that `names` do not know; those stay as they
    are.
    """

    def oid(text: str) -> str:
        return BUILT_IN.name(names.oid(text))

    return _rewritten(definition, _Rewriting(oid, names))


def named(definition: object, names: Names) -> Any:
    """A definition in plain words, with names in it that only `names` have. A text of an object that holds no
    text by `names` is written in digits.
    """
    return _rewritten(definition, _Rewriting(lambda text: names.name(BUILT_IN.oid(text)), None, names))[0]


def with_unknown(errors: Iterable[DocsisError], unknown: Sequence[DocsisError]) -> list[DocsisError]:
    """The errors of compiling the result of `plain`; its errors for unknown names replace the compiler's for
    the same place, which knows the built-in names only.
    """
    said = {error.path: error for error in unknown}
    return [said.get(error.path, error) for error in errors]


def _rewritten(definition: object, work: _Rewriting) -> tuple[Any, list[DocsisError]]:
    if not isinstance(definition, Mapping) or not isinstance(definition.get("body"), list):
        return definition, []
    body = work.list(definition["body"], "body", 0)
    return {**definition, "body": body}, work.errors


class _Rewriting:
    """`oid` rewrites a name; labels become numbers by `names`, and texts of objects that hold no text by
    `shown` become digits; None of these leaves them.
    """

    def __init__(self, oid: Callable[[str], str], names: Names | None, shown: Names | None = None) -> None:
        self.errors: list[DocsisError] = []
        self._oid = oid
        self._names = names
        self._shown = shown

    def list(self, entries: list[Any], path: str, depth: int) -> list[Any]:
        """The entries of a body or of a group."""
        if depth > DEPTH_MAX:
            return entries
        return [self._entry(entry, f"{path}[{at}]", depth) for at, entry in enumerate(entries)]

    def _entry(self, entry: object, path: str, depth: int) -> object:
        if not isinstance(entry, Mapping):
            return entry
        return {key: self._value(key, value, f"{path}.{key}", depth) for key, value in entry.items()}

    def _value(self, key: object, value: object, path: str, depth: int) -> object:
        if isinstance(value, list):
            return self.list(value, path, depth + 1)
        if key in _IDENTIFIERS:
            return self._name(value, path)
        if isinstance(value, Mapping) and "oid" in value:
            if key in _VARBINDS:
                return self._varbind(value, path)
            if key in _PREFIXES:
                return {**value, "oid": self._name(value["oid"], f"{path}.oid")}
        return value

    def _varbind(self, varbind: Mapping[str, Any], path: str) -> dict[str, Any]:
        if self._shown is not None:
            varbind = _without_text(varbind, self._shown)
        found = {**varbind, "oid": self._name(varbind["oid"], f"{path}.oid")}
        if "object_id" in found:
            found["object_id"] = self._name(found["object_id"], f"{path}.object_id")
        if self._names is None or not isinstance(varbind["oid"], str):
            return found
        try:
            one = self._names.object(ber.object_id_text(ber.object_id(self._names.oid(varbind["oid"]))))
            label = found.get("integer")
            labelled = one is not None and one.syntax is not None and one.syntax.labels
            if isinstance(label, str) and "${" not in label and one is not None and labelled:
                found["integer"] = label_number(label, one, f"{path}.integer")
            if "bits" in found:
                bits = label_bits(found["bits"], one, f"{path}.bits")
                found = {"hex" if key == "bits" else key: value for key, value in found.items()}
                found["hex"] = bits.hex()
        except DocsisError as error:
            if error.path:
                self.errors.append(error)
        return found

    def _name(self, value: object, path: str) -> object:
        if not isinstance(value, str) or value[:1].isdigit() or value[:1] == ".":
            return value
        try:
            return self._oid(value)
        except DocsisError as error:
            self.errors.append(DocsisError(path, error.reason))
            return value


def _without_text(varbind: Mapping[str, Any], names: Names) -> Mapping[str, Any]:
    """A varbind in plain words, with digits if the object holds no text by `names`."""
    oid, text = varbind["oid"], varbind.get("string")
    if len(varbind) != 2 or not isinstance(oid, str) or not isinstance(text, str) or "${" in text:
        return varbind
    try:
        one = names.object(BUILT_IN.oid(oid).removeprefix("."))
    except DocsisError:  # rewriting the name reports it
        return varbind
    if one is None or one.syntax is None or one.syntax.is_text(text.encode()):
        return varbind
    return {"oid": oid, "hex": text.encode().hex()}

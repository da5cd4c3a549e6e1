"""Definitions: the common base of a class of the catalogue and a document.

A definition is a mapping from YAML with kind, hash, placeholders and body. Compiling it collects all mistakes
instead of stopping at the first: a bad placeholder, key or TLV is noted with its path, and the rest is
compiled as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, cast

from services.docsis.checks.mic import HASH_OBJECT, NO_HASH
from services.docsis.errors import PROBLEMS_MAX, DocsisError, shown
from services.docsis.parts import merge, widest
from services.docsis.placeholders import Placeholder, PlaceholderScope, declare
from services.docsis.text.body import Compilation, CompiledEntry
from services.docsis.tlv import FILE_BYTES_MAX, FileKind

SILENCE: Final = "silence"
"""The key of a document, or of a class in a catalogue's file, that lists accepted warnings of the judge."""

_KEYS: Final = {"cm": {"kind", "placeholders", "body"}, "mta": {"kind", "placeholders", "body", "hash"}}
_DOCUMENT_KEYS: Final = {"cm": {"mic", "tail", SILENCE}, "mta": {"tail", SILENCE}}
_OVERHEAD_BYTES_MAX = 64  # stamp, MICs or hash, end and padding


class Compiled(NamedTuple):
    """A definition in parts; `model` is a key of HASH_OBJECT, NO_HASH, or empty for a modem's file."""

    kind: FileKind
    model: str
    placeholders: tuple[Placeholder, ...]
    entries: tuple[CompiledEntry, ...]


def compile_definition(
    definition: object, *, document: bool = False
) -> tuple[Compiled | None, list[DocsisError]]:
    """The parts, and the mistakes, at most PROBLEMS_MAX; None if nothing could be compiled at all."""
    if not isinstance(definition, Mapping):
        return None, [DocsisError("", "a definition maps kind, placeholders and body")]
    if definition.get("kind") not in ("cm", "mta"):
        return None, [DocsisError("kind", f"must be cm or mta, not {shown(definition.get('kind'))}")]
    kind = cast(FileKind, definition["kind"])
    known = _KEYS[kind] | (_DOCUMENT_KEYS[kind] if document else set())
    errors = [
        DocsisError(str(key), f"is not part of a definition of kind {kind}")
        for key in definition
        if key not in known
    ]
    model = definition.get("hash", "") if kind == "mta" else ""
    models = (*HASH_OBJECT, NO_HASH)
    if kind == "mta" and (not isinstance(model, str) or model not in models):
        errors.append(DocsisError("hash", f"must be one of {', '.join(models)}, not {shown(model)}"))
    declared = definition.get("placeholders")
    scope = PlaceholderScope(declare(declared, errors))
    compilation = Compilation(kind, scope, document=document, hashed=model != NO_HASH, errors=errors)
    entries = compilation.body(definition.get("body"))
    if widest(merge(part for entry in entries for part in entry.parts)) > _body_bytes_max(document):
        errors.append(DocsisError("body", f"the file could exceed {FILE_BYTES_MAX} bytes"))
    placeholders = scope.settle(declared, errors)
    return Compiled(kind, str(model), placeholders, entries), errors[:PROBLEMS_MAX]


def _body_bytes_max(document: bool) -> int:
    return FILE_BYTES_MAX - (0 if document else _OVERHEAD_BYTES_MAX)

"""Documents: one configuration file as text, and back to the same bytes.

Theory of operation
-------------------
A document is a definition like a class of the catalogue, but of one file. It leaves out all that is computed:
the MICs, the end of data and the standard padding of a modem's file, the frame and the hash of a PacketCable
one. It keeps deviations that cannot be computed:

    tail    hexadecimal; all that follows the CMTS MIC (mta: the closing TLV), if it is not the standard's
    mic     `none` for an unsigned modem's file
    hash    `none` for a PacketCable file whose hash is absent, or is not the last TLV before the closing one,
            or is not written like ours, or is not the only one; it then stands in the body as it was

So decoding a file whose checks are right and encoding the document, with the CMTS's secret, gives the same
bytes. If its CM MIC or hash is wrong, encoding corrects it, and decoding warns of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from services.docsis.checks.layout import Layout, lay_out
from services.docsis.checks.mic import (
    CM_MIC,
    CMTS_MIC,
    HASH_OBJECT,
    MIC_BYTES,
    NO_HASH,
    cm_mic,
    cmts_mic,
    mta_hash,
    mta_hash_header,
)
from services.docsis.errors import DocsisError, shown
from services.docsis.packing import Packing
from services.docsis.parts import Parts, merge, render
from services.docsis.placeholders import Placeholder
from services.docsis.text.decode import decode_items
from services.docsis.text.definition import compile_definition
from services.docsis.text.varbinds import LONG_VARBIND, VARBIND, names_hash
from services.docsis.tlv import END_OF_DATA, FILE_BYTES_MAX, MTA_CLOSING, MTA_OPENING, FileKind, Tlv, walk
from services.docsis.tlvs.values import raw

UNSIGNED: Final = "none"
"""The `mic` of a document whose file has no MICs."""

_HASH_BYTES = 20


class Decoded(NamedTuple):
    """A document, and the reason why encoding it gives another file; empty if it gives the same."""

    definition: dict[str, object]
    warning: str


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A compiled document; made by `compile_document`. `signed`: building it takes the CMTS's secret."""

    kind: FileKind
    placeholders: tuple[Placeholder, ...]
    signed: bool
    _model: str
    _body: Parts
    _tail: bytes | None

    def build(self, values: Mapping[str, object], secret: bytes = b"") -> bytes:
        """The complete file; raises DocsisError naming the placeholder without a value, or an oversize TLV.

        `values` are the placeholders', as in `Template.pack`.
        """
        body = render(self._body, Packing(self.placeholders).fields(values))
        file = self._close_mta(body) if self.kind == "mta" else self._close_cm(body, secret)
        if len(file) > FILE_BYTES_MAX:
            raise DocsisError("", f"the file exceeds the limit of {FILE_BYTES_MAX} bytes")
        return file

    def _close_cm(self, body: bytes, secret: bytes) -> bytes:
        if self.signed:
            first = Tlv(CM_MIC, cm_mic(body))
            second = cmts_mic((*walk(body, "cm"), first), secret)
            body = b"".join(
                (body, bytes((CM_MIC, MIC_BYTES)), first.value, bytes((CMTS_MIC, MIC_BYTES)), second)
            )
        return body + (_standard_tail(len(body)) if self._tail is None else self._tail)

    def _close_mta(self, body: bytes) -> bytes:
        file = MTA_OPENING + body
        if self._model != NO_HASH:
            file += mta_hash_header(self._model) + mta_hash(file + MTA_CLOSING)
        return file + MTA_CLOSING + (self._tail or b"")


def compile_document(definition: object) -> tuple[Document | None, list[DocsisError]]:
    """The document, or None and its mistakes, at most PROBLEMS_MAX."""
    compiled, errors = compile_definition(definition, document=True)
    if compiled is None or not isinstance(definition, Mapping):
        return None, errors
    tail = None
    if "tail" in definition:
        try:
            tail = raw(definition["tail"], "tail")
        except DocsisError as error:
            errors.append(error)
    if definition.get("mic", UNSIGNED) != UNSIGNED:
        errors.append(DocsisError("mic", f"is {UNSIGNED} or left out, not {shown(definition['mic'])}"))
    if errors:
        return None, errors
    return Document(
        kind=compiled.kind,
        placeholders=compiled.placeholders,
        signed=compiled.kind == "cm" and "mic" not in definition,
        _model=compiled.model,
        _body=merge(part for entry in compiled.entries for part in entry.parts),
        _tail=tail,
    ), []


def decode_document(data: bytes) -> Decoded:
    """The document of a file, ours or not; raises DocsisError if it is unreadable."""
    layout = lay_out(data)
    if layout.kind == "mta":
        return _decode_mta(layout)
    definition: dict[str, object] = {"kind": "cm", "body": decode_items(layout.items, "cm")}
    signed_bytes = len(data) - len(layout.tail)
    if layout.tail != _standard_tail(signed_bytes):
        definition["tail"] = layout.tail.hex()
    if layout.cm_mic is None:
        definition["mic"] = UNSIGNED
    elif layout.cm_mic != cm_mic(layout.body):
        return Decoded(definition, "its CM MIC is wrong; encoding makes it right")
    return Decoded(definition, "")


def _decode_mta(layout: Layout) -> Decoded:
    definition: dict[str, object] = {"kind": "mta", "hash": NO_HASH}
    items, warning = layout.items, ""
    model = next((model for model in HASH_OBJECT if _ends_in_hash(layout.body, items, model)), None)
    if model is not None and sum(map(_names_hash, items)) == 1:
        definition["hash"] = model
        *items, last = items
        unhashed = MTA_OPENING + layout.body[: last.offset - len(MTA_OPENING)] + MTA_CLOSING
        if mta_hash(unhashed) != last.value[-_HASH_BYTES:]:
            warning = "its hash is wrong; encoding makes it right"
    definition["body"] = decode_items(items, "mta")
    if layout.tail:
        definition["tail"] = layout.tail.hex()
    return Decoded(definition, warning)


def _ends_in_hash(body: bytes, items: list[Tlv], model: str) -> bool:
    header = mta_hash_header(model)
    return bool(items) and body[items[-1].offset - len(MTA_OPENING) : -_HASH_BYTES] == header


def _names_hash(tlv: Tlv) -> bool:
    return tlv.type in (VARBIND, LONG_VARBIND) and names_hash(tlv.value)


def _standard_tail(before_bytes: int) -> bytes:
    """The end of data and padding to a multiple of four bytes (MULPI C.1.2.1, C.1.2.2)."""
    return bytes((END_OF_DATA,)).ljust(4 - before_bytes % 4, b"\0")

"""Templates: one class of service as a file with holes, compiled once and filled at every download.

Theory of operation
-------------------
A definition (from YAML) names the kind of file, the placeholders and the body. Compiling it encodes
everything that two devices have in common; what is left are the parts of `services.docsis.parts`. A modem's
body is laid out twice: in file order, for the file and its CM MIC, and in the order in which the CMTS MIC
reads it. What is made at the download has slots like the device's values. So building a file parses nothing:

    file            = body, timestamp (19), address (20), CM MIC (6), CMTS MIC (7), end (255), padding
    CMTS MIC input  = types 1 to 43, CM MIC, type 18, timestamp and address, types 22 to 40

A PacketCable file (kind `mta`) is framed by TLV 254, and its hash goes before the closing one.

The *signature* names the kind, the placeholders and their order, not the body: two templates with one
signature read the same packed values, and so a value sealed under one generation of the settings serves the
next.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final, cast

from services.docsis.body import Entry, compile_body
from services.docsis.errors import DocsisError, shown
from services.docsis.mic import (
    CM_MIC,
    CMTS_MIC,
    CMTS_MIC_ORDER,
    HASH_OBJECT,
    MIC_BYTES,
    mta_hash,
    mta_hash_header,
)
from services.docsis.packing import Packing
from services.docsis.parts import Part, Parts, Slot, merge, render, widest
from services.docsis.placeholders import Placeholder, Scope, declare
from services.docsis.tlv import FILE_BYTES_MAX, FileKind

MTA_OPENING: Final = bytes.fromhex("fe0101")
MTA_CLOSING: Final = bytes.fromhex("fe01ff")

_TIMESTAMP = 19
_ADDRESS = 20
_STAMP = Struct(">BBIBB4s")  # TLV 19 with a timestamp in s, TLV 20 with an address
_MIC_TLV_BYTES = 2 + MIC_BYTES
_CM_MIC_HEADER = bytes((CM_MIC, MIC_BYTES))
_CMTS_MIC_HEADER = bytes((CMTS_MIC, MIC_BYTES))
_ENDINGS = (b"\xff\0\0\0", b"\xff\0\0", b"\xff\0", b"\xff")  # by length of what is before, modulo 4
_OVERHEAD_BYTES_MAX = 64  # stamp, MICs or hash, end and padding

_KEYS = {"cm": {"kind", "placeholders", "body"}, "mta": {"kind", "placeholders", "body", "hash"}}


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A compiled class of service; made by `compile_template`, safe to share between threads."""

    kind: FileKind
    placeholders: tuple[Placeholder, ...]
    signature: str
    _hash_header: bytes
    _packing: Packing
    _file: Parts
    _digested: Parts
    _always_fits: bool

    def pack(self, values: Mapping[str, object]) -> bytes:
        """One device's values in packed form, defaults filled in; raises DocsisError naming the placeholder.

        Numbers are int, strings str, addresses dotted quads. What this accepts, `build` builds.
        """
        fields = self._packing.fields(values)
        if not self._always_fits:
            render(self._file, fields)
        return self._packing.join(fields)

    def build(self, packed: bytes, *, address: bytes, timestamp_s: int, secret: bytes) -> bytes:
        """The complete file for one device; raises DocsisError when an argument is malformed.

        `packed` is what `pack` returned, `address` the modem's IPv4 address in 4 bytes, `timestamp_s` seconds
        since 1970 and `secret` what the CMTS knows; the last three are ignored for an MTA (MULPI Annex D).
        """
        fields = self._packing.split(packed)
        body = render(self._file, fields)
        if self.kind == "mta":
            return b"".join((body, self._hash_header, mta_hash(body + MTA_CLOSING), MTA_CLOSING))
        if len(address) != 4 or not 0 <= timestamp_s <= 0xFFFFFFFF:
            raise DocsisError("", "a modem's file takes an address of 4 bytes and a timestamp of 32 bits")
        stamp = _STAMP.pack(_TIMESTAMP, 4, timestamp_s, _ADDRESS, 4, address)
        body += stamp
        cm_mic = _CM_MIC_HEADER + hashlib.md5(body, usedforsecurity=False).digest()
        fields += (cm_mic, stamp)
        cmts_mic = hmac.digest(secret, render(self._digested, fields), "md5")
        ending = _ENDINGS[len(body) & 3]  # the two MICs have 36 bytes, a multiple of 4
        return b"".join((body, cm_mic, _CMTS_MIC_HEADER, cmts_mic, ending))


def compile_template(definition: Mapping[str, object]) -> Template:
    """Compile a definition; raises DocsisError naming the path of what is wrong."""
    if not isinstance(definition, Mapping):
        raise DocsisError("", "a definition maps kind, placeholders and body")
    if definition.get("kind") not in ("cm", "mta"):
        raise DocsisError("kind", f"must be cm or mta, not {shown(definition.get('kind'))}")
    kind = cast(FileKind, definition["kind"])
    for key in definition:
        if key not in _KEYS[kind]:
            raise DocsisError(str(key), f"is not part of a definition of kind {kind}")
    model = definition.get("hash")
    if kind == "mta" and (not isinstance(model, str) or model not in HASH_OBJECT):
        raise DocsisError("hash", f"must be one of {', '.join(HASH_OBJECT)}, not {shown(model)}")
    declared = definition.get("placeholders")
    scope = Scope(declare(declared))
    entries = compile_body(definition.get("body"), kind, scope)
    placeholders = scope.settle(declared)
    file = merge(part for entry in entries for part in entry.parts)
    if widest(file) > FILE_BYTES_MAX - _OVERHEAD_BYTES_MAX:
        raise DocsisError("body", f"the file could exceed {FILE_BYTES_MAX} bytes")
    return Template(
        kind=kind,
        placeholders=placeholders,
        signature=f"{kind}({','.join(f'{entry.name}:{entry.kind}' for entry in placeholders)})",
        _hash_header=mta_hash_header(str(model)) if kind == "mta" else b"",
        _packing=Packing(placeholders),
        _file=merge((MTA_OPENING, *file)) if kind == "mta" else file,
        _digested=_digest_order(entries, len(placeholders)),
        _always_fits=_always_fits(file, placeholders),
    )


def _always_fits(file: Parts, placeholders: Sequence[Placeholder]) -> bool:
    """Whether no legal values can make a TLV too long or too short: tried with the extremes, which only
    strings lack.
    """
    widths = [placeholder.width for placeholder in placeholders]
    if None in widths:
        return False
    try:
        for extreme in (
            [
                entry.low.to_bytes(width or 0, "big")
                for entry, width in zip(placeholders, widths, strict=True)
            ],
            [
                entry.high.to_bytes(width or 0, "big")
                for entry, width in zip(placeholders, widths, strict=True)
            ],
        ):
            render(file, extreme)
    except DocsisError:
        return False
    return True


def _digest_order(entries: Sequence[Entry], made: int) -> Parts:
    """What the CMTS MIC reads; fields `made` and `made + 1` are the CM MIC and the stamp (TLV 19 and 20)."""
    ours = {
        CM_MIC: Slot(made, bytes, _MIC_TLV_BYTES, _MIC_TLV_BYTES),
        _TIMESTAMP: Slot(made + 1, bytes, _STAMP.size, _STAMP.size),
    }
    parts: list[Part] = []
    for type in CMTS_MIC_ORDER:
        if type in ours:
            parts.append(ours[type])
        parts.extend(part for entry in entries if entry.type == type for part in entry.parts)
    return merge(parts)

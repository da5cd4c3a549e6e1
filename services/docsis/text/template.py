"""Templates: one class of service as a file with slots, compiled once and filled at every download.

Theory of operation
-------------------
A definition (from YAML) names the kind of file, the placeholders and the body. Compiling it encodes
everything that two devices have in common, and leaves slots for the rest (`services.docsis.parts`). A modem's
body is laid out twice: in file order, for the file and its CM MIC, and in the order in which the CMTS MIC
reads it. TLVs that are made at the download have slots like the device's values. So building a file parses
nothing, and the *head*, the bytes before the first slot, is not even digested again:

    file            = body, timestamp (19), address (20), CM MIC (6), CMTS MIC (7), end (255), padding
    CMTS MIC input  = types 1 to 43, CM MIC, type 18, timestamp and address, types 22 to 40

or, if the class asks for the extended CMTS MIC, the types of its bitmap as they stand in the file.

A PacketCable file (kind `mta`) is framed by TLV 254, and its hash goes before the closing one, unless the
definition says that the file has none of ours.

The *signature* names the kind, the placeholders and their order, not the body: two templates with one
signature read the same packed values, so a value sealed under one generation of the settings is good for the
next.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from struct import Struct

from services.docsis.checks.mic import (
    CM_MIC,
    CMTS_MIC,
    CMTS_MIC_ORDER,
    MIC_BYTES,
    NO_HASH,
    extended_coverage,
    keyed_md5,
    mta_hash_header,
)
from services.docsis.errors import DocsisError
from services.docsis.packing import Packing
from services.docsis.parts import Part, Parts, Slot, merge, render
from services.docsis.placeholders import Placeholder
from services.docsis.text.body import CompiledEntry
from services.docsis.text.definition import compile_definition
from services.docsis.tlv import MTA_CLOSING, MTA_OPENING, FileKind, Tlv, walk

_TIMESTAMP = 19
_ADDRESS = 20
_IPV6_ADDRESS = 59
_STAMP = Struct(">BBIBB4s")  # TLV 19 with a timestamp in s, TLV 20 with an address
_IPV6_STAMP = Struct(">BBIBB16s")  # the same with TLV 59, which the CMTS MIC does not read
_TIMESTAMP_TLV_BYTES = 6
_MIC_TLV_BYTES = 2 + MIC_BYTES
_CM_MIC_HEADER = bytes((CM_MIC, MIC_BYTES))
_CMTS_MIC_HEADER = bytes((CMTS_MIC, MIC_BYTES))
_ENDINGS = (b"\xff\0\0\0", b"\xff\0\0", b"\xff\0", b"\xff")  # by length of what is before, modulo 4
_DIGESTS = {"cm": hashlib.md5, "mta": hashlib.sha1}  # of the CM MIC; of the hash of an adapter's file


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A compiled class of service; made by `compile_template`, safe to share between threads."""

    kind: FileKind
    placeholders: tuple[Placeholder, ...]
    signature: str
    _hash_header: bytes
    _packing: Packing
    _head: bytes
    _head_digest: hashlib._Hash  # copied for every file
    _rest: Parts
    _digested: Parts
    _covered: frozenset[int] | None
    _always_fits: bool

    def pack(self, values: Mapping[str, object]) -> bytes:
        """One device's values in packed form, defaults filled in; raises DocsisError naming the placeholder.

        Numbers are int, strings str, addresses dotted quads. What this accepts, `build` builds.
        """
        fields = self._packing.fields(values)
        if not self._always_fits:
            render(self._rest, fields)
        return self._packing.join(fields)

    def build(self, packed: bytes, *, address: bytes, timestamp_s: int, secret: bytes) -> bytes:
        """The complete file for one device; raises DocsisError when an argument is malformed.

        `packed` is the result of `pack`, `address` the modem's in 4 bytes, or 16 for IPv6, `timestamp_s`
        seconds since 1970 and `secret` the CMTS's; an MTA ignores the last three (MULPI Annex D).
        """
        fields = self._packing.split(packed)
        rest = render(self._rest, fields)
        if self.kind == "mta" and not self._hash_header:
            return self._head + rest + MTA_CLOSING
        digest = self._head_digest.copy()
        if self.kind == "mta":
            digest.update(rest + MTA_CLOSING)
            return b"".join((self._head, rest, self._hash_header, digest.digest(), MTA_CLOSING))
        if len(address) not in (4, 16) or not 0 <= timestamp_s <= 0xFFFFFFFF:
            raise DocsisError("", "a modem's file takes an address of 4 or 16 bytes, a timestamp of 32 bits")
        if len(address) == 4:
            digested = stamp = _STAMP.pack(_TIMESTAMP, 4, timestamp_s, _ADDRESS, 4, address)
        else:
            stamp = _IPV6_STAMP.pack(_TIMESTAMP, 4, timestamp_s, _IPV6_ADDRESS, 16, address)
            digested = stamp[:_TIMESTAMP_TLV_BYTES]
        if self._covered is not None:
            digested = _covered_stamp(stamp, self._covered)
        rest += stamp
        digest.update(rest)
        cm_mic = _CM_MIC_HEADER + digest.digest()
        fields += (cm_mic, digested)
        cmts_mic = keyed_md5(secret, render(self._digested, fields))
        ending = _ENDINGS[len(self._head) + len(rest) & 3]  # the two MICs have 36 bytes, a multiple of 4
        return b"".join((self._head, rest, cm_mic, _CMTS_MIC_HEADER, cmts_mic, ending))


def compile_template(definition: Mapping[str, object]) -> Template:
    """Compile a class of the catalogue; raises DocsisError naming the path of the first mistake."""
    compiled, errors = compile_definition(definition)
    if compiled is None or errors:
        raise errors[0]
    kind, model, placeholders, entries = compiled
    file = merge(part for entry in entries for part in entry.parts)
    head, rest = _cut(merge((MTA_OPENING, *file)) if kind == "mta" else file)
    covered = extended_coverage(_constant_tlvs(entries)) if kind == "cm" else None
    return Template(
        kind=kind,
        placeholders=placeholders,
        signature=f"{kind}({','.join(f'{entry.name}:{entry.kind}' for entry in placeholders)})",
        _hash_header=mta_hash_header(model) if kind == "mta" and model != NO_HASH else b"",
        _packing=Packing(placeholders),
        _head=head,
        _head_digest=_DIGESTS[kind](head, usedforsecurity=False),
        _rest=rest,
        _digested=_digest_order(entries, len(placeholders), covered),
        _covered=covered,
        _always_fits=_always_fits(file, placeholders),
    )


def problems(definition: object) -> list[DocsisError]:
    """The mistakes of a class of the catalogue, at most PROBLEMS_MAX, in its order."""
    return compile_definition(definition)[1]


def _cut(file: Parts) -> tuple[bytes, Parts]:
    """The constant start of a file, and the rest."""
    if file and isinstance(file[0], bytes):
        return file[0], file[1:]
    return b"", file


def _always_fits(file: Parts, placeholders: Sequence[Placeholder]) -> bool:
    """Whether every legal value fits its TLV: tried with the least and greatest values; False if there is a
    string.
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


def _constant_tlvs(entries: Sequence[CompiledEntry]) -> Iterator[Tlv]:
    """The TLVs of a body that are the same for every device."""
    for entry in entries:
        if len(entry.parts) == 1 and isinstance(entry.parts[0], bytes):
            yield from walk(entry.parts[0], "cm")


def _covered_stamp(stamp: bytes, covered: frozenset[int]) -> bytes:
    """The TLVs of the timestamp (19) and the address (20 or 59) that the extended CMTS MIC covers."""
    address = stamp[_TIMESTAMP_TLV_BYTES:]
    timestamp = stamp[:_TIMESTAMP_TLV_BYTES] if _TIMESTAMP in covered else b""
    return timestamp + (address if address[0] in covered else b"")


def _digest_order(entries: Sequence[CompiledEntry], made: int, covered: frozenset[int] | None) -> Parts:
    """The CMTS MIC's input; fields `made` and `made + 1` are the CM MIC and the stamp (TLV 19 and 20)."""
    ours = {
        CM_MIC: Slot(made, bytes, _MIC_TLV_BYTES, _MIC_TLV_BYTES),
        _TIMESTAMP: Slot(made + 1, bytes, _STAMP.size, _STAMP.size),
    }
    if covered is not None:
        body = [part for entry in entries if entry.type in covered for part in entry.parts]
        return merge((*body, ours[_TIMESTAMP], *([ours[CM_MIC]] if CM_MIC in covered else [])))
    parts: list[Part] = []
    for type in CMTS_MIC_ORDER:
        if type in ours:
            parts.append(ours[type])
        parts.extend(part for entry in entries if entry.type == type for part in entry.parts)
    return merge(parts)

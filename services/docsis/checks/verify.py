"""Checking a configuration file as its readers would: the modem, the CMTS, the telephone adapter.

A file that starts with TLV 254 is a PacketCable file: it must end in the closing TLV 254 and its one hash
varbind must match; without one its integrity is unknown. Any other file is a modem's: its last two TLVs must
be the MICs; the CM MIC must match the bytes before it and the CMTS MIC one of the secrets. Behind the MICs
comes the end of data; padding may precede it, and bytes behind it are ignored. The first check that fails is
reported. A digest in the extended CMTS MIC (43.6.3) is not checked: it is covered like every other value.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from services.docsis.checks.layout import Layout, lay_out
from services.docsis.checks.mic import CM_MIC, HASH_OBJECT, cm_mic, cmts_mic, mta_hash
from services.docsis.errors import DocsisError
from services.docsis.mib import ber
from services.docsis.tlv import END_OF_DATA, LONG_TYPES, MTA_OPENING, PAD, FileKind, Tlv, read

Verdict = Literal["ok", "no-hash", "cm-mic", "cmts-mic", "hash", "structure"]

PASSED: Final = frozenset({"ok", "no-hash"})
"""The verdicts on a file without a fault."""

_TIMESTAMP: Final = 19
_ADDRESS: Final = 20
_VARBINDS: Final = (11, 64)
_PADDING: Final = bytes((PAD,))
_END: Final = bytes((END_OF_DATA,))
_HASH_OBJECTS: Final = {oid: ber.element(ber.OBJECT_ID, ber.object_id(oid)) for oid in HASH_OBJECT.values()}


@dataclass(frozen=True, slots=True)
class Inspected:
    """The contents of a file; `timestamp_s` is TLV 19, `address` the 4 bytes of TLV 20, None if missing."""

    kind: FileKind
    timestamp_s: int | None
    address: bytes | None
    tlvs: tuple[Tlv, ...]


def inspect(data: bytes) -> Inspected:
    """Read a whole file without checking its MICs or hash; raises DocsisError if it is unreadable."""
    kind: FileKind = "mta" if data.startswith(MTA_OPENING) else "cm"
    tlvs = read(data, kind)
    if kind == "mta":
        return Inspected(kind, None, None, tlvs)
    timestamp = _only(tlvs, _TIMESTAMP, 4)
    address = _only(tlvs, _ADDRESS, 4)
    return Inspected(kind, None if timestamp is None else int.from_bytes(timestamp, "big"), address, tlvs)


def verify(data: bytes, secrets: Sequence[bytes]) -> Verdict:
    """The first check that a file fails, or "ok"; any one of `secrets` may be the CMTS's. Never raises.

    A PacketCable file that sets no hash object is "no-hash": adapters that were given no hash accept it.
    """
    try:
        layout = lay_out(data)
        return _verify_mta(data, layout) if layout.kind == "mta" else _verify_cm(layout, secrets)
    except DocsisError:
        return "structure"


def _verify_cm(layout: Layout, secrets: Sequence[bytes]) -> Verdict:
    if layout.cm_mic is None or layout.cmts_mic is None or layout.tail.lstrip(_PADDING)[:1] != _END:
        return "structure"
    for type in (_TIMESTAMP, _ADDRESS):
        _only(layout.items, type, 4)
    tlvs = [*layout.items, Tlv(CM_MIC, layout.cm_mic)]
    if not hmac.compare_digest(layout.cm_mic, cm_mic(layout.body)):
        return "cm-mic"
    if any(hmac.compare_digest(layout.cmts_mic, cmts_mic(tlvs, secret)) for secret in secrets):
        return "ok"
    return "cmts-mic"


def _verify_mta(data: bytes, layout: Layout) -> Verdict:
    if layout.tail:
        return "structure"
    carriers = [tlv for tlv in layout.items if _mentions_hash(tlv)]
    if not carriers:
        return "no-hash"
    hashes = [(tlv, digest) for tlv in carriers for digest in _hashes(tlv)]
    if len(hashes) != 1:
        return "structure"
    tlv, digest = hashes[0]
    end = tlv.offset + (3 if tlv.type in LONG_TYPES["mta"] else 2) + len(tlv.value)
    unhashed = data[: tlv.offset] + data[end:]
    return "ok" if hmac.compare_digest(digest, mta_hash(unhashed)) else "hash"


def _mentions_hash(tlv: Tlv) -> bool:
    return tlv.type in _VARBINDS and any(name in tlv.value for name in _HASH_OBJECTS.values())


def _hashes(tlv: Tlv) -> list[bytes]:
    """The digest in `tlv`, if it is a hash varbind; raises DocsisError for a malformed varbind."""
    varbind = ber.read_varbind(tlv.value)
    return [varbind.content] if varbind.oid in _HASH_OBJECTS and varbind.tag == ber.OCTET_STRING else []


def _only(tlvs: Sequence[Tlv], type: int, size_bytes: int) -> bytes | None:
    """The value of the only TLV of `type`, None if missing; raises DocsisError for two or a wrong size."""
    found = [tlv.value for tlv in tlvs if tlv.type == type]
    if len(found) > 1 or (found and len(found[0]) != size_bytes):
        raise DocsisError("", f"TLV {type} stands there twice or has a wrong length")
    return found[0] if found else None

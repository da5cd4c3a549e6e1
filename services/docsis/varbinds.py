"""SNMP varbinds as written in a template: `{oid: 1.3.6.1.2.1.69.1.2.1.7.1, integer: 4}`.

The second key names the type of the value: one of integer, string, hex (an OCTET STRING of raw bytes),
ipaddress, counter32, gauge32, timeticks, object_id. A modem's file has TLV 11 only, so a varbind beyond 254
bytes is an error there; a PacketCable file carries it in TLV 64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from services.docsis import snmp, values
from services.docsis.errors import DocsisError, shown
from services.docsis.mic import HASH_OBJECT
from services.docsis.parts import Parts, frame
from services.docsis.placeholders import Scope
from services.docsis.tlv import VALUE_BYTES_MAX, FileKind, header

VARBIND: Final = 11
LONG_VARBIND: Final = 64


def compile_varbind(definition: object, kind: FileKind, scope: Scope, path: str) -> Parts:
    """The complete TLV 11 (or 64) of one varbind; raises DocsisError (MULPI C.1.2.5)."""
    if not isinstance(definition, Mapping) or len(definition) != 2 or "oid" not in definition:
        raise DocsisError(path, "takes `oid` and one value, such as {oid: 1.3.6.1.2.1.1.6.0, string: attic}")
    name = _object_id(definition["oid"], f"{path}.oid")
    if kind == "mta" and name in _OURS:
        raise DocsisError(f"{path}.oid", "the hash of the file is put in when it is built")
    type = next(key for key in definition if key != "oid")
    if type not in _TYPES:
        raise DocsisError(path, f"{shown(type)} is not a type of value; there are {', '.join(_TYPES)}")
    tag, encode = _TYPES[type]
    content = encode(definition[type], scope, f"{path}.{type}")
    value = frame(partial(snmp.header, tag), content)
    sequence = frame(partial(snmp.header, snmp.SEQUENCE), (snmp.element(snmp.OBJECT_ID, name), *value))
    tlv_header = _mta_header if kind == "mta" else partial(header, VARBIND)
    return frame(partial(tlv_header, path=path), sequence)


def _mta_header(length_bytes: int, *, path: str) -> bytes:
    if length_bytes > VALUE_BYTES_MAX:
        return header(LONG_VARBIND, length_bytes, long=True, path=path)
    return header(VARBIND, length_bytes, path=path)


def _object_id(value: object, path: str) -> bytes:
    if not isinstance(value, str):
        raise DocsisError(path, f"must be an object identifier (quote it), not {shown(value)}")
    try:
        return snmp.object_id(value)
    except DocsisError as error:
        raise DocsisError(path, error.reason) from None


def _number(low: int, high: int) -> Callable[[object, Scope, str], Parts]:
    return lambda value, scope, path: values.minimal(value, low, high, scope, path, snmp.integer)


def _octets(value: object, scope: Scope, path: str) -> Parts:
    return (values.raw(value, path),)


_UNSIGNED = _number(0, 2**32 - 1)
_TYPES: dict[str, tuple[int, Callable[[object, Scope, str], Parts]]] = {
    "integer": (snmp.INTEGER, _number(-(2**31), 2**31 - 1)),
    "string": (snmp.OCTET_STRING, values.text),
    "hex": (snmp.OCTET_STRING, _octets),
    "ipaddress": (snmp.IP_ADDRESS, values.ipv4),
    "counter32": (snmp.COUNTER32, _UNSIGNED),
    "gauge32": (snmp.GAUGE32, _UNSIGNED),
    "timeticks": (snmp.TIMETICKS, _UNSIGNED),
    "object_id": (snmp.OBJECT_ID, lambda value, scope, path: (_object_id(value, path),)),
}
_OURS = frozenset(snmp.object_id(oid) for oid in HASH_OBJECT.values())

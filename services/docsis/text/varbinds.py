"""SNMP varbinds as written in a template: `{oid: 1.3.6.1.2.1.69.1.2.1.7.1, integer: 4}`.

The second key names the type of the value: one of integer, string, hex (an OCTET STRING of raw bytes),
ipaddress, counter32, gauge32, timeticks, object_id. Where the MIB of the object names numbers or bits, an
`integer` may be a label, `active(1)` or `active`, and `bits` are labels, `local(0) syslog(2)`. A value that
none of them can express, such as a Counter64 or a number written in more bytes than it needs, is `ber`: the
complete element, tag and length included, in hexadecimal. A modem's file has TLV 11 only, so a varbind beyond
254 bytes is an error there; a PacketCable file carries it in TLV 64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from services.docsis.checks.mic import HASH_OBJECT
from services.docsis.errors import DocsisError, shown
from services.docsis.mib import ber
from services.docsis.mib.labels import label_bits, label_number
from services.docsis.mib.names import BUILT_IN, Object, object_name
from services.docsis.parts import Parts, frame, render
from services.docsis.placeholders import PlaceholderScope
from services.docsis.tlv import VALUE_BYTES_MAX, FileKind, header
from services.docsis.tlvs import values

VARBIND: Final = 11
LONG_VARBIND: Final = 64


def compile_varbind(
    definition: object, kind: FileKind, scope: PlaceholderScope, path: str, *, hashed: bool = True
) -> Parts:
    """The complete TLV 11 (or 64) of one varbind; raises DocsisError (MULPI C.1.2.5).

    With `hashed` the builder adds the hash of a PacketCable file, and a hash here is an error.
    """
    if not isinstance(definition, Mapping) or len(definition) != 2 or "oid" not in definition:
        raise DocsisError(path, "takes `oid` and one value, such as {oid: 1.3.6.1.2.1.1.6.0, string: attic}")
    name = values.object_id(definition["oid"], f"{path}.oid")
    if kind == "mta" and hashed and name in _OURS:
        raise DocsisError(f"{path}.oid", "the hash of the file is put in when it is built")
    type = next(key for key in definition if key != "oid")
    value = _value(type, definition[type], name, scope, path)
    sequence = frame(partial(ber.header, ber.SEQUENCE), (ber.element(ber.OBJECT_ID, name), *value))
    tlv_header = _mta_header if kind == "mta" else partial(header, VARBIND)
    return frame(partial(tlv_header, path=path), sequence)


def _value(type: object, written: object, name: bytes, scope: PlaceholderScope, path: str) -> Parts:
    """The complete element of a value; raises DocsisError."""
    here = f"{path}.{type}"
    if type == _ELEMENT:
        return (values.raw(written, here),)
    if type == _BITS:
        return (ber.element(ber.OCTET_STRING, label_bits(written, _object(name), here)),)
    if not isinstance(type, str) or type not in _TYPES:
        reason = f"{shown(type)} is not a type of value; there are {', '.join((*_TYPES, _BITS, _ELEMENT))}"
        raise DocsisError(path, reason)
    if type == _ENUMERATED and isinstance(written, str) and scope.find(written, here) is None:
        found = _object(name)
        if found is not None and found.syntax is not None and found.syntax.labels:
            written = label_number(written, found, here)
    tag, encode = _TYPES[type]
    return frame(partial(ber.header, tag), encode(written, scope, here))


def _object(name: bytes) -> Object | None:
    return BUILT_IN.object(ber.object_id_text(name))


def decode_varbind(data: bytes) -> dict[str, object] | None:
    """The definition that `compile_varbind` compiles to the value of a TLV 11 or 64, None if it is no
    varbind.
    """
    try:
        oid, element = ber.split_varbind(data)
        _, tag, content = ber.read_varbind(data)
    except DocsisError:
        return None
    name = object_name(oid)
    found = BUILT_IN.object(oid)
    is_text = found is None or found.syntax is None or found.syntax.is_text(content)
    for type in _TYPES_OF_TAG.get(tag, ()):
        if type == "string" and not is_text:
            continue
        value = _DECODERS[type](content)
        if value is not None and _element(type, value) == element:
            return {"oid": name, type: value}
    return {"oid": name, _ELEMENT: element.hex()}


def names_hash(data: bytes) -> bool:
    """Whether the value of a TLV 11 or 64 sets an object that carries the hash of a PacketCable file."""
    try:
        oid, _ = ber.split_varbind(data)
    except DocsisError:
        return False
    return oid in HASH_OBJECT.values()


def _element(type: str, value: object) -> bytes | None:
    """The element of a value without placeholders, None if the value is not allowed."""
    tag, encode = _TYPES[type]
    try:
        return ber.element(tag, render(encode(value, PlaceholderScope(()), ""), ()))
    except DocsisError:
        return None


def _mta_header(length_bytes: int, *, path: str) -> bytes:
    if length_bytes > VALUE_BYTES_MAX:
        return header(LONG_VARBIND, length_bytes, long=True, path=path)
    return header(VARBIND, length_bytes, path=path)


def _object_name(content: bytes) -> str | None:
    try:
        return object_name(ber.object_id_text(content))
    except DocsisError:
        return None


def _text(content: bytes) -> str | None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def _address(content: bytes) -> str | None:
    return ".".join(map(str, content)) if len(content) == 4 else None


def _whole(content: bytes) -> int:
    return int.from_bytes(content[:_NUMBER_BYTES_MAX], "big", signed=True)


def _number(low: int, high: int) -> Callable[[object, PlaceholderScope, str], Parts]:
    return lambda value, scope, path: values.minimal(value, low, high, scope, path, ber.integer)


def _octets(value: object, scope: PlaceholderScope, path: str) -> Parts:
    return (values.raw(value, path),)


_ELEMENT = "ber"
_BITS = "bits"
_ENUMERATED = "integer"
_NUMBER_BYTES_MAX = 5
"""The size of an unsigned number of 32 bits as a minimal INTEGER; longer ones are not converted."""

_UNSIGNED = _number(0, 2**32 - 1)
_TYPES: dict[str, tuple[int, Callable[[object, PlaceholderScope, str], Parts]]] = {
    "integer": (ber.INTEGER, _number(-(2**31), 2**31 - 1)),
    "string": (ber.OCTET_STRING, values.text),
    "hex": (ber.OCTET_STRING, _octets),
    "ipaddress": (ber.IP_ADDRESS, values.ipv4),
    "counter32": (ber.COUNTER32, _UNSIGNED),
    "gauge32": (ber.GAUGE32, _UNSIGNED),
    "timeticks": (ber.TIMETICKS, _UNSIGNED),
    "object_id": (ber.OBJECT_ID, lambda value, scope, path: (values.object_id(value, path),)),
}
_DECODERS: dict[str, Callable[[bytes], object | None]] = {
    "integer": _whole,
    "string": _text,
    "hex": bytes.hex,
    "ipaddress": _address,
    "counter32": _whole,
    "gauge32": _whole,
    "timeticks": _whole,
    "object_id": _object_name,
}
_TYPES_OF_TAG: dict[int, list[str]] = {}
for _type, (_tag, _) in _TYPES.items():
    _TYPES_OF_TAG.setdefault(_tag, []).append(_type)
_OURS = frozenset(ber.object_id(oid) for oid in HASH_OBJECT.values())

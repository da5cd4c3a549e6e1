"""Values of TLVs: from a template to bytes, or to slots for a device's values, and back.

Theory of operation
-------------------
Every kind of `services.docsis.tlvs.rows.tlv_row` has one encoder and one decoder. A number or an IPv4 address
is either written out or is exactly one placeholder, `${name}`; a placeholder may be narrower than the field,
then zeros go before it. A text may mix both: `line-${number}`; there a number shows in decimal and an address
as a dotted quad. All other values are always written out. The caller that frames the result checks its
length.

A decoder gives the value that its encoder turns into the same bytes, or None when there is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

from services.docsis.errors import DocsisError, shown
from services.docsis.mib import ber
from services.docsis.mib.names import object_name, object_oid
from services.docsis.parts import Part, Parts, Slot, merge
from services.docsis.placeholders import STRING_BYTES_MAX, Placeholder, PlaceholderScope, address_field
from services.docsis.tlvs import addresses
from services.docsis.tlvs.rows.extension import GENERAL_EXTENSION
from services.docsis.tlvs.rows.tlv_row import WIDTH_BYTES, TlvRow, ValueKind
from services.docsis.tlvs.units import parse, show

_HEX = re.compile(r"([0-9A-Fa-f]{2})*")
_PLACEHOLDER = "${"
_WRITES = ("allow", "deny")

_Encoder: TypeAlias = Callable[[TlvRow, object, PlaceholderScope, str], Parts]
_Decoder: TypeAlias = Callable[[TlvRow, bytes], object]


def number(value: object, width_bytes: int, low: int, high: int, scope: PlaceholderScope, path: str) -> Parts:
    """An unsigned number in `width_bytes`, from `low` to `high`; raises DocsisError."""
    index = scope.find(value, path)
    if index is None:
        return (_whole(value, low, high, path).to_bytes(width_bytes, "big"),)
    width = numeric(index, scope, path).width or 0
    if width > width_bytes:
        raise DocsisError(path, f"a {scope[index].kind} placeholder does not fit into {width_bytes} byte(s)")
    scope.narrow(index, low, high, path)
    return merge((bytes(width_bytes - width), Slot(index, bytes, width, width)))


def minimal(
    value: object, low: int, high: int, scope: PlaceholderScope, path: str, encode: Callable[[int], bytes]
) -> Parts:
    """A number whose encoding is as short as its value allows, such as a BER integer; raises DocsisError."""
    index = scope.find(value, path)
    if index is None:
        return (encode(_whole(value, low, high, path)),)
    numeric(index, scope, path)
    scope.narrow(index, low, high, path)
    return (Slot(index, lambda field: encode(int.from_bytes(field, "big")), None, len(encode(high))),)


def text(value: object, scope: PlaceholderScope, path: str, encoding: str = "utf-8") -> Parts:
    """A text with any number of placeholders in it; raises DocsisError."""
    if not isinstance(value, str):
        raise DocsisError(path, f"must be text (quote it), not {shown(value)}")
    parts: list[Part] = []
    for piece in scope.split(value, path):
        if isinstance(piece, int):
            parts.append(_shown(piece, scope[piece], encoding, path))
            continue
        try:
            parts.append(piece.encode(encoding))
        except UnicodeEncodeError:
            raise DocsisError(path, f"has a character that {encoding} lacks") from None
    if any(isinstance(part, bytes) and 0 in part for part in parts):
        raise DocsisError(path, "has a NUL character")
    return merge(parts)


def ipv4(value: object, scope: PlaceholderScope, path: str) -> Parts:
    """The four bytes of an IPv4 address; raises DocsisError."""
    index = scope.find(value, path)
    if index is None:
        return (address_field(value, path),)
    if scope[index].kind != "ipv4":
        raise DocsisError(path, f"takes an ipv4 placeholder, not a {scope[index].kind} one")
    return (Slot(index, bytes, 4, 4),)


def raw(value: object, path: str) -> bytes:
    """Bytes from hexadecimal digits without separators; raises DocsisError."""
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise DocsisError(path, f"must be pairs of hexadecimal digits (quoted), not {shown(value)}")
    return bytes.fromhex(value)


def numeric(index: int, scope: PlaceholderScope, path: str) -> Placeholder:
    """The placeholder at `index`; raises DocsisError when it is not a number."""
    if not scope[index].is_number:
        raise DocsisError(path, f"takes a number, placeholder {scope[index].name!r} is a {scope[index].kind}")
    return scope[index]


def object_id(value: object, path: str) -> bytes:
    """Content of an OBJECT IDENTIFIER, written as numbers or by a name of an object; raises DocsisError."""
    if not isinstance(value, str):
        raise DocsisError(path, f"must be an object identifier (quote it), not {shown(value)}")
    try:
        return ber.object_id(object_oid(value))
    except DocsisError as error:
        raise DocsisError(path, error.reason) from None


def encode(row: TlvRow, value: object, scope: PlaceholderScope, path: str) -> Parts:
    """The value of a TLV that is neither a list of sub-TLVs nor a varbind; raises DocsisError."""
    return _ENCODERS[row.kind](row, value, scope, path)


def decode(row: TlvRow, content: bytes) -> object | None:
    """The value that `encode` turns into `content`; None if there is none, and for sub-TLVs and varbinds."""
    low, high = row.length_bytes
    decoder = _DECODERS.get(row.kind)
    return decoder(row, content) if decoder is not None and low <= len(content) <= high else None


def _whole(value: object, low: int, high: int, path: str) -> int:
    if type(value) is not int or not low <= value <= high:
        raise DocsisError(path, f"must be a number from {low} to {high}, not {shown(value)}")
    return value


def _shown(index: int, placeholder: Placeholder, encoding: str, path: str) -> Slot:
    """A placeholder inside a text."""

    def ascii_only(field: bytes) -> bytes:
        if not field.isascii():
            raise DocsisError(path, f"placeholder {placeholder.name!r} has a character that ascii lacks")
        return field

    if placeholder.is_number:
        return Slot(
            index, lambda field: b"%d" % int.from_bytes(field, "big"), None, len(str(placeholder.high))
        )
    if placeholder.kind == "ipv4":
        return Slot(index, lambda field: b"%d.%d.%d.%d" % tuple(field), None, len("255.255.255.255"))
    return Slot(index, ascii_only if encoding == "ascii" else bytes, None, STRING_BYTES_MAX)


def _number(row: TlvRow, value: object, scope: PlaceholderScope, path: str) -> Parts:
    if row.unit and isinstance(value, str) and scope.find(value, path) is None:
        value = parse(value, row.unit, path)
    return number(value, WIDTH_BYTES[row.kind], row.low, row.high, scope, path)


def _number_shown(row: TlvRow, content: bytes) -> object | None:
    value = int.from_bytes(content, "big")
    if not row.low <= value <= row.high:
        return None
    return show(value, row.unit) if row.unit else value


def _text_z(row: TlvRow, value: object, scope: PlaceholderScope, path: str) -> Parts:
    return merge((*text(value, scope, path, "ascii"), b"\0"))


def _text_shown(row: TlvRow, content: bytes) -> str | None:
    if row.kind is ValueKind.TEXT_Z:
        if not content.endswith(b"\0") or not content.isascii():
            return None
        content = content[:-1]
    try:
        shown_text = content.decode()
    except UnicodeDecodeError:
        return None
    return shown_text if shown_text.isprintable() and _PLACEHOLDER not in shown_text else None


def _raw(row: TlvRow, value: object, scope: PlaceholderScope, path: str) -> Parts:
    return merge((raw(value, path),))


def _raw_shown(row: TlvRow, content: bytes) -> str | None:
    named = row.kind is ValueKind.EXTENSION and content.startswith(GENERAL_EXTENSION)
    return None if named else content.hex()


def _object_id(row: TlvRow, value: object, scope: PlaceholderScope, path: str) -> Parts:
    return (ber.element(ber.OBJECT_ID, object_id(value, path)),)


def _object_id_shown(row: TlvRow, content: bytes) -> str | None:
    inner = content[2:] if content[1:2] < b"\x80" else content[3:]
    try:
        oid = ber.object_id_text(inner)
        same = ber.element(ber.OBJECT_ID, ber.object_id(oid)) == content
    except DocsisError:
        return None
    return object_name(oid) if same else None


def _write_control(row: TlvRow, value: object, scope: PlaceholderScope, path: str) -> Parts:
    if not isinstance(value, Mapping) or value.keys() != {"oid", "write"} or value["write"] not in _WRITES:
        raise DocsisError(path, "takes `oid` and `write`, such as {oid: sysLocation, write: deny}")
    prefix = ber.element(ber.OBJECT_ID, object_id(value["oid"], f"{path}.oid"))
    return (prefix + bytes((_WRITES.index(value["write"]),)),)


def _write_control_shown(row: TlvRow, content: bytes) -> dict[str, str] | None:
    oid = _object_id_shown(row, content[:-1])
    return {"oid": oid, "write": _WRITES[content[-1]]} if oid and content[-1] < len(_WRITES) else None


def _fixed(encode: Callable[[object, str], bytes]) -> _Encoder:
    """An encoder of values that are always written out."""
    return lambda row, value, scope, path: (encode(value, path),)


def _list(encode: Callable[[object, PlaceholderScope, str], Parts]) -> _Encoder:
    """An encoder of a list of equal items."""

    def items(row: TlvRow, value: object, scope: PlaceholderScope, path: str) -> Parts:
        if not isinstance(value, list):
            raise DocsisError(path, f"must be a list, not {shown(value)}")
        return merge(part for at, item in enumerate(value) for part in encode(item, scope, f"{path}[{at}]"))

    return items


def _list_shown(width_bytes: int, decode: Callable[[bytes], object | None]) -> _Decoder:
    """A decoder of a list of items of one width."""

    def items(row: TlvRow, content: bytes) -> list[object] | None:
        found = [decode(content[at : at + width_bytes]) for at in range(0, len(content), width_bytes)]
        return None if len(content) % width_bytes or None in found else found

    return items


def _uints(width_bytes: int) -> _Encoder:
    high = 256**width_bytes - 1
    return _list(lambda item, scope, path: number(item, width_bytes, 0, high, scope, path))


_ENCODERS: dict[ValueKind, _Encoder] = {
    **dict.fromkeys(WIDTH_BYTES, _number),
    ValueKind.UINT8S: _uints(1),
    ValueKind.UINT16S: _uints(2),
    ValueKind.IPV4: lambda row, value, scope, path: ipv4(value, scope, path),
    ValueKind.IPV4S: _list(ipv4),
    ValueKind.IPV6: _fixed(addresses.ipv6_bytes),
    ValueKind.IPV6S: _list(lambda item, scope, path: (addresses.ipv6_bytes(item, path),)),
    ValueKind.IPV6_PREFIXES: _list(lambda item, scope, path: (addresses.prefix_bytes(item, path),)),
    ValueKind.ADDRESS: _fixed(addresses.address_bytes),
    ValueKind.ENDPOINT: _fixed(addresses.endpoint_bytes),
    ValueKind.MAC: _fixed(addresses.mac_bytes),
    ValueKind.TEXT: lambda row, value, scope, path: text(value, scope, path),
    ValueKind.TEXT_Z: _text_z,
    ValueKind.HEX: _raw,
    ValueKind.HEX_SPLIT: _raw,
    ValueKind.EXTENSION: _raw,
    ValueKind.GROUP_OR_HEX: _raw,
    ValueKind.OBJECT_ID: _object_id,
    ValueKind.WRITE_CONTROL: _write_control,
}
_DECODERS: dict[ValueKind, _Decoder] = {
    **dict.fromkeys(WIDTH_BYTES, _number_shown),
    ValueKind.UINT8S: lambda row, content: list(content),
    ValueKind.UINT16S: _list_shown(2, partial(int.from_bytes, byteorder="big")),
    ValueKind.IPV4: lambda row, content: addresses.address_text(content),
    ValueKind.IPV4S: _list_shown(addresses.IPV4_BYTES, addresses.address_text),
    ValueKind.IPV6: lambda row, content: addresses.address_text(content),
    ValueKind.IPV6S: _list_shown(addresses.IPV6_BYTES, addresses.address_text),
    ValueKind.IPV6_PREFIXES: _list_shown(addresses.PREFIX_BYTES, addresses.prefix_text),
    ValueKind.ADDRESS: lambda row, content: addresses.address_text(content),
    ValueKind.ENDPOINT: lambda row, content: addresses.endpoint_text(content),
    ValueKind.MAC: lambda row, content: addresses.mac_text(content),
    ValueKind.TEXT: _text_shown,
    ValueKind.TEXT_Z: _text_shown,
    ValueKind.HEX: _raw_shown,
    ValueKind.HEX_SPLIT: _raw_shown,
    ValueKind.EXTENSION: _raw_shown,
    ValueKind.GROUP_OR_HEX: _raw_shown,
    ValueKind.OBJECT_ID: _object_id_shown,
    ValueKind.WRITE_CONTROL: _write_control_shown,
}

"""Encoders: from a value as written in a template to its bytes, or to slots where a device fills it.

Theory of operation
-------------------
Every kind of `services.docsis.table` has one encoder. A number, rate or address is either written out or is
exactly one placeholder, `${name}`; a placeholder may be narrower than the field, then zeros go before it. A
text may mix both: `line-${number}`; there a number shows in decimal and an address as a dotted quad. Raw
bytes are always written out. The length of what an encoder returns is checked by whoever frames it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from services.docsis.errors import DocsisError, shown
from services.docsis.parts import Part, Parts, Slot, merge
from services.docsis.placeholders import STRING_BYTES_MAX, Placeholder, Scope, address_field
from services.docsis.table import Kind, Row

_RATE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?) ?([kMG]?)bit/s")
_BITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}")
_HEX = re.compile(r"([0-9A-Fa-f]{2})*")


def number(value: object, width_bytes: int, low: int, high: int, scope: Scope, path: str) -> Parts:
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
    value: object, low: int, high: int, scope: Scope, path: str, encode: Callable[[int], bytes]
) -> Parts:
    """A number whose encoding is as short as its value allows, such as a BER integer; raises DocsisError."""
    index = scope.find(value, path)
    if index is None:
        return (encode(_whole(value, low, high, path)),)
    numeric(index, scope, path)
    scope.narrow(index, low, high, path)
    return (Slot(index, lambda field: encode(int.from_bytes(field, "big")), None, len(encode(high))),)


def text(value: object, scope: Scope, path: str, encoding: str = "utf-8") -> Parts:
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


def ipv4(value: object, scope: Scope, path: str) -> Parts:
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


def numeric(index: int, scope: Scope, path: str) -> Placeholder:
    """The placeholder at `index`; raises DocsisError when it is not a number."""
    if not scope[index].is_number:
        raise DocsisError(path, f"takes a number, placeholder {scope[index].name!r} is a {scope[index].kind}")
    return scope[index]


def encode(row: Row, value: object, scope: Scope, path: str) -> Parts:
    """The value of a TLV that is neither a group nor a varbind; raises DocsisError."""
    return _ENCODERS[row.kind](row, value, scope, path)


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


def _rate(row: Row, value: object, scope: Scope, path: str) -> Parts:
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match:
        bits = Decimal(match[1]) * _BITS[match[2]]
        if bits != int(bits):
            raise DocsisError(path, f"{shown(value)} is not a whole number of bit/s")
        value = int(bits)
    elif isinstance(value, str) and scope.find(value, path) is None:
        raise DocsisError(
            path, f"must be bit/s, as a number or as text such as '20 Mbit/s', not {shown(value)}"
        )
    return number(value, 4, row.low, row.high, scope, path)


def _mac(row: Row, value: object, scope: Scope, path: str) -> Parts:
    if not isinstance(value, str) or not _MAC.fullmatch(value):
        raise DocsisError(
            path, f"must be a MAC address such as '00:1a:2c:00:00:01' (quoted), not {shown(value)}"
        )
    return (bytes.fromhex(value.replace(":", "").replace("-", "")),)


def _list(value: object, path: str) -> list[object]:
    if not isinstance(value, list):
        raise DocsisError(path, f"must be a list, not {shown(value)}")
    return value


def _uint16s(row: Row, value: object, scope: Scope, path: str) -> Parts:
    items = _list(value, path)
    return merge(
        part
        for at, item in enumerate(items)
        for part in number(item, 2, 0, 0xFFFF, scope, f"{path}[{at}]")
    )  # fmt: skip


def _ipv4s(row: Row, value: object, scope: Scope, path: str) -> Parts:
    items = _list(value, path)
    return merge(part for at, item in enumerate(items) for part in ipv4(item, scope, f"{path}[{at}]"))


_ENCODERS: dict[Kind, Callable[[Row, object, Scope, str], Parts]] = {
    Kind.UINT8: lambda row, value, scope, path: number(value, 1, row.low, row.high, scope, path),
    Kind.UINT16: lambda row, value, scope, path: number(value, 2, row.low, row.high, scope, path),
    Kind.UINT32: lambda row, value, scope, path: number(value, 4, row.low, row.high, scope, path),
    Kind.RATE: _rate,
    Kind.UINT16S: _uint16s,
    Kind.IPV4: lambda row, value, scope, path: ipv4(value, scope, path),
    Kind.IPV4S: _ipv4s,
    Kind.MAC: _mac,
    Kind.TEXT: lambda row, value, scope, path: text(value, scope, path),
    Kind.TEXT_Z: lambda row, value, scope, path: merge((*text(value, scope, path, "ascii"), b"\0")),
    Kind.HEX: lambda row, value, scope, path: merge((raw(value, path),)),
}

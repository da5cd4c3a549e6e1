"""SNMP varbinds in BER, the part of ASN.1 that configuration files carry in TLV 11 and 64.

Theory of operation
-------------------
A varbind is a SEQUENCE of an object identifier and a value (RFC 3416 section 3). Every element is a tag
byte, a length and content (X.690). Lengths up to 127 take one byte; longer ones the byte 0x80 + n and n
bytes of length. Integers are two's complement in as few bytes as possible, also the unsigned ones of RFC
2578: a Gauge32 of 2**31 has five bytes. An object identifier packs its first two arcs into one number and
writes each number in base 128, with the high bit on all bytes but the last.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from services.docsis.errors import DocsisError, shown

INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
OBJECT_ID: Final = 0x06
SEQUENCE: Final = 0x30
IP_ADDRESS: Final = 0x40
COUNTER32: Final = 0x41
GAUGE32: Final = 0x42
TIMETICKS: Final = 0x43

ARCS_MAX: Final = 128
"""Sub-identifiers in one object identifier (RFC 2578 section 3.5)."""

_ARC_MAX = 2**32 - 1
_OBJECT_ID_TEXT = re.compile(r"\.?[0-9]{1,10}(\.[0-9]{1,10})+")


class Varbind(NamedTuple):
    """A decoded varbind: dotted object identifier without leading dot, tag of the value, its raw content."""

    oid: str
    tag: int
    content: bytes


def header(tag: int, length_bytes: int) -> bytes:
    """Tag and shortest definite length of an element (X.690 8.1.3)."""
    if length_bytes < 0x80:
        return bytes((tag, length_bytes))
    width = (length_bytes.bit_length() + 7) // 8
    return bytes((tag, 0x80 | width)) + length_bytes.to_bytes(width, "big")


def element(tag: int, content: bytes) -> bytes:
    """One complete element."""
    return header(tag, len(content)) + content


def integer(value: int) -> bytes:
    """Content of an INTEGER and of the unsigned types: minimal two's complement (X.690 8.3).

    >>> integer(127).hex(), integer(128).hex(), integer(-128).hex()
    ('7f', '0080', '80')
    """
    magnitude = value if value >= 0 else ~value
    return value.to_bytes(magnitude.bit_length() // 8 + 1, "big", signed=True)


def object_id(text: str) -> bytes:
    """Content of an OBJECT IDENTIFIER from dotted text, with or without a leading dot; raises DocsisError.

    >>> object_id("1.3.6.1.2.1.69.1.2.1.7.1").hex()
    '2b06010201450102010701'
    """
    if not _OBJECT_ID_TEXT.fullmatch(text):
        raise DocsisError("", f"{shown(text)} is not an object identifier such as 1.3.6.1.2.1.1.5.0")
    arcs = [int(arc) for arc in text.removeprefix(".").split(".")]
    if len(arcs) > ARCS_MAX or max(arcs) > _ARC_MAX:
        raise DocsisError("", f"an object identifier has at most {ARCS_MAX} numbers of 32 bits")
    if arcs[0] > 2 or (arcs[0] < 2 and arcs[1] > 39):
        raise DocsisError("", f"no object identifier starts with {arcs[0]}.{arcs[1]}")
    return b"".join(map(_base128, [arcs[0] * 40 + arcs[1], *arcs[2:]]))


def _base128(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))


def object_id_text(content: bytes) -> str:
    """Dotted text of an OBJECT IDENTIFIER's content, without leading dot; raises DocsisError."""
    numbers: list[int] = []
    number = 0
    for byte in content:
        number = number << 7 | byte & 0x7F
        if number > _ARC_MAX + 80:
            raise DocsisError("", "an object identifier has a number of more than 32 bits")
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    if not numbers or content[-1] & 0x80 or len(numbers) >= ARCS_MAX:
        raise DocsisError("", "malformed object identifier")
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - first * 40, *numbers[1:]]))


def varbind(oid: str, tag: int, content: bytes) -> bytes:
    """A complete varbind: SEQUENCE of `oid` and the value; raises DocsisError for a malformed `oid`."""
    return element(SEQUENCE, element(OBJECT_ID, object_id(oid)) + element(tag, content))


def read_varbind(data: bytes) -> Varbind:
    """Decode exactly one varbind; raises DocsisError when anything is missing, left over or not a varbind."""
    oid, value = split_varbind(data)
    tag, content, _ = _split(value)
    return Varbind(oid, tag, content)


def split_varbind(data: bytes) -> tuple[str, bytes]:
    """The object identifier of exactly one varbind and its value, a complete element; raises DocsisError."""
    tag, inner, rest = _split(data)
    if tag != SEQUENCE or rest:
        raise DocsisError("", "a varbind is exactly one SEQUENCE")
    name_tag, name, value = _split(inner)
    if name_tag != OBJECT_ID or _split(value)[2]:
        raise DocsisError("", "a varbind holds an OBJECT IDENTIFIER and one value")
    return object_id_text(name), value


def _split(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag and content of the first element, and what follows it."""
    if len(data) < 2:
        raise DocsisError("", "an element is cut off")
    start, length = 2, data[1]
    if length >= 0x80:
        start += length & 0x7F
        if not 3 <= start <= 6 or start > len(data):
            raise DocsisError("", "malformed length of an element")
        length = int.from_bytes(data[2:start], "big")
    if start + length > len(data):
        raise DocsisError("", "an element is cut off")
    return data[0], data[start : start + length], data[start + length :]

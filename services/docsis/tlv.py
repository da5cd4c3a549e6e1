"""Reading and writing sequences of TLVs (type, length, value), the frame of every configuration file.

Theory of operation
-------------------
A TLV is one byte of type, one byte of length and 1 to 254 bytes of value (MULPI Annex C). Three things bend
that rule:

* In a modem's file type 0 is padding and type 255 ends the data; neither has a length. The writer adds
  padding after the end, up to a multiple of four bytes (C.1.2.1, C.1.2.2); a reader ignores it.
* Types 103 and 104 have a length of two bytes, most significant first (C.3.1.2, C.3.1.3).
* So has type 64, but only in a PacketCable file, where it carries the SNMP varbinds that are too long for
  type 11. In a modem's file type 64 is the static multicast session, with one byte of length.

A PacketCable file has neither padding nor the end of data: types 0 and 255 are errors there, and the closing
TLV 254 ends it. Hence both the reader and the writer get the kind of file.

Files of the field also hold values of 0 and of 255 bytes. Both are read, and written again where a value is
given in hexadecimal; `header` enforces the range of the specification for values written by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from services.docsis.errors import DocsisError

FileKind = Literal["cm", "mta"]

PAD = 0
END_OF_DATA = 255
VALUE_BYTES_MAX = 254
LONG_VALUE_BYTES_MAX = 65_535

MTA_OPENING = bytes.fromhex("fe0101")
MTA_CLOSING = bytes.fromhex("fe01ff")

FILE_BYTES_MAX = 65_536
"""Limit of a whole file in bytes, 128 TFTP blocks of 512; real files have 1 to 8 KiB."""

LONG_TYPES: dict[FileKind, frozenset[int]] = {"cm": frozenset({103, 104}), "mta": frozenset({64, 103, 104})}
"""The types with two bytes of length, by kind of file."""

_UNFRAMED = frozenset({PAD, END_OF_DATA})
_ZEROS = re.compile(rb"\0+")


class Tlv(NamedTuple):
    """One TLV; `offset` is that of its type byte in the file, 0 if it was not read from one."""

    type: int
    value: bytes
    offset: int = 0


def header(
    type: int,
    length_bytes: int,
    *,
    long: bool = False,
    low: int = 1,
    high: int = LONG_VALUE_BYTES_MAX,
    path: str = "",
) -> bytes:
    """Type and length of a TLV, with two bytes of length if `long`.

    Raises DocsisError when the value's length is not from `low` to `high` bytes or the frame cannot hold it.
    """
    high = min(high, LONG_VALUE_BYTES_MAX if long else VALUE_BYTES_MAX)
    if not low <= length_bytes <= high:
        raise DocsisError(path, f"TLV {type} takes {low} to {high} bytes, not {length_bytes}")
    return bytes((type,)) + length_bytes.to_bytes(2 if long else 1, "big")


def write(tlv: Tlv, kind: FileKind) -> bytes:
    """One complete TLV; raises DocsisError when its value is too long for its length field."""
    type, value, _ = tlv
    if type in LONG_TYPES[kind] or len(value) > 0xFF:
        return header(type, len(value), long=type in LONG_TYPES[kind], low=0) + value
    return bytes((type, len(value))) + value


def walk(data: bytes, kind: FileKind) -> Iterator[Tlv]:
    """The TLVs of a whole file in file order, one by one; raises DocsisError where it cannot go on.

    Padding is one TLV of type 0 with the zeros as its value. In a modem's file the end of data comes last, as
    type 255 with everything behind it as its value; a PacketCable file ends with the closing TLV 254.
    """
    size = len(data)
    if size > FILE_BYTES_MAX:
        raise DocsisError("", f"the file exceeds the limit of {FILE_BYTES_MAX} bytes")
    padded = kind == "cm"
    long_types = LONG_TYPES[kind]
    at = 0
    while at < size:
        type = data[at]
        if type in long_types:
            start = at + 3
            end = start + int.from_bytes(data[at + 1 : start], "big")
        else:
            start = at + 2
            end = start + data[at + 1] if start <= size else start
        if type in _UNFRAMED:
            if not padded:
                raise DocsisError(f"byte {at}", f"TLV {type} has no place in this file")
            if type == END_OF_DATA:
                yield Tlv(type, data[at + 1 :], at)
                return
            start, end = at, _ZEROS.match(data, at).end()  # type: ignore[union-attr]
        elif end > size:
            raise DocsisError(f"byte {at}", f"TLV {type} runs over the end of the file")
        yield Tlv(type, data[start:end], at)
        if not padded and data[at:end] == MTA_CLOSING:
            return
        at = end


def read(data: bytes, kind: FileKind) -> tuple[Tlv, ...]:
    """The TLVs of a whole file in file order, without padding and end of data; raises DocsisError.

    Sub-TLVs stay inside the value of their parent. Bytes behind the end of data are ignored.
    """
    found = list(walk(data, kind))
    last = found[-1] if found else Tlv(PAD, b"")
    if kind == "cm" and last.type != END_OF_DATA:
        raise DocsisError(f"byte {len(data)}", "the end of data (255) is missing")
    if kind == "mta" and data[last.offset :].startswith(MTA_CLOSING) and data[last.offset :] != MTA_CLOSING:
        raise DocsisError(f"byte {last.offset + len(MTA_CLOSING)}", "something follows the closing TLV")
    return tuple(tlv for tlv in found if tlv.type not in (PAD, END_OF_DATA))


def read_group(value: bytes) -> list[Tlv] | None:
    """The sub-TLVs in the value of a TLV, None if it is not a sequence of them; offsets are within it."""
    found: list[Tlv] = []
    at = 0
    while at < len(value):
        end = at + 2 + value[at + 1] if at + 1 < len(value) else len(value) + 1
        if end > len(value):
            return None
        found.append(Tlv(value[at], value[at + 2 : end], at))
        at = end
    return found

"""Reading and writing sequences of TLVs (type, length, value), the frame of every configuration file.

Theory of operation
-------------------
A TLV is one byte of type, one byte of length and 1 to 254 bytes of value (MULPI Annex C). Three things bend
that rule:

* In a modem's file type 0 is padding and type 255 ends the data; neither has a length. What follows the end
  may only be padding, up to a multiple of four bytes (C.1.2.1, C.1.2.2).
* Types 103 and 104 have a length of two bytes, most significant first (C.3.1.2, C.3.1.3).
* So has type 64, but only in a PacketCable file, where it carries the SNMP varbinds that are too long for
  type 11. In a modem's file type 64 is the static multicast session, with one byte of length.

A PacketCable file knows neither padding nor the end of data: types 0 and 255 are errors there. Hence both
the reader and the writer are told which kind of file they work on.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from services.docsis.errors import DocsisError

FileKind = Literal["cm", "mta"]

PAD = 0
END_OF_DATA = 255
VALUE_BYTES_MAX = 254
LONG_VALUE_BYTES_MAX = 65_535

FILE_BYTES_MAX = 65_535
"""Limit of a whole file in bytes, 128 TFTP blocks of 512; real files have 1 to 8 KiB."""

LONG_TYPES: dict[FileKind, frozenset[int]] = {"cm": frozenset({103, 104}), "mta": frozenset({64, 103, 104})}
"""The types with two bytes of length, by kind of file."""


class Tlv(NamedTuple):
    """One TLV; `offset` is where its type byte stood in the file, 0 when it was not read from one."""

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
    """One complete TLV; raises DocsisError when its value is empty or too long."""
    type, value, _ = tlv
    long = type in LONG_TYPES[kind]
    if long or not 1 <= len(value) <= VALUE_BYTES_MAX:
        return header(type, len(value), long=long) + value
    return bytes((type, len(value))) + value


def read(data: bytes, kind: FileKind) -> tuple[Tlv, ...]:
    """The TLVs of a whole file in file order, without padding and end of data; raises DocsisError.

    Sub-TLVs stay inside the value of their parent.
    """
    size = len(data)
    if size > FILE_BYTES_MAX:
        raise DocsisError("", f"the file has {size} bytes, the limit is {FILE_BYTES_MAX}")
    padded = kind == "cm"
    long_types = LONG_TYPES[kind]
    found: list[Tlv] = []
    at = 0
    while at < size:
        type = data[at]
        if type == PAD and padded:
            at += 1
            continue
        if type == END_OF_DATA and padded:
            if data.count(PAD, at + 1) != size - at - 1:
                raise DocsisError(f"byte {at + 1}", "something other than padding follows the end of data")
            return tuple(found)
        long = type in long_types
        start = at + 3 if long else at + 2
        if start > size:
            raise DocsisError(f"byte {at}", f"TLV {type} runs over the end of the file")
        length = data[at + 1] << 8 | data[at + 2] if long else data[at + 1]
        if not 0 < length <= (LONG_VALUE_BYTES_MAX if long else VALUE_BYTES_MAX):
            raise DocsisError(f"byte {at}", f"TLV {type} has the illegal length {length}")
        end = start + length
        if end > size or type in (PAD, END_OF_DATA):
            raise DocsisError(f"byte {at}", f"TLV {type} runs over the end or has no place in this file")
        found.append(Tlv(type, data[start:end], at))
        at = end
    if padded:
        raise DocsisError(f"byte {size}", "the end of data (255) is missing")
    return tuple(found)

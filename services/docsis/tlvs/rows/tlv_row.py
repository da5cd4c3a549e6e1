"""One row of the table of TLVs: the path of a TLV, its name, the kind of its value and its bounds.

Theory of operation
-------------------
A row holds all facts of one TLV that are not code. The path is the list of type numbers from the top of the
file. `services.docsis.tlvs.values` writes and reads each kind. `low` and `high` bound the number for the
numeric kinds, and the length in bytes for all others: no build writes anything else. If the specification
allows less, `allowed` has the allowed numbers. `services.docsis.judge` checks that before a file is built;
later it is never refused, for the record of an earlier build must stay readable. A unit belongs to a number
and does not change its width: a rate is a UINT32 in bit/s.

The data is in the modules beside this one, one for each area of the specification;
`services.docsis.tlvs.tlv_table` joins them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import Enum
from typing import Final, NamedTuple

from services.docsis.tlv import VALUE_BYTES_MAX, FileKind


class ValueKind(Enum):
    """The form of a value in a template, and its encoding (numbers: most significant byte first)."""

    UINT8 = "uint8"
    UINT16 = "uint16"
    UINT24 = "uint24"
    UINT32 = "uint32"
    UINT8S = "uint8 list"
    UINT16S = "uint16 list"
    IPV4 = "ipv4"
    IPV4S = "ipv4 list"
    IPV6 = "ipv6"
    IPV6S = "ipv6 list"
    IPV6_PREFIXES = "ipv6 prefix list"  # 16 bytes and one of length each: 2001:db8::/56
    ADDRESS = "ipv4 or ipv6"
    ENDPOINT = "address and port"  # 192.0.2.1:162 or [2001:db8::1]:162
    MAC = "mac"
    TEXT = "text"
    TEXT_Z = "zero-terminated text"
    HEX = "hex"
    HEX_SPLIT = "hex, split"  # more than 254 bytes become successive TLVs
    OBJECT_ID = "object identifier"  # a complete BER element
    WRITE_CONTROL = "write control"  # {oid: ..., write: allow or deny}
    EXTENSION = "extension"  # a GROUP, or HEX when it belongs to a vendor
    GROUP = "group"  # a list of sub-TLVs
    GROUP_OR_HEX = "group, or hex"  # a GROUP that earlier builds wrote as HEX only
    VARBIND = "varbind"  # {oid: ..., integer: ...}


GROUPS: Final = frozenset({ValueKind.GROUP, ValueKind.GROUP_OR_HEX, ValueKind.EXTENSION})
"""The kinds whose value is a list of sub-TLVs."""

WIDTH_BYTES: Final = {ValueKind.UINT8: 1, ValueKind.UINT16: 2, ValueKind.UINT24: 3, ValueKind.UINT32: 4}
"""The width of the kinds that are one number."""

CM: Final[frozenset[FileKind]] = frozenset({"cm"})
ANY_FILE: Final[frozenset[FileKind]] = frozenset({"cm", "mta"})

U8: Final = 0xFF
U16: Final = 0xFFFF
U24: Final = 0xFFFFFF
U32: Final = 0xFFFFFFFF
VALUE: Final = VALUE_BYTES_MAX
"""The widest bounds: of numbers by their width, and of a value with one byte of length."""


class TlvRow(NamedTuple):
    """One TLV; `low`, `high` and `allowed` bound the value, `unit` is a number's, `files` are the kinds of
    file that may hold it.
    """

    path: tuple[int, ...]
    name: str
    kind: ValueKind
    low: int
    high: int
    section: str
    unit: str = ""
    files: frozenset[FileKind] = CM
    allowed: Collection[int] | None = None

    @property
    def type(self) -> int:
        """The type byte of this TLV."""
        return self.path[-1]

    @property
    def length_bytes(self) -> tuple[int, int]:
        """The shortest and the longest value in bytes."""
        width = WIDTH_BYTES.get(self.kind)
        return (width, width) if width else (self.low, self.high)


def under(parent: tuple[int, ...], rows: Iterable[TlvRow]) -> tuple[TlvRow, ...]:
    """The same sub-TLVs below another parent."""
    return tuple(row._replace(path=(*parent, *row.path)) for row in rows)

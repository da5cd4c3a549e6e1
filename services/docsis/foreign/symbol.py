"""One symbol of the `docsis` tool: a name of its texts, its TLV, and the form of its value.

Theory of operation
-------------------
The tool looks a name up without its place, and takes the first entry of its table. So a name means one type
byte, one kind of value and one range everywhere, and the place of a setting is not checked. The rows of this
table are therefore flat: the path is the TLV's in the specification, its last number the type that is
written.

A range bounds the number for the numeric kinds, the length for text and hexadecimal digits, and the count of
numbers in a list. Where versions of the tool differ, a row has the widest range. A row without a range is not
checked: then a number that is too large loses its high bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple


class Form(Enum):
    """The form of a value in a text of the tool, and so its encoding."""

    UINT8 = "uint8"
    UINT16 = "uint16"
    UINT24 = "uint24"
    UINT32 = "uint32"
    UINT8S = "uint8s"  # 1,2,3
    UINT16S = "uint16s"
    TAGS = "tags"  # two VLAN tags: 100,200
    IPV4 = "ipv4"
    IPV4S = "ipv4s"
    IPV6 = "ipv6"
    IPV6S = "ipv6s"
    PREFIXES = "prefixes"  # 2001:db8::/32,2001:db8:1::/48
    ADDRESS = "address"  # of either family
    PEER = "peer"  # the same behind a byte that names the family
    ENDPOINT = "endpoint"  # an address and a port: 192.0.2.1/162
    MAC = "mac"
    MAC_MASK = "mac-mask"  # 01:00:5e:00:00:00/ff:ff:ff:00:00:00
    TEXT = "text"
    TEXT_Z = "text-z"  # with a zero at its end
    HEX = "hex"
    HEX_OR_TEXT = "hex-or-text"  # 0x01ff, or a text in quotes in older versions
    OBJECT_ID = "oid"
    EMPTY = "empty"  # whatever is written, nothing is encoded
    GROUP = "group"  # { ... }
    VARBIND = "varbind"
    WRITE_CONTROL = "write-control"
    GENERIC = "generic"
    COMPUTED = "computed"  # the tool prints it; the builder of a file computes it
    FILE = "file"  # the content of another file


class Symbol(NamedTuple):
    """A name and its TLV; `limits` are None where the tool checks nothing."""

    path: tuple[int, ...]
    name: str
    form: Form
    limits: tuple[int, int] | None

    @property
    def type(self) -> int:
        """The type byte."""
        return self.path[-1]


def rows(table: str) -> Iterator[Symbol]:
    """The symbols of lines `PATH NAME FORM [LOW HIGH]`."""
    for line in table.strip().splitlines():
        path, name, form, *limits = line.split()
        low_high = (int(limits[0]), int(limits[1])) if limits else None
        yield Symbol(tuple(map(int, path.split("."))), name, Form(form), low_high)

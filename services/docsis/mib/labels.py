"""Labels of values, in net-snmp's notation: `active(1)` or `active` for a number, `local(0) syslog(2)` for
bits.

The MIB of the object defines them. Bits are numbered from the first one of the first byte, and bytes without
a bit are left out at the end, as net-snmp sends them.
"""

from __future__ import annotations

import re

from services.docsis.errors import DocsisError, shown
from services.docsis.mib.names import Object
from services.docsis.mib.syntax import Syntax

_LABEL = re.compile(r"([A-Za-z][A-Za-z0-9-]*)(?:\(([0-9]{1,10})\))?")


def label_number(text: str, found: Object, path: str) -> int:
    """The number of one label of an object that has labels; raises DocsisError."""
    if found.syntax is None or found.syntax.is_bits:
        raise DocsisError(path, f"{found.name} has no labels of numbers")
    return _number(text, found.syntax, found.name, path)


def label_bits(text: object, found: Object | None, path: str) -> bytes:
    """The bytes in which the bits of these labels are set; raises DocsisError.

    Labels are separated by blanks or commas; no label sets no bit.
    """
    if found is None or found.syntax is None or not found.syntax.is_bits:
        raise DocsisError(path, "no labels of bits are known for this object; write its bytes as hex")
    if not isinstance(text, str):
        raise DocsisError(path, f"must be labels such as {found.syntax.listed()}, not {shown(text)}")
    numbers = [_number(label, found.syntax, found.name, path) for label in text.replace(",", " ").split()]
    content = bytearray(max(numbers, default=0) // 8 + 1)
    for number in numbers:
        content[number // 8] |= 0x80 >> number % 8
    return bytes(content)


def _number(text: str, syntax: Syntax, name: str, path: str) -> int:
    match = _LABEL.fullmatch(text)
    number = syntax.labels.get(match[1]) if match else None
    if match is None or number is None or (match[2] and int(match[2]) != number):
        raise DocsisError(path, f"{shown(text)} is no label of {name}; there are {syntax.listed()}")
    return number

"""Quantities as people write them: `20 Mbit/s`, `30 s`, `800 us`, `602 MHz`, `42600 bytes`.

Theory of operation
-------------------
A TLV holds a number in one unit; people may write it in any unit of the same family, if the result is a whole
number of the TLV's own. Reading a file converts to the largest unit in which the number is whole. Sizes stay
plain numbers there, because operators know them as such.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from services.docsis.errors import DocsisError, shown

_FAMILIES: Final[tuple[dict[str, int], ...]] = (
    {"bit/s": 1, "kbit/s": 10**3, "Mbit/s": 10**6, "Gbit/s": 10**9},
    {"us": 1, "ms": 10**3, "s": 10**6},
    {"Hz": 1, "kHz": 10**3, "MHz": 10**6, "GHz": 10**9},
    {"bytes": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9},
)
UNITS: Final = {unit: family for family in _FAMILIES for unit in family}
"""Every unit with its family, smallest first; the numbers are multiples of the smallest."""

_QUANTITY = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?) ?([A-Za-z/]{1,8})")


def parse(text: str, unit: str, path: str) -> int:
    """The number of `unit` in a text such as '20 Mbit/s'; raises DocsisError.

    >>> parse("20 Mbit/s", "bit/s", "")
    20000000
    """
    family = UNITS[unit]
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2] not in family:
        reason = f"must be in {unit}, as a number or as text with one of {', '.join(family)}"
        raise DocsisError(path, f"{reason}, not {shown(text)}")
    number = Fraction(match[1]) * family[match[2]] / family[unit]
    if number.denominator != 1:
        raise DocsisError(path, f"{shown(text)} is not a whole number of {unit}")
    return int(number)


def show(number: int, unit: str) -> int | str:
    """`number` in the largest unit of its family in which it is whole; 0 and sizes stay plain numbers.

    >>> show(20_000_000, "bit/s"), show(1500, "ms"), show(42600, "bytes")
    ('20 Mbit/s', '1500 ms', 42600)
    """
    if number == 0 or unit == "bytes":
        return number
    family = UNITS[unit]
    total = number * family[unit]
    largest = max((name for name, size in family.items() if total % size == 0), key=family.__getitem__)
    return f"{total // family[largest]} {largest}"

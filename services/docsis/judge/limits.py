"""Values that the specification does not allow, and groups that hold no sub-TLVs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from services.docsis.judge.finding import Fault, Rule
from services.docsis.judge.tree import File
from services.docsis.row import GROUPS, WIDTH_BYTES, Kind
from services.docsis.tlv import read_group

_GROUPS_IN_HEX: Final = frozenset({(88,), (202, 5)})
"""Settings that are groups by the specification, and whose sub-TLVs have no names here."""


def _outside(file: File) -> Iterator[Fault]:
    for node in file.everything:
        row = node.row
        if row is None or row.allowed is None or node.value is None:
            continue
        if row.kind in WIDTH_BYTES:
            number = int.from_bytes(node.value, "big")
            if number not in row.allowed:
                yield Fault(node.path, f"must be {shown(row.allowed)}, not {number}")
        elif len(node.value) not in row.allowed:
            yield Fault(node.path, f"must have {shown(row.allowed)} byte(s), not {len(node.value)}")


def shown(allowed: Collection[int]) -> str:
    """What is allowed, in words.

    >>> shown((1, 2, 4)), shown(range(8)), shown(range(0, 250_001, 62_500))
    ('1, 2 or 4', '0 to 7', 'a multiple of 62500')
    """
    if isinstance(allowed, range):
        if allowed.step != 1:
            return f"a multiple of {allowed.step}"
        return f"{allowed[0]} to {allowed[-1]}"
    *most, last = map(str, sorted(allowed))
    return f"{', '.join(most)} or {last}" if most else last


def _no_groups(file: File) -> Iterator[Fault]:
    for node in file.everything:
        row = node.row
        is_named = row is not None and row.kind in GROUPS - {Kind.EXTENSION}
        is_group = is_named or node.types in _GROUPS_IN_HEX
        if is_group and node.value is not None and not read_group(node.value):
            yield Fault(node.path, "must hold sub-TLVs, and its bytes are none")


LIMITS: Final = (
    Rule("value-not-allowed", True, 23, _outside),
    Rule("group-without-settings", True, None, _no_groups),
)

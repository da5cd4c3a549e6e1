"""Rules on values that the specification does not allow, and on groups that hold no sub-TLVs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from services.docsis.judge.finding import Breach, Rule
from services.docsis.judge.tree import File, TreeNode
from services.docsis.tlv import read_group
from services.docsis.tlvs.rows.tlv_row import GROUPS, WIDTH_BYTES, TlvRow, ValueKind

_GROUPS_IN_HEX: Final = frozenset({(88,), (202, 5)})
"""Settings that are groups by the specification, and whose sub-TLVs have no names here."""


def _not_allowed(file: File) -> Iterator[Breach]:
    for node in file.everything:
        row = node.row
        if row is not None and row.allowed is not None:
            yield from _beyond(node, row.allowed)


def _outside(file: File) -> Iterator[Breach]:
    """Values in hexadecimal that could not be written by their name."""
    for node in file.everything:
        row = node.row
        if row is None or node.name or row.allowed is not None:
            continue
        is_number = row.kind in WIDTH_BYTES
        yield from _beyond(node, range(row.low, row.high + 1) if is_number else _lengths(row))


def _lengths(row: TlvRow) -> range:
    low, high = row.length_bytes
    return range(low, high + 1)


def _beyond(node: TreeNode, allowed: Collection[int]) -> Iterator[Breach]:
    """A number, or the length of another value, that is not among `allowed`."""
    row, value = node.row, node.value
    if row is None or value is None:
        return
    lengths = _lengths(row) if row.kind in WIDTH_BYTES else allowed
    if len(value) not in lengths:
        yield Breach(node.path, f"{node.label} must have {shown(lengths)} byte(s), not {len(value)}")
    elif row.kind in WIDTH_BYTES and (number := int.from_bytes(value, "big")) not in allowed:
        yield Breach(node.path, f"{node.label} must be {shown(allowed)}, not {number}")


def shown(allowed: Collection[int]) -> str:
    """The allowed numbers, in words.

    >>> shown((1, 2, 4)), shown(range(8)), shown(range(0, 250_001, 62_500))
    ('1, 2 or 4', '0 to 7', 'a multiple of 62500')
    """
    if isinstance(allowed, range):
        if allowed.step != 1:
            return f"a multiple of {allowed.step}"
        return f"{allowed[0]} to {allowed[-1]}" if len(allowed) > 1 else str(allowed[0])
    *most, last = map(str, sorted(allowed))
    return f"{', '.join(most)} or {last}" if most else last


def _no_groups(file: File) -> Iterator[Breach]:
    for node in file.everything:
        row = node.row
        is_named = row is not None and row.kind in GROUPS - {ValueKind.EXTENSION}
        is_group = is_named or node.types in _GROUPS_IN_HEX
        if is_group and node.value is not None and not read_group(node.value):
            yield Breach(node.path, "must hold sub-TLVs, and its bytes are none")


LIMITS: Final = (
    Rule("value-not-allowed", True, 23, _not_allowed),
    Rule("bytes-outside-table", False, None, _outside),
    Rule("group-without-settings", True, None, _no_groups),
)

"""The SNMP assignments of a file, as plain values for the rules about varbinds."""

from __future__ import annotations

from typing import NamedTuple


class Assignment(NamedTuple):
    """One object that a file sets: its place, its dotted identifier, tag and content in BER."""

    path: str
    oid: str
    tag: int
    content: bytes

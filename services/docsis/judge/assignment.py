"""What a file sets by SNMP, as its readers see it: the plain values that rules about varbinds look at."""

from __future__ import annotations

from typing import NamedTuple


class Assignment(NamedTuple):
    """One object that a file sets: where that is written, its dotted identifier, tag and content in BER."""

    path: str
    oid: str
    tag: int
    content: bytes

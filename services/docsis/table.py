"""The table of TLVs: what can be said by name in a template, as data.

Theory of operation
-------------------
One row per TLV: where it stands (the path of type numbers from the top), its name, the kind of its value,
the range of that value and the section that defines it. The code that compiles templates and reads files
only loops over these rows; to support one more TLV is to add one more row to the module of its area. What
has no row is written as `{tlv: N, hex: "..."}`, and so is read what a row cannot say.
"""

from __future__ import annotations

from typing import Final

from services.docsis.row import Kind, Row
from services.docsis.rows_classifier import CLASSIFIERS
from services.docsis.rows_esafe import ESAFE
from services.docsis.rows_extension import EXTENSIONS
from services.docsis.rows_modem import MODEM
from services.docsis.rows_service_flow import SERVICE_FLOWS
from services.docsis.rows_snmp import SNMP
from services.docsis.tlv import FileKind

__all__ = ["BY_PATH", "CHILDREN", "TABLE", "Kind", "Row"]

TABLE: Final[tuple[Row, ...]] = MODEM + SNMP + CLASSIFIERS + SERVICE_FLOWS + EXTENSIONS + ESAFE


def _children() -> dict[tuple[FileKind, tuple[int, ...]], dict[str, Row]]:
    found: dict[tuple[FileKind, tuple[int, ...]], dict[str, Row]] = {}
    for row in TABLE:
        for file in row.files:
            found.setdefault((file, row.path[:-1]), {})[row.name] = row
    return found


CHILDREN: Final = _children()
"""Rows by name, by kind of file and path of the parent; the path of the top level is empty."""


def _by_path() -> dict[tuple[FileKind, tuple[int, ...]], tuple[Row, ...]]:
    found: dict[tuple[FileKind, tuple[int, ...]], tuple[Row, ...]] = {}
    for row in TABLE:
        for file in row.files:
            found[file, row.path] = (*found.get((file, row.path), ()), row)
    return found


BY_PATH: Final = _by_path()
"""Rows by kind of file and path. Two rows of one path say different values of it, a group first (TLV 83)."""

"""The table of TLVs that have a name in a template, as data.

Theory of operation
-------------------
One row per TLV: its path of type numbers from the top, its name, the kind of its value, the range of that
value and the section that defines it. The code that compiles templates and reads files only loops over these
rows; to support one more TLV, add one row to the module of its area. A TLV without a row is written as
`{tlv: N, hex: "..."}`, and a value that a row cannot express is read in that form.
"""

from __future__ import annotations

from typing import Final

from services.docsis.tlv import FileKind
from services.docsis.tlvs.rows.classifier import CLASSIFIERS
from services.docsis.tlvs.rows.esafe import ESAFE
from services.docsis.tlvs.rows.extension import EXTENSIONS
from services.docsis.tlvs.rows.management import SNMP
from services.docsis.tlvs.rows.modem import MODEM
from services.docsis.tlvs.rows.service_flow import SERVICE_FLOWS
from services.docsis.tlvs.rows.tlv_row import TlvRow

TABLE: Final[tuple[TlvRow, ...]] = MODEM + SNMP + CLASSIFIERS + SERVICE_FLOWS + EXTENSIONS + ESAFE


def _children() -> dict[tuple[FileKind, tuple[int, ...]], dict[str, TlvRow]]:
    found: dict[tuple[FileKind, tuple[int, ...]], dict[str, TlvRow]] = {}
    for row in TABLE:
        for file in row.files:
            found.setdefault((file, row.path[:-1]), {})[row.name] = row
    return found


CHILDREN: Final = _children()
"""Rows by name, by kind of file and path of the parent; the path of the top level is empty."""


def _by_path() -> dict[tuple[FileKind, tuple[int, ...]], tuple[TlvRow, ...]]:
    found: dict[tuple[FileKind, tuple[int, ...]], tuple[TlvRow, ...]] = {}
    for row in TABLE:
        for file in row.files:
            found[file, row.path] = (*found.get((file, row.path), ()), row)
    return found


BY_PATH: Final = _by_path()
"""Rows by kind of file and path. Two rows of one path are two forms of its value, a group first (TLV 83)."""

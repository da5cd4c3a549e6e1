"""The table of TLVs as people look it up: by a name, or by a number such as 24.8."""

from difflib import get_close_matches
from typing import Any

import click

from services.cli.output import Listing, show
from services.docsis.foreign.symbols import SYMBOLS
from services.docsis.judge.limits import shown
from services.docsis.tlvs.rows.tlv_row import GROUPS, WIDTH_BYTES, TlvRow, ValueKind
from services.docsis.tlvs.tlv_table import TABLE

_COMPUTED = ("6", "7", "254", "255")  # MICs, the frame of a PacketCable file, the end of data
_COLUMNS = ("tlv", "name", "value", "range", "section", "file")


def list_tlvs(which: str | None, output: str) -> None:
    """Print the rows of a name or a number, or all; `click.BadParameter` if there are none."""
    rows = [*TABLE] if which is None else _matching(which)
    if not rows:
        near = get_close_matches(str(which), sorted({row.name for row in TABLE}), n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        computed = "; it is computed when the file is built" if which in _COMPUTED else hint
        raise click.BadParameter(f"no TLV has the name or the number {which!r}{computed}")
    found = [_described(row) for row in sorted(rows, key=lambda row: row.path)]
    show(output, found, Listing(_COLUMNS, [[one[column] for column in _COLUMNS] for one in found]))


def _matching(which: str) -> list[TlvRow]:
    numbers = which.split(".")
    if all(number.isdecimal() for number in numbers):
        path = tuple(int(number) for number in numbers if len(number) <= 3)
        return [row for row in TABLE if row.path[: len(path)] == path]
    word = which.lower()
    foreign = {symbol.path for symbol in SYMBOLS.values() if symbol.name.lower() == word}
    return (
        [row for row in TABLE if row.name == word]
        or [row for row in TABLE if row.path in foreign]
        or [row for row in TABLE if word in row.name]
    )


def _described(row: TlvRow) -> dict[str, Any]:
    return {
        "tlv": ".".join(map(str, row.path)),
        "name": row.name,
        "value": f"{row.kind.value}, {row.unit}" if row.unit else row.kind.value,
        "range": _range(row),
        "section": row.section,
        "file": " ".join(sorted(row.files)),
    }


def _range(row: TlvRow) -> str:
    """What the value may be, in words; the length of what is no number."""
    if row.kind in GROUPS or row.kind in (ValueKind.VARBIND, ValueKind.WRITE_CONTROL):
        return ""
    if row.kind in WIDTH_BYTES:
        return shown(row.allowed or range(row.low, row.high + 1))
    if row.allowed is not None:
        return f"{shown(row.allowed)} bytes"
    return f"{row.low} bytes" if row.low == row.high else f"{row.low} to {row.high} bytes"

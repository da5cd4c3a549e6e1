"""Instances of SNMP objects: `.1`, or in net-snmp's notation `.'EXAMPLE'`, `.3."initial"`, `.emergency`.

Theory of operation
-------------------
The values of its table's index follow a column's name, one after the other (RFC 2578 section 7.7). Numbers
stand for themselves. A text in quotes becomes the numbers of its bytes; the INDEX clause and not the quotes
decides whether its length goes before them, so both kinds of quotes mean the same where the index is known.
Where it is not, they mean the same as in net-snmp: double ones put the length first, single ones do not. A
label stands for its number in an enumerated part of an index. In quotes a backslash takes the next character
as it is.

Numbers are never checked against the index: the device's MIB may differ from ours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from services.docsis.errors import DocsisError, shown
from services.docsis.mib.syntax import Index, IndexPart

_PLAIN = re.compile(r"(?:\.[0-9]{1,10}){0,128}")
_PIECE = re.compile(
    r"""\.(?:(?P<number>[0-9]{1,10})
        |'(?P<single>(?:[^'\\]|\\.)*)'
        |"(?P<double>(?:[^"\\]|\\.)*)"
        |(?P<label>[A-Za-z][A-Za-z0-9-]*)(?:\((?P<value>[0-9]{1,10})\))?)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class _Piece(NamedTuple):
    """One piece between dots; `text` is None for a number, `label` is empty for other pieces."""

    written: str
    number: int = 0
    text: bytes | None = None
    label: str = ""
    quote: str = ""


def instance_numbers(instance: str, index: Index | None, name: str) -> str:
    """The instance of the object `name` as dotted numbers with a leading dot; raises DocsisError.

    >>> instance_numbers('.3."ab"', (IndexPart("number"), IndexPart("text")), "vacmGroupName")
    '.3.2.97.98'
    """
    if _PLAIN.fullmatch(instance):
        return instance
    pieces = _pieces(instance, name)
    numbers = _guess(pieces, name) if index is None else _by_index(pieces, index, name)
    return "".join(f".{number}" for number in numbers)


def _pieces(instance: str, name: str) -> list[_Piece]:
    pieces = []
    at = 0
    while at < len(instance):
        match = _PIECE.match(instance, at)
        if match is None:
            reason = f"{shown(instance[at:])} is no instance of {name}: write numbers, or text in quotes"
            raise DocsisError("", reason)
        at = match.end()
        written, quoted = match[0][1:], match["single"] if match["double"] is None else match["double"]
        if match["number"]:
            pieces.append(_Piece(written, int(match["number"])))
        elif quoted is not None:
            pieces.append(_Piece(written, text=_ESCAPE.sub(r"\1", quoted).encode(), quote=written[0]))
        else:
            pieces.append(_Piece(written, int(match["value"] or -1), label=match["label"]))
    return pieces


def _guess(pieces: Sequence[_Piece], name: str) -> list[int]:
    """The numbers where no index is known."""
    numbers: list[int] = []
    for piece in pieces:
        if piece.label:
            raise DocsisError(
                "", f"{name} has no label {shown(piece.written)} in its index here: write its number"
            )
        if piece.text is None:
            numbers.append(piece.number)
        else:
            numbers += [len(piece.text), *piece.text] if piece.quote == '"' else piece.text
    return numbers


def _by_index(pieces: Sequence[_Piece], index: Index, name: str) -> list[int]:
    """The numbers, each text in the form that its part of the index has."""
    numbers: list[int] = []
    rest = list(pieces)
    for part in index:
        if rest and (rest[0].text is not None or rest[0].label):
            piece = rest.pop(0)
            numbers += _labelled(piece, part, name) if piece.label else _texted(piece, part, name)
        else:
            taken = _taken(rest, part)
            numbers += [piece.number for piece in rest[:taken]]
            del rest[:taken]
    for piece in rest:
        if piece.text is not None or piece.label:
            raise DocsisError("", f"{piece.written} follows the whole index of {name}")
        numbers.append(piece.number)
    return numbers


def _taken(rest: Sequence[_Piece], part: IndexPart) -> int:
    """The number of next pieces that belong to this part of the index."""
    following = next(
        (at for at, piece in enumerate(rest) if piece.text is not None or piece.label), len(rest)
    )
    if not following:
        return 0
    wanted = {
        "number": 1,
        "fixed": part.size,
        "address": 4,
        "implied": following,
        "implied_identifier": following,
        "text": 1 + rest[0].number,
        "identifier": 1 + rest[0].number,
    }[part.kind]
    return min(wanted, following)


def _labelled(piece: _Piece, part: IndexPart, name: str) -> list[int]:
    number = part.labels.get(piece.label)
    if number is None or piece.number not in (-1, number):
        known = ", ".join(f"{label}({value})" for label, value in part.labels.items())
        reason = f"{shown(piece.written)} is no label in the index of {name}"
        raise DocsisError("", f"{reason}; there are {known}" if known else f"{reason}: write its number")
    return [number]


def _texted(piece: _Piece, part: IndexPart, name: str) -> Sequence[int]:
    text = piece.text or b""
    if part.kind == "text":
        return [len(text), *text]
    if part.kind == "implied" or (part.kind == "fixed" and len(text) == part.size):
        return text
    takes = {
        "fixed": f"a text of {part.size} bytes",
        "address": "an address such as 192.0.2.1",
        "identifier": "the length of an identifier and its numbers",
        "implied_identifier": "the numbers of an identifier",
    }.get(part.kind, "a number")
    raise DocsisError("", f"the index of {name} takes {takes} there, not {shown(piece.written)}")

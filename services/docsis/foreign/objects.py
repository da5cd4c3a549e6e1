"""SNMP in a text of the `docsis` tool: object identifiers, and the varbinds that the tool builds.

Theory of operation
-------------------
An object is written as numbers behind a dot, as a name that the import knows (`services.docsis.mib.names`),
or as a path of names down the tree as older versions print it: `system.sysContact.0`. Each name of such a
path must stand below the one before.

The tool builds a varbind with two bytes of header, which allow at most 127 bytes of content. For a text it
uses four (X.690: 30 82 hi lo) when the length of the text and the count of the object's numbers come near
that, so a text of some 105 bytes already has a longer header than it needs. The bytes here are the tool's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from services.docsis.errors import DocsisError, shown
from services.docsis.foreign.lexer import Lexeme, LexemeKind
from services.docsis.foreign.problem import SettingError
from services.docsis.mib import ber
from services.docsis.mib.names import Names

_NUMBER_MAX: Final = 2**32 - 1
_SHORT_UNITS: Final = 0x7F
_OVERHEAD_UNITS: Final = 8
_ALIASES: Final = {"experimental83": "1.3.6.1.3.83"}
"""Nodes that older versions printed by a name of their own; the CM MICs in their output prove which."""

_TICKS = re.compile(r"([0-9]{1,5}):([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})\.([0-9]{1,2})")
_WAY = re.compile(r"\.?[A-Za-z][A-Za-z0-9-]*(\.[A-Za-z][A-Za-z0-9-]*)+(\.[0-9]+)*")


def object_id(word: Lexeme, names: Names) -> bytes:
    """Content of the OBJECT IDENTIFIER that a word names; raises SettingError."""
    if word.kind is not LexemeKind.OBJECT:
        hint = (
            f"write .{word.text}"
            if word.kind is LexemeKind.IPV4
            else "a name takes its instance: sysContact.0"
        )
        raise SettingError(f"takes an object identifier, not {word.kind.value} ({shown(word.text)}); {hint}")
    try:
        return ber.object_id(_dotted(word.text, names))
    except DocsisError as error:
        raise SettingError(error.reason) from None


def _dotted(text: str, names: Names) -> str:
    """The numbers of an object in the tool's notation; raises DocsisError."""
    name = text.removeprefix(".") if text[1:2].isalpha() else text
    head, dot, rest = name.partition(".")
    if head in _ALIASES:
        name = _ALIASES[head] + dot + rest
    try:
        return names.oid(name).removeprefix(".")
    except DocsisError:
        if not _WAY.fullmatch(text):
            raise
    return _down_the_tree(name.split("."), names)


def _down_the_tree(way: Sequence[str], names: Names) -> str:
    """The numbers of a path of names; raises DocsisError when a name is not below the one before."""
    found = ""
    for name in way:
        if name.isdecimal():
            found += f".{name}"
            continue
        node = names.oid(name)
        if found and not node.startswith(f"{found}."):
            raise DocsisError("", f"{shown(name)} is {node}, which does not stand below {found}")
        found = node
    return found


def element(word: Lexeme, names: Names) -> bytes:
    """The complete element of an OBJECT IDENTIFIER; raises SettingError."""
    return ber.element(ber.OBJECT_ID, object_id(word, names))


def write_control(words: Sequence[Lexeme], whole: Callable[[Lexeme], int], names: Names) -> bytes:
    """The value of SnmpWriteControl: an object identifier and one byte; raises SettingError."""
    if len(words) != 2:
        raise SettingError("takes an object identifier and 0 or 1: SnmpWriteControl .1.3.6.1.2.1.1 1;")
    value = whole(words[1])
    if value > 0xFF:
        raise SettingError(f"takes 0 (allow) or 1 (deny), not {words[1].text}")
    return element(words[0], names) + bytes((value,))


def varbind(name: bytes, tag: int, content: bytes, notes: list[str]) -> bytes:
    """The value of SnmpMibObject from the contents of an object and of its value; raises SettingError."""
    inner = ber.element(ber.OBJECT_ID, name) + ber.element(tag, content)
    arcs = ber.object_id_text(name).count(".") + 1
    if tag == ber.OCTET_STRING and len(content) + arcs + _OVERHEAD_UNITS >= _SHORT_UNITS:
        return bytes((ber.SEQUENCE, 0x82)) + len(inner).to_bytes(2, "big") + inner
    if len(inner) > 0xFF:
        raise SettingError(f"its varbind has {len(inner)} bytes, which the tool cannot write")
    if len(inner) > _SHORT_UNITS:
        notes.append("the tool writes the length of this varbind so that no reader takes it")
    return bytes((ber.SEQUENCE, len(inner))) + inner


def ticks(text: str) -> int | None:
    """The hundredths of a second in `days:hours:minutes:seconds.hundredths`, as the tool prints TimeTicks."""
    match = _TICKS.fullmatch(text)
    if match is None:
        return None
    days, hours, minutes, seconds, hundredths = (int(part) for part in match.groups())
    total = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 100 + hundredths
    return total if total <= _NUMBER_MAX else None

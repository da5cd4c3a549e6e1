"""The words of a text of the `docsis` tool, and its comments.

Theory of operation
-------------------
The tool's scanner takes the longest match, and of equally long ones the kind that is named first; so does
this one. `192.0.2.1` is an address and `192.0.2.1.5` an object identifier, `10` a number and `10,20` a list.
A comment is `/* ... */`, over several lines if need be, or `//` to the end of the line. Its first bracket
takes all the stars there are, so `/**/` opens a comment and does not close it.

Between quotes `\\"` is a quote and any other backslash becomes a space, as in the tool; a line end or a tab
is an error.

The encoding of a text is unknown. The scanner reads it as Latin-1, one character a byte, so that a value
keeps its bytes; a comment is shown as UTF-8 if it is valid UTF-8.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final, NamedTuple

from services.docsis.errors import shown
from services.docsis.foreign.problem import ImportRemark

STRING_BYTES_MAX: Final = 2048
"""The tool's limit for a text between two quotes."""


class LexemeKind(Enum):
    """The kind of a word; the value is its name in messages."""

    NUMBERS = "a list of numbers"
    IPV4 = "an IPv4 address"
    IPV4S = "a list of IPv4 addresses"
    HEX = "hexadecimal digits"
    MAC_MASK = "a MAC address and a mask"
    ENDPOINT = "an address and a number"
    MAC = "a MAC address"
    OBJECT = "an object identifier"
    WORD = "a name"
    STRING = "a text in quotes"
    NUMBER = "a number"
    IPV6 = "an IPv6 address"
    IPV6S = "a list of IPv6 addresses"
    PREFIXES = "a list of prefixes"
    MARK = "a mark"


class Lexeme(NamedTuple):
    """One word; `text` is its text, without quotes. `rewritten`: a backslash in it became a space."""

    kind: LexemeKind
    text: str
    line: int
    rewritten: bool = False


class Comment(NamedTuple):
    """One comment, without its brackets; it starts at `line`, behind `tokens` words."""

    lines: tuple[str, ...]
    line: int
    tokens: int


class Scan(NamedTuple):
    """The words and comments of a text; `wrong` is the place where the scanner had to stop, if any."""

    tokens: list[Lexeme]
    comments: list[Comment]
    wrong: ImportRemark | None


_QUAD = r"[0-9]+(?:\.[0-9]+){3}"
_PAIRS = r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}"
_COLONS = r"[0-9A-Fa-f]*:[0-9A-Fa-f:]+"
_NAMES = r"\.*(?:[A-Za-z0-9_:-]+\.)+"
_INDEX = r"(?:[A-Za-z0-9,:_.@\[\]-]|'[^'\n]*'|\"[^\"\n]*\")+"

_KINDS: Final = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (LexemeKind.NUMBERS, r"[0-9]+(?:,[0-9]+)+"),
        (LexemeKind.IPV4, _QUAD),
        (LexemeKind.IPV4S, rf"{_QUAD}(?:,{_QUAD})+"),
        (LexemeKind.HEX, r"0[Xx][0-9A-Fa-f]+"),
        (LexemeKind.MAC_MASK, rf"{_PAIRS}/{_PAIRS}"),
        (LexemeKind.ENDPOINT, rf"{_QUAD}/[0-9]+"),
        (LexemeKind.MAC, _PAIRS),
        (LexemeKind.OBJECT, _NAMES + _INDEX),
        (LexemeKind.WORD, r"[A-Za-z]+[A-Za-z0-9]*"),
        (LexemeKind.NUMBER, r"-?[0-9]+"),
        (LexemeKind.IPV6, _COLONS),
        (LexemeKind.ENDPOINT, rf"{_COLONS}/[0-9]+"),
        (LexemeKind.PREFIXES, rf"{_COLONS}/[0-9]+(?:,{_COLONS}/[0-9]+)+"),
        (LexemeKind.IPV6S, rf"{_COLONS}(?:,{_COLONS})+"),
        (LexemeKind.MARK, r"[{};]"),
    )
)
_BEHIND_WORD = re.compile(r"[\s{};\"/]|$")
_BLANK = re.compile(r"[ \t]+")
_LINE_END = re.compile(r"\r?\n")
_TO_LINE_END = re.compile(r"//[^\n]*")
_OPENING = re.compile(r"/\*+")
_CLOSING = re.compile(r"(?:/\*+)|(?P<end>\*+/)")
_STRING = re.compile(r'"((?:\\"|\\(?!")|[^"\\\n\t\0])*)"')
_ESCAPED = re.compile(r'\\("?)')
_MARK_OF_UTF8 = b"\xef\xbb\xbf"


def scan(data: bytes) -> Scan:
    """The words and comments of a text, up to the first mistake."""
    return _Scanner(data.removeprefix(_MARK_OF_UTF8).decode("latin-1")).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._tokens: list[Lexeme] = []
        self._comments: list[Comment] = []

    def scan(self) -> Scan:
        wrong = None
        while self._at < len(self._text) and wrong is None:
            wrong = self._step()
        return Scan(self._tokens, self._comments, wrong)

    def _step(self) -> ImportRemark | None:
        """Take one word, comment or blank; returns the mistake if there is none."""
        text, at = self._text, self._at
        if found := _BLANK.match(text, at):
            self._at = found.end()
        elif found := _LINE_END.match(text, at):
            self._at = found.end()
            self._line += 1
        elif found := _TO_LINE_END.match(text, at):
            self._at = found.end()
            self._comments.append(Comment(_shown(found[0][2:]), self._line, len(self._tokens)))
        elif found := _OPENING.match(text, at):
            return self._comment(found.end())
        elif text[at] == '"':
            return self._string()
        else:
            return self._word()
        return None

    def _comment(self, start: int) -> ImportRemark | None:
        at = start
        while found := _CLOSING.search(self._text, at):
            at = found.end()
            if found["end"]:
                content = self._text[start : found.start()]
                self._comments.append(Comment(_shown(content), self._line, len(self._tokens)))
                self._at = at
                self._line += content.count("\n")
                return None
        return ImportRemark(self._line, "", "this comment does not end; note that `/**/` only begins one")

    def _string(self) -> ImportRemark | None:
        found = _STRING.match(self._text, self._at)
        if found is None:
            return ImportRemark(
                self._line, "", "this text in quotes does not end on its line, or holds a tab"
            )
        content = _ESCAPED.sub(lambda one: one[1] or " ", found[1])
        if len(content) > STRING_BYTES_MAX:
            return ImportRemark(self._line, "", f"a text in quotes has at most {STRING_BYTES_MAX} characters")
        rewritten = any(not one[1] for one in _ESCAPED.finditer(found[1]))
        self._tokens.append(Lexeme(LexemeKind.STRING, content, self._line, rewritten))
        self._at = found.end()
        return None

    def _word(self) -> ImportRemark | None:
        kind, text = LexemeKind.MARK, ""
        for candidate, pattern in _KINDS:
            found = pattern.match(self._text, self._at)
            if found and len(found[0]) > len(text):
                kind, text = candidate, found[0]
        if not text:
            return ImportRemark(
                self._line, "", f"the tool knows no word that begins with {self._text[self._at]!r}"
            )
        self._tokens.append(Lexeme(kind, text, self._line))
        self._at += len(text)
        # Else a long run of such words would be searched to its end for each of them.
        if kind is not LexemeKind.MARK and not _BEHIND_WORD.match(self._text, self._at):
            return ImportRemark(
                self._line, "", f"between {shown(text)} and what follows it a blank is missing"
            )
        return None


def _shown(comment: str) -> tuple[str, ...]:
    """The lines of a comment without the frame people draw around it; empty ones at its ends are left out."""
    data = comment.encode("latin-1")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = comment
    lines = [_printable(line.strip().strip("*").strip()) for line in re.split(r"\r?\n|\r", text)]
    while lines and not lines[0]:
        del lines[0]
    while lines and not lines[-1]:
        del lines[-1]
    return tuple(lines)


def _printable(line: str) -> str:
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in line.replace("\t", " ")
    )

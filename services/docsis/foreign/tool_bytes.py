"""From the tree of a text to TLVs, each with exactly the bytes that the `docsis` tool writes.

A mistake is noted with its line, and the rest is encoded as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final, NamedTuple

from services.docsis.errors import PROBLEMS_MAX, shown
from services.docsis.foreign import objects, values
from services.docsis.foreign.lexer import Lexeme, LexemeKind
from services.docsis.foreign.problem import ImportRemark, SettingError
from services.docsis.foreign.statement import Statement
from services.docsis.foreign.symbol import Form, Symbol
from services.docsis.foreign.symbols import SYMBOLS
from services.docsis.mib import ber
from services.docsis.mib.names import Names
from services.docsis.mib.syntax import COUNTER64
from services.docsis.text.varbinds import LONG_VARBIND, VARBIND
from services.docsis.tlv import END_OF_DATA, MTA_CLOSING, MTA_OPENING, PAD, FileKind, Tlv

LENGTH_MAX: Final = 0xFF
"""The longest value that the tool writes behind one byte of length; it leaves out longer ones."""

COUNTER64_DIGITS_MAX: Final = 19
"""So many digits always fit; the tool only prints this type."""

HINT_LETTERS_MAX: Final = 2
"""The greatest difference in length of a hinted name."""

DELIMITER: Final = MTA_OPENING[0]
_NUMBER_TAGS: Final = {
    "Integer": ber.INTEGER,
    "Unsigned32": ber.GAUGE32,
    "Gauge": ber.GAUGE32,
    "Gauge32": ber.GAUGE32,
    "Counter32": ber.COUNTER32,
    "TimeTicks": ber.TIMETICKS,
}
_NO_ENCODING: Final = frozenset({"DecimalString", "BitString", "BigInt", "UnsignedBigInt", "Float", "Double"})
_TYPED: Final = {"Integer": Form.UINT32, "Short": Form.UINT16, "Char": Form.UINT8, "IPAddress": Form.IPV4}
_MADE: Final[dict[FileKind, dict[int, str]]] = {
    "cm": {PAD: "padding", 6: "the CM MIC", 7: "the CMTS MIC", END_OF_DATA: "the end of data"},
    "mta": {PAD: "padding", END_OF_DATA: "the end of data", LONG_VARBIND: "a long varbind"},
}


class Encoded(NamedTuple):
    """A statement and its TLV; `children` are those of its block, `above` the comments that precede it."""

    statement: Statement
    tlv: Tlv
    children: list[Encoded]
    above: tuple[str, ...]

    @property
    def is_generic(self) -> bool:
        """Whether the text gives type and bytes instead of a name."""
        return SYMBOLS[self.statement.name].form is Form.GENERIC

    def comments(self) -> list[str]:
        """Its comments and those in its block, in their order."""
        inner = (line for child in self.children for line in child.comments())
        return [*self.above, *inner, *self.statement.below]


class Heading(NamedTuple):
    """The kind of a text, its settings, and the comments of a PacketCable file's opening and closing."""

    kind: FileKind
    statements: Sequence[Statement]
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()


@dataclass(slots=True)
class Encoding:
    """The encoding of one text to TLVs, with the mistakes and notes found on the way.

    `names` are those of the SNMP objects that the text may name.
    """

    kind: FileKind
    names: Names
    problems: list[ImportRemark] = field(default_factory=list)
    notes: list[ImportRemark] = field(default_factory=list)

    def block(
        self, statements: Sequence[Statement], path: str = "", above: tuple[str, ...] = ()
    ) -> list[Encoded]:
        """The TLVs of the statements of a block; `above` are comments that precede the first.

        Computed settings are left out, and their comments go to the next TLV, or to the last.
        """
        found: list[Encoded] = []
        for statement in statements:
            if len(self.problems) >= PROBLEMS_MAX:
                break
            here = f"{path}.{statement.name}" if path else statement.name
            above += tuple(statement.above)
            encoded = self._encoded(statement, here, above)
            if encoded is not None:
                found.append(encoded)
                above = ()
        if above and found:
            found[-1] = found[-1]._replace(above=found[-1].above + above)
        return found

    def _encoded(self, statement: Statement, path: str, above: tuple[str, ...]) -> Encoded | None:
        symbol = SYMBOLS.get(statement.name)
        notes: list[str] = []
        try:
            if symbol is None:
                raise SettingError(_unknown(statement.name))
            if symbol.form is Form.COMPUTED:
                self.notes.append(
                    ImportRemark(statement.line, path, "is left out: `file encode` computes it")
                )
                return None
            children = [] if statement.children is None else self.block(statement.children, path)
            type, value = self._type_and_value(symbol, statement, children, notes)
            type = self._placed(type, value, path)
        except SettingError as error:
            self.problems.append(ImportRemark(statement.line, path, error.reason))
            return None
        self.notes += (ImportRemark(statement.line, path, note) for note in notes)
        return Encoded(statement, Tlv(type, value), children, above)

    def _type_and_value(
        self, symbol: Symbol, statement: Statement, children: list[Encoded], notes: list[str]
    ) -> tuple[int, bytes]:
        words = statement.words
        if symbol.form is Form.GENERIC:
            return _generic(words, statement.children is not None, _joined(children), notes)
        if statement.children is not None:
            if words:
                raise SettingError(f"a block takes no value, here {shown(words[0].text)}")
            return symbol.type, _joined(children)
        if symbol.form is Form.VARBIND:
            return symbol.type, self._varbind(words, notes)
        if symbol.form is Form.WRITE_CONTROL:
            return symbol.type, objects.write_control(words, values.whole, self.names)
        if symbol.form is Form.OBJECT_ID:
            return symbol.type, objects.element(values.single(symbol, words), self.names)
        return symbol.type, values.encode(symbol, words, notes)

    def _varbind(self, words: Sequence[Lexeme], notes: list[str]) -> bytes:
        if len(words) != 3 or words[1].kind is not LexemeKind.WORD:
            reason = 'takes an object, the type of its value and one value: sysContact.0 String "noc"'
            raise SettingError(reason)
        name, type, word = words
        oid = objects.object_id(name, self.names)
        if type.text == "ObjectID":
            return objects.varbind(oid, ber.OBJECT_ID, objects.object_id(word, self.names), notes)
        tag, content = _object_value(type.text, word, notes)
        return objects.varbind(oid, tag, content, notes)

    def _placed(self, type: int, value: bytes, path: str) -> int:
        """The type in the file; raises SettingError for a TLV that has no place there."""
        top = "." not in path
        if top and type in _MADE[self.kind]:
            raise SettingError(f"is TLV {type} here, which is {_MADE[self.kind][type]}")
        if top and type == DELIMITER:
            raise SettingError("stands in the middle; it begins a PacketCable text with 1, ends it with 255")
        if len(value) <= LENGTH_MAX:
            return type
        if top and self.kind == "mta" and type == VARBIND:
            return LONG_VARBIND
        raise SettingError(f"has {len(value)} bytes; a TLV takes {LENGTH_MAX}, and the tool leaves it out")


def frame(main: Statement, problems: list[ImportRemark]) -> Heading:
    """The kind of a text, and its statements without the opening and closing of a PacketCable file."""
    statements = main.children or []
    if not statements or statements[0].name != "MtaConfigDelimiter":
        return Heading("cm", statements)
    first, last = statements[0], statements[-1]
    if not _delimits(first, MTA_OPENING[-1]):
        reason = f"takes {MTA_OPENING[-1]} at the beginning of a PacketCable text"
        problems.append(ImportRemark(first.line, first.name, reason))
    if not _delimits(last, MTA_CLOSING[-1]):
        reason = f"`MtaConfigDelimiter {MTA_CLOSING[-1]};` is missing at the end of this PacketCable text"
        problems.append(ImportRemark(last.line, "", reason))
    return Heading("mta", statements[1:-1], tuple(statements[0].above), tuple(statements[-1].above))


def _delimits(statement: Statement, number: int) -> bool:
    return statement.name == "MtaConfigDelimiter" and [word.text for word in statement.words] == [str(number)]


def _unknown(name: str) -> str:
    if name.lower() == "include":
        return "the tool reads no other text, and neither does an import; put its settings here"
    # A search among all names would cost more than reading the text.
    alike = [one for one in SYMBOLS if one[0] == name[0] and abs(len(one) - len(name)) <= HINT_LETTERS_MAX]
    near = get_close_matches(name, alike, n=1)
    hint = f"did you mean {near[0]}?" if near else "write GenericTLV TlvCode N TlvLength N TlvValue 0x..."
    return f"no version of the tool read here has a setting of this name; {hint}"


def _joined(children: Sequence[Encoded]) -> bytes:
    return b"".join(bytes((one.tlv.type, len(one.tlv.value))) + one.tlv.value for one in children)


def _object_value(type: str, word: Lexeme, notes: list[str]) -> tuple[int, bytes]:
    """Tag and content of a varbind's value that is no object identifier, of the type that the text names;
    raises SettingError.
    """
    if type in _NUMBER_TAGS:
        return _NUMBER_TAGS[type], ber.integer(_number(type, word, notes))
    if type == "Counter64" and word.kind is LexemeKind.NUMBER and len(word.text) <= COUNTER64_DIGITS_MAX:
        return COUNTER64, ber.integer(int(word.text))
    if type == "String" and word.kind is LexemeKind.STRING:
        return ber.OCTET_STRING, values.string(word, notes)
    if type == "HexString":
        return ber.OCTET_STRING, values.octets(word)
    if type == "IPAddress" and word.kind is LexemeKind.IPV4:
        return ber.IP_ADDRESS, values.ipv4(word.text, notes)
    if type in ("Counter64", "String", "IPAddress"):
        raise SettingError(f"{type} takes another value than {word.kind.value} ({shown(word.text)})")
    if type in _NO_ENCODING:
        raise SettingError(f"the tool cannot encode a {type}; write its bytes as HexString 0x...")
    known = ", ".join((*_NUMBER_TAGS, "String", "HexString", "IPAddress", "ObjectID"))
    raise SettingError(f"{shown(type)} is no type of the tool; there are {known}")


def _number(type: str, word: Lexeme, notes: list[str]) -> int:
    if type == "TimeTicks" and word.kind is not LexemeKind.NUMBER:
        found = objects.ticks(word.text)
        if found is not None:
            return found
    value = values.whole(word)
    if type != "Integer":
        if word.text.startswith("-") and value:
            notes.append(f"{word.text} is no {type}: the tool writes {value}")
        return value
    signed = value - 2**32 if value >= 2**31 else value
    if signed != int(word.text):
        notes.append(f"{word.text} does not fit into an Integer: the tool writes {signed}")
    return signed


def _generic(words: Sequence[Lexeme], block: bool, content: bytes, notes: list[str]) -> tuple[int, bytes]:
    """Type and value of a GenericTLV; raises SettingError."""
    texts = [word.text for word in words]
    if len(words) < 2 or texts[0] != "TlvCode":
        raise SettingError("begins with TlvCode and its number")
    type = values.whole(words[1])
    if type > 0xFF:
        raise SettingError(f"TlvCode takes 0 to 255, not {texts[1]}")
    if block and len(words) == 2:
        return type, content
    keys, rest = tuple(texts[2::2]), words[3::2]
    if keys == ("TlvLength", "TlvValue") and len(rest) == 2 and not block:
        value = values.octets(rest[1])
        if len(value) != values.whole(rest[0]):
            raise SettingError(f"TlvLength says {rest[0].text} bytes, TlvValue has {len(value)}")
    elif keys == ("TlvString",) and len(rest) == 1 and not block:
        value = values.string(rest[0], notes)
    elif keys == ("TlvStringZero",) and len(rest) == 1 and not block:
        text = values.string(rest[0], notes)
        value = text + b"\0" if text else text
    elif keys == ("TlvType", "TlvValue") and len(rest) == 2 and rest[0].text in _TYPED and not block:
        value = values.encode(Symbol((type,), "GenericTLV", _TYPED[rest[0].text], None), rest[1:], notes)
    else:
        forms = 'TlvLength N TlvValue 0x..., TlvString "...", TlvStringZero "..."'
        types = " or ".join(_TYPED)
        raise SettingError(f"takes {forms}, TlvType {types} TlvValue ..., or a block")
    if not value:
        raise SettingError("has no value, which the tool refuses")
    return type, value

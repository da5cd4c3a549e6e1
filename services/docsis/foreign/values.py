"""Values of settings: from the words of a text to the bytes that the `docsis` tool writes for them.

Theory of operation
-------------------
Every form of `services.docsis.foreign.symbol` has one encoder. If the tool takes a value and changes it
silently (a number without its high bits, an octet with a leading zero read as octal), the bytes are the
tool's and the change is noted. If the tool refuses or crashes, `SettingError` says what to write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from ipaddress import AddressValueError, IPv6Address
from typing import Final, TypeAlias

from services.docsis.errors import shown
from services.docsis.foreign.lexer import Lexeme, LexemeKind
from services.docsis.foreign.problem import SettingError
from services.docsis.foreign.symbol import Form, Symbol
from services.docsis.foreign.symbols import SYMBOLS

Encoder: TypeAlias = Callable[[Symbol, Lexeme, list[str]], bytes]

NUMBER_MAX: Final = 2**32 - 1
_NUMBER_MIN: Final = -(2**31)
_WIDTHS: Final = {Form.UINT8: 1, Form.UINT16: 2, Form.UINT24: 3, Form.UINT32: 4}
_NO_TEXT: Final = frozenset({LexemeKind.NUMBER, LexemeKind.WORD})
_MAC = re.compile(r"[0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{1,2}){5}")
_HEX = re.compile(r"0[xX]((?:[0-9A-Fa-f]{2})*)")
_OCTET = re.compile(r"0[0-7]{0,3}|[1-9][0-9]{0,2}")


def encode(symbol: Symbol, words: Sequence[Lexeme], notes: list[str]) -> bytes:
    """The value of a setting that is no SNMP and has no block; raises SettingError. Changes go to `notes`."""
    encoder: Encoder = _ENCODERS[symbol.form]
    return encoder(symbol, single(symbol, words), notes)


def single(symbol: Symbol, words: Sequence[Lexeme]) -> Lexeme:
    """The one word that a setting takes; raises SettingError."""
    if len(words) != 1:
        raise SettingError(_miscounted(symbol, words))
    return words[0]


def whole(word: Lexeme) -> int:
    """A number as the tool holds it, in 32 bits; raises SettingError."""
    if word.kind is not LexemeKind.NUMBER:
        raise SettingError(f"takes a number, not {word.kind.value} ({shown(word.text)})")
    value = int(word.text) if len(word.text) <= len(str(_NUMBER_MIN)) else NUMBER_MAX + 1
    if not _NUMBER_MIN <= value <= NUMBER_MAX:
        raise SettingError(f"{shown(word.text)} does not fit into 32 bits")
    return value & NUMBER_MAX


def octets(word: Lexeme) -> bytes:
    """The bytes of hexadecimal digits, also quoted ones; raises SettingError."""
    match = _HEX.fullmatch(word.text) if word.kind in (LexemeKind.HEX, LexemeKind.STRING) else None
    if match is None:
        raise SettingError(f"takes pairs of hexadecimal digits such as 0x01ff, not {shown(word.text)}")
    return bytes.fromhex(match[1])


def string(word: Lexeme, notes: list[str]) -> bytes:
    """The bytes of a text; raises SettingError."""
    if word.kind in _NO_TEXT:
        raise SettingError(f'takes a text in quotes: "{word.text}"')
    if word.rewritten:
        notes.append("a backslash in this text becomes a space, as in the tool")
    return word.text.encode("latin-1")


def ipv4(text: str, notes: list[str]) -> bytes:
    """The four bytes of a dotted quad; an octet with a leading zero is octal, as for inet_aton(3)."""
    parts = text.split(".")
    if len(parts) != 4 or not all(map(_OCTET.fullmatch, parts)):
        raise SettingError(f"takes an IPv4 address such as 192.0.2.1, not {shown(text)}")
    numbers = [int(part, 8 if part[0] == "0" else 10) for part in parts]
    if max(numbers) > 255:
        raise SettingError(f"takes an IPv4 address such as 192.0.2.1, not {shown(text)}")
    if any(len(part) > 1 and part[0] == "0" for part in parts):
        notes.append(f"{text} is {'.'.join(map(str, numbers))}: the tool reads a leading zero as octal")
    return bytes(numbers)


def _miscounted(symbol: Symbol, words: Sequence[Lexeme]) -> str:
    for word in words[1:]:
        if word.kind is LexemeKind.WORD and word.text in SYMBOLS:
            return f"a `;` is missing before {word.text}"
    return f"takes one value ({symbol.form.value}), not {len(words)} words"


def _number(symbol: Symbol, word: Lexeme, notes: list[str]) -> bytes:
    value, width = whole(word), _WIDTHS[symbol.form]
    content = value & ((1 << 8 * width) - 1)
    if symbol.limits is not None:
        low, high = symbol.limits
        if not low <= value <= high:
            raise SettingError(f"takes {low} to {high}, not {word.text}")
    if content != int(word.text):
        notes.append(f"{word.text} does not fit into {width} byte(s): the tool writes {content}")
    return content.to_bytes(width, "big")


def _numbers(width_bytes: int) -> Encoder:
    high = 256**width_bytes - 1

    def encoder(symbol: Symbol, word: Lexeme, notes: list[str]) -> bytes:
        least, most = symbol.limits or (1, 128)
        parts = [part for part in word.text.split(",") if part] if word.kind is not LexemeKind.WORD else []
        if not all(part.isascii() and part.isdecimal() and len(part) < 6 for part in parts):
            raise SettingError(f"takes numbers with commas such as 0,7, not {shown(word.text)}")
        if not least <= len(parts) <= most:
            reason = f"takes {least} to {most} numbers with commas, not {len(parts)}"
            raise SettingError(reason + _ONE_NUMBER * (least == 2))
        found = [int(part) for part in parts]
        if max(found) > high:
            raise SettingError(f"takes numbers from 0 to {high}, not {max(found)}")
        return b"".join(one.to_bytes(width_bytes, "big") for one in found)

    return encoder


def _tags(symbol: Symbol, word: Lexeme, notes: list[str]) -> bytes:
    return _numbers(2)(symbol._replace(limits=(2, 2)), word, notes)


def _ipv4(symbol: Symbol, word: Lexeme, notes: list[str]) -> bytes:
    return ipv4(word.text, notes)


def _ipv4s(symbol: Symbol, word: Lexeme, notes: list[str]) -> bytes:
    return b"".join(ipv4(part, notes) for part in word.text.split(","))


def _ipv6_bytes(text: str) -> bytes:
    try:
        if "%" not in text:
            return IPv6Address(text).packed
    except AddressValueError:
        pass
    raise SettingError(f"takes an IPv6 address such as 2001:db8::1, not {shown(text)}")


def _ipv6s(symbol: Symbol, word: Lexeme, notes: list[str]) -> bytes:
    return b"".join(map(_ipv6_bytes, word.text.split(",")))


def _address_bytes(text: str, notes: list[str]) -> bytes:
    return _ipv6_bytes(text) if ":" in text else ipv4(text, notes)


def _address(symbol: Symbol, word: Lexeme, notes: list[str]) -> bytes:
    return _address_bytes(word.text, notes)


def _peer(symbol: Symbol, word: Lexeme, notes: list[str]) -> bytes:
    address = _address_bytes(word.text, notes)
    return (b"\x01" if len(address) == 4 else b"\x02") + address


def _behind_slash(text: str, high: int) -> tuple[str, int]:
    address, slash, number = text.partition("/")
    if not slash or not number.isdecimal() or not number.isascii() or len(number) > 5 or int(number) > high:
        raise SettingError(f"takes an address, a slash and a number from 0 to {high}, not {shown(text)}")
    return address, int(number)


def _endpoint(symbol: Symbol, word: Lexeme, notes: list[str]) -> bytes:
    address, port = _behind_slash(word.text, 0xFFFF)
    return _address_bytes(address, notes) + port.to_bytes(2, "big")


def _prefixes(symbol: Symbol, word: Lexeme, notes: list[str]) -> bytes:
    found = [_behind_slash(part, 128) for part in word.text.split(",")]
    return b"".join(_ipv6_bytes(address) + bytes((size,)) for address, size in found)


def _mac_bytes(text: str) -> bytes:
    if not _MAC.fullmatch(text):
        raise SettingError(f"takes a MAC address such as 00:1a:2c:00:00:01, not {shown(text)}")
    return bytes(int(part, 16) for part in text.split(":"))


def _mac(symbol: Symbol, word: Lexeme, notes: list[str]) -> bytes:
    return _mac_bytes(word.text)


def _mac_mask(symbol: Symbol, word: Lexeme, notes: list[str]) -> bytes:
    address, slash, mask = word.text.partition("/")
    if not slash:
        raise SettingError(f"takes a MAC address, a slash and a mask, not {shown(word.text)}")
    return _mac_bytes(address) + _mac_bytes(mask)


def _limited(symbol: Symbol, content: bytes) -> bytes:
    if symbol.limits is not None:
        low, high = symbol.limits
        if not low <= len(content) <= high:
            raise SettingError(f"takes {low} to {high} bytes, not {len(content)}")
    return content


def _text(symbol: Symbol, word: Lexeme, notes: list[str]) -> bytes:
    return _limited(symbol, string(word, notes))


def _text_z(symbol: Symbol, word: Lexeme, notes: list[str]) -> bytes:
    return _limited(symbol, string(word, notes)) + b"\0"


def _hex(symbol: Symbol, word: Lexeme, notes: list[str]) -> bytes:
    return _limited(symbol, octets(word))


def _hex_or_text(symbol: Symbol, word: Lexeme, notes: list[str]) -> bytes:
    if word.kind is LexemeKind.STRING and _HEX.fullmatch(word.text):
        raise SettingError(f"versions of the tool read digits in quotes differently; write {word.text}")
    return _text(symbol, word, notes) if word.kind is LexemeKind.STRING else _hex(symbol, word, notes)


def _empty(symbol: Symbol, word: Lexeme, notes: list[str]) -> bytes:
    return b""


def _group(symbol: Symbol, word: Lexeme, notes: list[str]) -> bytes:
    raise SettingError(f"takes a block: {symbol.name} {{ ... }}")


def _file(symbol: Symbol, word: Lexeme, notes: list[str]) -> bytes:
    reason = f"takes the content of the file {shown(word.text)}, and an import reads no other file"
    raise SettingError(f"{reason}; {_INSTEAD[symbol.type]}")


_ONE_NUMBER: Final = "; versions of the tool read a single one differently"
_INSTEAD: Final = {
    32: "write MfgCVCData 0x... with its bytes, at most 254 in each",
    33: "write CoSignerCVCData 0x... with its bytes, at most 254 in each",
    81: "write ManufacturerCVCChain 0x... with its bytes, at most 254 in each",
    82: "write CoSignerCVCChain 0x... with its bytes, at most 254 in each",
    11: "write the digit map as SnmpMibObject ... String or HexString",
}
_ENCODERS: dict[Form, Encoder] = {
    **dict.fromkeys(_WIDTHS, _number),
    Form.UINT8S: _numbers(1),
    Form.UINT16S: _numbers(2),
    Form.TAGS: _tags,
    Form.IPV4: _ipv4,
    Form.IPV4S: _ipv4s,
    Form.IPV6: _ipv6s,
    Form.IPV6S: _ipv6s,
    Form.PREFIXES: _prefixes,
    Form.ADDRESS: _address,
    Form.PEER: _peer,
    Form.ENDPOINT: _endpoint,
    Form.MAC: _mac,
    Form.MAC_MASK: _mac_mask,
    Form.TEXT: _text,
    Form.TEXT_Z: _text_z,
    Form.HEX: _hex,
    Form.HEX_OR_TEXT: _hex_or_text,
    Form.EMPTY: _empty,
    Form.GROUP: _group,
    Form.FILE: _file,
}

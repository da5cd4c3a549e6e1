"""Placeholders: the values that differ between two devices of one class, and their packed form.

Theory of operation
-------------------
A template declares its placeholders by name and kind, in an order that is part of its signature. DHCP packs
one device's values by position: numbers in their fixed width, most significant byte first, an IPv4 address
as four bytes, a text as one byte of length and UTF-8. No name or kind travels: both sides have the same
template.

While the body is compiled every use of a placeholder narrows the range of its values to that of the TLV, so
that packing refuses a value that does not fit, and unpacked values are in range.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import AddressValueError, IPv4Address
from typing import Final

from services.docsis.errors import DocsisError, shown

WIDTH_BYTES: Final[dict[str, int | None]] = {"uint8": 1, "uint16": 2, "uint32": 4, "string": None, "ipv4": 4}
"""Packed width by kind; a string takes one byte of length and up to STRING_BYTES_MAX."""

STRING_BYTES_MAX: Final = 255
PLACEHOLDERS_MAX: Final = 32
"""Per template; a sealed name has room for 16 to 25 bytes of values, so more than a few never travel."""

_KEYS: Final = {"kind", "default", "secret"}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_REFERENCE = re.compile(r"\$\{([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One per-device value; numbers are bounded by `low` and `high`, `default` is in packed form."""

    name: str
    kind: str
    low: int
    high: int
    default: bytes | None = None

    @property
    def width(self) -> int | None:
        """Bytes of the value itself, None for a string."""
        return WIDTH_BYTES[self.kind]

    @property
    def is_number(self) -> bool:
        """True for uint8, uint16 and uint32."""
        return self.kind.startswith("uint")

    @property
    def narrowed(self) -> bool:
        """True if only some numbers of the kind's width are allowed."""
        return self.is_number and (self.low, self.high) != _range(self.kind)

    def field(self, value: object, path: str) -> bytes:
        """The value's own bytes, without a string's length; raises DocsisError naming `path`."""
        if self.kind == "string":
            return _text_field(value, path)
        if self.kind == "ipv4":
            return address_field(value, path)
        if type(value) is not int or not self.low <= value <= self.high:
            raise DocsisError(path, f"must be a number from {self.low} to {self.high}, not {shown(value)}")
        return value.to_bytes(WIDTH_BYTES[self.kind] or 0, "big")


def declare(definition: object, errors: list[DocsisError]) -> tuple[Placeholder, ...]:
    """The placeholders of a definition's `placeholders:` mapping, in its order; mistakes go to `errors`.

    Defaults are left out; `settle` adds them when the ranges are known.
    """
    if definition is None:
        return ()
    if not isinstance(definition, Mapping):
        errors.append(DocsisError("placeholders", "must map names to kinds"))
        return ()
    if len(definition) > PLACEHOLDERS_MAX:
        errors.append(DocsisError("placeholders", f"at most {PLACEHOLDERS_MAX}"))
        return ()
    found = []
    for name, entry in definition.items():
        try:
            found.append(_declared(name, entry, f"placeholders.{name}"))
        except DocsisError as error:
            errors.append(error)
    return tuple(found)


def _declared(name: object, entry: object, path: str) -> Placeholder:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise DocsisError(path, "a name has up to 32 of a-z, 0-9 and _, a letter first")
    if not isinstance(entry, Mapping) or "kind" not in entry or not entry.keys() <= _KEYS:
        raise DocsisError(path, "takes `kind` and, if it has them, `default` and `secret`")
    if not isinstance(entry.get("secret", False), bool):
        raise DocsisError(f"{path}.secret", "must be true or false")
    kind = entry["kind"]
    if not isinstance(kind, str) or kind not in WIDTH_BYTES:
        raise DocsisError(f"{path}.kind", f"must be one of {', '.join(WIDTH_BYTES)}, not {shown(kind)}")
    return Placeholder(name, kind, *_range(kind))


class PlaceholderScope:
    """The placeholders a body may name while it is compiled; remembers how each use narrows its range."""

    def __init__(self, placeholders: Sequence[Placeholder]) -> None:
        self._placeholders = list(placeholders)
        self._index = {placeholder.name: index for index, placeholder in enumerate(placeholders)}

    def __getitem__(self, index: int) -> Placeholder:
        return self._placeholders[index]

    def find(self, value: object, path: str) -> int | None:
        """The index of the placeholder that is the whole of `value`; raises DocsisError if unknown."""
        match = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        return self._resolve(match[1], path) if match else None

    def split(self, text: str, path: str) -> list[str | int]:
        """`text` cut at its placeholders, each replaced by its index; raises DocsisError if unknown."""
        pieces: list[str | int] = list(_REFERENCE.split(text))
        for at in range(1, len(pieces), 2):
            pieces[at] = self._resolve(str(pieces[at]), path)
        return pieces

    def narrow(self, index: int, low: int, high: int, path: str) -> None:
        """Allow only numbers from `low` to `high` from now on; raises DocsisError if none is left."""
        placeholder = self._placeholders[index]
        low, high = max(low, placeholder.low), min(high, placeholder.high)
        if low > high:
            raise DocsisError(path, f"no value of placeholder {placeholder.name!r} fits all its uses")
        self._placeholders[index] = replace(placeholder, low=low, high=high)

    def settle(self, definition: object, errors: list[DocsisError]) -> tuple[Placeholder, ...]:
        """The placeholders with final ranges and defaults; a bad default goes to `errors`."""
        defaults = definition if isinstance(definition, Mapping) else {}
        settled = []
        for placeholder in self._placeholders:
            entry = defaults[placeholder.name]
            if "default" in entry:
                try:
                    field = placeholder.field(entry["default"], f"placeholders.{placeholder.name}.default")
                    placeholder = replace(placeholder, default=field)
                except DocsisError as error:
                    errors.append(error)
            settled.append(placeholder)
        return tuple(settled)

    def _resolve(self, name: str, path: str) -> int:
        if name not in self._index:
            raise DocsisError(path, f"placeholder {shown(name)} is not declared")
        return self._index[name]


def address_field(value: object, path: str) -> bytes:
    """The four bytes of a dotted quad; raises DocsisError naming `path`."""
    try:
        if isinstance(value, str):
            return IPv4Address(value).packed
    except AddressValueError:
        pass
    raise DocsisError(path, f"must be an IPv4 address such as 192.0.2.1, not {shown(value)}")


def _range(kind: str) -> tuple[int, int]:
    return 0, 256 ** (WIDTH_BYTES[kind] or 0) - 1


def _text_field(value: object, path: str) -> bytes:
    if not isinstance(value, str):
        raise DocsisError(path, f"must be text, not {type(value).__name__}")
    try:
        field = value.encode()
    except UnicodeEncodeError:
        raise DocsisError(path, "must be text that UTF-8 can carry") from None
    if len(field) > STRING_BYTES_MAX or 0 in field:
        raise DocsisError(path, f"must be text of at most {STRING_BYTES_MAX} bytes without NUL")
    return field

"""The packed form of one device's values: DHCP seals it into a file name, and a CFM opens it.

Fields stand in the template's order without names or padding. Numbers and addresses have a fixed width, a
string is preceded by one byte of length. Every packed and every split value is within the range of its
placeholder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.docsis.errors import DocsisError
from services.docsis.placeholders import Placeholder


class Packing:
    """Packs and splits the values of `placeholders`, in that order."""

    def __init__(self, placeholders: Sequence[Placeholder]) -> None:
        self._placeholders = tuple(placeholders)
        self._entries = [(one.name, one, one.default, one.width) for one in placeholders]
        self._names = frozenset(placeholder.name for placeholder in placeholders)
        self._narrowed = [(at, entry) for at, entry in enumerate(placeholders) if entry.narrowed]
        self._slices: list[slice] | None = []
        self._size = 0
        for placeholder in placeholders:
            if placeholder.width is None:
                self._slices = None
                break
            self._slices.append(slice(self._size, self._size + placeholder.width))
            self._size += placeholder.width

    def fields(self, values: Mapping[str, object]) -> list[bytes]:
        """Each placeholder's own bytes, from `values` or its default; raises DocsisError naming it."""
        for name in values:
            if name not in self._names:
                raise DocsisError(str(name), "the template has no such placeholder")
        found = []
        for name, placeholder, default, _ in self._entries:
            if name in values:
                found.append(placeholder.field(values[name], name))
            elif default is not None:
                found.append(default)
            else:
                raise DocsisError(name, "has neither a value nor a default")
        return found

    def join(self, fields: Sequence[bytes]) -> bytes:
        """The packed form of `fields`."""
        return b"".join([
            field if entry[3] else bytes((len(field),)) + field
            for entry, field in zip(self._entries, fields, strict=True)
        ])  # fmt: skip

    def split(self, packed: bytes) -> list[bytes]:
        """Each placeholder's own bytes; raises DocsisError when `packed` is not of this template."""
        if self._slices is None:
            found = self._scan(packed)
        elif len(packed) == self._size:
            found = [packed[part] for part in self._slices]
        else:
            raise DocsisError("packed", f"has {len(packed)} bytes instead of {self._size}")
        for at, placeholder in self._narrowed:
            if not placeholder.low <= int.from_bytes(found[at], "big") <= placeholder.high:
                raise DocsisError("packed", f"the value of {placeholder.name!r} is out of range")
        return found

    def _scan(self, packed: bytes) -> list[bytes]:
        """`split` where a string makes the positions depend on the values."""
        found = []
        at = 0
        for placeholder in self._placeholders:
            width = placeholder.width
            if width is None:
                width = packed[at] if at < len(packed) else 0
                at += 1
            field = packed[at : at + width]
            at += width
            if placeholder.width is None and not _is_text(field):
                raise DocsisError("packed", f"the value of {placeholder.name!r} is not text")
            found.append(field)
        if at != len(packed):
            raise DocsisError("packed", f"has {len(packed)} bytes instead of {at}")
        return found


def _is_text(field: bytes) -> bool:
    try:
        return "\0" not in field.decode()
    except UnicodeDecodeError:
        return False

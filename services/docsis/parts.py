"""Compiled pieces of a file: constant bytes, and slots for values that differ between devices.

Theory of operation
-------------------
A value, a TLV or a whole file is a tuple of *parts*, to be joined. A part is either constant bytes, a `Slot`
that is filled from one packed device value, or a `WidthFrame`: a header whose length is known only once its
content is. A frame is needed only where a value's width differs between devices, such as a text or a minimal
BER integer. Where all widths are fixed, `frame` writes the header once as a constant, and neighbouring
constants are merged; so a file whose device values have fixed widths becomes a short flat list of parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple, TypeAlias, cast

Header: TypeAlias = Callable[[int], bytes]
"""The header for a length of the content in bytes; raises DocsisError for an illegal length."""


class Slot(NamedTuple):
    """A place for packed device value number `field`, written as `encode` of it.

    `width` is the size of the result in bytes, None if that differs; `widest` is its maximum.
    """

    field: int
    encode: Callable[[bytes], bytes]
    width: int | None
    widest: int

    def render(self, fields: Sequence[bytes]) -> bytes:
        """The bytes for one device; `fields` are its packed values in order."""
        return self.encode(fields[self.field])


class WidthFrame(NamedTuple):
    """Content of a width that differs between devices, behind a header that depends on it."""

    header: Header
    content: Parts
    widest: int

    def render(self, fields: Sequence[bytes]) -> bytes:
        """Header and content for one device; raises DocsisError when the content is too long or too short."""
        content = render(self.content, fields)
        return self.header(len(content)) + content


Part: TypeAlias = bytes | Slot | WidthFrame
Parts: TypeAlias = tuple[Part, ...]

HEADER_BYTES_MAX = 4
"""The longest header of a frame in a file of at most 64 KiB: a BER tag with three bytes of length."""

LENGTHS_CACHED_MAX = 256
"""Headers a frame remembers; few TLVs vary by more lengths."""


def render(parts: Parts, fields: Sequence[bytes]) -> bytes:
    """Join `parts` for one device whose packed values are `fields`."""
    return b"".join([part if type(part) is bytes else part.render(fields) for part in parts])  # type: ignore[union-attr]


def merge(parts: Iterable[Part]) -> Parts:
    """The same parts with neighbouring constants joined and empty ones dropped."""
    merged: list[Part] = []
    for constant, run in groupby(parts, lambda part: isinstance(part, bytes)):
        if constant:
            merged.append(b"".join(cast(Iterable[bytes], run)))
        else:
            merged.extend(run)
    return tuple(part for part in merged if part != b"")


def frame(header: Header, content: Parts) -> Parts:
    """`content` behind its header; raises DocsisError when a fixed length is illegal."""
    widths = [_width(part) for part in content]
    if None not in widths:
        return merge((header(sum(filter(None, widths))), *content))
    merged = merge(content)
    widest_bytes = widest(merged) + HEADER_BYTES_MAX
    inner = merged[-1]
    if isinstance(inner, WidthFrame) and all(isinstance(part, bytes) for part in merged[:-1]):
        # A varbind is a frame in a frame in a frame: one header for all of them spares two joins per file.
        header, merged = (
            _joined(header, b"".join(cast(Iterable[bytes], merged[:-1])), inner.header),
            inner.content,
        )
    return (WidthFrame(lru_cache(maxsize=LENGTHS_CACHED_MAX)(header), merged, widest_bytes),)


def _joined(outer: Header, constant: bytes, inner: Header) -> Header:
    """The header of a frame that holds nothing but a constant and another frame."""

    def header(length_bytes: int) -> bytes:
        start = constant + inner(length_bytes)
        return outer(len(start) + length_bytes) + start

    return header


def widest(parts: Parts) -> int:
    """The most bytes `parts` can take for any device."""
    return sum(len(part) if isinstance(part, bytes) else part.widest for part in parts)


def _width(part: Part) -> int | None:
    if isinstance(part, bytes):
        return len(part)
    return part.width if isinstance(part, Slot) else None

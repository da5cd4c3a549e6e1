"""The difference between two definitions of one class: only the changes that a modem would notice.

Theory of operation
-------------------
Two entries are equal when they compile to the same bytes, so comments, units, spelling and the choice between
a name and `{tlv, hex}` are no difference. Values that depend on the device are compared by trial: both sides
are rendered with the same invented values for placeholders of the same name, several times.

TLVs of different types may stand in any order, so siblings are compared type by type. Within a type they are
paired by a key: varbinds by their object, for a modem sets them all at once; service flows and classifiers by
their reference. TLVs without a key are paired by position. The order of flows matters in one point: the first
of a direction is its primary one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from hashlib import sha256
from itertools import zip_longest
from typing import Final, NamedTuple

from services.docsis.errors import DocsisError
from services.docsis.mib import ber
from services.docsis.mib.names import object_name
from services.docsis.parts import render
from services.docsis.placeholders import Placeholder, PlaceholderScope
from services.docsis.text.body import Compilation, unmarked
from services.docsis.text.template import Template, compile_template
from services.docsis.tlv import LONG_TYPES, FileKind, read_group
from services.docsis.tlvs.rows.tlv_row import GROUPS, TlvRow, ValueKind
from services.docsis.tlvs.tlv_table import CHILDREN

TRIALS: Final = 3  # two placeholders of one byte look alike in all of them once in 16 million
_KEYS: Final = ("reference", "class_id")
_FLOWS: Final = (24, 25)


class Difference(NamedTuple):
    """A difference at `path`; `old` is None for an addition, `new` for a removal."""

    path: str
    old: object
    new: object


class _Item(NamedTuple):
    """One written entry: `content` are its bytes in each trial, `value` is its form for people. `name` is
    empty for one in hexadecimal.
    """

    type: int
    name: str
    content: tuple[bytes, ...]
    value: object
    children: list[Mapping[str, object]] | None


def differences(old: Mapping[str, object], new: Mapping[str, object]) -> list[Difference]:
    """The changes for a modem when its class goes from `old` to `new`; raises DocsisError if one is wrong."""
    before, after = compile_template(old), compile_template(new)
    if before.kind != after.kind:
        return [Difference("kind", before.kind, after.kind)]
    found = []
    if old.get("hash") != new.get("hash"):
        found.append(Difference("hash", old.get("hash"), new.get("hash")))
    if before.signature != after.signature:
        found.append(Difference("placeholders", before.signature, after.signature))
    found += _defaults(old, before, new, after)
    bodies = _Comparison(before, after).lists(_entries(old["body"]), _entries(new["body"]), (), "body")
    return [*found, *bodies]


class _Comparison:
    """Compares entries of two definitions of one kind."""

    def __init__(self, before: Template, after: Template) -> None:
        self._kind: FileKind = before.kind
        self._sides = (before.placeholders, after.placeholders)

    def lists(
        self,
        old: Iterable[Mapping[str, object]],
        new: Iterable[Mapping[str, object]],
        parent: tuple[int, ...],
        path: str,
    ) -> Iterator[Difference]:
        """The differences between two lists of TLVs below `parent`."""
        rows = {row.type: row for row in reversed(CHILDREN.get((self._kind, parent), {}).values())}
        olds, news = (
            [self._item(entry, parent, rows, side) for entry in entries]
            for entries, side in zip((old, new), self._sides, strict=True)
        )
        for type in dict.fromkeys(item.type for item in (*olds, *news)):
            row = rows.get(type)
            pair = [[item for item in items if item.type == type] for items in (olds, news)]
            named = next((item.name for items in pair for item in items if item.name), row and row.name)
            name = f"{path}.{named or f'tlv {type}'}"
            keyed = [self._by_key(items, row, parent) for items in pair]
            if None not in keyed:
                yield from self._keyed(keyed[0] or {}, keyed[1] or {}, parent, name)
            else:
                yield from self._in_order(pair[0], pair[1], parent, name)

    def _item(
        self,
        entry: Mapping[str, object],
        parent: tuple[int, ...],
        rows: Mapping[int, TlvRow],
        placeholders: Sequence[Placeholder],
    ) -> _Item:
        entry = unmarked(entry)
        compiled = Compilation(self._kind, PlaceholderScope(placeholders)).entry(entry, parent, "")
        trials = [[_invented(one, trial) for one in placeholders] for trial in range(TRIALS)]
        try:
            content = tuple(render(compiled.parts, fields) for fields in trials)
        except DocsisError:  # an invented value is too long for it: compare the written form
            content = (repr(entry).encode(),)
        name, value = next(iter(entry.items()))
        row = rows.get(compiled.type)
        is_group = row is not None and row.kind in GROUPS and isinstance(value, list)
        children = _entries(value) if is_group else None
        return _Item(compiled.type, "" if name == "tlv" else name, content, _shown(entry), children)

    def _by_key(
        self, items: Sequence[_Item], row: TlvRow | None, parent: tuple[int, ...]
    ) -> dict[str, _Item] | None:
        """The items by key; None if one has no key, or two have the same."""
        header_bytes = 3 if not parent and row is not None and row.type in LONG_TYPES[self._kind] else 2
        found = {}
        for item in items:
            key = _key(self._kind, row, item.content[0][header_bytes:])
            if key is None:
                return None
            found[key] = item
        return found if len(found) == len(items) else None

    def _keyed(
        self, olds: Mapping[str, _Item], news: Mapping[str, _Item], parent: tuple[int, ...], name: str
    ) -> Iterator[Difference]:
        first, second = next(iter(olds), None), next(iter(news), None)
        for key in dict.fromkeys((*olds, *news)):
            yield from self._pair(olds.get(key), news.get(key), parent, f"{name}({key})")
        is_flow = not parent and any(item.type in _FLOWS for item in olds.values())
        if is_flow and first != second and first in news and second in olds:
            yield Difference(f"{name}: primary", first, second)

    def _in_order(
        self, olds: Sequence[_Item], news: Sequence[_Item], parent: tuple[int, ...], name: str
    ) -> Iterator[Difference]:
        is_only = len(olds) <= 1 and len(news) <= 1
        contents = [item.content for item in olds], [item.content for item in news]
        matcher = SequenceMatcher(a=contents[0], b=contents[1], autojunk=False)
        for _, old_from, old_to, new_from, new_to in matcher.get_opcodes():
            pairs = zip_longest(olds[old_from:old_to], news[new_from:new_to])
            for at, (old, new) in enumerate(pairs):
                index = (old_from if new is None else new_from) + at
                yield from self._pair(old, new, parent, name if is_only else f"{name}[{index}]")

    def _pair(
        self, old: _Item | None, new: _Item | None, parent: tuple[int, ...], path: str
    ) -> Iterator[Difference]:
        if old is None or new is None:
            yield Difference(path, old and old.value, new and new.value)
        elif old.content != new.content:
            if old.children is not None and new.children is not None:
                yield from self.lists(old.children, new.children, (*parent, old.type), path)
            else:
                yield Difference(path, old.value, new.value)


def _defaults(
    old: Mapping[str, object], before: Template, new: Mapping[str, object], after: Template
) -> Iterator[Difference]:
    """The placeholders on both sides whose defaults differ."""
    known = {one.name: one for one in before.placeholders}
    for one in after.placeholders:
        former = known.get(one.name)
        if former is not None and former.kind == one.kind and former.default != one.default:
            values = (_declared(side, one.name).get("default") for side in (old, new))
            yield Difference(f"placeholders.{one.name}.default", *values)


def _declared(definition: Mapping[str, object], name: str) -> Mapping[str, object]:
    placeholders = definition["placeholders"]
    assert isinstance(placeholders, Mapping)
    declared: Mapping[str, object] = placeholders[name]
    return declared


def _entries(value: object) -> list[Mapping[str, object]]:
    assert isinstance(value, list)
    return value


def _shown(entry: Mapping[str, object]) -> object:
    """An entry's form for people, beside its path, which names the TLV and the object of a varbind."""
    value = next(iter(entry.values()))
    if "tlv" in entry:
        return dict(entry)
    if isinstance(value, Mapping) and len(value) == 2:
        return {key: one for key, one in value.items() if key != "oid"}
    return value


def _invented(placeholder: Placeholder, trial: int) -> bytes:
    """A value for a placeholder, the same for the same name."""
    if placeholder.width is None:
        return f"{placeholder.name}{trial}".encode()
    return sha256(f"{placeholder.name}{trial}".encode()).digest()[: placeholder.width]


def _key(kind: FileKind, row: TlvRow | None, value: bytes) -> str | None:
    """The key of a TLV among its siblings: a varbind's object, a flow's reference."""
    if row is None:
        return None
    if row.kind is ValueKind.VARBIND:
        try:
            return object_name(ber.read_varbind(value).oid)
        except DocsisError:
            return None
    children = CHILDREN.get((kind, row.path), {})
    numbered = next((children[name].type for name in _KEYS if name in children), None)
    found = [tlv.value for tlv in read_group(value) or () if tlv.type == numbered]
    return str(int.from_bytes(found[0], "big")) if len(found) == 1 else None

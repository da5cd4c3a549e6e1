"""Many documents as one catalogue: classes, placeholders for differences, fragments for common entries.

Theory of operation
-------------------
1. Files of one shape (`services.docsis.foreign.differing`) that differ in at most DIFFERENCES_MAX values
   become one class with a placeholder for each difference. Two places that differ alike have one placeholder.
   Comments say which file has which value; the devices of a file are unknown.
2. Every other file becomes a class of its own. A class is named after the first of its files.
3. Entries that stand one behind the other in every class that has one of them become a fragment, if two
   classes have them and they take at least FRAGMENT_LINES_MIN lines.

So the classes build the original files from the values of each, and the order of the files affects only names
and the order of the output.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from services.docsis.errors import DocsisError
from services.docsis.foreign.differing import Value, replaced, shape, values
from services.docsis.foreign.problem import ImportRemark
from services.docsis.foreign.text import EntryComments, Imported, located
from services.docsis.mib.names import BUILT_IN, Names
from services.docsis.text.plain import plain
from services.docsis.text.template import problems

DIFFERENCES_MAX: Final = 8
"""Per class; a sealed name has room for some 16 to 25 bytes of values."""

FRAGMENT_LINES_MIN: Final = 4
"""An `include` and the name of a fragment cost about as much."""

FILES_SHOWN_MAX: Final = 50
"""The number of files that a comment lists."""

NAME_CHARACTERS_MAX: Final = 12
"""The length of a class's name: `services.settings.catalogue.CLASS_NAME`."""

_PLACEHOLDER_CHARACTERS_MAX = 28  # of the 32 of a placeholder, for a number behind it
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Source(NamedTuple):
    """One file: its name in comments, and its document."""

    file: str
    imported: Imported


class Draft(NamedTuple):
    """A class: its definition, the places of its entries, and the values that make each file of it."""

    definition: dict[str, Any]
    places: dict[str, EntryComments]
    values: dict[str, dict[str, int | str]]

    @property
    def file(self) -> str:
        """The first file of the class."""
        return next(iter(self.values))


class Catalogue(NamedTuple):
    """The content of a catalogue's file, its places by path, and its classes by name."""

    content: dict[str, Any]
    places: dict[str, EntryComments]
    drafts: dict[str, Draft]


def class_problems(imported: Imported, names: Names = BUILT_IN) -> list[ImportRemark]:
    """The reasons why a document, which may name the objects of `names`, cannot be a class, by line."""
    return [located(error, imported.places) for error in _problems(imported.definition, names)]


def catalogue(sources: Sequence[Source], names: Names = BUILT_IN) -> Catalogue:
    """The catalogue of documents without `class_problems`, which may name the objects of `names`."""
    drafts = [draft for alike in _by_shape(sources) for draft in _drafts(alike, names)]
    drafts, fragments, places = _share(drafts)
    named = dict(zip(_class_names(draft.file for draft in drafts), drafts, strict=True))
    content: dict[str, Any] = {"fragments": fragments} if fragments else {}
    content["classes"] = {name: draft.definition for name, draft in named.items()}
    for name, draft in named.items():
        places |= {f"classes.{name}{path and '.'}{path}": place for path, place in draft.places.items()}
    return Catalogue(content, places, named)


def _class_names(files: Iterable[str]) -> Iterator[str]:
    """A name of a class for each file: that of the file in small letters, cut to fit, with a number if taken.

    >>> list(_class_names(["plans/Gold 100.txt", "gold-100.cfg", "residential-3.1.txt"]))
    ['gold-100', 'gold-100-2', 'residential']
    """
    taken: set[str] = set()
    for file in files:
        base = file.rpartition("/")[2]
        stem = re.sub(r"[^a-z0-9]+", "-", (base.rpartition(".")[0] or base).lower()).strip("-") or "class"
        number, end = 1, ""
        while (name := stem[: NAME_CHARACTERS_MAX - len(end)].rstrip("-") + end) in taken:
            number += 1
            end = f"-{number}"
        taken.add(name)
        yield name


def _by_shape(sources: Sequence[Source]) -> Iterable[list[Source]]:
    found: dict[str, list[Source]] = {}
    for source in sources:
        found.setdefault(shape(source.imported.definition), []).append(source)
    return found.values()


def _problems(definition: Mapping[str, Any], names: Names) -> list[DocsisError]:
    return problems(plain(definition, names)[0])


def _drafts(alike: list[Source], names: Names) -> list[Draft]:
    """One class for files of one shape, or one for each if they differ too much."""
    merged = _merged(alike, names)
    return [merged] if merged is not None else [_single(source) for source in alike]


def _single(source: Source) -> Draft:
    places = _of_class([source.imported.places], len(_body(source.imported.definition)))
    places[""] = places[""]._replace(above=(f"from {source.file}", *places[""].above))
    return Draft(dict(source.imported.definition), places, {source.file: {}})


def _merged(alike: list[Source], known: Names) -> Draft | None:
    """One class for all, None if they differ too much or in a value that a placeholder cannot replace."""
    if len(alike) == 1:
        return _single(alike[0])
    columns = list(zip(*(values(source.imported.definition) for source in alike), strict=True))
    names = _placeholder_names(columns)
    if len(set(names.values())) > DIFFERENCES_MAX:
        return None
    at = iter(range(len(columns)))

    def replace(value: Value) -> object:
        name = names.get(next(at))
        return value.written if name is None else f"${{{name}}}"

    first = alike[0]
    definition = replaced(first.imported.definition, replace)
    kinds = {name: columns[column][0].kind for column, name in names.items()}
    if kinds:
        placeholders = {name: {"kind": kind} for name, kind in kinds.items()}
        definition = {"kind": definition["kind"], "placeholders": placeholders, **definition}
    if _problems(definition, known):
        return None
    places = _of_class([source.imported.places for source in alike], len(_body(definition)))
    listed = _cut([f"from {source.file}" for source in alike])
    places[""] = places[""]._replace(above=(*listed, *places[""].above))
    by_file: dict[str, dict[str, int | str]] = {source.file: {} for source in alike}
    for column, name in names.items():
        row = columns[column]
        for source, value in zip(alike, row, strict=True):
            by_file[source.file][name] = value.content
        shown = [f"{source.file}: {value.written}" for source, value in zip(alike, row, strict=True)]
        places[f"placeholders.{name}"] = EntryComments(0, _cut(shown))
    return Draft(definition, places, by_file)


def _placeholder_names(columns: Sequence[tuple[Value, ...]]) -> dict[int, str]:
    """The name of a placeholder for each column that differs; columns that differ alike have one."""
    names: dict[int, str] = {}
    taken: dict[tuple[str, tuple[int | str, ...]], str] = {}
    for at, column in enumerate(columns):
        contents = tuple(value.content for value in column)
        if len(set(contents)) > 1:
            key = column[0].kind, contents
            if key not in taken:
                taken[key] = _free(column[0].name, set(taken.values()))
            names[at] = taken[key]
    return names


def _free(name: str, taken: set[str]) -> str:
    """A name for a placeholder that is not taken: `sysContact.0` becomes `sys_contact_0`."""
    base = re.sub(r"[^a-z0-9]+", "_", _HUMP.sub("_", name).lower()).strip("_")[-_PLACEHOLDER_CHARACTERS_MAX:]
    base = base.lstrip("_0123456789") or "value"
    number = 1
    while (found := base if number == 1 else f"{base}_{number}") in taken:
        number += 1
    return found


def _of_class(all_places: Sequence[Mapping[str, EntryComments]], entries: int) -> dict[str, EntryComments]:
    """The places of a class: the comments of all its files. Those at a file's end go to its body's end."""
    found = {
        path: _united(EntryComments(0), *(places[path] for places in all_places if path in places))
        for path in dict.fromkeys(path for places in all_places for path in places)
    }
    whole, last = found[""], f"body[{entries - 1}]"
    found[""] = whole._replace(below=())
    if last in found:
        found[last] = found[last]._replace(below=(*found[last].below, *whole.below))
    return found


def _share(drafts: Sequence[Draft]) -> tuple[list[Draft], dict[str, list[Any]], dict[str, EntryComments]]:
    """The classes with includes, the fragments that these name, and the places in the fragments."""
    keys = [[_key(entry) for entry in _body(draft.definition)] for draft in drafts]
    entries = {
        key: entry
        for draft, own in zip(drafts, keys, strict=True)
        for key, entry in zip(own, _body(draft.definition), strict=True)
    }
    fragments: dict[str, list[Any]] = {}
    starts: dict[str, str] = {}
    for run in _runs(keys):
        written = [entries[key] for key in run]
        if sum(map(_lines, written)) >= FRAGMENT_LINES_MIN:
            starts[run[0]] = f"common-{len(fragments) + 1}"
            fragments[starts[run[0]]] = written
    places: dict[str, EntryComments] = {}
    including = [
        _including(draft, own, starts, fragments, places) for draft, own in zip(drafts, keys, strict=True)
    ]
    return including, fragments, places


def _including(
    draft: Draft,
    keys: Sequence[str],
    starts: Mapping[str, str],
    fragments: Mapping[str, list[Any]],
    places: dict[str, EntryComments],
) -> Draft:
    """A class with includes in the place of its runs; their comments go to the `places` of fragments."""
    body: list[dict[str, Any]] = []
    now: list[str] = []
    at = 0
    while at < len(keys):
        name = starts.get(keys[at], "")
        if name:
            now += [f"fragments.{name}[{number}]" for number in range(len(fragments[name]))]
            body.append({"include": name})
            at += len(fragments[name])
        else:
            now.append(f"body[{len(body)}]")
            body.append(_body(draft.definition)[at])
            at += 1
    own: dict[str, EntryComments] = {}
    for path, place in draft.places.items():
        head, bracket, rest = path.partition("]")
        moved = now[int(head.removeprefix("body["))] + rest if bracket else path
        into = places if moved.startswith("fragments.") else own
        into[moved] = _united(into.get(moved, EntryComments(0)), place)
    return draft._replace(definition={**draft.definition, "body": body}, places=own)


def _runs(bodies: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """The runs of entries, by key, that always stand one behind the other, of at least two bodies."""
    before: dict[str, set[str]] = {}
    behind: dict[str, set[str]] = {}
    counts: Counter[str] = Counter()
    for body in bodies:
        counts.update(list(dict.fromkeys(body)))
        for one, other in zip(["", *body], [*body, ""], strict=True):
            behind.setdefault(one, set()).add(other)
            before.setdefault(other, set()).add(one)

    def glued(one: str, other: str) -> bool:
        return "" not in (one, other) and behind[one] == {other} and before[other] == {one}

    for key, count in counts.items():
        if count < 2 or not key or glued(next(iter(before[key])), key):
            continue
        run = [key]
        while glued(run[-1], follower := next(iter(behind[run[-1]]))):
            run.append(follower)
        yield run


def _body(definition: Mapping[str, Any]) -> list[dict[str, Any]]:
    body: list[dict[str, Any]] = definition["body"]
    return body


def _key(entry: object) -> str:
    """A text that equal entries have in common; entries with a placeholder have none, nor have includes."""
    text = json.dumps(entry, sort_keys=True)
    return "" if "${" in text or text.startswith('{"include"') else text


def _lines(value: object) -> int:
    """The number of lines of an entry."""
    if isinstance(value, dict):
        return max(1, sum(_lines(inner) for inner in value.values()))
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return 1 + sum(map(_lines, value))
    return 1 if not isinstance(value, dict | list) else 0


def _united(*places: EntryComments) -> EntryComments:
    """The comments of all these places, each line once."""
    return EntryComments(
        0,
        tuple(dict.fromkeys(line for place in places for line in place.above)),
        tuple(dict.fromkeys(line for place in places for line in place.below)),
    )


def _cut(lines: Sequence[str]) -> tuple[str, ...]:
    if len(lines) <= FILES_SHOWN_MAX:
        return tuple(lines)
    return (*lines[:FILES_SHOWN_MAX], f"and {len(lines) - FILES_SHOWN_MAX} more")

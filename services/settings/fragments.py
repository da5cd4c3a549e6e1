"""Fragments: lists of TLVs that several classes of service share, written once.

Theory of operation
-------------------
A catalogue's file has `fragments: {name: [TLVs]}` beside its `classes`. An entry `- include: name` of a body,
of a group or of another fragment stands for that fragment's TLVs. They are put in its place when the file is
read, so the topic, the copies on disk and the CFMs know expanded classes only, and instances need not agree
on fragments.

A mistake in an expanded class was written in another place, at another index. So the expansion records for
every entry its place in the file: `Expanded.origin` maps back to it.

A class in a file may also `silence` warnings. Only the check of the file uses that, and the expansion removes
it too: the record holds only what a CFM needs, and a CFM of an earlier build can read it.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from services.docsis.errors import Misnamed
from services.settings.catalogue import Classes, Problem, Rules, structure_problems

DEPTH_MAX = 16  # groups in groups and fragments in fragments; a file has at most four levels of its own
ENTRIES_MAX = 20_000  # per class; a file of 64 KiB has no room for more, and fragments can multiply
FRAGMENT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
KEYS = ("classes", "fragments", "lookup")
SILENCE = "silence"  # of a class in a file: warnings that its author accepts


class Expanded(NamedTuple):
    """The classes of a file without includes, the place where each of their entries is written, the rules,
    and the silenced warnings of each class as they are written.
    """

    classes: Classes
    lookup: Rules
    fragments: int
    silence: dict[str, Any]
    problems: list[Problem]
    origins: dict[str, str]

    def origin(self, path: str) -> str:
        """The place in the file of the entry at `path` of the expanded classes."""
        end = len(path)
        while (end := path.rfind("]", 0, end)) >= 0:
            written = self.origins.get(path[: end + 1])
            if written is not None:
                return written + path[end + 1 :]
        return path


def expand(data: Mapping[str, Any]) -> Expanded:
    """The classes and rules of a parsed YAML file. Malformed classes are missing, and named in `problems`,
    whose paths are those of the file.
    """
    found = [Problem(key, _unknown(key)) for key in data if key not in KEYS]
    fragments, wrong = _fragments(data.get("fragments", {}))
    found += wrong
    work = _Expansion(fragments)
    for name, entries in fragments.items():  # also those that are not included
        work.expand(entries, f"fragments.{name}", (name,))
    work.origins.clear()
    classes = data.get("classes")
    lookup = data.get("lookup", [])
    found += structure_problems(classes, lookup)
    expanded: Classes = {}
    silence: dict[str, Any] = {}
    for name, definition in classes.items() if isinstance(classes, dict) else ():
        if isinstance(definition, dict):
            body = definition.get("body")
            path = f"classes.{name}.body"
            more = {"body": work.expand(body, path, ())} if isinstance(body, list) else {}
            expanded[name] = definition | more
            if SILENCE in definition:
                silence[name] = expanded[name].pop(SILENCE)
    rules = lookup if isinstance(lookup, list) else []
    problems = [*found, *work.problems]
    return Expanded(expanded, rules, len(fragments), silence, problems, work.origins)


class _Expansion:
    def __init__(self, fragments: Mapping[str, list[Any]]) -> None:
        self.problems: dict[Problem, None] = {}  # a set that keeps their order
        self.origins: dict[str, str] = {}
        self._fragments = fragments
        self._left = 0

    def expand(self, entries: list[Any], path: str, within: tuple[str, ...]) -> list[Any]:
        """The entries without includes; `within` are the fragments that are being included."""
        self._left = ENTRIES_MAX
        return self._list(entries, path, path, within, 0)

    def _list(
        self, entries: list[Any], path: str, origin: str, within: tuple[str, ...], depth: int
    ) -> list[Any]:
        done: list[Any] = []
        self._fill(done, entries, path, origin, within, depth)
        return done

    def _fill(
        self, done: list[Any], entries: list[Any], path: str, origin: str, within: tuple[str, ...], depth: int
    ) -> None:
        """Append the entries, written at `origin`, to the list that is to stand at `path`."""
        if depth > DEPTH_MAX:
            self._report(origin, f"is nested more than {DEPTH_MAX} deep, its fragments counted")
            return
        for at, entry in enumerate(entries):
            here = f"{origin}[{at}]"
            if self._left <= 0:
                self._report(here, f"is beyond the {ENTRIES_MAX} entries that a class may have")
                return
            if isinstance(entry, dict) and "include" in entry:
                self._include(done, entry, path, here, within, depth)
                continue
            self._left -= 1
            place = f"{path}[{len(done)}]"
            self.origins[place] = here
            if isinstance(entry, dict):
                entry = {
                    key: self._list(value, f"{place}.{key}", f"{here}.{key}", within, depth + 1)
                    if isinstance(value, list)
                    else value
                    for key, value in entry.items()
                }
            done.append(entry)

    def _include(
        self,
        done: list[Any],
        entry: dict[Any, Any],
        path: str,
        here: str,
        within: tuple[str, ...],
        depth: int,
    ) -> None:
        name = entry["include"]
        if len(entry) != 1 or not isinstance(name, str):
            self._report(here, "takes `include` and the name of one fragment, nothing else")
        elif name not in self._fragments:
            reason = Misnamed(f"there is no fragment {name!r}", name, self._fragments)
            self._report(f"{here}.include", reason)
        elif name in within:
            ring = " in ".join(repr(one) for one in (name, *reversed(within[within.index(name) :])))
            self._report(f"{here}.include", f"a fragment cannot include itself: {ring}")
        else:
            self._left -= 1  # empty fragments cost time as well
            entries = self._fragments[name]
            self._fill(done, entries, path, f"fragments.{name}", (*within, name), depth + 1)

    def _report(self, path: str, reason: str) -> None:
        self.problems[Problem(path, reason)] = None


def _unknown(key: str) -> str:
    return Misnamed("is no part of a catalogue", key, KEYS)


def _fragments(written: object) -> tuple[dict[str, list[Any]], list[Problem]]:
    """The fragments by name, and the problems of malformed ones; one that is no list is empty."""
    if not isinstance(written, dict):
        return {}, [Problem("fragments", "must map names to lists of TLVs")]
    found: dict[str, list[Any]] = {}
    wrong = []
    for name, entries in written.items():
        path = f"fragments.{name}"
        if not isinstance(name, str) or not FRAGMENT_NAME.fullmatch(name):
            wrong.append(Problem(path, "a fragment's name has up to 32 of a-z, 0-9, '_' and '-'"))
        elif not isinstance(entries, list):
            wrong.append(Problem(path, "must be a list of TLVs"))
            found[name] = []  # it is there: an include of it is no mistake
        else:
            found[name] = entries
    return found, wrong

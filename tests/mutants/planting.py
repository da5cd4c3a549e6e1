"""Planted faults: what each changes, found by the name of what it changes, wherever that stands.

A fault is a YAML file of this folder:

    what: The count of old grants goes on at a young one, so the search ends too early.
    red: [test_a_young_one_among_them_begins_the_count_anew]
    plant:
      - in: reach
        replace: "start, old = offset, 0"
        by: "start = offset"

`in` is a function, a class, `Class.method` or a constant of a module. The lines of `replace` stand in it
once, whatever their indentation, and in nothing else of that name; so a fault survives that its module is
renamed or moved, and not that its rule is rewritten. `red` are the names of tests that must notice, with
their module's (`test_kea_reach::test_one`) where several have the name.
"""

import ast
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field

FOLDERS = ("bus", "heartbeat", "fileid", "services", "tests")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Change(_Model):
    """Some lines of one symbol, and those that take their place; none takes them away."""

    symbol: str = Field(alias="in", min_length=1)
    replace: str = Field(min_length=1)
    by: str = ""


class Fault(_Model):
    """One planted fault."""

    what: str = Field(min_length=1)
    red: list[str] = Field(min_length=1)
    plant: list[Change] = Field(min_length=1)


class Symbol(NamedTuple):
    """Where a name is defined: from its first line to its last one, counted from 0, the last one excluded."""

    path: Path
    first: int
    end: int


def load_fault(path: Path) -> Fault:
    """The fault in a file; `ValueError` if it is none."""
    return Fault.model_validate(yaml.safe_load(path.read_text()))


def symbols(path: Path, text: str) -> Iterator[tuple[str, Symbol]]:
    """Every function, class, method and constant that this module defines."""
    yield from _defined(path, ast.parse(text).body, "")


def _defined(path: Path, body: Iterable[ast.stmt], within: str) -> Iterator[tuple[str, Symbol]]:
    for node in body:
        for name in _names(node):
            first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))]) - 1
            yield within + name, Symbol(path, first, node.end_lineno or node.lineno)
        if isinstance(node, ast.ClassDef):
            yield from _defined(path, node.body, f"{within}{node.name}.")


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


class House:
    """The source and the tests of a working tree. Paths are relative to it."""

    def __init__(self, texts: Mapping[Path, str]) -> None:
        self._texts = texts
        self._known: dict[str, list[Symbol]] = {}
        for path, text in texts.items():
            for name, symbol in symbols(path, text):
                self._known.setdefault(name, []).append(symbol)

    @classmethod
    def of(cls, root: Path) -> "House":
        """The house in this directory."""
        paths = (path for folder in FOLDERS for path in sorted((root / folder).rglob("*.py")))
        return cls({path.relative_to(root): path.read_text() for path in paths})

    def planted(self, fault: Fault) -> dict[Path, str]:
        """The modules that the fault changes, with it in; `ValueError` for a change that fits nowhere, or in
        more than one place.
        """
        house, changed = self, dict[Path, str]()
        for number, change in enumerate(fault.plant, 1):
            path, text = house._changed(change)
            changed[path] = text
            if number < len(fault.plant):
                house = House({**house._texts, path: text})
        return changed

    def tests(self, fault: Fault) -> list[str]:
        """What pytest calls the tests that must notice; `ValueError` unless there is one of each name."""
        found = []
        for test in fault.red:
            name, bracket, parameter = test.partition("[")
            stem, _, name = name.rpartition("::")
            defined = [one for one in self._known.get(name, []) if stem in ("", one.path.stem)]
            if len(defined) != 1:
                raise ValueError(f"there are {len(defined)} tests of the name {name}")
            found.append(f"{defined[0].path}::{name.replace('.', '::')}{bracket}{parameter}")
        return found

    def _changed(self, change: Change) -> tuple[Path, str]:
        wanted = textwrap.dedent(change.replace).strip("\n").splitlines()
        places = [
            (symbol.path, at, indent)
            for symbol in self._known.get(change.symbol, [])
            for at, indent in _matches(wanted, self._texts[symbol.path].splitlines(), symbol)
        ]
        if len(places) != 1:
            raise ValueError(f"{change.symbol} has these lines {len(places)} times: {change.replace!r}")
        ((path, at, indent),) = places
        lines = self._texts[path].splitlines(keepends=True)
        fresh = textwrap.indent(textwrap.dedent(change.by).strip("\n"), indent)
        lines[at : at + len(wanted)] = [f"{fresh}\n"] if fresh else []
        return path, "".join(lines)


def _matches(wanted: list[str], lines: list[str], symbol: Symbol) -> Iterator[tuple[int, str]]:
    for at in range(symbol.first, symbol.end - len(wanted) + 1):
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        if all(
            line == (indent + want if want else "")
            for line, want in zip(lines[at : at + len(wanted)], wanted, strict=True)
        ):
            yield at, indent

"""Rules on the SNMP objects that a file sets.

A modem sets all objects of its file at once, so two values for one object are a contradiction. Types and
families only cause warnings: devices are of many ages, and so are their MIBs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from services.docsis.checks.mic import HASH_OBJECT
from services.docsis.judge import contradictions, mib_families
from services.docsis.judge.assignment import Assignment
from services.docsis.judge.finding import Breach, Rule
from services.docsis.judge.tree import File

_HASHES: Final = frozenset(HASH_OBJECT.values())


def _set_twice(file: File, *, to_one_value: bool) -> Iterator[Breach]:
    seen: dict[str, Assignment] = {}
    for one in file.assignments:
        if file.kind == "mta" and one.oid in _HASHES:  # a file of another tool may hold several
            continue
        first = seen.setdefault(one.oid, one)
        is_one_value = (first.tag, first.content) == (one.tag, one.content)
        if first is not one and is_one_value == to_one_value:
            what = "this value" if to_one_value else "another value"
            yield Breach(one.path, f"sets {file.names.name(one.oid)}, which is set to {what} before")


def _contradicting(file: File) -> Iterator[Breach]:
    return _set_twice(file, to_one_value=False)


def _repeated(file: File) -> Iterator[Breach]:
    return _set_twice(file, to_one_value=True)


def _unlike_its_mib(file: File) -> Iterator[Breach]:
    return contradictions.contradictions(file.assignments, file.names)


def _without_instance(file: File) -> Iterator[Breach]:
    return contradictions.without_instance(file.assignments, file.names)


def _of_other_families(file: File) -> Iterator[Breach]:
    if file.kind == "mta":
        yield from mib_families.mixed_families(file.assignments, file.hash)


OBJECTS: Final = (
    Rule("object-set-twice", True, None, _contradicting),
    Rule("object-repeated", False, None, _repeated),
    Rule("object-unlike-its-mib", False, None, _unlike_its_mib),
    Rule("object-without-instance", False, None, _without_instance),
    Rule("mixed-mib-families", False, None, _of_other_families),
)

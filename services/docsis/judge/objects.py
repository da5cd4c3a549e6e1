"""SNMP objects that a file sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from services.docsis.errors import DocsisError
from services.docsis.judge.finding import Fault, Rule
from services.docsis.judge.tree import File, Node
from services.docsis.names import object_name
from services.docsis.snmp import split_varbind

_VARBINDS: Final = {"cm": (11,), "mta": (11, 64)}


def _set_twice(file: File, *, to_one_value: bool) -> Iterator[Fault]:
    seen: dict[str, tuple[Node, bytes]] = {}
    for node in file.all(*_VARBINDS[file.kind]):
        if node.value is None:
            continue
        try:
            oid, element = split_varbind(node.value)
        except DocsisError:  # nothing that a modem could set
            continue
        first, given = seen.setdefault(oid, (node, element))
        if first is node or (given == element) != to_one_value:
            continue
        what = "this value" if to_one_value else "another value"
        yield Fault(node.path, f"sets {object_name(oid)}, which an earlier {first.label} sets to {what}")


def _contradicting(file: File) -> Iterator[Fault]:
    return _set_twice(file, to_one_value=False)


def _repeated(file: File) -> Iterator[Fault]:
    return _set_twice(file, to_one_value=True)


OBJECTS: Final = (
    Rule("object-set-twice", True, None, _contradicting),
    Rule("object-repeated", False, None, _repeated),
)

"""Values that contradict the MIB of their object: of another type, or a number that it does not name.

A modem refuses such a value, and some refuse the whole file. It is only a warning: devices are of many ages,
and so are their MIBs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from services.docsis.judge.assignment import Assignment
from services.docsis.judge.finding import Breach
from services.docsis.mib import ber
from services.docsis.mib.names import BUILT_IN, Names
from services.docsis.mib.syntax import COUNTER64, Syntax

_TYPES: Final = {
    ber.INTEGER: "an INTEGER",
    ber.OCTET_STRING: "an OCTET STRING",
    ber.OBJECT_ID: "an OBJECT IDENTIFIER",
    ber.IP_ADDRESS: "an IpAddress",
    ber.COUNTER32: "a Counter32",
    ber.GAUGE32: "a Gauge32 or Unsigned32",
    ber.TIMETICKS: "TimeTicks",
    COUNTER64: "a Counter64",
}


def contradictions(assignments: Iterable[Assignment], names: Names = BUILT_IN) -> Iterator[Breach]:
    """One fault for each value that contradicts its object in `names`; unknown objects are not judged."""
    for path, oid, tag, content in assignments:
        found = names.object(oid)
        if found is not None and found.syntax is not None:
            reason = _contradiction(found.syntax, tag, content)
            if reason:
                yield Breach(path, f"{found.name} {reason}")


def without_instance(assignments: Iterable[Assignment], names: Names = BUILT_IN) -> Iterator[Breach]:
    """One fault for each identifier that is no instance of its object in `names`.

    A scalar has the instance 0, a column of a table one number at least for each part of its index.
    """
    for path, oid, _, _ in assignments:
        found = names.object(oid)
        if found is None or found.syntax is None or found.instances is None:
            continue
        instance = oid[len(found.oid) + 1 :]
        if not found.instances and instance != "0":
            yield Breach(path, f"{found.name} is a scalar: write {found.name}.0")
        elif found.instances and (instance.count(".") + 1 if instance else 0) < len(found.instances):
            yield Breach(path, f"{found.name} is a column of a table: write the index behind it")


def _contradiction(syntax: Syntax, tag: int, content: bytes) -> str:
    if tag != syntax.tag:
        return f"is {_TYPES[syntax.tag]}, not {_TYPES.get(tag, f'of the type {tag:#04x}')}"
    number = int.from_bytes(content, "big", signed=True) if tag == ber.INTEGER and syntax.labels else None
    if number is not None and number not in syntax.labels.values():
        return f"has no value {number}; there are {syntax.listed()}"
    return ""

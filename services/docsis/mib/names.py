"""Names of SNMP objects, as configuration files use them: `docsDevNmAccessIp.1` for 1.3.6.1.2.1.69.1.2.1.2.1.

Theory of operation
-------------------
The tables of `services.docsis.mib.objects` name objects and the nodes above them. A name stands for one
prefix of object identifiers. What follows it, the instance, may be written with texts and labels
(`services.docsis.mib.index`), and is always shown as numbers. An identifier takes the name of its longest
known prefix, so both directions are exact inverses: whatever has no name stays as it is.

A name belongs to the module that defines it, and `MODULE::name` is looked for in that module only, as
net-snmp does. Without a module it means the one object that has it. The MIBs of telephone adapters exist
three times with the same names; there a name without a module is CableLabs'.

The nodes above every MIB (`iso.3.6.1`, `experimental.83`) are read and never shown: an instance of an earlier
build does not know them. No other object takes their names.

A wrong name is refused. A reader will follow a hint, so it should never name an object that was not meant: it
is the only name of the module that differs by one typing slip, with no digit changed; or it is the same name
in other modules, with their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Final, NamedTuple

from services.docsis.errors import DocsisError, shown
from services.docsis.mib.index import instance_numbers
from services.docsis.mib.objects import MODULES, ROOTS
from services.docsis.mib.objects_cable import TWINS
from services.docsis.mib.objects_syntax import INDICES, SYNTAXES
from services.docsis.mib.syntax import Index, Syntax

_NAMED = re.compile(r"(?:([A-Z][A-Za-z0-9-]{0,63})::)?([A-Za-z][A-Za-z0-9-]{0,63})((?:\..*)?)", re.DOTALL)
_SMI = "SNMPv2-SMI"
NUMBERS: Final = "write its numbers, such as 1.3.6.1.2.1.1.6.0"
"""The advice for an unknown name."""


class Object(NamedTuple):
    """One named node: the module that defines it, its name there, and its dotted identifier.

    `syntax` is None for a node that holds no value or one of an unknown type, `instances` is the index of its
    table, empty for a scalar and None if it is not known.
    """

    module: str
    name: str
    oid: str
    syntax: Syntax | None = None
    instances: Index | None = None

    def __str__(self) -> str:
        return f"{self.module}::{self.name}"


class Names:
    """Objects by name and by identifier.

    >>> Names([Object("SNMPv2-MIB", "sysName", "1.3.6.1.2.1.1.5")]).oid("SNMPv2-MIB::sysName.0")
    '1.3.6.1.2.1.1.5.0'
    """

    def __init__(
        self,
        objects: Iterable[Object],
        more: Iterable[Object] = (),
        *,
        scope: str = "the built-in objects",
        advice: str = NUMBERS,
    ) -> None:
        """`more` may redefine objects of a module. They take no name without a module from `objects`, and a
        name that several of their modules have means none of them. Errors name the `scope` of the search, and
        the `advice`.
        """
        self._scope = scope
        self._advice = advice
        self._modules: dict[str, dict[str, Object]] = {}
        self._plain: dict[str, Object] = {}
        self._by_oid: dict[str, Object] = {}
        for one in objects:
            self._add(one)
            if one.module not in TWINS:
                self._plain[one.name] = one
        taken = {*self._plain, *ROOTS}
        fresh: dict[str, list[Object]] = {}
        for one in more:
            former = self._add(one)
            if former is not None and self._plain.get(one.name) is former:
                self._plain[one.name] = one
            elif one.module not in TWINS and one.name not in taken:
                fresh.setdefault(one.name, []).append(one)
        self._plain |= {name: ones[0] for name, ones in fresh.items() if len(ones) == 1}
        self._deepest = max((oid.count(".") + 1 for oid in self._by_oid), default=0)

    def with_objects(
        self,
        objects: Iterable[Object],
        *,
        scope: str = "the built-in objects and those of --mib",
        advice: str = NUMBERS,
    ) -> Names:
        """These names and more of them, such as those of an operator's own MIBs."""
        known = (one for module in self._modules.values() for one in module.values())
        return Names(known, objects, scope=scope, advice=advice)

    def _add(self, one: Object) -> Object | None:
        """Add an object; the former one of its name in its module is removed and returned."""
        known = self._modules.setdefault(one.module, {})
        former = known.get(one.name)
        if former is not None and self._by_oid.get(former.oid) is former:
            del self._by_oid[former.oid]
        known[one.name] = one
        self._by_oid.setdefault(one.oid, one)
        return former

    def __iter__(self) -> Iterator[Object]:
        return iter(self._by_oid.values())

    def oid(self, text: str) -> str:
        """The dotted identifier of an object and its instance; one that starts with a digit or a dot stays.

        Raises DocsisError for a name that is not known, or not in the module that is written before it.
        """
        if text[:1].isdigit() or text[:1] == ".":
            return text
        match = _NAMED.fullmatch(text)
        if match is None:
            raise DocsisError("", f"{shown(text)} is no name of an SNMP object: {self._advice}")
        module, name, instance = match.groups()
        if module in (None, _SMI) and name in ROOTS:
            return ROOTS[name] + instance_numbers(instance, None, name)
        known = self._plain if module is None else self._modules.get(module, {})
        if name not in known:
            written = match[0].removesuffix(instance)
            reason = f"{shown(written)} is not among {self._scope}: {self._hint(module, name)}"
            raise DocsisError("", reason)
        return known[name].oid + instance_numbers(instance, known[name].instances, name)

    def object_oid(self, text: str) -> str | None:
        """The dotted identifier of the object alone that a text begins with; None if its name is not known.
        That costs no look at the other names, as the hint of `oid` does.
        """
        if text[:1].isdigit() or text[:1] == ".":
            return text.removeprefix(".")
        match = _NAMED.fullmatch(text)
        module, name, _ = match.groups() if match is not None else (None, "", "")
        known = self._plain if module is None else self._modules.get(module, {})
        return known[name].oid if name in known else None

    def name(self, oid: str) -> str:
        """The name of the longest known prefix of a dotted identifier, followed by the rest of it.

        A module stands before it only if the name alone would mean another object.
        """
        found = self.object(oid)
        if found is None:
            return oid
        plain = self._plain.get(found.name) is found or ROOTS.get(found.name) == found.oid
        return (found.name if plain else str(found)) + oid[len(found.oid) :]

    def object(self, oid: str) -> Object | None:
        """The object that a dotted identifier is an instance of, or the longest known node above it."""
        arcs = oid.split(".")
        prefixes = (".".join(arcs[:depth]) for depth in range(min(self._deepest, len(arcs)), 0, -1))
        return next((self._by_oid[prefix] for prefix in prefixes if prefix in self._by_oid), None)

    def _hint(self, module: str | None, name: str) -> str:
        """The hint for a wrong name, by the theory above."""
        if module is None:
            near = _only(one for one in (*self._plain, *ROOTS) if _is_slip(one, name))
        elif module in self._modules:
            found = _only(one for one in self._modules[module] if _is_slip(one, name))
            near = found and f"{module}::{found}"
        else:
            found = _only(
                one for one, names in self._modules.items() if name in names and _is_slip(one, module)
            )
            near = found and f"{found}::{name}"
        if near:
            return f"did you mean {near!r}?"
        elsewhere = [str(names[name]) for names in self._modules.values() if name in names]
        return f"other modules have that name: {', '.join(elsewhere)}" if elsewhere else self._advice


def _only(found: Iterable[str]) -> str:
    """The only one of these; empty if there is none, or several."""
    names = list(found)
    return names[0] if len(names) == 1 else ""


def _is_slip(name: str, written: str) -> bool:
    """Whether `written` is `name` in other capitals, or with one letter too many, missing or swapped with its
    neighbour. Another letter is no slip: siblings differ by it, such as the source's `Saddr` and `Daddr`.

    >>> _is_slip("sysLocation", "sysLocaton"), _is_slip("pktcSigDevR1Cadence", "pktcSigDevR8Cadence")
    (True, False)
    """
    one, other = name.lower(), written.lower()
    start = _alike(one, other)
    one, other = one[start:], other[start:]
    end = _alike(one[::-1], other[::-1])
    one, other = one[: len(one) - end], other[: len(other) - end]
    if any(letter.isdigit() for letter in one + other):
        return False
    return len(one) + len(other) <= 1 or (len(one) == 2 and one == other[::-1])


def _alike(one: str, other: str) -> int:
    """The number of letters that two words have in common at their beginning."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _built_in() -> Iterator[Object]:
    for module, objects in MODULES.items():
        for parent, first, names in objects:
            for number, name in enumerate(names.split(), start=first):
                syntax = SYNTAXES.get((module, name))
                index = INDICES.get(parent, () if syntax else None)
                yield Object(module, name, f"{parent}.{number}", syntax, index)


BUILT_IN: Final = Names(_built_in())
"""The names that every instance knows, so they may be sent to others."""


def object_oid(name: str) -> str:
    """The dotted identifier of a built-in name and its instance; raises DocsisError.

    >>> object_oid("docsDevNmAccessIp.1")
    '1.3.6.1.2.1.69.1.2.1.2.1'
    """
    return BUILT_IN.oid(name)


def object_name(oid: str) -> str:
    """The built-in name of the longest known prefix of a dotted identifier, followed by the rest of it.

    >>> object_name("1.3.6.1.2.1.69.1.2.1.2.1"), object_name("1.3.9")
    ('docsDevNmAccessIp.1', '1.3.9')
    """
    return BUILT_IN.name(oid)

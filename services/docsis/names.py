"""Names of SNMP objects, as configuration files use them: `docsDevNmAccessIp.1` for 1.3.6.1.2.1.69.1.2.1.2.1.

Theory of operation
-------------------
The tables of `services.docsis.objects` name objects and the nodes above them. A name stands for one prefix
of object identifiers; what follows it, the instance, stays numeric. An identifier takes the name of its
longest known prefix, so both directions are exact inverses: whatever has no name stays as it is. Two MIBs
that use the same name for different objects are told apart as net-snmp does, by `MODULE::name`.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Final

from services.docsis.errors import DocsisError, shown
from services.docsis.objects import OBJECTS

_NAMED = re.compile(r"((?:[A-Z][A-Za-z0-9-]{0,63}::)?[A-Za-z][A-Za-z0-9-]{0,63})((?:\.[0-9]{1,10}){0,128})")
_DEEPEST: Final = max(oid.count(".") for oid in OBJECTS.values()) + 1
_NAMES: Final = {oid: name for name, oid in OBJECTS.items()}


def object_oid(name: str) -> str:
    """The dotted identifier of an object and its instance; what starts with a digit or a dot stays as it is.

    Raises DocsisError for a name that no table has.

    >>> object_oid("docsDevNmAccessIp.1")
    '1.3.6.1.2.1.69.1.2.1.2.1'
    """
    if name[:1].isdigit() or name[:1] == ".":
        return name
    match = _NAMED.fullmatch(name)
    if match and match[1] in OBJECTS:
        return OBJECTS[match[1]] + match[2]
    near = get_close_matches(match[1], OBJECTS, n=1) if match else []
    hint = f"did you mean {near[0]!r}?" if near else "write its numbers, such as 1.3.6.1.2.1.1.6.0"
    raise DocsisError("", f"there is no SNMP object {shown(name)}; {hint}")


def object_name(oid: str) -> str:
    """The name of the longest known prefix of a dotted identifier, followed by the rest of it.

    >>> object_name("1.3.6.1.2.1.69.1.2.1.2.1"), object_name("1.3.9")
    ('docsDevNmAccessIp.1', '1.3.9')
    """
    arcs = oid.split(".")
    for depth in range(min(_DEEPEST, len(arcs)), 0, -1):
        name = _NAMES.get(".".join(arcs[:depth]))
        if name is not None:
            return ".".join([name, *arcs[depth:]])
    return oid

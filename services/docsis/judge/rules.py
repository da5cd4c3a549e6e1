"""The judge: whether a CMTS would accept the file of a definition, and which settings are unwise.

Theory of operation
-------------------
The codec knows TLVs; the judge knows files. It applies the rules of the modules beside this one to a
definition that compiles, and reports each fault with its place, the CMTS's answer if we know it, and whether
it is an error or a warning. A document silences a warning by its code.

The judge runs before a file is made: in `settings check`, `settings apply` and `file encode`. A record that
is on the topic or on a disk was judged by the build that put it there. An instance that finds a fault in it
reports it and serves the record as before, for a new rule must not stop a plant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Final

from services.docsis.errors import PROBLEMS_MAX, DocsisError, Misnamed, shown
from services.docsis.judge.extension import EXTENSION
from services.docsis.judge.finding import Finding, Rule
from services.docsis.judge.flows import FLOWS
from services.docsis.judge.limits import LIMITS
from services.docsis.judge.objects import OBJECTS
from services.docsis.judge.occurrence import PRESENCE
from services.docsis.judge.references import REFERENCES
from services.docsis.judge.tree import File, file_of
from services.docsis.mib.names import BUILT_IN, Names
from services.docsis.text.definition import compile_definition

RULES: Final[tuple[Rule, ...]] = (*PRESENCE, *REFERENCES, *FLOWS, *LIMITS, *EXTENSION, *OBJECTS)
"""Every rule, errors and warnings."""

_WARNINGS: Final = [rule.code for rule in RULES if not rule.is_error]
_ERRORS: Final = frozenset(rule.code for rule in RULES if rule.is_error)
_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


def judge(
    definition: object,
    values: Mapping[str, object] = _NOTHING,
    *,
    document: bool = False,
    silenced: Collection[str] = (),
    names: Names = BUILT_IN,
) -> list[Finding]:
    """The findings in this definition, errors first, at most PROBLEMS_MAX of each kind; none if it does not
    compile.

    `values` are a device's, by placeholder, as in `Template.pack`; without one the default counts. `silenced`
    are codes of accepted warnings, `names` those of SNMP objects whose MIBs are known.
    """
    compiled, errors = compile_definition(definition, document=document)
    if compiled is None or errors or not isinstance(definition, Mapping):
        return []
    file = file_of(definition, compiled, values, names, document=document)
    rejected = _findings(file, (rule for rule in RULES if rule.is_error))
    unwise = _findings(file, (rule for rule in RULES if not rule.is_error and rule.code not in silenced))
    return [*rejected, *unwise]


def _findings(file: File, rules: Iterable[Rule]) -> Iterator[Finding]:
    found = (Finding(fault.path, fault.reason, rule) for rule in rules for fault in rule.check(file))
    return islice(found, PROBLEMS_MAX)


def silence_problems(codes: object, path: str) -> list[DocsisError]:
    """The mistakes in the list of codes at `path`: only existing warnings can be silenced."""
    if not isinstance(codes, list):
        return [DocsisError(path, f"must list codes of warnings, not {shown(codes)}")]
    found = []
    for at, code in enumerate(codes):
        if not isinstance(code, str):
            found.append(DocsisError(f"{path}[{at}]", f"must be the code of a warning, not {shown(code)}"))
        elif code in _ERRORS:
            found.append(DocsisError(f"{path}[{at}]", f"{code} is an error, which nothing silences"))
        elif code not in _WARNINGS:
            otherwise = f"there are {', '.join(_WARNINGS)}"
            reason = Misnamed(f"there is no warning {shown(code)}", code, _WARNINGS, otherwise)
            found.append(DocsisError(f"{path}[{at}]", reason))
    return found

"""Judging a whole catalogue: every class by its name, from a file or a topic."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from services.docsis.judge.finding import Finding
from services.docsis.judge.rules import judge
from services.docsis.mib.names import BUILT_IN, Names

_NOTHING: Final[Mapping[str, Collection[str]]] = MappingProxyType({})


def judge_classes(
    classes: Mapping[str, object],
    silenced: Mapping[str, Collection[str]] = _NOTHING,
    names: Names = BUILT_IN,
) -> list[Finding]:
    """The findings in these classes, with paths such as `classes.gold.body[3].max_cpe`.

    `silenced` are codes of warnings by class. A class that does not compile is not judged.
    """
    return [
        finding._replace(path=f"classes.{name}.{finding.path}")
        for name, definition in classes.items()
        for finding in judge(definition, silenced=silenced.get(name, ()), names=names)
    ]


def faults(classes: Mapping[str, object]) -> list[str]:
    """The faults for which a CMTS would reject files of these classes, in words. They are served all the
    same.
    """
    return [str(finding) for finding in judge_classes(classes) if finding.rule.is_error]

"""What is wrong with a catalogue: the mistakes of its definitions and rules, and what a CMTS would reject.

An instance asks before a catalogue is in force, an operator's tools before it is handed over.
"""

from collections.abc import Mapping
from typing import Any

from fileid.row import VALUES_BYTES_MAX
from services.docsis.errors import DocsisError
from services.docsis.judge.catalogue import judge_classes
from services.docsis.mib.names import BUILT_IN, Names
from services.docsis.text.plain import plain
from services.docsis.text.template import Template, compile_template, problems
from services.settings.catalogue import Classes, Problem, Rules, record
from services.settings.lookup import PROBLEMS_MAX, lookup_problems
from services.settings.record import CatalogueRecord, Change
from services.settings.secret_values import mask_problems


def catalogue_problems(classes: Classes, lookup: Rules) -> list[Problem]:
    """Every mistake in every definition and in every rule, about PROBLEMS_MAX at most. A wrong class is no
    mistake of its rules.
    """
    if masks := mask_problems(classes, lookup):
        return masks
    found: list[Problem] = []
    templates: dict[str, Template | None] = {}
    for name, definition in classes.items():
        errors = problems(definition)
        templates[name] = None if errors else compile_template(definition)
        found += [
            Problem(f"classes.{name}.{error.path}" if error.path else f"classes.{name}", error.reason)
            for error in errors
        ]
        if len(found) >= PROBLEMS_MAX:
            return found
    return found + rule_problems(lookup, templates)


def refusals(classes: Classes, lookup: Rules) -> list[Problem]:
    """The reasons to refuse a new catalogue: its mistakes, and faults that a CMTS would reject."""
    judged = [Problem(one.path, one.text) for one in judge_classes(classes) if one.rule.is_error]
    return catalogue_problems(classes, lookup) + judged


def plain_classes(classes: Classes, names: Names = BUILT_IN) -> tuple[Classes, list[Problem]]:
    """The classes in plain words, which every instance knows, also an older one; and a problem for each name
    that `names` do not know.
    """
    found: Classes = {}
    unknown = []
    for name, definition in classes.items():
        found[name], errors = plain(definition, names)
        unknown += [Problem(f"classes.{name}.{error.path}", error.reason) for error in errors]
    return found, unknown


def plain_record(found: CatalogueRecord) -> CatalogueRecord:
    """The same catalogue in plain words."""
    change = Change(found.time_ms, found.author, found.comment)
    return record(plain_classes(found.classes)[0], found.generation, found.lookup, change)


def rule_problems(lookup: Rules, templates: Mapping[str, Template | None]) -> list[Problem]:
    """Every mistake in the rules; a template is None if its class is wrong."""

    def refusal(name: str, values: Mapping[str, Any]) -> Problem | None:
        template = templates.get(name)
        if template is None:
            return None
        try:
            size_bytes = len(template.pack(values))
        except DocsisError as error:
            return Problem(error.path, error.reason)
        if size_bytes > VALUES_BYTES_MAX:
            return Problem("", f"have {size_bytes} bytes; a row takes {VALUES_BYTES_MAX}")
        return None

    kinds = {name: "" if template is None else template.kind for name, template in templates.items()}
    return lookup_problems(lookup, kinds, refusal)

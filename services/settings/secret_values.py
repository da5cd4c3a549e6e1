"""The secret values of a catalogue: where they stand, and their mask for people.

A class says itself which of its values are secret (`services.docsis.text.secrets`); here the values that
rules give to secret placeholders come to them. A place is told as problems tell theirs:
`classes.residential.body[14].snmp_set.string`, `lookup[3].values.pin`.

A mask takes the place of a secret in everything that people read. It is no value: a catalogue that holds one
where a secret belongs is refused, so what was shown cannot be applied by mistake.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from services.docsis.text.secrets import Place, secrets_of
from services.settings.catalogue import Classes, Problem, Rules
from services.settings.record import CatalogueRecord

MASK = "********"
MASKED = "is the mask of a secret: write the secret itself, which `settings show --reveal` shows"
_SHORT = 3  # characters: a shorter secret is hidden in a message only where it stands in quotes

Change = Callable[[str, Any], Any]
"""The value that takes the place of this one; the place is told in words."""


def secret_places(classes: object, lookup: object) -> Iterator[Place]:
    """The place of every secret value in `{classes: ..., lookup: ...}`, right or wrong."""
    placeholders: dict[str, frozenset[str]] = {}
    for name, definition in classes.items() if isinstance(classes, Mapping) else ():
        found = secrets_of(definition)
        placeholders[name] = found.placeholders
        yield from (("classes", name, *place) for place in found.places)
    for at, rule in enumerate(lookup if isinstance(lookup, list | tuple) else ()):
        values = rule.get("values") if isinstance(rule, Mapping) else None
        secret = placeholders.get(str(rule.get("class"))) if isinstance(values, Mapping) else None
        if secret and isinstance(values, Mapping):
            yield from (("lookup", at, "values", name) for name in values if name in secret)


def changed(classes: Classes, lookup: Rules, change: Change) -> tuple[Classes, list[Any]]:
    """The same catalogue with every secret value changed; what is not on the way to one is not copied."""
    tree: dict[Any, Any] = {}
    for place in secret_places(classes, lookup):
        branch = tree
        for step in place:
            branch = branch.setdefault(step, {})
    if not tree:
        return classes, [*lookup]
    both = _changed({"classes": classes, "lookup": [*lookup]}, tree, "", change)
    return both["classes"], both["lookup"]


def masked(classes: Classes, lookup: Rules) -> tuple[Classes, list[Any]]:
    """The catalogue as people see it."""
    return changed(classes, lookup, lambda _place, _value: MASK)


def secret_values(classes: Classes, lookup: Rules) -> list[tuple[str, Any]]:
    """Every secret value, with its place."""
    found: list[tuple[str, Any]] = []

    def note(place: str, value: Any) -> Any:
        found.append((place, value))
        return value

    changed(classes, lookup, note)
    return found


def mask_problems(classes: object, lookup: object) -> list[Problem]:
    """A problem for each mask that stands where a secret belongs."""
    if not isinstance(classes, dict) or not isinstance(lookup, list | tuple):
        return []
    return [Problem(place, MASKED) for place, value in secret_values(classes, lookup) if value == MASK]


def masked_messages(found: CatalogueRecord, texts: Sequence[str]) -> list[str]:
    """These messages about a catalogue with its secrets masked; no message costs nothing."""
    if not texts:
        return []
    hides = Mask.of((found.classes, found.lookup))
    return [hides.text(one) for one in texts]


class Mask(NamedTuple):
    """Hides known secrets in values and in messages that were made of them."""

    values: frozenset[str]
    texts: tuple[str, ...]

    @classmethod
    def of(cls, *catalogues: tuple[object, object]) -> "Mask":
        """The mask of the secrets of these catalogues, each its classes and its rules."""
        leaves = [
            leaf
            for classes, lookup in catalogues
            if isinstance(classes, dict)
            for _, value in secret_values(classes, lookup if isinstance(lookup, list | tuple) else ())
            for leaf in _leaves(value)
            if leaf != MASK
        ]
        texts = sorted({str(leaf) for leaf in leaves}, key=len, reverse=True)
        return cls(frozenset(map(_canonical, leaves)), tuple(text for text in texts if text))

    def value(self, value: Any) -> Any:
        """The value with each secret in it masked, also as a part of a text."""
        if isinstance(value, Mapping):
            return {key: self.value(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(one) for one in value]
        if _canonical(value) in self.values:
            return MASK
        return self.text(value) if isinstance(value, str) else value

    def text(self, text: str) -> str:
        """The message with each secret in it masked; one that was cut to its beginning as well."""
        for secret in self.texts:
            for form in {secret, repr(secret)[1:-1], secret[:40]}:
                if len(form) >= _SHORT:
                    text = text.replace(form, MASK)
                else:
                    text = re.sub(rf"(?<=['\" ]){re.escape(form)}(?=['\",;]|$)", MASK, text)
        return text

    def problems(self, problems: Iterable[Problem]) -> list[Problem]:
        """The problems with masked reasons."""
        return [Problem(path, self.text(reason)) for path, reason in problems]


def _changed(value: Any, tree: Mapping[Any, Any], place: str, change: Change) -> Any:
    if not tree:
        return change(place, value)
    if isinstance(value, Mapping):
        return {
            key: _changed(one, tree[key], f"{place}.{key}".lstrip("."), change) if key in tree else one
            for key, one in value.items()
        }
    return [
        _changed(one, tree[at], f"{place}[{at}]", change) if at in tree else one
        for at, one in enumerate(value)
    ]


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for one in value.values():
            yield from _leaves(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _leaves(one)
    elif value is not None and not isinstance(value, bool):
        yield value


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)

"""What changes when one catalogue takes the place of another: for the modems, and in whose each class is."""

from collections.abc import Iterator
from typing import Any

from bus.errors import RemoteError
from services.config.instance import Config
from services.docsis.text.difference import Difference, differences
from services.operator.ask import in_force
from services.settings.catalogue import Classes, record
from services.settings.judging import catalogue_problems
from services.settings.lookup import Key, key_of
from services.settings.record import CatalogueRecord
from services.settings.secret_values import Mask


def catalogue_in_force(config: Config) -> CatalogueRecord:
    """What the instance has in force; `RemoteError` if another version of ours says it in words we do not
    know. It is asked for with its secrets, or two of them could not be told apart.
    """
    found = in_force(config, reveal=True)
    hides = Mask.of((found["classes"], found["lookup"]))
    for problem in hides.problems(catalogue_problems(found["classes"], found["lookup"])):
        raise RemoteError(f"what is in force cannot be compared: {problem.path}: {problem.reason}")
    return record(found["classes"], 1, found["lookup"])


def catalogue_differences(
    old: CatalogueRecord, new: CatalogueRecord, *, reveal: bool = False
) -> list[tuple[str, Difference]]:
    """Each difference with the name of its class or the key of its rule. Unless they are to be revealed,
    secrets are masked: that they differ is shown, and not what they are.
    """
    found = [*_class_differences(old.classes, new.classes), *_rule_differences(old, new)]
    if reveal:
        return found
    hides = Mask.of((old.classes, old.lookup), (new.classes, new.lookup))
    return [
        (name, Difference(path, hides.value(before), hides.value(after)))
        for name, (path, before, after) in found
    ]


def _class_differences(old: Classes, new: Classes) -> Iterator[tuple[str, Difference]]:
    for name in dict.fromkeys((*old, *new)):
        if name not in new:
            yield name, Difference("", "a class", None)
        elif name not in old:
            yield name, Difference("", None, "a class")
        else:
            for one in differences(old[name], new[name]):
                yield name, one


def _rule_differences(old: CatalogueRecord, new: CatalogueRecord) -> Iterator[tuple[str, Difference]]:
    """A rule stays the same one as long as its key and the kind of its class do."""
    before, after = _by_key(old), _by_key(new)
    for kind, key in dict.fromkeys((*before, *after)):
        one, other = before.get((kind, key)), after.get((kind, key))
        if one is None or other is None:
            yield str(key), Difference("", one, other)
            continue
        for name in dict.fromkeys((*one, *other)):
            if one.get(name) != other.get(name):
                yield str(key), Difference(name, one.get(name), other.get(name))


def _by_key(found: CatalogueRecord) -> dict[tuple[str, Key], dict[str, Any]]:
    """What each rule says, by the kind of its class and its key."""
    return {
        (found.classes[rule["class"]]["kind"], key_of(rule)): {
            "class": rule["class"],
            **{f"values.{name}": value for name, value in rule.get("values", {}).items()},
        }
        for rule in found.lookup
    }

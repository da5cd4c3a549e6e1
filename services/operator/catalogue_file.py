"""A catalogue on its way into force: read from a file, judged, and handed to a sidecar, or one that it keeps.

Every mistake is named with its line. The classes come out in plain words, which every instance knows; names
that only an operator's own MIBs know are numbers by then.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from bus.errors import ConfigError, RemoteError, TryAgainError
from services.config.instance import Config
from services.docsis.judge.catalogue import judge_classes
from services.docsis.judge.rules import silence_problems
from services.docsis.mib.names import Names
from services.operator.ask import ask
from services.operator.suggestions import suggested
from services.settings.catalogue import Classes, Problem, Rules
from services.settings.fragments import SILENCE
from services.settings.judging import catalogue_problems, plain_classes, refusals
from services.settings.secret_values import Mask
from services.settings.store import CatalogueFile, Check, read_catalogue
from services.sidecar.offering import APPLY_WITHIN_S

ANSWER_S = APPLY_WITHIN_S + 5.0


class Applied(NamedTuple):
    """The generation that is in force, and the one before it if it is new."""

    generation: int
    was: int | None


def read(file: Path, names: Names, check: Check = catalogue_problems) -> CatalogueFile:
    """The catalogue in a file, its classes in plain words, with every mistake in it."""

    def problems(classes: Classes, lookup: Rules) -> list[Problem]:
        found, unknown = plain_classes(classes, names)
        better = {problem.path: problem for problem in unknown}
        wrong = [better.get(problem.path, problem) for problem in check(found, lookup)]
        worded = [Problem(one.path, suggested(one.reason)) for one in wrong]
        return Mask.of((found, lookup)).problems(worded)

    found = read_catalogue(file, problems, word=suggested)
    return found._replace(classes=plain_classes(found.classes, names)[0])


def read_new(file: Path, names: Names) -> CatalogueFile:
    """A catalogue that is to come in force: what a CMTS would reject is a mistake, too."""
    found = read(file, names, refusals)
    silence = [
        Problem(error.path, error.reason)
        for name, codes in found.silence.items()
        for error in silence_problems(codes, f"classes.{name}.{SILENCE}")
    ]
    return found._replace(mistakes=[*found.mistakes, *found.locate(silence)])


def warnings(found: CatalogueFile, names: Names) -> list[str]:
    """What is unwise and not silenced, a line each."""
    silenced = {
        name: [code for code in codes if isinstance(code, str)]
        for name, codes in found.silence.items()
        if isinstance(codes, list)
    }
    judged = judge_classes(found.classes, silenced, names)
    unwise = [Problem(one.path, f"warning: {one.text}") for one in judged if not one.rule.is_error]
    return found.locate(Mask.of((found.classes, found.lookup)).problems(unwise))


def apply(config: Config, found: CatalogueFile, comment: str = "") -> Applied:
    """Put the catalogue in force, whole or not at all, and wait until it is read back from its topic.

    `ConfigError` names every mistake with its line, also those that only the sidecar finds; `TryAgainError`
    if nobody knows in time, `RemoteError` if it is refused.
    """
    sound = found.sound()
    catalogue = {"classes": sound.classes, "lookup": sound.lookup, "comment": comment}
    return _changed(config, {"op": "settings.apply", **catalogue}, found.locate)


def roll_back(config: Config, generation: int, comment: str = "") -> Applied:
    """Put the classes and rules of a former generation in force again, as a new one; errors as of `apply`.
    `ConfigError` also if the sidecar does not keep that generation, or has it in force.
    """

    def locate(problems: Iterable[Problem]) -> list[str]:
        return [f"generation {generation}: {place}: {reason}" for place, reason in problems]

    request = {"op": "settings.rollback", "generation": generation, "comment": comment}
    return _changed(config, request, locate)


def _changed(
    config: Config, request: dict[str, Any], locate: Callable[[Iterable[Problem]], list[str]]
) -> Applied:
    """What came of a request to change the settings."""
    answer = ask(config, request, ANSWER_S)
    if "error" not in answer:
        return Applied(answer["generation"], answer["was"] if answer["applied"] else None)
    detail = answer.get("detail", "")
    if answer["error"] == "bad_settings":
        raise ConfigError("\n".join(locate(Problem(*one) for one in answer["problems"])))
    if answer["error"] == "refused":
        raise ConfigError(detail)
    if answer["error"] == "indeterminate":
        raise TryAgainError(f"indeterminate: {detail}; `provbus settings show` says what is in force")
    raise TryAgainError(detail) if answer["error"] == "try_again" else RemoteError(detail)

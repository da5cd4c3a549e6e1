"""The catalogue's files: the operator's YAML file, and the copy on disk for a start without Kafka."""

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bus import state_file
from bus.config.yaml_file import line_of, read_yaml
from bus.contract import encode
from bus.errors import ConfigError, DecodeError
from services.settings.catalogue import Classes, Problem, Rules, parse, record
from services.settings.fragments import Expanded, expand
from services.settings.record import CatalogueRecord
from services.settings.vault import size_problems

_log = logging.getLogger("provbus.settings")

Check = Callable[[Classes, Rules], Iterable[Problem]]
"""The problems inside the definitions and the rules; `services.settings` only checks the structure."""


class CatalogueFile(NamedTuple):
    """A catalogue's file: its expanded classes, its rules, the silenced warnings of each class as written,
    and every mistake as a line that names the place.
    """

    path: Path
    classes: Classes
    lookup: Rules
    fragments: int
    silence: dict[str, Any]
    mistakes: list[str]
    locate: Callable[[Iterable[Problem]], list[str]]

    def sound(self) -> CatalogueRecord:
        """The catalogue at generation 1; `ConfigError` with every mistake if there is one."""
        if self.mistakes:
            raise ConfigError("\n".join(self.mistakes))
        return record(self.classes, 1, self.lookup)


def read_catalogue(
    path: Path, check: Check, *, may_come: bool = False, word: Callable[[str], str] = str
) -> CatalogueFile:
    """The catalogue in a YAML file; the errors of `read_yaml` if the file cannot be read at all. `word` puts
    the reason of a problem into words.
    """
    data, marks = read_yaml(path, may_come=may_come)
    found = expand(data)

    def locate(problems: Iterable[Problem]) -> list[str]:
        lines = []
        for place, reason in _at_their_origin(found, problems):
            line = line_of(marks, place)
            where = path if line is None else f"{path}:{line}"
            lines.append((line or 0, f"{where}: {place}: {word(reason)}"))
        return [text for _, text in sorted(lines, key=lambda one: one[0])]

    problems = [*found.problems, *check(found.classes, found.lookup)]
    mistakes = locate(problems or size_problems(found.classes, found.lookup))
    return CatalogueFile(path, found.classes, found.lookup, found.fragments, found.silence, mistakes, locate)


def save(path: Path, found: CatalogueRecord) -> None:
    """Keep the record on disk, atomically, also through a power cut."""
    state_file.keep(path, encode(found))


def load(path: Path) -> CatalogueRecord | None:
    """The record kept on disk, sealed as it came; None if there is none or it cannot be read: the topic has
    the original.
    """
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        _log.warning("starting without the settings kept in %s: %s", path, error.strerror)
    except DecodeError as error:
        _log.warning("starting without the settings kept in %s: %s", path, error)
    return None


def _at_their_origin(found: Expanded, problems: Iterable[Problem]) -> Iterator[Problem]:
    """Each problem once, at the place where it is written; one in a fragment also names the classes."""
    users: dict[Problem, list[str]] = {}
    for path, reason in problems:
        written = found.origin(path)
        names = users.setdefault(Problem(written, reason), [])
        if written.startswith("fragments.") and path != written:
            names.append(path.split(".")[1])
    for (path, reason), names in users.items():
        yield Problem(path, f"{reason} (in {', '.join(dict.fromkeys(names))})" if names else reason)

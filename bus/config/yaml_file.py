"""YAML files for people: an error names the file, the line and the nearest valid key.

Every key and every item of a list has a mark, its line. A place is a tuple of keys, with the
number of an item as text: `("body", "3", "max_cpe")`; a path is the same as people write it,
`body[3].max_cpe`.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from bus.config.environment import Place, neighbours, section_of, setter
from bus.config.unreadable import cannot_read
from bus.errors import ConfigError, UnavailableError

Marks = Mapping[tuple[str, ...], int]

_STEP = re.compile(r"[^.\[\]]+")


def read_yaml(path: Path, *, may_come: bool = False) -> tuple[dict[str, Any], dict[tuple[str, ...], int]]:
    """A YAML mapping and the line of each of its keys and items; `ConfigError` if there is none.

    A file named on the command line must be there. One named by a configuration `may_come` later: without it
    this is an `UnavailableError`, as it is when a disk fails.
    """
    try:
        text = path.read_text()
    except (FileNotFoundError, PermissionError) as error:
        kind = UnavailableError if may_come else ConfigError
        raise kind(f"cannot read {path}: {error.strerror}") from error
    except OSError as error:
        raise cannot_read(str(path), error) from error
    except ValueError as error:
        raise ConfigError(f"{path} is not YAML: {error}") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, name: str) -> tuple[dict[str, Any], dict[tuple[str, ...], int]]:
    """The same for a text; errors call it `name`."""
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        places = list(_lines(node, (), set())) if isinstance(node, yaml.MappingNode) else []
        data = None if node is None else loader.construct_document(node)
    except (
        yaml.YAMLError,
        ValueError,
        RecursionError,
    ) as error:  # PyYAML leaks those of wrong dates and depths
        raise ConfigError(f"{name} is not YAML: {error}") from error
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise ConfigError(f"{name} must hold a mapping whose keys are texts")
    marks: dict[tuple[str, ...], int] = {}
    for place, line in places:
        if place in marks:
            raise ConfigError(f"{name}:{line}: key {'.'.join(place)!r} stands there twice")
        marks[place] = line
    return data, marks


def line_of(marks: Marks, path: str) -> int | None:
    """The line of a path such as `body[3].max_cpe`, or of the nearest place above; None if there is none."""
    return nearest_mark(marks, tuple(_STEP.findall(path)))


def nearest_mark(marks: Marks, place: tuple[str, ...]) -> int | None:
    """The line of `place`, or of the nearest place above it; None if there is none."""
    return next((marks[place[:size]] for size in range(len(place), 0, -1) if place[:size] in marks), None)


def origin(path: Path, marks: Marks, place: Place, environment: Mapping[str, str] | None = None) -> str:
    """Where the value at a place was written: in a variable of the environment, or in a line of the file. If
    variables set others of its section, the file with these variables.
    """
    name = setter(environment or {}, place)
    if name:
        return name
    line = nearest_mark(marks, place)
    where = str(path) if line is None else f"{path}:{line}"
    is_written = place in marks and not any(
        len(mark) > len(place) and mark[: len(place)] == place for mark in marks
    )
    others = [] if is_written else neighbours(environment or {}, place)
    return f"{where} with {', '.join(others)}" if others else where


def explain(
    error: ValidationError,
    path: Path,
    marks: Marks,
    model: type[BaseModel],
    environment: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """One sentence per mistake: file and line or variable, key, and the nearest valid key where it is
    misspelt. `environment` is what stands over the file.
    """
    for mistake in error.errors(include_url=False, include_input=False):
        if mistake["type"] == "default_factory_not_called":
            continue  # a default that depends on a value whose mistake is told already
        place = tuple(str(part) for part in mistake["loc"])
        where = origin(path, marks, place, environment)
        key = ".".join(place)
        if mistake["type"] == "extra_forbidden":
            near = difflib.get_close_matches(place[-1], _valid_keys(model, place[:-1]), n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            yield f"{where}: unknown key {key!r}{hint}"
        else:
            message = mistake["msg"].removeprefix("Value error, ")
            yield f"{where}: {key}: {message}" if key else f"{where}: {message}"


def _lines(node: yaml.Node, path: tuple[str, ...], seen: set[int]) -> Iterator[tuple[tuple[str, ...], int]]:
    """The marks below `node`; a node that an alias repeats is marked once, at its first place."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (*path, str(key.value))
            yield place, key.start_mark.line + 1
            yield from _lines(value, place, seen)
    elif isinstance(node, yaml.SequenceNode):
        for at, item in enumerate(node.value):
            place = (*path, str(at))
            yield place, item.start_mark.line + 1
            yield from _lines(item, place, seen)


def _valid_keys(model: type[BaseModel], path: tuple[str, ...]) -> list[str]:
    for part in path:
        found = model.model_fields.get(part)
        if found is None:
            continue  # a key of a mapping of sections
        section = section_of(found)
        if section is None:
            return []
        model = section
    return list(model.model_fields)

"""YAML files for people: a mistake is named with its file, its line and the nearest key that is right."""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from bus.environment import section_of
from bus.errors import ConfigError


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[tuple[str, ...], int]]:
    """A YAML mapping and the line of each of its keys; `ConfigError` if there is none."""
    try:
        text = path.read_text()
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
        places = list(_lines(node, ())) if isinstance(node, yaml.MappingNode) else []
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (
        yaml.YAMLError,
        ValueError,
        RecursionError,
    ) as error:  # PyYAML leaks those of wrong dates and depths
        raise ConfigError(f"{path} is not YAML: {error}") from error
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise ConfigError(f"{path} must hold a mapping whose keys are texts")
    marks: dict[tuple[str, ...], int] = {}
    for place, line in places:
        if place in marks:
            raise ConfigError(f"{path}:{line}: key {'.'.join(place)!r} stands there twice")
        marks[place] = line
    return data, marks


def explain(
    error: ValidationError, path: Path, marks: Mapping[tuple[str, ...], int], model: type[BaseModel]
) -> Iterator[str]:
    """One sentence per mistake: file, line, key, and the nearest valid key where it is misspelt."""
    for mistake in error.errors(include_url=False, include_input=False):
        place = tuple(str(part) for part in mistake["loc"])
        line = next((marks[place[:size]] for size in range(len(place), 0, -1) if place[:size] in marks), None)
        where = f"{path}:{line}" if line is not None else str(path)
        key = ".".join(place)
        if mistake["type"] == "extra_forbidden":
            near = difflib.get_close_matches(place[-1], _valid_keys(model, place[:-1]), n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            yield f"{where}: unknown key {key!r}{hint}"
        else:
            message = mistake["msg"].removeprefix("Value error, ")
            yield f"{where}: {key}: {message}" if key else f"{where}: {message}"


def _lines(node: yaml.MappingNode, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    for key, value in node.value:
        place = (*path, str(key.value))
        yield place, key.start_mark.line + 1
        if isinstance(value, yaml.MappingNode):
            yield from _lines(value, place)


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

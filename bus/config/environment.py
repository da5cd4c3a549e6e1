"""The environment variables that a configuration understands.

A variable is `PROVBUS_` and the path of a value with `__` between its parts, in either case. If the first
part is right, the configuration itself refuses an unknown rest; if it is misspelt, the variable looks like
somebody else's and would silently do nothing. So a name that is close to one of ours is an error. Other names
are left alone: container platforms make variables of that prefix out of the names of services.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bus.errors import ConfigError

PREFIX = "PROVBUS_"
CONFIG_VARIABLE = "PROVBUS_CONFIG"
"""It names the configuration, and is no value of one."""
CLOSE = 0.75  # FLEAT is close to FLEET, SERVICE_HOST is close to nothing

Place = tuple[str, ...]


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The section that a field holds, if it holds one."""
    options = getattr(field.annotation, "__args__", (field.annotation,))
    return next((kind for kind in options if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def variable(place: Place) -> str:
    """The name of the variable that sets the value at this place."""
    return PREFIX + "__".join(place).upper()


def places(model: type[BaseModel], above: Place = ()) -> Iterator[Place]:
    """The places of a configuration's values and sections, in the order of declaration."""
    yield from (place for place, _ in _fields(model, above))


def setter(environment: Mapping[str, str], place: Place) -> str:
    """The variable that sets the value at this place, itself or in the JSON of a section; empty if none does.

    >>> setter({"PROVBUS_LOG": '{"level": "info"}'}, ("log", "level"))
    'PROVBUS_LOG'
    >>> setter({"PROVBUS_LOG": '{"level": "info"}'}, ("log", "format"))
    ''
    """
    names = {name.upper(): name for name in environment}
    for size in range(len(place), 0, -1):
        name = names.get(variable(place[:size]))
        if name is not None and _holds(environment[name], place[size:]):
            return name
    return ""


def neighbours(environment: Mapping[str, str], place: Place) -> list[str]:
    """The variables that set a part of the section at this place, or a section around it."""
    around = {variable(place[:size]) for size in range(1, len(place) + 1)}
    within = f"{variable(place)}__" if place else PREFIX
    return [name for name in environment if name.upper() in around or name.upper().startswith(within)]


def variables_of(environment: Mapping[str, str], model: type[BaseModel]) -> dict[str, str]:
    """The variables that set something in `model`, right or wrong."""
    return {
        name: text
        for name, text in environment.items()
        if name.upper().startswith(PREFIX)
        and name.upper().removeprefix(PREFIX).partition("__")[0].lower() in model.model_fields
    }


def check_variables(environment: Mapping[str, str], model: type[BaseModel]) -> None:
    """`ConfigError` if a variable is most likely meant for `model` and misspelt, or sets a list, a mapping or
    a section and is not JSON.
    """
    for place, field in _fields(model):
        name = next((one for one in environment if one.upper() == variable(place)), None)
        if name is not None and _is_document(field.annotation):
            try:
                json.loads(environment[name])
            except (ValueError, RecursionError) as error:
                raise ConfigError(f"{name}: {'.'.join(place)}: not JSON: {error}") from error
    known = [name.removeprefix(PREFIX) for name in (CONFIG_VARIABLE, *map(variable, places(model)))]
    meant = {CONFIG_VARIABLE, *variables_of(environment, model)}
    for name in environment:
        tail = name.upper().removeprefix(PREFIX)
        if name in meant or tail == name.upper():
            continue
        near = difflib.get_close_matches(tail, known, n=1, cutoff=CLOSE)
        if near:
            raise ConfigError(f"environment: unknown variable {name}; did you mean {PREFIX}{near[0]}?")


def _fields(model: type[BaseModel], above: Place = ()) -> Iterator[tuple[Place, FieldInfo]]:
    for name, field in model.model_fields.items():
        place = (*above, name)
        yield place, field
        section = section_of(field)
        if section is not None:
            yield from _fields(section, place)


def _is_document(annotation: Any) -> bool:
    """Whether a value of this type is written as JSON."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return any(map(_is_document, get_args(annotation)))
    kind = origin or annotation
    return isinstance(kind, type) and issubclass(kind, list | dict | tuple | BaseModel)


def _holds(text: str, place: Place) -> bool:
    """Whether the JSON in `text` has a value at this place."""
    if not place:
        return True
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    for part in place:
        if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return False
    return True

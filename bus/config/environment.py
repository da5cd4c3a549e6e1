"""The environment variables that a configuration understands.

A variable is `PROVBUS_` and the path of a value with `__` between its parts, in either case. If the first
part is right, the configuration itself refuses an unknown rest; if it is misspelt, the variable looks like
somebody else's and would silently do nothing. So a name that is close to one of ours is an error. Other names
are left alone: container platforms make variables of that prefix out of the names of services.
"""

import difflib
from collections.abc import Iterator, Mapping

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bus.errors import ConfigError

PREFIX = "PROVBUS_"
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
    for name, field in model.model_fields.items():
        place = (*above, name)
        yield place
        section = section_of(field)
        if section is not None:
            yield from places(section, place)


def check_variables(environment: Mapping[str, str], model: type[BaseModel]) -> None:
    """`ConfigError` if a variable is most likely meant for `model` and misspelt."""
    known = [variable(place).removeprefix(PREFIX) for place in places(model)]
    for name in environment:
        tail = name.upper().removeprefix(PREFIX)
        if tail == name.upper() or tail.partition("__")[0].lower() in model.model_fields:
            continue
        near = difflib.get_close_matches(tail, known, n=1, cutoff=CLOSE)
        if near:
            raise ConfigError(f"environment: unknown variable {name}; did you mean {PREFIX}{near[0]}?")

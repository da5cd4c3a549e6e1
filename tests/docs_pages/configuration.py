"""What a configuration may say, for `docs/reference/configuration.md`, from the models that read it."""

import inspect
import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bus.config import section
from bus.config.environment import Place, section_of, variable
from bus.contract import Name
from services.config import sections
from services.config.instance import Config
from tests.docs_pages.markdown import cell, code, table, wrapped

TOP = "instance"
"""How a block is called that has the keys which stand in no section."""

_WORDS: tuple[tuple[Any, str], ...] = (
    (section.HostIPv4, "IPv4 address"),
    (section.HostIP, "IP address"),
    (section.MulticastGroup, "multicast group"),
    (section.Listen, "`tcp://ADDRESS:PORT`"),
    (section.Advertise, "`tcp://HOST:PORT`"),
    (section.ListenPlace, "`HOST:PORT`"),
    (section.Servers, "`HOST:PORT,...`"),
    (section.Network, "network"),
    (section.NetworkIPv4, "IPv4 network"),
    (section.Port, "port"),
    (sections.GivenName, "file name"),
    (Name, "name"),
    (Path, "path"),
    (str, "text"),
    (int, "integer"),
    (float, "number"),
    (bool, "boolean"),
)
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below", "min_length": "at least"}


class Described(NamedTuple):
    """A section: where it stands as people write it, its model, and its place in the environment, where it
    has one.
    """

    place: str
    model: type[BaseModel]
    variables: Place | None


def listed() -> Iterator[Described]:
    """Every section. The place of a list of sections ends in `[]`, and their keys have no variables."""
    yield Described(TOP, Config, ())
    yield from _below(Config, ())


def keys() -> list[str]:
    """Every key that holds a value, as people write it."""
    return [
        name if one.place == TOP else f"{one.place}.{name}"
        for one in listed()
        for name, field in one.model.model_fields.items()
        if not _is_section(field)
    ]


def described(place: str) -> str:
    """What a section is, and a table of its keys."""
    (one,) = (one for one in listed() if one.place == place)
    parts = [] if place == TOP else [wrapped(inspect.cleandoc(one.model.__doc__ or ""))]
    head: tuple[str, ...] = ("key", "type", "default", "meaning")
    rows: list[tuple[str, ...]] = [
        (code(name), _type(field), _default(field), cell(field.description or ""))
        for name, field in one.model.model_fields.items()
        if not _is_section(field)
    ]
    if one.variables is not None:
        above = one.variables
        head = (*head, "variable")
        rows = [(*row, code(variable((*above, row[0].strip("`"))))) for row in rows]
    return "\n\n".join([*parts, table(head, rows)])


def _below(model: type[BaseModel], above: Place) -> Iterator[Described]:
    for name, field in model.model_fields.items():
        inner = section_of(field)
        if inner is None:
            continue
        place = (*above, name)
        if _is_section(field):
            yield Described(".".join(place), inner, place)
            yield from _below(inner, place)
        else:
            yield Described(f"{'.'.join(place)}[]", inner, None)


def _is_section(field: FieldInfo) -> bool:
    """Whether a field holds one section, and not a list of them."""
    return section_of(field) is not None and get_origin(field.annotation) is not list


def _type(field: FieldInfo) -> str:
    """What a value is, in words, with its bounds."""
    whole = _known(Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation)
    if whole:
        return whole
    bounds = {name: getattr(one, name) for one in field.metadata for name in _BOUNDS if hasattr(one, name)}
    return ", ".join(
        [_word(field.annotation), *(f"{_BOUNDS[name]} {value:,}" for name, value in bounds.items())]
    )


def _word(kind: Any) -> str:
    """What a value is, in words."""
    origin, of = get_origin(kind), get_args(kind)
    if word := _known(kind):
        return word
    if origin in (Union, UnionType):
        return " or ".join(_word(one) for one in of if one is not NoneType)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return ", ".join(f"`{one}`" for one in kind)
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in of)
    if origin is list:
        return f"list of {_known(of[0]) or 'section'}s"
    if origin is tuple:
        return f"[{', '.join(map(_word, of))}]"
    if origin is dict:
        return f"mapping of {' to '.join(map(_word, of))}"
    raise TypeError(f"no word for {kind}")


def _known(kind: Any) -> str:
    """The word for a type that has one, else nothing."""
    return _BY_SHAPE.get(_shape(kind), "")


def _shape(kind: Any) -> str:
    """The same for a type and for what pydantic makes of it in a field."""
    if get_origin(kind) is not Annotated:
        return repr(kind)
    base, *metadata = get_args(kind)
    flat = [one for some in metadata for one in (some.metadata if isinstance(some, FieldInfo) else (some,))]
    return f"{base!r} {flat!r}"


_BY_SHAPE = {_shape(kind): word for kind, word in _WORDS}


def _default(field: FieldInfo) -> str:
    """What holds where nothing is said."""
    if field.is_required():
        return "required"
    if field.default is not PydanticUndefined:
        return "-" if field.default is None else f"`{json.dumps(field.default)}`"
    if field.default_factory_takes_validated_data:
        return "see there"
    return f"`{json.dumps(field.get_default(call_default_factory=True))}`"

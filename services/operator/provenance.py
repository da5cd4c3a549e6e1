"""Where each value of a configuration comes from: a line of its file, a variable, or the default.

No secret is shown: none belongs into a configuration, and a value that is called one is masked unless it is
the path of a file that exists.
"""

import os
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from bus.config.environment import Place, setter
from bus.config.secret_file import CREDENTIALS
from bus.config.yaml_file import read_yaml
from services.config.instance import load
from services.settings.secret_values import MASK

# More than a configuration refuses in the clear (`bus.config.model`): a mask too many costs nobody anything.
_SECRET = re.compile(r"password|secret|token|key|\.pem|oauthbearer")


class Setting(NamedTuple):
    """One value of a configuration, and where it comes from."""

    key: str
    value: Any
    source: str


def settings_of(file: Path) -> Iterator[Setting]:
    """Each value of the configuration in a file; `ConfigError` if it is wrong."""
    found = load(file)
    _, marks = read_yaml(file)
    for place, value in _values(found):
        yield Setting(".".join(place), _shown(place, value), _source(place, file, marks))


def _values(section: BaseModel, above: Place = ()) -> Iterator[tuple[Place, Any]]:
    for name, value in section:
        place = (*above, name)
        if isinstance(value, BaseModel):
            yield from _values(value, place)
        elif isinstance(value, list) and any(isinstance(item, BaseModel) for item in value):
            for at, item in enumerate(value):
                yield from _values(item, (*place, str(at)))
        elif isinstance(value, dict) and value:
            yield from (((*place, key), item) for key, item in value.items())
        else:
            yield place, value


def _source(place: Place, file: Path, marks: dict[tuple[str, ...], int]) -> str:
    """The variable that sets the value; else its line; else that it is a default."""
    return setter(os.environ, place) or (f"{file}:{marks[place]}" if place in marks else "default")


def _shown(place: Place, value: Any) -> Any:
    if isinstance(value, list):
        return [_shown(place, item) for item in value]
    text = str(value) if isinstance(value, Path | StrEnum) else value
    if value is None or not _SECRET.search(place[-1]):
        return text
    if isinstance(value, Path) and (text.startswith(CREDENTIALS) or value.is_file()):
        return text
    return MASK

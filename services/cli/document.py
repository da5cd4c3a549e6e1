"""Documents as YAML: how `provbus file` prints one, and how it reads one with a line for every mistake.

One entry of the body per line, groups in block style, and what is short (a list of numbers, a varbind) within
its line. A text of hexadecimal digits is quoted, so that no reader takes it for a number.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from bus.errors import ConfigError
from bus.yaml_file import line_of, parse_yaml
from services.docsis.document import Document, compile_document

LINE_CHARACTERS_MAX = 1 << 20
"""Longer than any value, so that none is folded."""

_HEX = re.compile(r"[0-9a-f]+")


class _Dumper(yaml.SafeDumper):
    """YAML for people: indented lists, no aliases, short things inline."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _scalar(value: object) -> bool:
    return not isinstance(value, list | dict)


def _mapping(dumper: _Dumper, data: Mapping[str, Any]) -> yaml.Node:
    inline = len(data) > 1 and all(map(_scalar, data.values()))
    return dumper.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=inline)


def _sequence(dumper: _Dumper, data: list[Any]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=all(map(_scalar, data)))


def _text(dumper: _Dumper, data: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style='"' if _HEX.fullmatch(data) else None)


_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(list, _sequence)
_Dumper.add_representer(str, _text)


def dump_document(definition: Mapping[str, object], *, first: bool = True) -> str:
    """The text of a document; one that is not the `first` of its stream starts with `---`."""
    return yaml.dump(
        definition,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=LINE_CHARACTERS_MAX,
        explicit_start=not first,
    )


def load_document(text: str, name: str) -> Document:
    """The compiled document of a text; `ConfigError` with `NAME:LINE: path: reason` for every mistake."""
    definition, marks = parse_yaml(text, name)
    document, errors = compile_document(definition)
    if document is not None:
        return document
    lines = (line_of(marks, error.path) for error in errors)
    raise ConfigError(
        "\n".join(
            f"{name}:{line}: {error}" if line else f"{name}: {error}"
            for line, error in zip(lines, errors, strict=True)
        )
    )

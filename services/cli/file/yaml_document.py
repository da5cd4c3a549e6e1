"""Documents as YAML: how `provbus file` prints one, and how it reads one with a line for every mistake.

One entry of the body per line, groups in block style, and what is short (a list of numbers, a varbind)
within its line. A text of hexadecimal digits is quoted, so that no reader takes it for a number. Comments go
above the line of the entry they belong to, or behind the last line of it.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

import yaml

from bus.config.yaml_file import line_of, parse_yaml
from bus.errors import ConfigError
from services.docsis.judge.rules import judge, silence_problems
from services.docsis.mib.names import BUILT_IN, Names
from services.docsis.text.definition import SILENCE
from services.docsis.text.document import Document, compile_document
from services.docsis.text.plain import plain, with_unknown
from services.operator.suggestions import suggested
from services.settings.fragments import expand

LINE_CHARACTERS_MAX = 1 << 20
"""Longer than any value, so that none is folded."""

_HEX = re.compile(r"[0-9a-f]+")
_INDENT = re.compile(r" *")


class Comments(NamedTuple):
    """Lines of comments, without their `#`, that belong to one place of a document."""

    above: Iterable[str] = ()
    below: Iterable[str] = ()


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


def annotate(text: str, comments: Mapping[str, Comments]) -> str:
    """The same YAML with comments by path (`body[3].max_cpe`; the empty path is the whole text).

    Every path but the empty one is an entry or a key that begins a line of `text`.
    """
    _, marks = parse_yaml(text, "a document of our own")
    lines = text.splitlines(keepends=True)
    first = int(text.startswith("---"))
    above: dict[int, list[str]] = {}
    below: dict[int, list[str]] = {}
    for path, found in comments.items():
        at = (line_of(marks, path) or first + 1) - 1 if path else first
        indent = _indent(lines[at]) if path else ""
        above.setdefault(at, []).extend(_comment(line, indent) for line in found.above)
        end = _end(lines, at, indent) if path else len(lines)
        below.setdefault(end, [])[:0] = [_comment(line, indent) for line in found.below]
    done: list[str] = []
    for at in range(len(lines) + 1):
        done += below.get(at, [])
        done += above.get(at, [])
        done += lines[at : at + 1]
    return "".join(done)


def _end(lines: list[str], at: int, indent: str) -> int:
    """The line behind the entry that begins at line `at`."""
    end = at + 1
    while end < len(lines) and len(_indent(lines[end])) > len(indent):
        end += 1
    return end


def _indent(line: str) -> str:
    match = _INDENT.match(line)
    return match[0] if match else ""


def _comment(line: str, indent: str) -> str:
    return f"{indent}# {line}".rstrip() + "\n"


class _Text(NamedTuple):
    """A text whose mistakes are told with their line. `origin` leads from a definition to what is written."""

    name: str
    marks: Mapping[tuple[str, ...], int]
    origin: Callable[[str], str]

    def located(self, path: str, reason: str) -> str:
        """`NAME:LINE: path: reason`."""
        written = self.origin(path)
        line = line_of(self.marks, written)
        where = f"{self.name}:{line}" if line else self.name
        told = suggested(reason)
        return f"{where}: {written}: {told}" if written else f"{where}: {told}"


class LoadedDocument(NamedTuple):
    """A document that compiles: what it says, the warnings it silences, and where it is written."""

    document: Document
    definition: Mapping[str, Any]
    silenced: Collection[str]
    names: Names
    text: _Text

    def judged(self, values: Mapping[str, object]) -> tuple[list[str], list[str]]:
        """What a CMTS would reject in the file for these values, and what is unwise in it, a line each."""
        found = judge(self.definition, values, document=True, silenced=self.silenced, names=self.names)
        sides: tuple[list[str], list[str]] = ([], [])
        for one in found:
            reason = one.text if one.rule.is_error else f"warning: {one.text}"
            sides[not one.rule.is_error].append(self.text.located(one.path, reason))
        return sides


def load_document(
    text: str, name: str, names: Names = BUILT_IN, *, class_name: str | None = None
) -> LoadedDocument:
    """The document of a text, or a class of a catalogue as one; `ConfigError` with `NAME:LINE: path: reason`
    for every mistake.
    """
    data, marks = parse_yaml(text, name)
    if "classes" not in data and class_name is None:
        written, silence, place = data, data.get(SILENCE, []), _Text(name, marks, str)
    else:
        written, silence, place = _class(data, marks, name, class_name)
    definition, unknown = plain(written, names)
    document, errors = compile_document(definition)
    errors = with_unknown(errors, unknown)
    errors += silence_problems(silence, SILENCE)
    if document is None or errors:
        raise ConfigError("\n".join(place.located(one.path, one.reason) for one in errors))
    return LoadedDocument(document, definition, silence, names, place)


def _class(
    data: Mapping[str, Any], marks: Mapping[tuple[str, ...], int], name: str, class_name: str | None
) -> tuple[Any, Any, _Text]:
    """A class of a catalogue, what it silences, and where it is written."""
    found = expand(data)
    listed = ", ".join(found.classes) or "none"
    if class_name is None:
        raise ConfigError(f"{name} is a catalogue: say --class NAME; there are {listed}")
    if class_name not in found.classes:
        raise ConfigError(f"{name}: there is no class {class_name!r}; there are {listed}")
    prefix = f"classes.{class_name}"

    def origin(path: str) -> str:
        return found.origin(f"{prefix}.{path}" if path else prefix)

    text = _Text(name, marks, origin)
    wrong = [one for one in found.problems if one.path.startswith(("fragments", prefix))]
    if wrong:
        place = _Text(name, marks, str)
        raise ConfigError("\n".join(place.located(one.path, one.reason) for one in wrong))
    return found.classes[class_name], found.silence.get(class_name, []), text

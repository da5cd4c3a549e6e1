"""`provbus settings`: the catalogue of classes of service, as a file and as it is in force.

A file is checked whole and every mistake is named with its line. What is in force comes from a running
instance over its local socket, and so does what changes it: `apply` hands a catalogue to a sidecar, which
writes it to the settings topic and answers when it has read it back from there.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import yaml
from rich.table import Table
from rich.text import Text

from bus.config import load
from bus.errors import ConfigError, RemoteError, TryAgainError
from bus.messages import CatalogueRecord
from services.cli.instance import ask, in_force
from services.cli.mib import mib_option, read_names
from services.cli.output import output_option, show
from services.cli.run import config_option
from services.docsis.difference import Difference, differences
from services.docsis.judge.catalogue import judge_classes
from services.docsis.judge.rules import silence_problems
from services.docsis.names import Names
from services.settings.catalogue import Classes, Problem, Rules, record
from services.settings.fragments import SILENCE
from services.settings.lookup import Key, key_of
from services.settings.store import CatalogueFile, Check, read_catalogue
from services.sidecar.offering import APPLY_WITHIN_S, catalogue_problems, plain_classes, refusals

ANSWER_S = APPLY_WITHIN_S + 5.0

file_argument = click.argument("file", type=click.Path(path_type=Path))


@click.group()
def settings() -> None:
    """Check, compare, show and change the classes of service, and the rules that say whose they are."""


@settings.command("check")
@file_argument
@mib_option
def check(file: Path, directories: tuple[Path, ...]) -> None:
    """Check the catalogue in FILE. Exit 0 and `ok`, or 1 and every mistake with its line.

    What a CMTS would reject is a mistake. What is merely unwise is a warning, which a class silences by its
    code.
    """
    names = read_names(directories)
    found = _read_new(file, names)
    for line in (*found.mistakes, *_warnings(found, names)):
        click.echo(line)
    if found.mistakes:
        sys.exit(1)
    classes, fragments = _count(len(found.classes), "class", "classes"), _count(found.fragments, "fragment")
    click.echo(f"ok: {classes}, {fragments}, {_count(len(found.lookup), 'rule')}")


@settings.command("diff")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="[OLD] NEW")
@click.option(
    "--config", "path", type=click.Path(path_type=Path), help="Compare with what this instance has in force."
)
@mib_option
@output_option
def diff(files: tuple[Path, ...], path: Path | None, directories: tuple[Path, ...], output: str) -> None:
    """Say what a modem would notice when NEW takes the place of OLD, or of what is in force.

    Exit 0 if there is nothing, 1 if there is something.
    """
    if len(files) != (2 if path is None else 1):
        raise click.UsageError("name OLD and NEW, or NEW and --config")
    names = read_names(directories)
    catalogues = [_read(file, names).sound() for file in files]
    if path is not None:
        catalogues.insert(0, _comparable(in_force(load(path))))
    old, new = catalogues
    found = [*_class_differences(old.classes, new.classes), *_rule_differences(old, new)]
    if found or output != "table":
        table = Table("class", "path", "old", "new", box=None, pad_edge=False)
        for name, (place, before, after) in found:
            table.add_row(name, place, _cell(before), _cell(after))
        show(output, [{"class": name, **one._asdict()} for name, one in found], table)
    sys.exit(1 if found else 0)


@settings.command("show")
@click.argument("name", required=False, metavar="[CLASS]")
@config_option
@output_option
def show_command(name: str | None, path: Path, output: str) -> None:
    """Print the catalogue in force, or one CLASS of it, without fragments, and whose each class is.

    As yaml the catalogue is a file that `apply` takes, and a class one that `file encode` takes.
    """
    found = in_force(load(path))
    classes: Classes = found["classes"]
    if name is None:
        file = {key: found[key] for key in ("classes", "lookup")}
        show(output, file if output == "yaml" else found, _class_table(found), *_rule_tables(found["lookup"]))
    elif name in classes:
        table = Table("path", "value", box=None, pad_edge=False)
        for place, value in _leaves(classes[name], ""):
            table.add_row(place, _cell(value))
        show(output, classes[name], table)
    else:
        raise click.BadParameter(f"there is no class {name!r}; there are {', '.join(classes) or 'none'}")


@settings.command("apply")
@file_argument
@mib_option
@config_option
def apply(file: Path, directories: tuple[Path, ...], path: Path) -> None:
    """Put the catalogue in FILE in force, whole or not at all, through a running DHCP or MPS instance.

    Names that only the MIBs know go out as numbers, for no instance has those MIBs.

    Exit 0 when it was read back from the settings topic, 78 if it has mistakes, 75 if nobody knows in time.
    """
    config = load(path)
    if config.minter is None:
        raise click.UsageError(f"{config.instance} is a CFM, which only reads: name a DHCP or MPS instance")
    names = read_names(directories)
    found = _read_new(file, names)
    sound = found.sound()
    for line in _warnings(found, names):
        click.echo(f"provbus: {line}", err=True)
    answer = ask(config, {"op": "settings.apply", "classes": sound.classes, "lookup": sound.lookup}, ANSWER_S)
    if "error" in answer:
        raise _refusal(answer, found)
    if answer["applied"]:
        click.echo(f"applied: generation {answer['generation']} (was {answer['was']})")
    else:
        click.echo(f"unchanged: generation {answer['generation']}")


def _read(file: Path, names: Names, check: Check = catalogue_problems) -> CatalogueFile:
    """The catalogue in a file, its classes in plain words, with every mistake in it."""

    def problems(classes: Classes, lookup: Rules) -> list[Problem]:
        found, unknown = plain_classes(classes, names)
        better = {problem.path: problem for problem in unknown}
        return [better.get(problem.path, problem) for problem in check(found, lookup)]

    found = read_catalogue(file, problems)
    return found._replace(classes=plain_classes(found.classes, names)[0])


def _read_new(file: Path, names: Names) -> CatalogueFile:
    """A catalogue that is to come in force: what a CMTS would reject is a mistake, too."""
    found = _read(file, names, refusals)
    silence = [
        Problem(error.path, error.reason)
        for name, codes in found.silence.items()
        for error in silence_problems(codes, f"classes.{name}.{SILENCE}")
    ]
    return found._replace(mistakes=[*found.mistakes, *found.locate(silence)])


def _warnings(found: CatalogueFile, names: Names) -> list[str]:
    """What is unwise and not silenced, a line each."""
    silenced = {
        name: [code for code in codes if isinstance(code, str)]
        for name, codes in found.silence.items()
        if isinstance(codes, list)
    }
    judged = judge_classes(found.classes, silenced, names)
    warnings = [one for one in judged if not one.rule.is_error]
    return found.locate(Problem(one.path, f"warning: {one.text}") for one in warnings)


def _comparable(found: dict[str, Any]) -> CatalogueRecord:
    """What is in force, if we know what it says: another version of ours may have made it."""
    for problem in catalogue_problems(found["classes"], found["lookup"]):
        raise RemoteError(f"what is in force cannot be compared: {problem.path}: {problem.reason}")
    return record(found["classes"], 1, found["lookup"])


def _class_table(found: dict[str, Any]) -> Table:
    table = Table("class", "kind", "TLVs", "placeholders", box=None, pad_edge=False)
    table.title = f"generation {found['generation']}, {found['digest'][:12] or 'no catalogue'}"
    table.title_justify = "left"
    for name, one in found["classes"].items():
        kinds = (f"{key}:{value['kind']}" for key, value in (one.get("placeholders") or {}).items())
        table.add_row(name, one["kind"], str(len(one["body"])), ", ".join(kinds) or "-")
    return table


def _rule_tables(lookup: Rules) -> Iterator[Table]:
    """The table of the rules as written, if there are any; a CFM also keeps those that we do not know."""
    if lookup:
        table = Table("rule", "class", "values", box=None, pad_edge=False)
        for rule in lookup:
            keys = (f"{name} {value}" for name, value in rule.items() if name not in ("class", "values"))
            table.add_row(Text(", ".join(keys)), _cell(rule.get("class")), _cell(rule.get("values")))
        yield table


def _refusal(answer: dict[str, Any], found: CatalogueFile) -> Exception:
    """Who must act, as an error with its exit code."""
    detail = answer.get("detail", "")
    if answer["error"] == "bad_settings":
        return ConfigError("\n".join(found.locate(Problem(*one) for one in answer["problems"])))
    if answer["error"] == "indeterminate":
        return TryAgainError(f"indeterminate: {detail}; `provbus settings show` says what is in force")
    return TryAgainError(detail) if answer["error"] == "try_again" else RemoteError(detail)


def _class_differences(old: Classes, new: Classes) -> Iterator[tuple[str, Difference]]:
    for name in dict.fromkeys((*old, *new)):
        if name not in new:
            yield name, Difference("", "a class", None)
        elif name not in old:
            yield name, Difference("", None, "a class")
        else:
            for one in differences(old[name], new[name]):
                yield name, one


def _rule_differences(old: CatalogueRecord, new: CatalogueRecord) -> Iterator[tuple[str, Difference]]:
    """A rule stays the same one as long as its key and the kind of its class do."""
    before, after = _by_key(old), _by_key(new)
    for kind, key in dict.fromkeys((*before, *after)):
        one, other = before.get((kind, key)), after.get((kind, key))
        if one is None or other is None:
            yield str(key), Difference("", one, other)
            continue
        for name in dict.fromkeys((*one, *other)):
            if one.get(name) != other.get(name):
                yield str(key), Difference(name, one.get(name), other.get(name))


def _by_key(found: CatalogueRecord) -> dict[tuple[str, Key], dict[str, Any]]:
    """What each rule says, by the kind of its class and its key."""
    return {
        (found.classes[rule["class"]]["kind"], key_of(rule)): {
            "class": rule["class"],
            **{f"values.{name}": value for name, value in rule.get("values", {}).items()},
        }
        for rule in found.lookup
    }


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every value of a definition with its path; a TLV without sub-TLVs is one value."""
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        for at, entry in enumerate(value):
            name, inner = next(iter(entry.items()))
            is_named = len(entry) == 1
            yield from _leaves(inner if is_named else entry, f"{path}[{at}]{f'.{name}' if is_named else ''}")
    elif isinstance(value, dict) and path in ("", "placeholders"):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}".lstrip("."))
    else:
        yield path, value


def _cell(value: Any) -> Text:
    """A value on one line, as a file would say it."""
    if value is None:
        return Text("-")
    if isinstance(value, str):
        return Text(value)
    return Text(
        yaml.safe_dump(value, default_flow_style=True, width=sys.maxsize).removesuffix("...\n").strip()
    )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"

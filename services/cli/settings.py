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

from bus.config import Config, load
from bus.errors import ConfigError, RemoteError, TryAgainError
from services.cli.instance import ask
from services.cli.output import output_option, show
from services.cli.run import config_option
from services.docsis.difference import Difference, differences
from services.docsis.errors import DocsisError
from services.settings.catalogue import Classes, Problem
from services.settings.store import CatalogueFile, read_catalogue
from services.sidecar.offering import APPLY_WITHIN_S, class_problems

ANSWER_S = APPLY_WITHIN_S + 5.0

file_argument = click.argument("file", type=click.Path(path_type=Path))


@click.group()
def settings() -> None:
    """Check, compare, show and change the classes of service."""


@settings.command("check")
@file_argument
def check(file: Path) -> None:
    """Check the catalogue in FILE. Exit 0 and `ok`, or 1 and every mistake with its line."""
    found = read_catalogue(file, class_problems)
    for mistake in found.mistakes:
        click.echo(mistake)
    if found.mistakes:
        sys.exit(1)
    click.echo(f"ok: {_count(len(found.classes), 'class', 'classes')}, {_count(found.fragments, 'fragment')}")


@settings.command("diff")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="[OLD] NEW")
@click.option(
    "--config", "path", type=click.Path(path_type=Path), help="Compare with what this instance has in force."
)
@output_option
def diff(files: tuple[Path, ...], path: Path | None, output: str) -> None:
    """Say what a modem would notice when NEW takes the place of OLD, or of what is in force.

    Exit 0 if there is nothing, 1 if there is something.
    """
    if len(files) != (2 if path is None else 1):
        raise click.UsageError("name OLD and NEW, or NEW and --config")
    catalogues = [_read(file).sound() for file in files]
    if path is not None:
        catalogues.insert(0, _in_force(load(path))["classes"])
    try:
        found = list(_differences(*catalogues))
    except DocsisError as error:  # files were checked, so another version of ours made what is in force
        raise RemoteError(f"what is in force cannot be compared: {error}") from error
    if found or output != "table":
        table = Table("class", "path", "old", "new", box=None, pad_edge=False)
        for name, (place, old, new) in found:
            table.add_row(name, place, _cell(old), _cell(new))
        show(output, [{"class": name, **one._asdict()} for name, one in found], table)
    sys.exit(1 if found else 0)


@settings.command("show")
@click.argument("name", required=False, metavar="[CLASS]")
@config_option
@output_option
def show_command(name: str | None, path: Path, output: str) -> None:
    """Print the catalogue in force, or one CLASS of it, without fragments.

    As yaml the catalogue is a file that `apply` takes, and a class one that `file encode` takes.
    """
    found = _in_force(load(path))
    classes: Classes = found["classes"]
    if name is None:
        table = Table("class", "kind", "TLVs", "placeholders", box=None, pad_edge=False)
        table.title = f"generation {found['generation']}, {found['digest'][:12] or 'no catalogue'}"
        table.title_justify = "left"
        for one, definition in classes.items():
            kinds = (
                f"{key}:{value['kind']}" for key, value in (definition.get("placeholders") or {}).items()
            )
            table.add_row(one, definition["kind"], str(len(definition["body"])), ", ".join(kinds) or "-")
        show(output, {"classes": classes} if output == "yaml" else found, table)
    elif name in classes:
        table = Table("path", "value", box=None, pad_edge=False)
        for place, value in _leaves(classes[name], ""):
            table.add_row(place, _cell(value))
        show(output, classes[name], table)
    else:
        raise click.BadParameter(f"there is no class {name!r}; there are {', '.join(classes) or 'none'}")


@settings.command("apply")
@file_argument
@config_option
def apply(file: Path, path: Path) -> None:
    """Put the catalogue in FILE in force, whole or not at all, through a running DHCP or MPS instance.

    Exit 0 when it was read back from the settings topic, 78 if it has mistakes, 75 if nobody knows in time.
    """
    config = load(path)
    if config.minter is None:
        raise click.UsageError(f"{config.instance} is a CFM, which only reads: name a DHCP or MPS instance")
    found = _read(file)
    answer = ask(config, {"op": "settings.apply", "classes": found.sound()}, ANSWER_S)
    if "error" in answer:
        raise _refusal(answer, found)
    if answer["applied"]:
        click.echo(f"applied: generation {answer['generation']} (was {answer['was']})")
    else:
        click.echo(f"unchanged: generation {answer['generation']}")


def _read(file: Path) -> CatalogueFile:
    return read_catalogue(file, class_problems)


def _in_force(config: Config) -> dict[str, Any]:
    """Generation, digest and classes, as the instance has them."""
    answer = ask(config, {"op": "settings"})
    if "error" in answer:
        raise RemoteError(f"{config.instance}: {answer.get('detail', answer['error'])}")
    return {key: answer[key] for key in ("generation", "digest", "classes")}


def _refusal(answer: dict[str, Any], found: CatalogueFile) -> Exception:
    """Who must act, as an error with its exit code."""
    detail = answer.get("detail", "")
    if answer["error"] == "bad_settings":
        return ConfigError("\n".join(found.locate(Problem(*one) for one in answer["problems"])))
    if answer["error"] == "indeterminate":
        return TryAgainError(f"indeterminate: {detail}; `provbus settings show` says what is in force")
    return TryAgainError(detail) if answer["error"] == "try_again" else RemoteError(detail)


def _differences(old: Classes, new: Classes) -> Iterator[tuple[str, Difference]]:
    for name in dict.fromkeys((*old, *new)):
        if name not in new:
            yield name, Difference("", "a class", None)
        elif name not in old:
            yield name, Difference("", None, "a class")
        else:
            for one in differences(old[name], new[name]):
                yield name, one


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

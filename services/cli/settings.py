"""`provbus settings`: the catalogue of classes of service, as a file and as it is in force.

A file is checked whole and every mistake is named with its line. What is in force comes from a running
instance over its local socket, and so does what changes it: `apply` hands a catalogue to a sidecar, which
writes it to the settings topic and answers when it has read it back from there. `rollback` has it do the same
with a generation that it keeps.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from services.cli.options import (
    CONFIG_DEFAULT,
    CONFIG_METAVAR,
    config_option,
    load,
    located,
    mib_option,
    names_of,
)
from services.cli.output import Listing, output_option, say, show

if TYPE_CHECKING:
    from services.config.instance import Config
    from services.operator.catalogue_file import Applied
    from services.settings.catalogue import Classes, Rules

file_argument = click.argument("file", type=click.Path(path_type=Path))


def _one_line(_context: click.Context, _option: click.Parameter, comment: str) -> str:
    from services.settings.record import COMMENT_MAX, wrong_line

    if comment and (mistake := wrong_line(comment, COMMENT_MAX)):
        raise click.BadParameter(mistake)
    return comment


reveal_option = click.option(
    "--reveal",
    is_flag=True,
    help="Show secrets, which are masked otherwise; the audit stream says who asked.",
)
comment_option = click.option(
    "--comment",
    metavar="TEXT",
    default="",
    callback=_one_line,
    help="Why, for those who look later: one line.",
)


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
    from services.operator.catalogue_file import read_new, warnings

    names = names_of(directories)
    found = read_new(file, names)
    for line in (*found.mistakes, *warnings(found, names)):
        say(line)
    if found.mistakes:
        sys.exit(1)
    classes, fragments = _count(len(found.classes), "class", "classes"), _count(found.fragments, "fragment")
    say(f"ok: {classes}, {fragments}, {_count(len(found.lookup), 'rule')}")


@settings.command("diff")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="[OLD] NEW")
@click.option(
    "--config",
    "instance",
    metavar=CONFIG_METAVAR,
    type=click.Path(),
    help=f"Without OLD: compare with what this instance has in force. {CONFIG_DEFAULT}",
)
@mib_option
@reveal_option
@output_option
def diff(
    files: tuple[Path, ...],
    instance: str | None,
    directories: tuple[Path, ...],
    reveal: bool,
    output: str,
) -> None:
    """Say what a modem would notice when NEW takes the place of OLD, or of what is in force.

    That a secret differs is said, and not what it is. To compare it with what is in force the instance has
    to reveal it, and its audit stream tells of that.

    Exit 0 if there is nothing, 1 if there is something.
    """
    from services.operator.catalogue_difference import catalogue_differences, catalogue_in_force
    from services.operator.catalogue_file import read

    if len(files) > 2 or (len(files) == 2 and instance is not None):
        raise click.UsageError("name OLD and NEW, or NEW and --config")
    names = names_of(directories)
    catalogues = [read(file, names).sound() for file in files]
    if len(files) == 1:
        catalogues.insert(0, catalogue_in_force(load(located(instance))))
    found = catalogue_differences(*catalogues, reveal=reveal)
    if found or output != "table":
        rows = [(name, place, _cell(before), _cell(after)) for name, (place, before, after) in found]
        document = [{"class": name, **one._asdict()} for name, one in found]
        show(output, document, Listing(("class", "path", "old", "new"), rows))
    sys.exit(1 if found else 0)


@settings.command("show")
@click.argument("name", required=False, metavar="[CLASS]")
@config_option
@reveal_option
@output_option
def show_command(name: str | None, path: Path, reveal: bool, output: str) -> None:
    """Print the catalogue in force, or one CLASS of it, without fragments, and the rules that use each class.

    As yaml the catalogue is a file that `apply` takes, and a class one that `file encode` takes; if it has
    secrets only with --reveal, for a mask is no secret.
    """
    from services.operator.ask import in_force

    found = in_force(load(path), reveal=reveal)
    classes: Classes = found["classes"]
    if name is None:
        file = {key: found[key] for key in ("classes", "lookup")}
        tables = (_classes(found), *_rules(found["lookup"]), *_change(found))
        show(output, file if output == "yaml" else found, *tables)
    elif name in classes:
        rows = [(place, _cell(value)) for place, value in _leaves(classes[name], "")]
        show(output, classes[name], Listing(("path", "value"), rows))
    else:
        raise click.BadParameter(f"there is no class {name!r}; there are {', '.join(classes) or 'none'}")


@settings.command("apply")
@file_argument
@mib_option
@comment_option
@config_option
def apply_command(file: Path, directories: tuple[Path, ...], comment: str, path: Path) -> None:
    """Put the catalogue in FILE in force, whole or not at all, through a running DHCP or MPS instance.

    Names that only the MIBs know go out as numbers, for no instance has those MIBs.

    Exit 0 when it was read back from the settings topic, 78 if it has mistakes, 75 if nobody knows in time.
    """
    from services.operator.catalogue_file import apply, read_new, warnings

    config = _writer(path)
    names = names_of(directories)
    found = read_new(file, names)
    if not found.mistakes:
        for line in warnings(found, names):
            say(f"provbus: {line}", err=True)
    _tell(apply(config, found, comment))


@settings.command("history")
@config_option
@output_option
def history_command(path: Path, output: str) -> None:
    """Print the generations of the settings that an instance keeps, the newest first.

    An instance keeps those that it has read: the last 50, and at most 8 MiB of them.
    """
    from services.operator.ask import history

    found = history(load(path))
    columns = ("generation", "in force", "time", "author", "comment", "digest", "classes")
    show(output, found, Listing(columns, map(_past, found)))


@settings.command("rollback")
@click.argument("generation", type=click.IntRange(1, 0xFFFFFFFF), metavar="GENERATION")
@comment_option
@config_option
def rollback_command(generation: int, comment: str, path: Path) -> None:
    """Put the classes and rules of a former GENERATION in force again, as a new generation, through a running
    DHCP or MPS instance.

    Exit 0 when it was read back from the settings topic, 78 if that generation is not kept, has mistakes or
    is in force, 75 if nobody knows in time.
    """
    from services.operator.catalogue_file import roll_back

    _tell(roll_back(_writer(path), generation, comment))


def _writer(path: Path) -> "Config":
    """The configuration of an instance that may write settings."""
    config = load(path)
    if config.minter is None:
        raise click.UsageError(f"{config.instance} is a CFM, which only reads: name a DHCP or MPS instance")
    return config


def _tell(applied: "Applied") -> None:
    if applied.was is None:
        say(f"unchanged: generation {applied.generation}")
    else:
        say(f"applied: generation {applied.generation} (was {applied.was})")


def _past(found: dict[str, Any]) -> tuple[str, ...]:
    """A generation of the history, as a row."""
    return (
        str(found["generation"]),
        "yes" if found["in_force"] else "",
        _time(found["time_ms"]),
        found["author"] or "-",
        found["comment"],
        found["digest"][:12],
        str(found["classes"]),
    )


def _classes(found: dict[str, Any]) -> Listing:
    rows = []
    for name, one in found["classes"].items():
        kinds = (f"{key}:{value['kind']}" for key, value in (one.get("placeholders") or {}).items())
        rows.append((name, one["kind"], str(len(one["body"])), ", ".join(kinds) or "-"))
    title = f"generation {found['generation']}, {found['digest'][:12] or 'no catalogue'}"
    return Listing(("class", "kind", "TLVs", "placeholders"), rows, title)


def _rules(lookup: "Rules") -> Iterator[Listing]:
    """The table of the rules as written, if there are any; a CFM also keeps those that we do not know."""
    if lookup:
        rows = []
        for rule in lookup:
            keys = (_key(name, value) for name, value in rule.items() if name not in ("class", "values"))
            rows.append((", ".join(keys), _cell(rule.get("class")), _cell(rule.get("values"))))
        yield Listing(("rule", "class", "values"), rows)


def _change(found: dict[str, Any]) -> Iterator[Listing]:
    if found["author"]:
        cells = (_time(found["time_ms"]), found["author"], found["comment"])
        yield Listing(("changed", "author", "comment"), [cells])


def _key(name: str, value: Any) -> str:
    """The key of a rule, a device in it as a CMTS prints it."""
    from bus.device import device_text, parse_device

    try:
        return f"{name} {device_text(parse_device(value)) if name == 'mac' else value}"
    except (TypeError, ValueError):
        return f"{name} {value}"  # a rule of another version of ours


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every value of a definition with its path; a TLV without sub-TLVs is one value."""
    from services.docsis.text.body import unmarked

    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        for at, entry in enumerate(map(unmarked, value)):
            name, inner = next(iter(entry.items()))
            is_named = len(entry) == 1
            yield from _leaves(inner if is_named else entry, f"{path}[{at}]{f'.{name}' if is_named else ''}")
    elif isinstance(value, dict) and path in ("", "placeholders"):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}".lstrip("."))
    else:
        yield path, value


def _cell(value: Any) -> str:
    """A value on one line, as a file would say it."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    import yaml

    line: str = yaml.safe_dump(value, default_flow_style=True, width=sys.maxsize)
    return line.removesuffix("...\n").strip()


def _time(time_ms: int) -> str:
    """A Unix time as people write it, in UTC; `-` if it is not known."""
    if not time_ms:
        return "-"
    try:
        return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError):  # a clock that was far off
        return f"{time_ms} ms"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"

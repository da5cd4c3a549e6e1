"""What the commands of `provbus file` share: the files they are given, and where they write."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import click

from bus.errors import BusyError
from services.cli.output import say

UNWRITTEN_MAX = 20
"""How many files the last line of a command lists."""

STDIN = "-"
STDIN_STEM = "stdin"
"""What a file made of standard input is called in a directory."""

files_argument = click.argument("files", nargs=-1, required=True, type=click.Path())


class Destination(NamedTuple):
    """Where to write: a file, or a directory that is there or is meant (`plans/`)."""

    path: Path
    is_directory: bool


def _destination(context: click.Context, option: click.Parameter, value: str | None) -> Destination | None:
    # A Path has lost the slash by which a directory is told that is not there yet.
    return None if value is None else Destination(Path(value), value.endswith("/") or Path(value).is_dir())


output_path = click.option(
    "-o",
    "--output",
    type=click.Path(),
    callback=_destination,
    help="Where to write: a file, or a directory (DIR/), which many files take.",
)


_FORMS: Final = (
    # What it is, how it is recognised, the command that reads it.
    ("a document", re.compile(rb"(?m)^kind:\s*(?:cm|mta)\b"), "file encode"),
    ("a text of the docsis tool", re.compile(rb"(?i)\A[^\0]*\bmain\s*\{"), "file import --from docsis"),
    ("a configuration file", re.compile(rb"[\x00-\x08\x0e-\x1f]"), "file decode"),
)


def for_another(data: bytes, command: str) -> str:
    """The end of a sentence on a file that `command` cannot read: the command that can; empty if none can."""
    for form, pattern, reader in _FORMS:
        if pattern.search(data):
            return "" if reader == command else f"is {form}: `provbus {reader}` reads it"
    return ""


def echo_unwritten(names: Sequence[str], count: int, form: str) -> None:
    """Print the last line of a command that did not write `names` of its `count` files."""
    if names:
        shown = ", ".join(names[:UNWRITTEN_MAX])
        more = f" and {len(names) - UNWRITTEN_MAX} more" if len(names) > UNWRITTEN_MAX else ""
        say(f"provbus: {len(names)} of {count} {form} not written: {shown}{more}", err=True)


def read_file(name: str, size_bytes_max: int) -> bytes:
    """The bytes of a file, at most one more than the limit: enough to see that it is exceeded."""
    with click.open_file(name, "rb") as stream:
        return bytes(stream.read(size_bytes_max + 1))


def write_files(
    contents: Mapping[str, bytes],
    output: Destination | None,
    suffix: Callable[[str], str],
    *,
    directory: bool = False,
) -> None:
    """Write files to standard output, to one file, or each under its own name into a directory."""
    if output is None:
        for content in contents.values():
            click.echo(content, nl=False)
        return
    targets = dict.fromkeys(contents, output.path)
    try:
        if directory or len(contents) > 1 or output.is_directory:
            targets = _targets(contents, output.path, suffix)
            output.path.mkdir(parents=True, exist_ok=True)
        for name, target in targets.items():
            target.write_bytes(contents[name])
    except OSError as error:
        raise BusyError(f"cannot write {error.filename}: {error.strerror}") from error


def _targets(names: Iterable[str], directory: Path, suffix: Callable[[str], str]) -> dict[str, Path]:
    """The file that each is written to; two that would be one are wrong usage."""
    names_by_target: dict[Path, str] = {}
    for name in names:
        target = directory / f"{STDIN_STEM if name == STDIN else Path(name).stem}{suffix(name)}"
        other = names_by_target.setdefault(target, name)
        if other != name:
            raise click.UsageError(f"{other} and {name} would both be {target}: give each a call of its own")
    return {name: target for target, name in names_by_target.items()}

"""What the commands of `provbus file` share: the files they are given, and where they write."""

from collections.abc import Callable, Mapping
from pathlib import Path

import click

from bus.errors import BusyError

STDIN = "-"

files_argument = click.argument("files", nargs=-1, required=True, type=click.Path())
output_path = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Where to write: a file, or a directory, which many files take.",
)


def read_file(name: str, size_bytes_max: int) -> bytes:
    """At most one byte more than the limit, which is enough to see that it is exceeded."""
    with click.open_file(name, "rb") as stream:
        return bytes(stream.read(size_bytes_max + 1))


def write_files(
    contents: Mapping[str, bytes],
    output: Path | None,
    suffix: Callable[[str], str],
    *,
    directory: bool = False,
) -> None:
    """To standard output, to one file, or each to a file of its own name in a directory."""
    if output is None:
        for content in contents.values():
            click.echo(content, nl=False)
        return
    try:
        if not (directory or len(contents) > 1 or output.is_dir()):
            for content in contents.values():
                output.write_bytes(content)
            return
        output.mkdir(parents=True, exist_ok=True)
        targets = {name: output / f"{_stem(name)}{suffix(name)}" for name in contents}
        if len(set(targets.values())) < len(targets):
            raise click.UsageError("two files would get the same name; encode them one by one")
        for name, target in targets.items():
            target.write_bytes(contents[name])
    except OSError as error:
        raise BusyError(f"cannot write {error.filename}: {error.strerror}") from error


def _stem(name: str) -> str:
    return "stdin" if name == STDIN else Path(name).stem

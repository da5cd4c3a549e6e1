"""`provbus file`: configuration files by themselves."""

from collections.abc import Sequence
from pathlib import Path

import click

from bus.config.secret_file import read_secret
from bus.errors import ConfigError, UnavailableError
from services.cli.file.arguments import (
    Destination,
    echo_unwritten,
    files_argument,
    for_another,
    output_path,
    read_file,
    write_files,
)
from services.cli.options import mib_option, names_of
from services.cli.output import output_option, say
from services.docsis.checks.mic import HASH_OBJECT, NO_HASH
from services.docsis.errors import DocsisError
from services.docsis.tlv import FILE_BYTES_MAX

TOOLS = ("docsis",)
"""Whose texts can be read."""

NOTHING_READ = 2
"""The exit code of wrong usage: not one of the files could be read."""


@click.group()
def file() -> None:
    """Read, write and check DOCSIS and PacketCable configuration files."""


@file.command("encode")
@files_argument
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path),
    multiple=True,
    help="The shared secret of the CMTS; a trailing line end is not part of it. The first one signs.",
)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="The value of a placeholder.")
@click.option("--class", "class_name", metavar="NAME", help="The class to build, of a catalogue.")
@click.option("--as-is", is_flag=True, help="Build what a CMTS would reject all the same; it is only said.")
@mib_option
@output_path
def encode_files(
    files: tuple[str, ...],
    secret_file: tuple[Path, ...],
    settings: tuple[str, ...],
    class_name: str | None,
    as_is: bool,
    directories: tuple[Path, ...],
    output: Destination | None,
) -> None:
    """Build files from documents (YAML): MICs, hash, end and padding are computed. Of a catalogue the file of
    one class is built, without what each download adds.

    What a CMTS would reject is an error; what is unwise is a warning, which a document silences by its code.
    A digest in the extended CMTS MIC (43.6.3) is written as it stands; nothing computes it.
    """
    from services.cli.file.encoding import encode

    if len(files) > 1 and output is None:
        raise click.UsageError("many files take a directory: -o DIRECTORY")
    secrets = _secrets(secret_file)
    encode(files, secrets, settings, class_name, as_is, names_of(directories), output)


@file.command("decode")
@files_argument
@mib_option
@output_path
def decode_files(files: tuple[str, ...], directories: tuple[Path, ...], output: Destination | None) -> None:
    """Print files as documents (YAML) that encode to the same bytes. Exit 1 if one cannot be read."""
    from services.cli.file.yaml_document import dump_document
    from services.docsis.text.document import decode_document
    from services.docsis.text.plain import named

    names = names_of(directories)
    texts: dict[str, bytes] = {}
    for name in files:
        try:
            data = read_file(name, FILE_BYTES_MAX)
        except OSError as error:
            say(f"provbus: {_reason(name, error)}", err=True)
            continue
        try:
            definition, warning = decode_document(data)
        except DocsisError as error:
            other = for_another(data, "file decode")
            say(f"provbus: {name} {other}" if other else f"provbus: {_reason(name, error)}", err=True)
            continue
        if warning:
            say(f"provbus: {name}: warning: {warning}", err=True)
        texts[name] = dump_document(named(definition, names), first=not texts or output is not None).encode()
    write_files(texts, output, lambda _: ".yaml", directory=len(files) > 1)
    unwritten = [name for name in dict.fromkeys(files) if name not in texts]
    echo_unwritten(unwritten, len(set(files)), "files")
    raise SystemExit(bool(unwritten))


@file.command("verify")
@files_argument
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path),
    multiple=True,
    required=True,
    help="The shared secret of the CMTS; a trailing line end is not part of it. May be given twice.",
)
def verify_files(files: tuple[str, ...], secret_file: tuple[Path, ...]) -> None:
    """Check MICs and hashes as a modem and its CMTS would. Exit 1 if any file is neither ok nor no-hash.

    A telephone adapter's file without a hash is no-hash: nothing in it says that it is whole.
    A digest in the extended CMTS MIC (43.6.3) is not judged.
    """
    from services.docsis.checks.verify import PASSED, verify

    secrets = _secrets(secret_file)
    verdicts = []
    for name in files:
        try:
            verdicts.append(verify(read_file(name, FILE_BYTES_MAX), secrets))
        except OSError as error:
            say(f"provbus: {_reason(name, error)}", err=True)
        else:
            say(f"{name}: {verdicts[-1]}" if len(files) > 1 else verdicts[-1])
    if not verdicts:
        raise SystemExit(NOTHING_READ)
    raise SystemExit(len(verdicts) < len(files) or not PASSED.issuperset(verdicts))


@file.command("import")
@click.option(
    "--from", "tool", type=click.Choice(TOOLS), required=True, help="The tool that the texts are of."
)
@click.option(
    "--hash",
    "model",
    type=click.Choice([*HASH_OBJECT, NO_HASH]),
    default=NO_HASH,
    show_default=True,
    help="The hash of PacketCable files: what -na, -eu or neither asks the docsis tool for.",
)
@click.option("--class", "as_classes", is_flag=True, help="Write one catalogue with a class for each text.")
@files_argument
@mib_option
@output_path
def import_command(
    files: tuple[str, ...],
    tool: str,
    model: str,
    as_classes: bool,
    directories: tuple[Path, ...],
    output: Destination | None,
) -> None:
    """Turn texts of another tool into documents (YAML) that encode to the bytes that it would write.

    What cannot be said is named with its line, and the other files are written. Exit 1 if there is any.
    With --class texts that differ only in values become one class with placeholders, and what classes have in
    common becomes fragments: a proposal that `settings check` takes. What is written names the objects of
    --mib, so whatever reads it takes the same --mib.
    """
    from services.cli.file.foreign_texts import import_texts

    unwritten = import_texts(files, model, as_classes, names_of(directories), output)
    echo_unwritten(unwritten, len(set(files)), "texts")
    raise SystemExit(bool(unwritten))


@file.command("tlvs")
@click.argument("which", required=False, metavar="[NAME|NUMBER]")
@output_option
def tlvs(which: str | None, output: str) -> None:
    """Print the TLVs that have a name: all, those of a NAME, or a NUMBER with what is below it.

    A NAME that no TLV has is looked for in their names, and among those of the `docsis` tool.
    """
    from services.cli.file.tlvs import list_tlvs

    list_tlvs(which, output)


def _secrets(files: Sequence[Path]) -> list[bytes]:
    """The secrets in these files; `ConfigError` for one that cannot be read."""
    try:
        return [read_secret(path) for path in files]
    except UnavailableError as error:
        raise ConfigError(str(error)) from error


def _reason(name: str, error: OSError | DocsisError) -> str:
    return f"{name}: {error}" if isinstance(error, DocsisError) else f"cannot read {name}: {error.strerror}"

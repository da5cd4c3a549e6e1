"""`provbus file`: configuration files by themselves."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from bus.errors import ConfigError, UnavailableError
from bus.secret_file import read_secret
from services.cli.document import LoadedDocument, dump_document, load_document
from services.cli.file_import import import_texts
from services.cli.file_tlvs import list_tlvs
from services.cli.files import (
    Destination,
    echo_unwritten,
    files_argument,
    for_another,
    output_path,
    read_file,
    write_files,
)
from services.cli.mib import mib_option, read_names
from services.docsis.document import Document, decode_document
from services.docsis.errors import DocsisError
from services.docsis.names import Names
from services.docsis.plain import named
from services.docsis.tlv import FILE_BYTES_MAX
from services.docsis.verify import PASSED, verify

TEXT_BYTES_MAX = 64 * FILE_BYTES_MAX
"""Of a document: the wordiest TLV takes some 60 characters for its two or three bytes."""

NOTHING_READ = 2
"""The exit code of wrong usage: not one of the files could be read."""


@click.group()
def file() -> None:
    """Read, write and check DOCSIS and PacketCable configuration files."""


file.add_command(import_texts)
file.add_command(list_tlvs)


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
    if len(files) > 1 and output is None:
        raise click.UsageError("many files take a directory: -o DIRECTORY")
    secrets = _secrets(secret_file)
    names = read_names(directories)
    documents = _documents(files, names, class_name)
    if not secrets and any(loaded.document.signed for loaded in documents.values()):
        raise click.UsageError("a modem's file is signed: give --secret-file")
    built = {}
    mistakes = []
    for name, loaded in documents.items():
        values = _values(name, loaded.document, settings)
        built[name] = _build(name, loaded.document, secrets, values)
        rejected, unwise = loaded.judged(values)
        mistakes += [] if as_is else rejected
        for line in (*(rejected if as_is else ()), *unwise):
            click.echo(f"provbus: {line}", err=True)
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    write_files(built, output, lambda name: f".{documents[name].document.kind}")


def _documents(files: Iterable[str], names: Names, class_name: str | None) -> dict[str, LoadedDocument]:
    """The documents of all these files by name; `ConfigError` with every mistake in any of them."""
    documents: dict[str, LoadedDocument] = {}
    mistakes = []
    for name in files:
        try:
            text = read_file(name, TEXT_BYTES_MAX)
        except OSError as error:
            mistakes.append(f"cannot read {name}: {error.strerror}")
            continue
        try:
            documents[name] = _document(name, text, names, class_name)
        except ConfigError as error:
            other = for_another(text, "file encode")
            mistakes.append(f"{name} {other}" if other else str(error))
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return documents


def _document(name: str, text: bytes, names: Names, class_name: str | None) -> LoadedDocument:
    """The document of a file's text; `ConfigError` if there is none."""
    if len(text) > TEXT_BYTES_MAX:
        raise ConfigError(f"{name} exceeds the limit of {TEXT_BYTES_MAX} bytes")
    try:
        decoded = text.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name} is not text in UTF-8") from error
    return load_document(decoded, name, names, class_name=class_name)


@file.command("decode")
@files_argument
@mib_option
@output_path
def decode_files(files: tuple[str, ...], directories: tuple[Path, ...], output: Destination | None) -> None:
    """Print files as documents (YAML) that encode to the same bytes. Exit 1 if one cannot be read."""
    names = read_names(directories)
    texts: dict[str, bytes] = {}
    for name in files:
        try:
            data = read_file(name, FILE_BYTES_MAX)
        except OSError as error:
            click.echo(f"provbus: {_reason(name, error)}", err=True)
            continue
        try:
            definition, warning = decode_document(data)
        except DocsisError as error:
            other = for_another(data, "file decode")
            click.echo(f"provbus: {name} {other}" if other else f"provbus: {_reason(name, error)}", err=True)
            continue
        if warning:
            click.echo(f"provbus: {name}: warning: {warning}", err=True)
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
    secrets = _secrets(secret_file)
    verdicts = []
    for name in files:
        try:
            verdicts.append(verify(read_file(name, FILE_BYTES_MAX), secrets))
        except OSError as error:
            click.echo(f"provbus: {_reason(name, error)}", err=True)
        else:
            click.echo(f"{name}: {verdicts[-1]}" if len(files) > 1 else verdicts[-1])
    if not verdicts:
        raise SystemExit(NOTHING_READ)
    raise SystemExit(len(verdicts) < len(files) or not PASSED.issuperset(verdicts))


def _secrets(files: Sequence[Path]) -> list[bytes]:
    """The secrets in these files. Whoever names a file on the command line has it: `ConfigError`."""
    try:
        return [read_secret(path) for path in files]
    except UnavailableError as error:
        raise ConfigError(str(error)) from error


def _reason(name: str, error: OSError | DocsisError) -> str:
    return f"{name}: {error}" if isinstance(error, DocsisError) else f"cannot read {name}: {error.strerror}"


def _values(name: str, document: Document, settings: Iterable[str]) -> dict[str, object]:
    """The values of placeholders as they are given on the command line; `ConfigError` if one is missing."""
    numbers = {placeholder.name for placeholder in document.placeholders if placeholder.is_number}
    values: dict[str, object] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise click.UsageError(f"--set takes NAME=VALUE, not {setting!r}")
        values[key] = int(text) if key in numbers and text.isdecimal() and len(text) < 20 else text
    known = {placeholder.name: placeholder.default for placeholder in document.placeholders}
    if unknown := [key for key in values if key not in known]:
        listed = ", ".join(known) or "none"
        raise ConfigError(f"{name}: there is no placeholder {unknown[0]!r}; there are {listed}")
    if missing := [key for key, default in known.items() if default is None and key not in values]:
        raise ConfigError(f"{name}: has placeholders without a default: give --set {missing[0]}=VALUE")
    return values


def _build(name: str, document: Document, secrets: list[bytes], values: dict[str, object]) -> bytes:
    try:
        return document.build(values, secrets[0] if secrets else b"")
    except DocsisError as error:
        raise ConfigError(f"{name}: {error}") from error

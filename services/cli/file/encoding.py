"""Files from documents: what `provbus file encode` does."""

from collections.abc import Iterable, Sequence

import click

from bus.errors import ConfigError
from services.cli.file.arguments import Destination, for_another, read_file, write_files
from services.cli.file.yaml_document import LoadedDocument, load_document
from services.cli.output import say
from services.docsis.errors import DocsisError
from services.docsis.mib.names import Names
from services.docsis.text.document import Document
from services.docsis.tlv import FILE_BYTES_MAX

TEXT_BYTES_MAX = 64 * FILE_BYTES_MAX
"""Of a document: the wordiest TLV takes some 60 characters for its two or three bytes."""


def encode(
    files: Iterable[str],
    secrets: Sequence[bytes],
    settings: Iterable[str],
    class_name: str | None,
    as_is: bool,
    names: Names,
    output: Destination | None,
) -> None:
    """Build the files and write them; nothing is written if there is a mistake in any of them, and
    `ConfigError` has them all.

    The first secret signs. `as_is` builds also what a CMTS would reject.
    """
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
            say(f"provbus: {line}", err=True)
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


def _build(name: str, document: Document, secrets: Sequence[bytes], values: dict[str, object]) -> bytes:
    try:
        return document.build(values, secrets[0] if secrets else b"")
    except DocsisError as error:
        raise ConfigError(f"{name}: {error}") from error

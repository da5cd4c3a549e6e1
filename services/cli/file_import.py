"""`provbus file import`: texts of another tool as documents, or as one catalogue."""

from collections.abc import Mapping
from pathlib import Path

import click

from services.cli.document import Comments, annotate, dump_document
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
from services.docsis.definition import NO_HASH
from services.docsis.foreign.classes import Source, catalogue, class_problems
from services.docsis.foreign.problem import Remark
from services.docsis.foreign.text import TEXT_BYTES_MAX, Imported, Place, read_text
from services.docsis.mic import HASH_OBJECT
from services.docsis.names import Names

TOOLS = ("docsis",)
"""Whose texts can be read."""

NOTES_MAX = 20
"""Per file; who has more of them has one kind of them."""


@click.command("import")
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
def import_texts(
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
    names = read_names(directories)
    found = read_texts(files, model, names)
    if as_classes:
        found = {name: imported for name, imported in found.items() if _may_be_class(name, imported, names)}
        texts = {"catalogue": _catalogue(found, names)} if found else {}
    else:
        texts = {}
        for name, imported in found.items():
            first = not texts or output is not None
            texts[name] = _noted(dump_document(imported.definition, first=first), imported.places)
    write_files(texts, output, lambda _: ".yaml", directory=len(files) > 1 and not as_classes)
    unwritten = [name for name in dict.fromkeys(files) if name not in found]
    echo_unwritten(unwritten, len(set(files)), "texts")
    raise SystemExit(bool(unwritten))


def read_texts(files: tuple[str, ...], model: str, names: Names) -> dict[str, Imported]:
    """The texts that are whole, by file. What is wrong with the others goes to standard error."""
    found: dict[str, Imported] = {}
    for name in files:
        try:
            data = read_file(name, TEXT_BYTES_MAX)
        except OSError as error:
            click.echo(f"provbus: cannot read {name}: {error.strerror}", err=True)
            continue
        imported, problems = read_text(data, model, names)
        if imported is None and (other := for_another(data, "file import --from docsis")):
            click.echo(f"provbus: {name} {other}", err=True)
            continue
        _say(name, problems)
        if imported is not None:
            _say(name, imported.notes[:NOTES_MAX], mark="note: ")
            if len(imported.notes) > NOTES_MAX:
                click.echo(f"provbus: {name}: note: {len(imported.notes) - NOTES_MAX} more notes", err=True)
            found[name] = imported
    return found


def _may_be_class(name: str, imported: Imported, names: Names) -> bool:
    wrong = class_problems(imported, names)
    _say(name, wrong)
    return not wrong


def _catalogue(found: Mapping[str, Imported], names: Names) -> bytes:
    made = catalogue([Source(file, imported) for file, imported in found.items()], names)
    for name, draft in made.drafts.items():
        if name != Path(draft.file).stem:
            click.echo(f"provbus: {draft.file}: note: its class is named {name}", err=True)
    return _noted(dump_document(made.content), made.places)


def _noted(text: str, places: Mapping[str, Place]) -> bytes:
    comments = {path: Comments(place.above, place.below) for path, place in places.items()}
    return annotate(text, comments).encode()


def _say(name: str, remarks: list[Remark], *, mark: str = "") -> None:
    for remark in remarks:
        click.echo(f"provbus: {name}:{remark.line}: {mark}{remark.sentence}", err=True)

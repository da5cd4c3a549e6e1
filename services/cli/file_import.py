"""`provbus file import`: texts of another tool as documents, or as one catalogue."""

from pathlib import Path

import click

from services.cli.document import Comments, annotate, dump_document
from services.cli.files import files_argument, output_path, read_file, write_files
from services.docsis.definition import NO_HASH
from services.docsis.foreign.problem import Remark
from services.docsis.foreign.text import TEXT_BYTES_MAX, Imported, read_text
from services.docsis.mic import HASH_OBJECT

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
@files_argument
@output_path
def import_texts(files: tuple[str, ...], tool: str, model: str, output: Path | None) -> None:
    """Turn texts of another tool into documents (YAML) that encode to the bytes that it would write.

    What cannot be said is named with its line, and the other files are written. Exit 1 if there is any.
    """
    found = read_texts(files, model)
    documents: dict[str, bytes] = {}
    for name, imported in found.items():
        text = dump_document(imported.definition, first=not documents or output is not None)
        comments = {path: Comments(place.above, place.below) for path, place in imported.places.items()}
        documents[name] = annotate(text, comments).encode()
    write_files(documents, output, lambda _: ".yaml", directory=len(files) > 1)
    raise SystemExit(len(found) < len(set(files)))


def read_texts(files: tuple[str, ...], model: str) -> dict[str, Imported]:
    """The texts that are whole, by file. What is wrong with the others goes to standard error."""
    found: dict[str, Imported] = {}
    for name in files:
        try:
            imported, problems = read_text(read_file(name, TEXT_BYTES_MAX), model)
        except OSError as error:
            click.echo(f"provbus: cannot read {name}: {error.strerror}", err=True)
            continue
        _say(name, problems)
        if imported is not None:
            _say(name, imported.notes[:NOTES_MAX])
            if len(imported.notes) > NOTES_MAX:
                click.echo(f"provbus: {name}: and {len(imported.notes) - NOTES_MAX} notes more", err=True)
            found[name] = imported
    return found


def _say(name: str, remarks: list[Remark]) -> None:
    for remark in remarks:
        click.echo(f"provbus: {name}:{remark}", err=True)

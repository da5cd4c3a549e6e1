"""Texts of another tool as documents, or as one catalogue: what `provbus file import` does."""

from collections.abc import Mapping
from pathlib import Path

from services.cli.file.arguments import Destination, for_another, read_file, write_files
from services.cli.file.yaml_document import Comments, annotate, dump_document
from services.cli.output import say
from services.docsis.foreign.merging import Source, catalogue, class_problems
from services.docsis.foreign.problem import ImportRemark
from services.docsis.foreign.text import TEXT_BYTES_MAX, EntryComments, Imported, read_text
from services.docsis.mib.names import Names

NOTES_MAX = 20
"""Per file; who has more of them has one kind of them."""


def import_texts(
    files: tuple[str, ...], model: str, as_classes: bool, names: Names, output: Destination | None
) -> list[str]:
    """Write these texts as documents, or as one catalogue; the files of those that cannot be said."""
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
    return [name for name in dict.fromkeys(files) if name not in found]


def read_texts(files: tuple[str, ...], model: str, names: Names) -> dict[str, Imported]:
    """The texts that are whole, by file. What is wrong with the others goes to standard error."""
    found: dict[str, Imported] = {}
    for name in files:
        try:
            data = read_file(name, TEXT_BYTES_MAX)
        except OSError as error:
            say(f"provbus: cannot read {name}: {error.strerror}", err=True)
            continue
        imported, problems = read_text(data, model, names)
        if imported is None and (other := for_another(data, "file import --from docsis")):
            say(f"provbus: {name} {other}", err=True)
            continue
        _say(name, problems)
        if imported is not None:
            _say(name, imported.notes[:NOTES_MAX], mark="note: ")
            if len(imported.notes) > NOTES_MAX:
                say(f"provbus: {name}: note: {len(imported.notes) - NOTES_MAX} more notes", err=True)
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
            say(f"provbus: {draft.file}: note: its class is named {name}", err=True)
    return _noted(dump_document(made.content), made.places)


def _noted(text: str, places: Mapping[str, EntryComments]) -> bytes:
    comments = {path: Comments(place.above, place.below) for path, place in places.items()}
    return annotate(text, comments).encode()


def _say(name: str, remarks: list[ImportRemark], *, mark: str = "") -> None:
    for remark in remarks:
        say(f"provbus: {name}:{remark.line}: {mark}{remark.sentence}", err=True)

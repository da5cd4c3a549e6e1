"""A text of the `docsis` tool as a document, with its comments.

Theory of operation
-------------------
The settings are encoded to the TLVs that the tool writes, and these are decoded as those of any file are
(`services.docsis.text.decode`). So a document encodes to the tool's file by construction, and a TLV without a
name here is kept as `{tlv: N, hex: "..."}`, with its original text as a comment.

The tool's print of a file is a text, too. The MICs in its comments are left out, and the CM MIC tells whether
the text was changed since.

A PacketCable text has a hash only if its encoder asks the tool for one, so the document has none unless
`model` says so. A text that the tool printed of a file holds the hash as its last setting: if it is right for
the settings before it, the document names its kind, and `file encode` computes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from services.docsis.checks.mic import NO_HASH, cm_mic
from services.docsis.errors import PROBLEMS_MAX, DocsisError
from services.docsis.foreign.lexer import Comment, scan
from services.docsis.foreign.problem import ImportRemark
from services.docsis.foreign.statement import Statement, parse
from services.docsis.foreign.tool_bytes import Encoded, Encoding, frame
from services.docsis.mib.names import BUILT_IN, Names
from services.docsis.text.decode import Item, decode_runs
from services.docsis.text.document import compile_document, decode_document
from services.docsis.text.plain import named
from services.docsis.tlv import MTA_CLOSING, MTA_OPENING, FileKind, write

TEXT_BYTES_MAX: Final = 1 << 20
"""The limit of a text; a file of 64 KiB takes some ten bytes of text per byte, and comments."""

WRITTEN_CHARACTERS_MAX: Final = 200
"""The length to which the comment on a setting without a name is cut."""

_MIC = re.compile(r"(CmMic|CmtsMic) ([0-9a-fA-F]{32});?")
_MAIN = re.compile(rb"(?i)\bmain\b")
"""Without it no message repeats any of the text: it may be any file, such as a secret."""

_MARKERS: Final = frozenset({("Pad",), ("EndOfDataMkr",)})


class EntryComments(NamedTuple):
    """The line of an entry, the comments above it, and those below it at the end of its list."""

    line: int
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()


class Imported(NamedTuple):
    """A document, and its places by path (`body[3].upstream_service_flow[0]`; empty: the whole).

    `notes` are remarks that are no mistakes.
    """

    definition: dict[str, object]
    places: dict[str, EntryComments]
    notes: list[ImportRemark]


def read_text(
    data: bytes, model: str = NO_HASH, names: Names = BUILT_IN
) -> tuple[Imported | None, list[ImportRemark]]:
    """The document of a text, or None and the mistakes, at most PROBLEMS_MAX, by line.

    `model` is a key of `services.docsis.checks.mic.HASH_OBJECT`, or NO_HASH; a modem's file has no hash. The
    text may name the objects of `names`, and the document names them.
    """
    if len(data) > TEXT_BYTES_MAX:
        return None, [ImportRemark(1, "", f"the text exceeds the limit of {TEXT_BYTES_MAX} bytes")]
    if not _MAIN.search(data):
        return None, [ImportRemark(1, "", "a text of the tool begins with `Main {`")]
    found = scan(data)
    kept = [comment for comment in found.comments if not _is_printed(comment)]
    main, problems = parse(found._replace(comments=kept))
    framed = frame(main, problems)
    encoding = Encoding(framed.kind, names)
    encoded = encoding.block(framed.statements, above=framed.above)
    problems += encoding.problems
    if problems:
        return None, sorted(problems, key=lambda one: one.line)[:PROBLEMS_MAX]
    body = b"".join(write(one.tlv, framed.kind) for one in encoded)
    notes = [*_notes_on_mics(found.comments, body), *encoding.notes]
    whole = EntryComments(main.line, tuple(main.above), (*framed.below, *main.below))
    imported, problems = _imported(framed.kind, model, whole, encoded, notes)
    if imported is not None:
        imported = imported._replace(definition=named(imported.definition, names))
    return imported, problems


def _imported(
    kind: FileKind, model: str, whole: EntryComments, encoded: list[Encoded], notes: list[ImportRemark]
) -> tuple[Imported | None, list[ImportRemark]]:
    definition: dict[str, object] = {"kind": kind}
    if kind == "mta":
        found = _hash_at_end(encoded)
        if found != NO_HASH and model in (NO_HASH, found):
            hashed = encoded.pop().statement
            notes.append(
                ImportRemark(hashed.line, hashed.name, "is left out: `file encode` computes the hash")
            )
            model = found
        definition["hash"] = model
    places = {"": whole}
    body: list[Item] = []
    at = 0
    for item, count in decode_runs([one.tlv for one in encoded], kind):
        _note_places(places, item, encoded[at : at + count], f"body[{len(body)}]")
        body.append(item)
        at += count
    definition["body"] = body
    errors = compile_document(definition)[1]
    if errors:
        return None, [located(error, places) for error in errors]
    return Imported(definition, places, notes), []


def _note_places(places: dict[str, EntryComments], item: Item, run: Sequence[Encoded], path: str) -> None:
    """Note the places of an entry and of its group's entries. If it is no group, the comments move up."""
    first = run[0]
    name, inner = next(iter(item.items()))
    if len(run) == 1 and isinstance(inner, list) and len(inner) == len(first.children):
        statement = first.statement
        places[path] = EntryComments(statement.line, first.above)
        for at, (child, child_item) in enumerate(zip(first.children, inner, strict=True)):
            _note_places(places, child_item, [child], f"{path}.{name}[{at}]")
        if statement.below:
            last = f"{path}.{name}[{len(inner) - 1}]"
            places[last] = places[last]._replace(below=tuple(statement.below))
        return
    above = [line for one in run for line in one.comments()]
    if any(one.children for one in run) or ("tlv" in item and not first.is_generic):
        above += (_written(one.statement) for one in run)
    places[path] = EntryComments(first.statement.line, tuple(above))


def _written(statement: Statement) -> str:
    text = statement.text()
    text = text if text.isprintable() else text.encode("unicode_escape").decode()
    return text if len(text) <= WRITTEN_CHARACTERS_MAX else text[:WRITTEN_CHARACTERS_MAX] + "…"


def _hash_at_end(encoded: Sequence[Encoded]) -> str:
    """The kind of the hash at the end of a text, NO_HASH if there is none or it is wrong."""
    settings = (write(one.tlv, "mta") for one in encoded)
    try:
        decoded = decode_document(b"".join((MTA_OPENING, *settings, MTA_CLOSING)))
    except DocsisError:
        return NO_HASH
    return NO_HASH if decoded.warning else str(decoded.definition["hash"])


def located(error: DocsisError, places: Mapping[str, EntryComments]) -> ImportRemark:
    """A mistake at the line of its entry."""
    path = error.path
    while path not in places:
        path = path[: path.rfind("[")] if path.endswith("]") else path[: path.rfind("]") + 1]
    return ImportRemark(places[path].line, error.path, error.reason)


def _is_printed(comment: Comment) -> bool:
    """Whether the tool printed it in place of a TLV that has no setting."""
    return comment.lines in _MARKERS or _mic(comment) is not None


def _mic(comment: Comment) -> re.Match[str] | None:
    return _MIC.fullmatch(comment.lines[0]) if len(comment.lines) == 1 else None


def _notes_on_mics(comments: Sequence[Comment], body: bytes) -> Iterator[ImportRemark]:
    """A note for each MIC that the tool printed; the CM MIC covers the body, every setting of it."""
    for comment in comments:
        found = _mic(comment)
        if found is None:
            continue
        reason = "is left out: `file encode` computes it"
        if found[1] == "CmMic" and found[2].lower() != cm_mic(body).hex():
            reason += "; it is that of another file, so the text was changed or does not say all of it"
        yield ImportRemark(comment.line, found[1], reason)

"""A text of the `docsis` tool as a document, with its comments.

Theory of operation
-------------------
The settings are encoded to the TLVs that the tool writes, and these are decoded as those of any file are
(`services.docsis.decode`). So a document encodes to the tool's file by construction, and what has no name
here is kept as `{tlv: N, hex: "..."}`; then a comment says how it was written.

What the tool prints of a file is a text, too. The MICs in its comments are left out, and the CM MIC says
whether the text still is that file.

A PacketCable text has a hash only if whoever encodes it asks the tool for one, so the document has none
unless `model` says so. A text that the tool printed of a file holds the hash as its last setting: if that is
the right one for what stands before it, the document names its kind, and `file encode` computes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from services.docsis.decode import Item, decode_runs
from services.docsis.definition import NO_HASH
from services.docsis.document import compile_document, decode_document
from services.docsis.errors import PROBLEMS_MAX, DocsisError
from services.docsis.foreign.lexer import Comment, scan
from services.docsis.foreign.problem import Remark
from services.docsis.foreign.settings import Encoded, Encoding, frame
from services.docsis.foreign.statement import Statement, parse
from services.docsis.mic import cm_mic
from services.docsis.names import BUILT_IN, Names
from services.docsis.plain import named
from services.docsis.tlv import MTA_CLOSING, MTA_OPENING, FileKind, write

TEXT_BYTES_MAX: Final = 1 << 20
"""Of a text; a file of 64 KiB takes some ten bytes of text for one of its own, comments besides."""

WRITTEN_CHARACTERS_MAX: Final = 200
"""How much of a setting without a name is repeated as a comment."""

_MIC = re.compile(r"(CmMic|CmtsMic) ([0-9a-fA-F]{32});?")
_MAIN = re.compile(rb"(?i)\bmain\b")
"""Without it nothing of the text is repeated in a message: it may be anything, such as a secret."""

_MARKERS: Final = frozenset({("Pad",), ("EndOfDataMkr",)})


class Place(NamedTuple):
    """What is known of an entry besides its value: comments above it, and below it at the end of its list."""

    line: int
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()


class Imported(NamedTuple):
    """A document, and its places by path (`body[3].upstream_service_flow[0]`; empty: the whole).

    `notes` are worth saying and no mistakes.
    """

    definition: dict[str, object]
    places: dict[str, Place]
    notes: list[Remark]


def read_text(
    data: bytes, model: str = NO_HASH, names: Names = BUILT_IN
) -> tuple[Imported | None, list[Remark]]:
    """The document of a text, or None and what is wrong, at most PROBLEMS_MAX, by line.

    `model` is a key of `services.docsis.mic.HASH_OBJECT`, or NO_HASH; a modem's file has no hash. The text
    may name the objects of `names`, and the document names them.
    """
    if len(data) > TEXT_BYTES_MAX:
        return None, [Remark(1, "", f"the text exceeds the limit of {TEXT_BYTES_MAX} bytes")]
    if not _MAIN.search(data):
        return None, [Remark(1, "", "a text of the tool begins with `Main {`")]
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
    whole = Place(main.line, tuple(main.above), (*framed.below, *main.below))
    imported, problems = _imported(framed.kind, model, whole, encoded, notes)
    if imported is not None:
        imported = imported._replace(definition=named(imported.definition, names))
    return imported, problems


def _imported(
    kind: FileKind, model: str, whole: Place, encoded: list[Encoded], notes: list[Remark]
) -> tuple[Imported | None, list[Remark]]:
    definition: dict[str, object] = {"kind": kind}
    if kind == "mta":
        found = _hash_at_end(encoded)
        if found != NO_HASH and model in (NO_HASH, found):
            hashed = encoded.pop().statement
            notes.append(Remark(hashed.line, hashed.name, "is left out: `file encode` computes the hash"))
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


def _note_places(places: dict[str, Place], item: Item, run: Sequence[Encoded], path: str) -> None:
    """The places of an entry and of what is in its group. If it is no group here, the comments move up."""
    first = run[0]
    name, inner = next(iter(item.items()))
    if len(run) == 1 and isinstance(inner, list) and len(inner) == len(first.children):
        statement = first.statement
        places[path] = Place(statement.line, first.above)
        for at, (child, child_item) in enumerate(zip(first.children, inner, strict=True)):
            _note_places(places, child_item, [child], f"{path}.{name}[{at}]")
        if statement.below:
            last = f"{path}.{name}[{len(inner) - 1}]"
            places[last] = places[last]._replace(below=tuple(statement.below))
        return
    above = [line for one in run for line in one.comments()]
    if any(one.children for one in run) or ("tlv" in item and not first.is_generic):
        above += (_written(one.statement) for one in run)
    places[path] = Place(first.statement.line, tuple(above))


def _written(statement: Statement) -> str:
    text = statement.text()
    text = text if text.isprintable() else text.encode("unicode_escape").decode()
    return text if len(text) <= WRITTEN_CHARACTERS_MAX else text[:WRITTEN_CHARACTERS_MAX] + "…"


def _hash_at_end(encoded: Sequence[Encoded]) -> str:
    """The kind of the right hash that a text ends in, NO_HASH if it ends otherwise."""
    settings = (write(one.tlv, "mta") for one in encoded)
    try:
        decoded = decode_document(b"".join((MTA_OPENING, *settings, MTA_CLOSING)))
    except DocsisError:
        return NO_HASH
    return NO_HASH if decoded.warning else str(decoded.definition["hash"])


def located(error: DocsisError, places: Mapping[str, Place]) -> Remark:
    """A mistake at the line of its entry."""
    path = error.path
    while path not in places:
        path = path[: path.rfind("[")] if path.endswith("]") else path[: path.rfind("]") + 1]
    return Remark(places[path].line, error.path, error.reason)


def _is_printed(comment: Comment) -> bool:
    """Whether the tool printed it in place of what has no setting."""
    return comment.lines in _MARKERS or _mic(comment) is not None


def _mic(comment: Comment) -> re.Match[str] | None:
    return _MIC.fullmatch(comment.lines[0]) if len(comment.lines) == 1 else None


def _notes_on_mics(comments: Sequence[Comment], body: bytes) -> Iterator[Remark]:
    """One for each MIC that the tool printed; the CM MIC covers the body, every setting of it."""
    for comment in comments:
        found = _mic(comment)
        if found is None:
            continue
        reason = "is left out: `file encode` computes it"
        if found[1] == "CmMic" and found[2].lower() != cm_mic(body).hex():
            reason += "; it is that of another file, so the text was changed or does not say all of it"
        yield Remark(comment.line, found[1], reason)

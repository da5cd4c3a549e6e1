"""The settings catalogue: the classes of service, as one record that is taken whole or not at all.

A catalogue is a mapping of class names to definitions, and a list of rules that say which class a device has
(`services.settings.lookup`). `services.docsis` interprets definitions; this package carries, compares and
keeps them. The digest is SHA-256 over the canonical JSON of both, and of a salt where they hold secrets; the
generation is a number that grows by one with each change. The record on the topic and the copy on disk are
the same bytes, in which secrets are sealed (`services.settings.vault`); beside the catalogue they say who
changed it, when and why.

Two operators may write the same generation at the same moment, through two instances. So generation and
digest together decide which record is newer: an order that is the same for every instance, whichever record
arrives first.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from bus.contract import decode
from bus.errors import DecodeError
from bus.reason import Reason
from bus.telemetry.keeping import Keeping
from services.settings.record import CatalogueRecord, Change

CLASS_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,11}")  # it is the mask of a sealed name

Classes = dict[str, dict[str, Any]]
Rules = Sequence[Any]
Version = tuple[int, str]
NO_VERSION: Version = (0, "")
UNKNOWN = Change()


class Problem(NamedTuple):
    """A mistake in a catalogue, and its place: `classes.residential.body[3].max_cpe`."""

    path: str
    reason: str


class StoreCatalogue(NamedTuple):
    """Effect: keep a copy of this catalogue, for a start without Kafka."""

    record: CatalogueRecord


def settings_fact(record: CatalogueRecord | None) -> dict[str, str]:
    """The settings in force, and who put them there, in words."""
    if record is None:
        return {"settings": "settings: none"}
    author = f", by {record.author}" if record.author else ""
    comment = f": {record.comment}" if record.comment else ""
    return {"settings": f"settings: generation {record.generation}{author}{comment}"}


def without_any(*, has_any: bool) -> list[Reason]:
    """What is missing without any settings in force."""
    return [] if has_any else [Reason("no-settings", "settings")]


def without_copy(keeping: Keeping) -> list[Reason]:
    """The degradation if the settings in force are not on the disk."""
    why = keeping.why(StoreCatalogue)
    if not why:
        return []
    return [
        Reason(
            "disk-settings", f"its copy of the settings, which a start without the others would need ({why})"
        )
    ]


def without_acceptance(faults: Sequence[str]) -> list[Reason]:
    """The degradation if the settings in force make files that a CMTS would reject, for these faults."""
    if not faults:
        return []
    more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
    text = f"settings that every CMTS takes ({faults[0]}{more}): see provbus settings check"
    return [Reason("settings-faulty", text)]


def structure_problems(classes: object, lookup: object = ()) -> list[Problem]:
    """The reasons why these are no mapping of class names to definitions, and no list of rules."""
    found = [] if isinstance(lookup, list | tuple) else [Problem("lookup", "must be a list of rules")]
    if not isinstance(classes, dict) or not classes:
        reason = "must map the name of at least one class of service to its definition"
        return [Problem("classes", reason), *found]
    for name, definition in classes.items():
        if not isinstance(name, str) or not CLASS_NAME.fullmatch(name):
            reason = "a class's name has 1 to 12 of a-z, 0-9 and '-', and no '-' first"
            found.append(Problem(f"classes.{name}", reason))
        if not isinstance(definition, dict):
            found.append(Problem(f"classes.{name}", "must be a mapping"))
    return found


def record(
    classes: Classes, generation: int, lookup: Rules = (), change: Change = UNKNOWN, salt: str = ""
) -> CatalogueRecord:
    """The record of these classes and rules at this generation."""
    return CatalogueRecord(
        generation=generation,
        digest=digest(classes, lookup, salt),
        classes=classes,
        lookup=[*lookup],
        salt=salt,
        **change._asdict(),
    )


def version(found: CatalogueRecord | None) -> Version:
    """The version of a catalogue; of two catalogues the greater one is in force."""
    return NO_VERSION if found is None else (found.generation, found.digest)


def canonical(classes: Classes, lookup: Rules = (), salt: str = "") -> bytes:
    """The one JSON of these."""
    salted = {"salt": salt} if salt else {}
    return json.dumps(
        {"classes": classes, "lookup": [*lookup], **salted}, sort_keys=True, separators=(",", ":")
    ).encode()


def digest(classes: Classes, lookup: Rules = (), salt: str = "") -> str:
    """SHA-256 over the canonical JSON, hex. Without the salt nobody can try out what a secret in it is."""
    return hashlib.sha256(canonical(classes, lookup, salt)).hexdigest()


def parse(data: bytes) -> CatalogueRecord:
    """The record in these bytes, as it came. `DecodeError` if there is none, or its classes or its digest are
    wrong; where secrets are sealed the digest is checked when they are opened.
    """
    found = decode(CatalogueRecord, data)
    for path, reason in structure_problems(found.classes):
        raise DecodeError(f"catalogue generation {found.generation}: {path}: {reason}")
    if not found.sealed:
        check_digest(found)
    return found


def check_digest(found: CatalogueRecord) -> None:
    """`DecodeError` if the digest of an open record is of other classes and rules."""
    if digest(found.classes, found.lookup, found.salt) != found.digest:
        raise DecodeError(f"catalogue generation {found.generation} does not match its digest")

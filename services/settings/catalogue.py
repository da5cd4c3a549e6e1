"""The settings catalogue: the classes of service, as one record that is taken whole or not at all.

A catalogue is a mapping of class names to definitions. What a definition says is `services.docsis`' business;
here it is only carried, compared and kept. Its digest is SHA-256 over the canonical JSON of the classes, its
generation a number that grows by one with each change. The record on the topic and the copy on disk are the
same bytes.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from bus.errors import DecodeError
from bus.messages import CatalogueRecord, decode

CLASS_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,11}")  # it is the mask of a sealed name

Classes = dict[str, dict[str, Any]]


class StoreCatalogue(NamedTuple):
    """Keep this catalogue on disk, for a start without Kafka."""

    record: CatalogueRecord


def check_classes(data: Mapping[str, Any]) -> Classes:
    """The classes in what a YAML file held; `DecodeError` if it is not a catalogue."""
    classes = data.get("classes")
    if not isinstance(classes, dict) or not classes or set(data) != {"classes"}:
        raise DecodeError("a catalogue has one key, 'classes', with at least one class")
    for name, definition in classes.items():
        if not isinstance(name, str) or not CLASS_NAME.fullmatch(name):
            raise DecodeError(f"class name {name!r} must be 1 to 12 of a-z, 0-9 and '-'")
        if not isinstance(definition, dict):
            raise DecodeError(f"class {name} must be a mapping")
    return classes


def record(classes: Classes, generation: int) -> CatalogueRecord:
    """The record of these classes at this generation."""
    return CatalogueRecord(generation=generation, digest=digest(classes), classes=classes)


def digest(classes: Classes) -> str:
    """SHA-256 over the canonical JSON, hex."""
    text = json.dumps(classes, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def parse(data: bytes) -> CatalogueRecord:
    """The record in these bytes; `DecodeError` if it is none, or its classes or its digest are wrong."""
    found = decode(CatalogueRecord, data)
    check_classes({"classes": found.classes})
    if digest(found.classes) != found.digest:
        raise DecodeError(f"catalogue generation {found.generation} does not match its digest")
    return found

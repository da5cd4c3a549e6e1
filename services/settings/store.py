"""Where the catalogue is kept: the operator's YAML file, and the copy on disk for a start without Kafka."""

import os
from pathlib import Path

from bus.errors import ConfigError, DecodeError
from bus.messages import CatalogueRecord, encode
from bus.yaml_file import read_yaml
from services.settings.catalogue import Classes, check_classes, parse


def read_classes(path: Path) -> Classes:
    """The classes in a YAML file; `ConfigError` if it is not a catalogue."""
    data, _ = read_yaml(path)
    try:
        return check_classes(data)
    except DecodeError as error:
        raise ConfigError(f"{path}: {error}") from error


def save(path: Path, found: CatalogueRecord) -> None:
    """Keep the record on disk: whole or not at all, also through a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.write(encode(found))
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)


def load(path: Path) -> CatalogueRecord | None:
    """The record kept on disk; None if there is none, or none that is whole."""
    try:
        return parse(path.read_bytes())
    except (FileNotFoundError, DecodeError):
        return None

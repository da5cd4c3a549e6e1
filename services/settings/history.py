"""The history of the settings: the generations that an instance has read, for a way back.

The settings topic is compacted: its broker may remove every record but the last. So each instance keeps the
last generations itself, in its memory as they were written and in its state directory. Their secrets stay
sealed as they came: a generation whose key is gone is kept, and cannot be opened any more. The one in force
is kept as it was sealed last.

A generation that two operators wrote at once is kept once, as the one that is in force everywhere. What is
newer than the generation in force was kept in an earlier life of a plant that began anew, and is forgotten.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from bus.contract import encode
from services.settings.catalogue import Version, parse, version
from services.settings.record import CatalogueRecord

KEPT_MAX = 50
"""Generations: a year of one change a week."""
KEPT_BYTES_MAX = 8 * 1024 * 1024
"""Bytes of their records: eight of the largest, and all fifty of catalogues of 160 KiB."""


class Past(NamedTuple):
    """One generation: what a list of them says of it, and its record as it was written."""

    version: Version
    time_ms: int
    author: str
    comment: str
    classes: int
    data: bytes

    @classmethod
    def of(cls, found: CatalogueRecord) -> "Past":
        """The generation of this record."""
        classes = len(found.classes)
        return cls(version(found), found.time_ms, found.author, found.comment, classes, encode(found))


class StoreHistory(NamedTuple):
    """Effect: keep these generations on the disk, and no others."""

    kept: tuple[Past, ...]


class History:
    """The generations that are kept, bounded in number and bytes; `kept` are those of an earlier start."""

    def __init__(self, kept: Iterable[CatalogueRecord] = ()) -> None:
        self._kept: dict[int, Past] = {}
        for found in kept:
            self.read(found)

    def in_force(self, found: CatalogueRecord) -> None:
        """Keep what is in force from now on."""
        for generation in [one for one in self._kept if one >= found.generation]:
            if self._kept[generation].version != version(found):
                del self._kept[generation]
        known = self._kept.get(found.generation)
        if known is not None and known.data != encode(found):
            del self._kept[found.generation]
        self.read(found)

    def read(self, found: CatalogueRecord) -> bool:
        """Keep what was read and is not in force; False if it is known, or too old to be kept."""
        known = self._kept.get(found.generation)
        if known is not None and known.version >= version(found):
            return False
        self._kept[found.generation] = Past.of(found)
        self._forget()
        return found.generation in self._kept

    def find(self, generation: int) -> CatalogueRecord | None:
        """The record of a generation, sealed as it was written; None if it is not kept."""
        past = self._kept.get(generation)
        return None if past is None else parse(past.data)

    def generations(self) -> list[int]:
        """The generations that are kept, newest first."""
        return sorted(self._kept, reverse=True)

    def store(self) -> StoreHistory:
        """What belongs on the disk, newest first."""
        return StoreHistory(tuple(self._kept[generation] for generation in self.generations()))

    def describe(self, in_force: Version) -> list[dict[str, Any]]:
        """The answer to `settings.history`, newest first."""
        return [
            {
                "generation": past.version[0],
                "digest": past.version[1],
                "time_ms": past.time_ms,
                "author": past.author,
                "comment": past.comment,
                "classes": past.classes,
                "in_force": past.version == in_force,
            }
            for past in self.store().kept
        ]

    def _forget(self) -> None:
        """Forget the oldest beyond the bounds, but never the newest."""
        room = KEPT_BYTES_MAX
        for at, generation in enumerate(self.generations()):
            room -= len(self._kept[generation].data)
            if at and (at >= KEPT_MAX or room < 0):
                del self._kept[generation]

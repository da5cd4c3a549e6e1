"""The record of a rotation: which key of each file is the next one, and since when it is used.

A file of seal or multicast keys holds one key or two, the one in use first. The second may be the next or the
former one; only this record knows. It is written before the files, so a step that was cut off half-way can be
told from one that is done. It holds no secret, and stays in the directory where keys are made.
"""

from enum import StrEnum
from pathlib import Path

from pydantic import Field

from bus import state_file
from bus.contract import Contract, decode, encode
from bus.errors import ConfigError, DecodeError
from bus.fleet.instant import Instant

FILE = "rotation.json"


class Turn(StrEnum):
    """The steps that the keys of one owner may wait for; a step that is `DONE` is due no more."""

    ADD = "add"
    USE = "use"
    DROP = "drop"
    DONE = "done"


class Pending(Contract):
    """A rotation of one kind: the id of the next key of each file by its name, and the moment of `use`."""

    following: dict[str, int]
    used: Instant | None = None

    def due(self, name: str, ids: list[int]) -> Turn | None:
        """The step that a file with keys of these ids waits for; None if the keys are others."""
        following = self.following.get(name)
        if len(ids) == 1:
            return Turn.DONE if ids[0] == following else Turn.ADD
        if ids[1] == following:
            return Turn.USE
        return Turn.DROP if ids[0] == following else None


class Record(Contract):
    """The rotations that are under way, by kind."""

    pending: dict[str, Pending] = Field(default_factory=dict)

    def begun(self, kind: str, pending: Pending) -> "Record":
        """The record with this rotation."""
        return Record(pending={**self.pending, kind: pending})

    def ended(self, kind: str) -> "Record":
        """The record without a rotation of this kind."""
        return Record(pending={name: one for name, one in self.pending.items() if name != kind})


def load_record(directory: Path) -> Record:
    """The rotations under way; `ConfigError` if the record is damaged."""
    path = directory / FILE
    try:
        return decode(Record, path.read_bytes())
    except FileNotFoundError:
        return Record()
    except DecodeError as error:
        raise ConfigError(
            f"{path} is damaged: {error}; remove it, and `drop` the second keys before anything else"
        ) from error


def save_record(directory: Path, record: Record) -> None:
    """Keep the record on the disk; without a rotation there is none (`OSError`)."""
    if record.pending:
        state_file.keep(directory / FILE, encode(record))
    else:
        (directory / FILE).unlink(missing_ok=True)

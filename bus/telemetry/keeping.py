"""Records of a machine that the disk refused, written again until they are there.

Theory of operation
-------------------
A machine asks with `Keep` for a record to be written, and is told `Kept` or `Unkept` before any other
message, so its memory never runs ahead of the disk. There are two kinds of record.

A **promise** binds a later start of ours: the claim held, the grants given, the holders whose rows count.
Nobody acts on a promise that was not kept; its owner is told and decides. A **copy** (the settings) only
saves a later start the way to the original: work goes on without it.

After a refusal of either the disk is behind. `Keeping` remembers that and why, and asks for the present
record every `AGAIN_S` until it is there.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from bus.effects import Effect, Keep, Reply
from bus.machine import nothing
from bus.messages import Kept, Unkept
from bus.telemetry.metrics import Sample, labelled

AGAIN_S = 1.0
"""The time between two tries: a disk is full for minutes, and a try costs it one small file."""


class Subject(NamedTuple):
    """One file: its name for metrics, its present record (None if it needs none), and its owner's handler for
    a record that the disk took or refused.
    """

    name: str
    record: Callable[[], Any]
    hears: Callable[[Kept | Unkept, float], Sequence[Effect]] = nothing


class Keeping:
    """The records of one machine by their types, and which of them the disk refused."""

    def __init__(self, subjects: Mapping[type, Subject]) -> None:
        self._subjects = subjects
        self._failed = {subject.name: 0 for subject in subjects.values()}
        self._owed: dict[type, str] = {}
        self._due = 0.0

    def receive(self, message: Kept | Unkept, now: float) -> list[Effect]:
        """Tell the owner that the disk took a record or refused it; a waiting request gets a refusal as its
        answer.
        """
        kind = type(message.record)
        subject = self._subjects[kind]
        effects: list[Effect] = []
        if isinstance(message, Kept):
            self._owed.pop(kind, None)
        else:
            effects += self._refused(message, subject.name, now)
        return [*effects, *subject.hears(message, now)]

    def _refused(self, message: Unkept, name: str, now: float) -> list[Reply]:
        self._failed[name] += 1
        self._owed[type(message.record)] = message.reason
        self._due = now + AGAIN_S
        detail = f"nothing was changed: its {name} cannot be kept on disk ({message.reason})"
        return [
            Reply(one.session, {"id": one.body.get("id"), "error": "try_again", "detail": detail})
            for one in message.then
            if isinstance(one, Reply)
        ]

    def why(self, kind: type) -> str:
        """Why the record of this type is not on the disk; empty if it is."""
        return self._owed.get(kind, "")

    def tick(self, now: float) -> list[Keep]:
        """The records to be tried again now."""
        if not self._owed or now < self._due:
            return []
        self._due = now + AGAIN_S
        records = {kind: self._subjects[kind].record() for kind in self._owed}
        self._owed = {kind: why for kind, why in self._owed.items() if records[kind] is not None}
        return [Keep(records[kind]) for kind in self._owed]

    def deadline(self) -> float | None:
        """The time of the next `tick`."""
        return self._due if self._owed else None

    def samples(self) -> Iterator[Sample]:
        """Refusals and missing records, by name."""
        yield from labelled("provbus_unkept_total", "record", self._failed)
        behind = {subject.name: float(kind in self._owed) for kind, subject in self._subjects.items()}
        yield from labelled("provbus_unkept", "record", behind)

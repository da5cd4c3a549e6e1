"""What of ours belongs on the disk and is not there.

Theory of operation
-------------------
A machine asks with `Keep` for a record to be written, and hears `Kept` or `Unkept` before it hears anything
else, so what it remembers never runs ahead of the disk. There are two kinds of record.

A **promise** binds a later start of ours: which claim is held, what was granted, whose rows count. What could
not be kept is not acted upon; what that means its owner knows, and it is told. A **copy** (the settings) only
saves a later start the way to the original: work goes on without it.

For both the disk is behind from then on. `Keeping` remembers that and why, and asks for the record again, as
it is by then, every `AGAIN_S` until it is there.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from bus.machine import Keep, Kept, Reply, Unkept
from bus.metrics import Sample, labelled

AGAIN_S = 1.0
"""A disk is full for minutes, and a try costs it one small file."""


class Subject(NamedTuple):
    """One file: its name for metrics, and what belongs into it now (None: nothing does)."""

    name: str
    record: Callable[[], Any]


class Keeping:
    """The records of one machine by their types, and which of them the disk refused."""

    def __init__(self, subjects: Mapping[type, Subject]) -> None:
        self._subjects = subjects
        self._failed = {subject.name: 0 for subject in subjects.values()}
        self._owed: dict[type, str] = {}
        self._due = 0.0

    def receive(self, message: Kept | Unkept, now: float) -> list[Reply]:
        """The disk took a record, or refused it: then whoever waits for an answer gets that one."""
        kind = type(message.record)
        if isinstance(message, Kept):
            self._owed.pop(kind, None)
            return []
        name = self._subjects[kind].name
        self._failed[name] += 1
        self._owed[kind] = message.reason
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
        """The records to be tried again, if it is time for that."""
        if not self._owed or now < self._due:
            return []
        self._due = now + AGAIN_S
        records = {kind: self._subjects[kind].record() for kind in self._owed}
        self._owed = {kind: why for kind, why in self._owed.items() if records[kind] is not None}
        return [Keep(records[kind]) for kind in self._owed]

    def deadline(self) -> float | None:
        """When `tick` is due."""
        return self._due if self._owed else None

    def samples(self) -> Iterator[Sample]:
        """What the disk refused, and what it is behind with."""
        yield from labelled("provbus_unkept_total", "record", self._failed)
        behind = {subject.name: float(kind in self._owed) for kind, subject in self._subjects.items()}
        yield from labelled("provbus_unkept", "record", behind)

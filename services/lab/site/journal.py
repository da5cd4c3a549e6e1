"""Journals: the events of a process of the lab, one JSON object per line, in order.

Theory of operation
-------------------
A writer appends to its own file and gathers lines in memory until it is flushed, so a journal line costs
microseconds. A process that must not lose a line when it is killed flushes before it acts on it. A killed
writer can leave a torn last line: the reader skips that one, and only that one; the next writer cuts it off.

`at` is CLOCK_BOOTTIME in seconds. The lab runs on one machine, so the times of its processes compare.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from bus.errors import DecodeError

BUFFER_LINES_MAX = 2000  # about 400 KiB; a longer buffer would make the write itself a stall

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def boottime_s() -> float:
    """The clock of every `at`: seconds of CLOCK_BOOTTIME."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Journaled(NamedTuple):
    """Append this event to the journal."""

    event: dict[str, object]


class TakenDown(NamedTuple):
    """The lab killed this host."""

    at: float
    host: str


class JournalWriter:
    """Appends events to one file; OSError when the file cannot be opened or written."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _cut_torn_line(path)
        self._lines: list[str] = []

    def append(self, event: Mapping[str, object]) -> None:
        """Buffer one event; it is written by the next flush at the latest."""
        self._lines.append(_encode(event))
        if len(self._lines) >= BUFFER_LINES_MAX:
            self.flush()

    def flush(self) -> None:
        """Hand all buffered events to the kernel."""
        if not self._lines:
            return
        self._lines.append("")
        data = memoryview("\n".join(self._lines).encode())
        self._lines = []
        while data:
            data = data[os.write(self._descriptor, data) :]

    def close(self) -> None:
        """Flush and close; the writer is of no use afterwards."""
        self.flush()
        os.close(self._descriptor)

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _cut_torn_line(path: Path) -> None:
    written = path.read_bytes()
    if not written.endswith(b"\n"):
        os.truncate(path, written.rfind(b"\n") + 1)


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """The events of one journal; DecodeError names a line that is no JSON object, but for a torn last one."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                event = json.loads(line)
            except ValueError:
                event = None
            if isinstance(event, dict):
                yield event
            elif line.endswith(b"\n"):
                raise DecodeError(f"{path}:{number}: not a journal line")

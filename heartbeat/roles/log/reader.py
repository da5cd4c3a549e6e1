"""A reader of the role log: it folds the records from the first one that it is given.

It begins where `start` allows it, keeps the records until then, and notes a digest of its state at every
`MARK_EVERY`th offset, so that readers at different positions can still be compared
(`heartbeat.roles.log.agreement`).
"""

from collections import deque
from typing import NamedTuple

from heartbeat.liveness.beat import LogPosition
from heartbeat.roles.log.fold import Folded, Roles, fold
from heartbeat.roles.log.records import Checkpoint, Era, Logged
from heartbeat.roles.log.start import NoStartError, start
from heartbeat.roles.log.writers import Proves

MARK_EVERY = 4  # records: two seconds with one role
MARKS_MAX = 64


class Mark(NamedTuple):
    """The digest of the state at this position."""

    position: int = -1
    digest: str = ""


def position_of(reader: "Reader") -> LogPosition:
    """The position of a reader, for a beat."""
    return LogPosition(position=reader.position, mark=reader.mark.position, digest=reader.mark.digest)


class Reader:
    """Folds a log; `writers` proves who wrote its records. `roles` is None until its start is known."""

    def __init__(self, writers: Proves) -> None:
        self._writers = writers
        self.roles: Roles | None = None
        self.checkpointed = -1
        """The position of the last checkpoint's state."""
        self.marks: deque[Mark] = deque(maxlen=MARKS_MAX)
        self.no_start = ""
        self._start: int | None = None
        self._end = 0
        self._waiting: list[Logged] = []

    @property
    def has_begun(self) -> bool:
        """Whether the bounds of its log are known."""
        return self._start is not None

    @property
    def position(self) -> int:
        """The last offset that was read; -1 before the first."""
        if self.roles is not None:
            return self.roles.position
        return self._waiting[-1].offset if self._waiting else -1

    @property
    def is_caught_up(self) -> bool:
        """Whether we have read up to the end that the log had when we began."""
        return self.roles is not None and self.roles.position >= self._end - 1

    @property
    def mark(self) -> Mark:
        """The last mark."""
        return self.marks[-1] if self.marks else Mark()

    def digest_at(self, position: int) -> str | None:
        """The digest at this mark; None if it was not passed, or long ago."""
        if not self.marks or position > self.mark.position or position < self.marks[0].position:
            return None
        return self.marks[(position - self.marks[0].position) // MARK_EVERY].digest

    def begin(self, log_start: int, end: int) -> None:
        """Begin a log with these bounds; from now on its records come."""
        self._start, self._end = log_start, end
        if log_start == 0:
            self.roles = Roles()
        elif end <= log_start:
            self._try_to_start()

    def read(self, logged: Logged) -> Folded | None:
        """Fold the next record; None while nothing may be decided. `HaltError` as of `fold` and `start`."""
        if self.roles is not None:
            folded = fold(self.roles, logged, self._writers)
            self._writers.read(logged.source, folded.key, is_live=self.is_caught_up)
            if isinstance(logged.record, Checkpoint) and folded.is_proven:
                self._note_checkpoint(logged.record)
            self.roles = folded.roles
            if logged.offset % MARK_EVERY == 0:
                self.marks.append(Mark(logged.offset, folded.roles.digest()))
            return folded
        self._waiting.append(logged)
        may_begin = isinstance(logged.record, Checkpoint | Era) and self._writers.key_of(logged)
        if may_begin or logged.offset == self._end - 1:
            self._try_to_start()
        return None

    def _try_to_start(self) -> None:
        assert self._start is not None
        if max(self.position, self._start - 1) < self._end - 1:
            return  # a greater era may follow, which is another beginning
        try:
            self.roles = start(self._start, self._waiting, self._writers)
        except NoStartError as error:
            self.no_start = str(error)
        else:
            self.no_start = ""
            for logged in self._waiting:
                if isinstance(logged.record, Checkpoint) and self._writers.key_of(logged):
                    self._note_checkpoint(logged.record)
            self._waiting.clear()

    def _note_checkpoint(self, found: Checkpoint) -> None:
        self.checkpointed = max(self.checkpointed, found.as_of)

"""The role log as a book keeper sees it: who won which claim, worked out without the fold that is tested.

It is shown every record that any reader gets, and knows the log from its first offset on. Whoever holds a
role must hold what is written here.
"""

import json
from collections.abc import Callable
from typing import NamedTuple

from bus.envelope import Envelope

_PREFIX = "provbus.failover."


class Win(NamedTuple):
    """A claim that won."""

    role: str
    era: int
    epoch: int
    claim_id: str
    holder: str


class Oracle:
    """The claims that won, by epoch; and for every offset the greatest claim of each role up to there."""

    def __init__(self, is_forged: Callable[[Envelope], bool]) -> None:
        """`is_forged` knows, for the plant does, which records nobody of it wrote."""
        self._is_forged = is_forged
        self.wins: dict[int, Win] = {}
        self.latest: dict[str, Win] = {}
        self.era = 0
        self._floor = -1
        self._last: dict[str, int] = {}
        self._numbers: dict[str, tuple[int, int]] = {}
        self._next = 0
        self._ahead: dict[int, Envelope] = {}
        self._log: Callable[[], list[Envelope]] | None = None

    def see(self, offset: int, envelope: Envelope | None) -> None:
        """A reader got this record."""
        if offset < self._next or envelope is None or self._log is not None:
            return
        self._ahead[offset] = envelope
        while self._next in self._ahead:
            self._add(self._next, self._ahead.pop(self._next))
            self._next += 1

    def begin_anew(self, log: Callable[[], list[Envelope]]) -> None:
        """The log was cut: believe no reader any more, but this."""
        self.__init__(self._is_forged)  # type: ignore[misc]
        self._log = log
        self._read_on(log())  # nobody may read it for a while

    def has(self, offset: int, envelope: Envelope | None) -> bool:
        """Whether this is what stands there; what was lost may be read for a while."""
        if self._log is None:
            return True
        records = self._log()
        self._read_on(records)
        return offset < len(records) and records[offset] == envelope

    def _read_on(self, records: list[Envelope]) -> None:
        for at in range(self._next, len(records)):
            self._add(at, records[at])
        self._next = max(self._next, len(records))

    def _add(self, offset: int, envelope: Envelope) -> None:
        kind = envelope.type.removeprefix(_PREFIX).split(".")[0]
        number = (envelope.incarnation, envelope.seq)
        if self._is_forged(envelope) or number <= self._numbers.get(envelope.source, (-1, 0)):
            return
        self._numbers[envelope.source] = number
        if kind in ("probe", "checkpoint"):
            return
        body = json.loads(envelope.data)
        if kind == "era":
            if body["number"] > self.era:
                self.era, self._floor = body["number"], offset
                self._numbers = {envelope.source: number}
            return
        role = body["role"]
        if kind == "claim" and body["prev"] == max(self._last.get(role, -1), self._floor):
            win = Win(role, self.era, offset, body["claim_id"], envelope.source)
            self.wins[offset] = self.latest[role] = win
        self._last[role] = offset

"""A log in the world, and the readers that fetch from it.

Theory of operation
-------------------
The log is totally ordered, and every reader gets all records in that order: late, but complete. A reader has
at most one fetch under way; it brings all records that are there when it arrives, and `CaughtUp` behind each
end that was captured for it: the one at its beginning, and those of `CatchUp`. Readers of a class that needs
its history begin at the log's start, others at its end (`bus.routes`).

Offsets are absolute: that of a record is its place in `records`, where retained and expired records stay;
retention only moves `start`. The readers of a log in the sense of `bus.routes` (`is_log`) are told its bounds
by their first fetch and given `Entry` from the second on. When their position is gone they are told `LogLost`
once, and get nothing more; any other reader goes on at the log's start or end. A reader that did not notice a
truncation goes on at its position, when the log has grown beyond it with other content. If the topic is made
anew a log is lost; any other reader gets `Recreated` and the records from the first on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from bus.envelope import Envelope
from bus.errors import LocalError
from bus.messages import CaughtUp, Entry, LogBounds, LogLost, Received, Recreated
from bus.routes import route
from bus.testing.faults import BROKER
from bus.testing.network import Network
from bus.testing.timeline import Timeline

FETCH_AGAIN_S = 0.5  # between the tries of a reader that cannot reach the broker
NOTICED = 0.5  # the probability that a reader notices that the log was cut behind it

Give = Callable[[Any], None]
"""Gives a message to the machine it was made for, if that still runs."""


@dataclass(slots=True, eq=False)
class _Reader:
    """One incarnation's place in the log. `ends` are the captured ends that it has not reached; one that
    `is_lost` gets no more messages.
    """

    node: str
    give: Give
    position: int
    ends: list[int] = field(default_factory=list)
    is_fetching: bool = False
    is_open: bool = True
    knows_bounds: bool = True
    skips: int = 0
    reason: str = ""
    is_lost: bool = False
    is_anew: bool = False


class PartitionLog:
    """The log of one class."""

    def __init__(self, traffic: str, network: Network, timeline: Timeline, random: Random) -> None:
        self.records: list[Envelope] = []
        self.start = 0
        self.is_stalled = False
        self._traffic = traffic
        self._is_log = route(traffic).is_log
        self._from_start = route(traffic).from_start
        self._network = network
        self._timeline = timeline
        self._random = random
        self._messages: list[Received | Entry] = []
        self._readers: list[_Reader] = []

    def append(self, envelope: Envelope) -> None:
        """Put a record behind the others, for all to read."""
        offset = len(self.records)
        self.records.append(envelope)
        self._messages.append(
            Entry(self._traffic, offset, envelope) if self._is_log else Received(envelope, "")
        )
        for reader in self._readers:
            self._fetch(reader)

    def open(self, node: str, give: Give) -> None:
        """Read for a new incarnation of a node."""
        end = len(self.records)
        reader = _Reader(node, give, self.start if self._from_start else end)
        if self._is_log:
            reader.knows_bounds = False
        else:
            reader.ends.append(end)
        self._readers.append(reader)
        self._fetch(reader)

    def close(self, node: str) -> None:
        """End the readers of a node's incarnation."""
        for reader in self._of(node):
            reader.is_open = False
            self._readers.remove(reader)

    def catch_up(self, node: str) -> None:
        """Capture the end of the log for this reader; `LocalError` if it is none."""
        readers = self._of(node)
        if not readers:
            raise LocalError(f"{node} does not read {self._traffic}")
        for reader in readers:
            reader.ends.append(len(self.records))
            self._fetch(reader)

    def retain(self, keep: int) -> bool:
        """Drop all but the last `keep` records; True if any was dropped."""
        before, self.start = self.start, max(self.start, len(self.records) - keep)
        for reader in self._readers:
            if reader.position < self.start:
                self._fetch(reader)
        return self.start > before

    def truncate(self, count: int) -> bool:
        """Lose the last `count` records, whose offsets are used again; True if there were any."""
        end = max(self.start, len(self.records) - count)
        is_cut = end < len(self.records)
        del self.records[end:]
        del self._messages[end:]
        for reader in self._readers:
            if reader.position > end and self._random.random() < NOTICED:
                reader.reason = f"offset {reader.position} is out of range: the log ends at {end}"
                self._fetch(reader)
        return is_cut

    def recreate(self) -> None:
        """Become another, empty log: its readers are told, and those of no log begin with it."""
        self.records.clear()
        self._messages.clear()
        self.start = 0
        for reader in self._readers:
            if self._is_log:
                reader.reason = "the topic was deleted and made anew"
            else:
                reader.position, reader.is_anew = 0, True
                reader.ends = [0] * (len(reader.ends) + 1)  # one for each wait, and one for the new topic
            self._fetch(reader)

    def skip(self, node: str) -> bool:
        """Let the reader miss its next record; True if there is a reader."""
        readers = self._of(node)
        for reader in readers:
            reader.skips += 1
        return bool(readers)

    def _of(self, node: str) -> list[_Reader]:
        return [reader for reader in self._readers if reader.node == node]

    def _fetch(self, reader: _Reader) -> None:
        if not reader.is_fetching:
            reader.is_fetching = True
            self._timeline.after(self._network.delay_s(), partial(self._fetched, reader))

    def _fetched(self, reader: _Reader) -> None:
        if not reader.is_open:
            return
        node, network = reader.node, self._network
        if self.is_stalled or network.is_cut(BROKER, node) or network.is_cut(node, BROKER):
            self._timeline.after(FETCH_AGAIN_S, partial(self._fetched, reader))
            return
        reader.is_fetching = False
        if reader.is_lost:
            return
        if not reader.knows_bounds:
            self._tell_bounds(reader)
            return
        if reader.position < self.start:
            reader.reason = f"offset {reader.position} is out of range: the log starts at {self.start}"
        if reader.reason and self._lose(reader):
            return
        self._bring(reader)

    def _tell_bounds(self, reader: _Reader) -> None:
        end = len(self.records)
        reader.knows_bounds, reader.position = True, self.start
        reader.ends.append(end)
        self._fetch(reader)
        reader.give(LogBounds(self._traffic, self.start, end))

    def _lose(self, reader: _Reader) -> bool:
        """Handle a position that is not in the log; True if the reader is lost."""
        reason, reader.reason = reader.reason, ""
        if self._is_log:
            reader.is_lost = True
            reader.give(LogLost(self._traffic, reason))
        else:
            reader.position = self.start if self._from_start else len(self.records)
        return reader.is_lost

    def _bring(self, reader: _Reader) -> None:
        """Give the reader all records that are new to it."""
        if reader.is_anew:
            reader.is_anew = False
            reader.give(Recreated(self._traffic))
        fresh = self._messages[reader.position :]
        reader.position += len(fresh)
        if reader.skips and fresh:
            missed = min(reader.skips, len(fresh))
            reader.skips -= missed
            del fresh[:missed]
        for message in fresh:
            reader.give(message)
        if reader.ends:
            ends, position = reader.ends, reader.position
            reader.ends = [end for end in ends if end > position]
            for _ in range(len(ends) - len(reader.ends)):
                reader.give(CaughtUp(self._traffic))

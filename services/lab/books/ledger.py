"""The books of a run: the fate of every FileID, from the journals of hosts, plant and orchestrator.

Theory of operation
-------------------
A FileID is one `file` name. Its *life* is the 60 s after `minted`; its *owner* is the device of `minted`. A
CFM is *live* from its `started` until its `killed`. A read *reached a live CFM* when the CFM was live when
the read was sent and for `ANSWER_S` after it: a CFM that is killed sooner, or a run that ends sooner, proves
nothing.

acked        minted with `acked`.
read         minted, and completed at least once.
lost         acked; a read by its owner, within its life, reached a live CFM; no answer ever arrived, and
             nobody completed it.
phantom      completed although nobody minted it, or by another device than its owner, or with a verdict
             other than `ok`: the served file is then not the owner's, whatever it is.
duplicated   completed more than once.
unexplained  acked, not completed, and without any of these explanations:
  superseded   the owner was minted another FileID later.
  reported     an event says why.
  killed       the CFM that acked it (`next_server`) was killed or stopped by the lab, or was down, during its
               life.
  expired      its life ended within the run, and no read by its owner reached a live CFM during it. So a
               lease renewal without a read is explained, but a name that was asked for in time is not.
  run ended    its life outlasted the run, and its owner was still on its way or never asked for it. An owner
               that came online since has read its last FileID: one it asked for and did not complete is not
               excused.

The counts are of names, not of events, and one name can be in several. Journals may come in any order, but
each in the order it was written. Times are seconds of one clock; unknown kinds of events are passed over.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

FILEID_LIFE_S = 60.0
ANSWER_S = 1.0  # an acked row is served in milliseconds, the pull of a missing one takes up to 0.5 s
EVIDENCE_MAX = 20  # names per fault: enough to look into, little enough to print

Event = Mapping[str, Any]
Fault = Literal["lost", "phantom", "duplicated", "unexplained"]


class FaultyName(NamedTuple):
    """A name that was counted as a fault, and its device; None if nobody minted it."""

    fault: Fault
    file: str
    device: str | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """Counts of FileIDs, as the module text defines them; `evidence` holds the first names of each fault."""

    acked: int = 0
    read: int = 0
    lost: int = 0
    phantom: int = 0
    duplicated: int = 0
    unexplained: int = 0
    evidence: tuple[FaultyName, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether no name was lost, phantom, duplicated or unexplained."""
        return not (self.lost or self.phantom or self.duplicated or self.unexplained)


@dataclass(slots=True)
class _FileId:
    """The facts of one name in the journals."""

    device: str | None = None  # None: nobody minted it
    minted_at: float = 0.0
    next_server: str = ""
    acked: bool = False
    answered: bool = False
    reported: bool = False
    completions: int = 0
    reader: str = ""  # the device that completed it
    strange: bool = False  # completed by two devices, or with a verdict other than ok
    reads: list[tuple[float, str, str]] = field(default_factory=list)  # at, server, device


def account(*journals: Iterable[Event], now: float) -> Ledger:
    """The ledger of a run that ended at `now`, from all its journals in any order."""
    books = _Books(now)
    for journal in journals:
        for event in journal:
            books.enter(event)
    return books.close()


class _Lives:
    """The lives of CFMs, from `started` and `killed` events."""

    def __init__(self) -> None:
        self._changes: dict[str, list[tuple[float, bool]]] = {}

    def enter(self, address: str, at: float, *, live: bool) -> None:
        insort(self._changes.setdefault(address, []), (at, live))

    def is_live(self, address: str, since: float, until: float) -> bool:
        """Whether it was live at `since` and not killed up to `until`."""
        before, during = self._split(address, since, until)
        return before is True and False not in during

    def was_killed(self, address: str, since: float, until: float) -> bool:
        """Whether it was down at `since` or was killed up to `until`."""
        before, during = self._split(address, since, until)
        return before is False or False in during

    def _split(self, address: str, since: float, until: float) -> tuple[bool | None, list[bool]]:
        """The state at `since` (None: unknown), and the changes after it, up to `until`."""
        changes = self._changes.get(address, [])
        first, end = bisect_right(changes, (since, True)), bisect_right(changes, (until, True))
        return (changes[first - 1][1] if first else None), [live for _, live in changes[first:end]]


class _Books:
    """Gathers events by name, then judges each name."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._names: dict[str, _FileId] = {}
        self._lives = _Lives()
        self._online_at: dict[str, float] = {}
        self._newest: dict[str, tuple[float, int, str]] = {}  # by device: minted at, place in order, name
        self._minted = 0

    def enter(self, event: Event) -> None:
        """Take one event into the books."""
        kind = event["event"]
        if kind in ("started", "killed"):
            self._lives.enter(event["address"], event["at"], live=kind == "started")
        elif kind == "online":
            self._online_at[event["device"]] = max(event["at"], self._online_at.get(event["device"], 0.0))
        elif kind in _ENTRIES:
            name = event["file"]
            entry = self._names.get(name)
            if entry is None:
                entry = self._names[name] = _FileId()
            _ENTRIES[kind](entry, event)
            if kind == "minted":
                self._minted += 1
                mark = event["at"], self._minted, name
                self._newest[event["device"]] = max(mark, self._newest.get(event["device"], mark))

    def close(self) -> Ledger:
        """Judge every name."""
        counts = {"acked": 0, "read": 0, "lost": 0, "phantom": 0, "duplicated": 0, "unexplained": 0}
        evidence: list[FaultyName] = []
        for name, entry in self._names.items():
            counts["acked"] += entry.acked
            counts["read"] += entry.device is not None and entry.completions > 0
            for fault in self._faults(name, entry):
                counts[fault] += 1
                if counts[fault] <= EVIDENCE_MAX:
                    evidence.append(FaultyName(fault, name, entry.device))
        return Ledger(**counts, evidence=tuple(evidence))

    def _faults(self, name: str, entry: _FileId) -> Iterator[Fault]:
        if entry.completions:
            if entry.strange or entry.reader != entry.device:
                yield "phantom"
            if entry.completions > 1:
                yield "duplicated"
        elif entry.acked:
            asked = any(self._reached(entry, read) for read in entry.reads)
            if asked and not entry.answered:
                yield "lost"
            if not self._is_explained(name, entry, asked):
                yield "unexplained"

    def _reached(self, entry: _FileId, read: tuple[float, str, str]) -> bool:
        """Whether a read was the owner's, within the life of the name, and reached a live CFM."""
        at, server, device = read
        if device != entry.device or at >= entry.minted_at + FILEID_LIFE_S or at + ANSWER_S > self._now:
            return False
        return self._lives.is_live(server, at, at + ANSWER_S)

    def _is_explained(self, name: str, entry: _FileId, asked: bool) -> bool:
        assert entry.device is not None  # an acked name was minted
        expires_at = entry.minted_at + FILEID_LIFE_S
        if self._newest[entry.device][2] != name or entry.reported:
            return True
        if self._lives.was_killed(entry.next_server, entry.minted_at, min(expires_at, self._now)):
            return True
        if not asked:
            return True  # expired unread, or still unread when the run ended
        is_online = self._online_at.get(entry.device, -1.0) >= entry.minted_at
        return expires_at > self._now and not is_online


def _minted(entry: _FileId, event: Event) -> None:
    entry.device, entry.minted_at = event["device"], event["at"]
    entry.next_server, entry.acked = event["next_server"], event["acked"]


def _read(entry: _FileId, event: Event) -> None:
    entry.reads.append((event["at"], event["server"], event["device"]))


def _answered(entry: _FileId, _event: Event) -> None:
    entry.answered = True


def _completed(entry: _FileId, event: Event) -> None:
    entry.strange |= event["verdict"] != "ok" or (entry.completions > 0 and entry.reader != event["device"])
    entry.completions += 1
    entry.reader = event["device"]


def _reported(entry: _FileId, _event: Event) -> None:
    entry.reported = True


_ENTRIES: dict[str, Callable[[_FileId, Event], None]] = {
    "minted": _minted,
    "read": _read,
    "answered": _answered,
    "completed": _completed,
    "reported": _reported,
}

"""The row table of a CFM: the rows that modems may read, and tombstones of those they have read.

Rows arrive many to a frame; the table maps each name to its body and decodes neither until a read asks for
it. A row lives 60 s from its arrival (never from a time that somebody else wrote), and only expired rows
leave. A full table answers so to the sender, which tries the next CFM.

A completed download turns its row into a **tombstone**. It outlives every copy of the name: neither a late
duplicate of the row nor the seal in the name brings the file back.

Only its sender's own rows are taken (`fileid.sender`), and no minter fills more than three quarters of the
table, tombstones included: whatever it sends, the others have a quarter.

Rows of a minter with a role name the authority under which they were minted. The caller of `accept` says
which one counts (`Tokens`): rows of an older one are stale, rows of one not yet known are unverified.

The name of a leased row (`fileid.given`) comes again with each lease of its device: a row of a later lease
replaces the one before, or its tombstone; the same one again is a duplicate. If the row that is here is
another minter's and gives the device another file, the name is taken: that is not delivered.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

from bus.errors import DecodeError
from fileid.row import LIFE_S, MINTER, OPENS_S, TOKEN, Fields, Row, is_newer, is_same, split_rows
from fileid.sender import OBJECTIONS, Sender

CAPACITY = 400_000  # 60 s of a cluster's 1,667 boots a second, four times over: about 150 MiB
SHARE_OF_4 = 3  # quarters of the table that one minter may fill
TOMBSTONE_S = OPENS_S


class RowStatus(IntEnum):
    """The answer to one row."""

    STORED = 0
    DUPLICATE = 1
    FULL = 2
    BAD = 3
    STALE_EPOCH = 4
    UNVERIFIED_EPOCH = 5
    TAKEN = 6


class Tokens(NamedTuple):
    """Packed tokens: rows of `valid` count (empty: none do), rows of a greater one than `known` are
    unverified.
    """

    valid: bytes
    known: bytes


_KNOWN = bytes(RowStatus)
_COUNTED = [status.name.lower() for status in RowStatus]


class Table:
    """Rows by name, bounded in number and in time."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.counts = dict.fromkeys([*_COUNTED, "expired", "completed"], 0)
        self.bad = dict.fromkeys(OBJECTIONS, 0)
        """Bad rows by what was objected to them."""
        self.over_share = 0
        """The full ones among the rows for which only their minter had no room left."""
        self._capacity = capacity
        self._share_max = max(1, capacity * SHARE_OF_4 // 4)
        self._shares: dict[bytes, int] = {}  # rows and tombstones by the minter in their bodies
        self._rows: dict[bytes, bytes] = {}
        self._ages: deque[tuple[float, list[bytes], list[bytes]]] = deque()
        self._spent: dict[bytes, bytes] = {}  # the served body, if it is known
        self._spent_ages: deque[tuple[float, bytes, bytes]] = deque()

    def __len__(self) -> int:
        return len(self._rows)

    def accept(
        self, data: bytes, sender: Sender, now: float, tokens: Tokens | None = None
    ) -> tuple[bytes, list[bytes]]:
        """Take a frame of rows from this minter; without `tokens` it is not fenced.

        Returns a status byte per row, and the names of the stored rows. `DecodeError` if it is no frame.
        """
        names, bodies = split_rows(data)
        if len(names) > 1 and self._is_plain(names, bodies, sender, tokens):
            self._rows.update(zip(names, bodies, strict=True))
            self._shares[sender.number] = self._shares.get(sender.number, 0) + len(names)
            statuses = bytes(len(names))
            self.counts["stored"] += len(names)
        else:
            rows = list(zip(names, bodies, strict=True))
            statuses = bytes([self._accept_one(name, body, sender, tokens) for name, body in rows])
            names = [name for (name, _), status in zip(rows, statuses, strict=True) if not status]
            bodies = [body for (_, body), status in zip(rows, statuses, strict=True) if not status]
        if names:
            self._ages.append((now + LIFE_S, names, bodies))
        return statuses, names

    def _is_plain(
        self, names: list[bytes], bodies: list[bytes], sender: Sender, tokens: Tokens | None
    ) -> bool:
        """Whether all rows are new, well formed, their sender's own, and fit: the usual frame, as a whole."""
        return (
            len(self._rows) + len(self._spent) + len(names) <= self._capacity
            and self._shares.get(sender.number, 0) + len(names) <= self._share_max
            and self._rows.keys().isdisjoint(names)
            and (not self._spent or self._spent.keys().isdisjoint(names))
            and len(set(names)) == len(names)
            and sender.may_send(names, bodies)
            and (tokens is None or {body[TOKEN] for body in bodies} == {tokens.valid})
        )

    def _accept_one(self, name: bytes, body: bytes, sender: Sender, tokens: Tokens | None) -> RowStatus:
        known = self._rows.get(name, self._spent.get(name))
        if objection := sender.objection(name, body):
            self.bad[objection] += 1
            status = RowStatus.BAD
        elif tokens is not None and body[TOKEN] != tokens.valid:
            status = RowStatus.UNVERIFIED_EPOCH if body[TOKEN] > tokens.known else RowStatus.STALE_EPOCH
        elif known is not None and not is_newer(body, known):
            status = RowStatus.DUPLICATE if _covers(known, body) else RowStatus.TAKEN
        elif known is None and len(self._rows) + len(self._spent) >= self._capacity:
            status = RowStatus.FULL
        elif not self._has_share(sender.number, known):
            self.over_share += 1
            status = RowStatus.FULL
        else:
            self._count(self._spent.pop(name, b""), -1)
            self._count(self._rows.get(name, b""), -1)
            self._count(body, 1)
            self._rows[name] = body
            status = RowStatus.STORED
        self.counts[_COUNTED[status]] += 1
        return status

    def _has_share(self, minter: bytes, known: bytes | None) -> bool:
        """Whether this minter may have one more, which replaces what is `known` under its name."""
        if self._shares.get(minter, 0) < self._share_max:
            return True
        return known is not None and known[MINTER] == minter

    def _count(self, body: bytes, by: int) -> None:
        """Count a body that came or left; nothing for one that is not known."""
        if body:
            minter = body[MINTER]
            self._shares[minter] = self._shares.get(minter, 0) + by

    def get(self, name: bytes) -> Row | None:
        """The row of this name, if it is here."""
        body = self._rows.get(name)
        return Row(name, body) if body is not None else None

    def is_spent(self, name: bytes, body: bytes = b"") -> bool:
        """Whether this FileID's download was completed here; not for a `body` of a later lease."""
        served = self._spent.get(name)
        return served is not None and not (body and is_newer(body, served))

    def served(self, name: bytes) -> Fields | None:
        """The fields of the row that was completed here, where its body is known."""
        body = self._spent.get(name)
        return Row(name, body).fields() if body else None

    def complete(self, name: bytes, now: float, body: bytes = b"") -> None:
        """End the download of this body: from now on the name serves only the row of a later lease, which may
        be here already.
        """
        here = self._rows.get(name, b"")
        if is_newer(here, body):
            return
        self._count(self._rows.pop(name, b""), -1)
        body, served = body or here, self._spent.get(name)
        if served is None or is_newer(body, served):
            self._count(served or b"", -1)
            self._count(body, 1)
            self._spent[name] = body
            self._spent_ages.append((now + TOMBSTONE_S, name, body))
            self.counts["completed"] += 1

    def expire(self, now: float) -> list[Row]:
        """Drop expired rows and tombstones; returns the rows that nobody read."""
        gone: list[Row] = []
        while self._ages and self._ages[0][0] <= now:
            _, names, bodies = self._ages.popleft()
            for name, body in zip(names, bodies, strict=True):
                if self._rows.get(name) is body:
                    gone.append(Row(name, self._rows.pop(name)))
                    self._count(body, -1)
        while self._spent_ages and self._spent_ages[0][0] <= now:
            _, name, body = self._spent_ages.popleft()
            if self._spent.get(name) is body:
                del self._spent[name]
                self._count(body, -1)
        self.counts["expired"] += len(gone)
        return gone

    def deadline(self) -> float | None:
        """The time when the next row or tombstone leaves."""
        return min((queue[0][0] for queue in (self._ages, self._spent_ages) if queue), default=None)


def _covers(known: bytes, body: bytes) -> bool:
    """Whether a row that is not newer than the known one of its name is as good as stored: that one is of the
    same minter, or the same, or a tombstone without its row.
    """
    return not known or known[MINTER] == body[MINTER] or is_same(known, body)


def is_settled(statuses: Iterable[int]) -> Sequence[bool]:
    """Whether each row is at the CFM now: stored and duplicate both mean yes."""
    return [status <= RowStatus.DUPLICATE for status in statuses]


def check_statuses(statuses: bytes, count: int) -> bytes:
    """The statuses of an ack for `count` rows; `DecodeError` if they are none."""
    if len(statuses) != count or statuses.translate(None, _KNOWN):
        raise DecodeError(f"{len(statuses)} statuses for {count} rows")
    return statuses

"""The row table of a CFM: what modems may ask for, and what they already got.

Rows arrive many to a frame; the table maps each name to its body and decodes neither until somebody asks. A
row lives 60 s from its arrival (never from a time somebody else wrote down), and only expired rows leave.
When the table is full, that is an answer to the sender, who tries the next CFM.

A completed download turns its row into a **tombstone**. It outlives every copy of the name: neither a late
duplicate of the row nor the seal in the name brings the file back.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from enum import IntEnum

from bus.errors import DecodeError
from fileid.row import (
    HEAD,
    IPV4_BODY_BYTES_MAX,
    IPV4_STARTS,
    LIFE_S,
    MINTER,
    NAME_BYTES_MAX,
    VALUES_BYTES_MAX,
    Row,
    head_bytes,
    split_rows,
)

CAPACITY = 400_000  # 60 s of a cluster's 1,667 boots a second, four times over: about 150 MiB
TOMBSTONE_S = LIFE_S + 10.0  # a seal opens for 60 s, on a clock that may be 5 s off


class Status(IntEnum):
    """The answer to one row."""

    STORED = 0
    DUPLICATE = 1
    FULL = 2
    BAD = 3


_KNOWN = bytes(Status)
_COUNTED = [status.name.lower() for status in Status]


class Table:
    """Rows by name, bounded in number and in time."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.counts = dict.fromkeys(("stored", "duplicate", "full", "bad", "expired", "completed"), 0)
        self._capacity = capacity
        self._rows: dict[bytes, bytes] = {}
        self._ages: deque[tuple[float, list[bytes]]] = deque()
        self._spent: dict[bytes, None] = {}
        self._spent_ages: deque[tuple[float, bytes]] = deque()

    def __len__(self) -> int:
        return len(self._rows)

    def accept(self, data: bytes, minter: bytes, now: float) -> tuple[bytes, list[bytes]]:
        """Take a frame of rows from the minter with this packed number.

        Returns a status byte per row, and the names that are new. `DecodeError` if the frame is not one.
        """
        names, bodies = split_rows(data)
        if len(names) > 1 and self._is_plain(names, bodies, minter):
            self._rows.update(zip(names, bodies, strict=True))
            fresh, statuses = names, bytes(len(names))
            self.counts["stored"] += len(names)
        else:
            fresh = []
            pairs = zip(names, bodies, strict=True)
            statuses = bytes([self._accept_one(name, body, minter, fresh) for name, body in pairs])
        if fresh:
            self._ages.append((now + LIFE_S, fresh))
        return statuses, fresh

    def _is_plain(self, names: list[bytes], bodies: list[bytes], minter: bytes) -> bool:
        """Every row is new, well formed, its minter's own, and fits: the usual frame, checked as a whole."""
        return (
            len(self._rows) + len(self._spent) + len(names) <= self._capacity
            and self._rows.keys().isdisjoint(names)
            and (not self._spent or self._spent.keys().isdisjoint(names))
            and len(set(names)) == len(names)
            and _are_sound(names, bodies, minter)
        )

    def _accept_one(self, name: bytes, body: bytes, minter: bytes, fresh: list[bytes]) -> Status:
        if not _is_sound(name, body, minter):
            status = Status.BAD
        elif name in self._rows or name in self._spent:
            status = Status.DUPLICATE
        elif len(self._rows) + len(self._spent) >= self._capacity:
            status = Status.FULL
        else:
            self._rows[name] = body
            fresh.append(name)
            status = Status.STORED
        self.counts[_COUNTED[status]] += 1
        return status

    def get(self, name: bytes) -> Row | None:
        """The row a name stands for, if it is here and alive."""
        body = self._rows.get(name)
        return Row(name, body) if body is not None else None

    def is_spent(self, name: bytes) -> bool:
        """True if this FileID's download was completed here."""
        return name in self._spent

    def complete(self, name: bytes, now: float) -> None:
        """The download is over: from now on the name is good for nothing."""
        self._rows.pop(name, None)
        if name not in self._spent:
            self._spent[name] = None
            self._spent_ages.append((now + TOMBSTONE_S, name))
            self.counts["completed"] += 1

    def expire(self, now: float) -> list[Row]:
        """Let go what is too old; returns the rows that nobody read."""
        gone: list[Row] = []
        while self._ages and self._ages[0][0] <= now:
            _, names = self._ages.popleft()
            gone += (Row(name, self._rows.pop(name)) for name in names if name in self._rows)
        while self._spent_ages and self._spent_ages[0][0] <= now:
            del self._spent[self._spent_ages.popleft()[1]]
        self.counts["expired"] += len(gone)
        return gone

    def deadline(self) -> float | None:
        """When the next row or tombstone leaves."""
        return min((queue[0][0] for queue in (self._ages, self._spent_ages) if queue), default=None)


def _is_sound(name: bytes, body: bytes, minter: bytes) -> bool:
    """The row can be decoded and is its minter's own: what is stored can be served."""
    size = head_bytes(body)
    return (
        0 < len(name) <= NAME_BYTES_MAX
        and HEAD.size <= size <= len(body) <= size + VALUES_BYTES_MAX
        and body[MINTER] == minter
    )


def _are_sound(names: list[bytes], bodies: list[bytes], minter: bytes) -> bool:
    """The same for many IPv4 rows at a third of the price."""
    return (
        all(names)
        and max(map(len, names)) <= NAME_BYTES_MAX
        and HEAD.size <= min(map(len, bodies))
        and max(map(len, bodies)) <= IPV4_BODY_BYTES_MAX
        and {body[:2] for body in bodies} <= IPV4_STARTS
        and {body[MINTER] for body in bodies} == {minter}
    )


def is_settled(statuses: Iterable[int]) -> Sequence[bool]:
    """Per row: is it at the CFM now? Stored and duplicate both mean yes."""
    return [status <= Status.DUPLICATE for status in statuses]


def check_statuses(statuses: bytes, count: int) -> bytes:
    """The statuses of an ack for `count` rows; `DecodeError` if they are not that."""
    if len(statuses) != count or statuses.translate(None, _KNOWN):
        raise DecodeError(f"{len(statuses)} statuses for {count} rows")
    return statuses

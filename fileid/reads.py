"""A read arrives: serve it, park it, or stay silent.

Theory of operation
-------------------
If the row is in the table, serve. Else, if the name opens with a minter's key, is young enough, belongs to
the address that asks and has no tombstone, the read is **parked** and the row is **pulled** from the minter
that the seal names. The first of these serves: the row, the pull's answer, or, after `SEAL_AFTER_S`, the seal
itself if it is full. After `SILENT_AFTER_S` the modem has given up on this request and we forget it. Any
other read gets no byte: an error would cost a subscriber a restart, silence only seconds.

The minter may answer a pull with "not mine" instead. Then somebody else made the name with its key, and the
read is forgotten. `fileid.doubts` says when a seal may not serve by itself; its read waits for the row.

A name belongs to the leased address in its row. A CMTS that proxies TFTP shows its own address instead: that
of the row's relay, or one of the configured `proxies`. Then the name alone identifies the device.

A name that another DHCP server gives out (`fileid.given`) has no seal. Its read is parked too, and the row is
pulled from every minter that may have it; only the row validates the read. Few of them are parked at once,
because their addresses may be forged, and a tombstone does not refuse them: the row of the device's next
lease may be on its way. Several addresses may wait for one such name, and the row serves its own.

`judge` checks the authority under which a name was sealed or a pulled row minted. A read under a stale one is
refused; under an unknown one it is parked until the authority or the row is known.

A retransmitted read pulls again, once a second at most; pulls of one moment travel together. Parked reads and
outstanding pulls are bounded, and so is each subscriber's share of them (`fileid.shares`). At the bound the
read that waits longest makes room, if its modem has given up on it; else the new one is left to its modem's
own retry and counted.
"""

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from math import inf
from typing import NamedTuple

from bus.errors import DecodeError
from fileid.doubts import Doubts
from fileid.given import Given
from fileid.parking import FULL, Parked, Parking
from fileid.pulls import Pull, Pulls
from fileid.row import LIFE_S, Fields, Row, split_rows
from fileid.seal import ForgedError, Opener
from fileid.sender import is_timely
from fileid.shares import PARKED_MAX_EACH, Network, Shares, source
from fileid.table import Table

SEAL_AFTER_S = 0.5
SILENT_AFTER_S = 4.0  # a modem asks again after 2 s and later; older requests have no reader
FUTURE_S_MAX = 5.0
PARKED_MAX = 20_000
PULLS_MAX = 1_000
PULL_AGAIN_S = 1.0  # a modem repeats after 2 s and later
TIMERS_MAX = 4  # per parked read; two are its own, the others of reads that ended early

Judge = Callable[[Fields], str]
"""Returns why the authority in these fields does not count, for a counter: `UNVERIFIED` if it may count
later; empty if it counts.
"""
UNVERIFIED = "unverified_epoch"


class Serve(NamedTuple):
    """Build this row's file for this read. `how`: row, parked, pulled or sealed."""

    read: int
    row: Row
    fields: Fields
    how: str
    waited_s: float


class Silent(NamedTuple):
    """Forget this read; `reason` is counted. `fields` are those of the name it asked for, if known."""

    read: int
    reason: str
    fields: Fields | None = None


class Reads:
    """Decides on each read."""

    def __init__(
        self,
        table: Table,
        opener: Opener,
        *,
        judge: Judge,
        doubts: Doubts,
        proxies: Sequence[Network] = (),
        given: Given | None = None,
        givers: Sequence[int] = (),
        parked_max: int = PARKED_MAX,
        pulls_max: int = PULLS_MAX,
    ) -> None:
        """`proxies` are the addresses from which a name alone suffices; `givers` the numbers of the minters
        that may have the rows of `given` names.
        """
        self.counts: dict[str, int] = {"row": 0, "parked": 0, "pulled": 0, "sealed": 0}
        self.silent: dict[str, int] = {}
        self.shares = Shares(proxies)
        self.disowned = 0
        """Names that open, and that their minters never made."""
        self._table = table
        self._opener = opener
        self._given = given or Given()
        self._givers = givers
        self._judge = judge
        self._doubts = doubts
        self._parked_max = parked_max
        self._parked = Parking(parked_max)
        self._pulls = Pulls(pulls_max)
        self._timers: list[tuple[float, bytes, int]] = []
        self._shed: list[Silent] = []

    def __len__(self) -> int:
        return len(self._parked)

    @property
    def pulls(self) -> int:
        """The number of outstanding pulls."""
        return len(self._pulls)

    def key(self, name: bytes, address: bytes) -> bytes:
        """The key of the row for this name and address: mostly the name."""
        return (self._given.key(name, address) if self._given else None) or name

    def ask(self, read: int, key: bytes, address: bytes, now: float, wall_s: float) -> Serve | Silent | None:
        """Take a read of a row's `key` from `address` (4 or 16 packed bytes); None if it is parked."""
        row = self._table.get(key)
        if row is not None:
            fields = row.fields()
            if not self.may_ask(fields, address, now):
                return self._be_silent(read, "address", fields)
            return self._serve(read, row, fields, "row", 0.0)
        if self._given and self._given.is_key(key):
            return self._wait(Parked(read, key, address, now, source(address)), now)
        if self._table.is_spent(key):
            return self._be_silent(read, "spent", self._table.served(key))
        opened = self._open(key, address, now)
        if isinstance(opened, str):
            return self._be_silent(read, opened)
        row, fields = opened
        age_s = wall_s - fields.minted_ms / 1000
        if not -FUTURE_S_MAX <= age_s <= LIFE_S:
            return self._be_silent(read, "age", fields)
        if not self.may_ask(fields, address, now):
            return self._be_silent(read, "address", fields)
        reason = self._judge(fields)
        if reason and reason != UNVERIFIED:
            return self._be_silent(read, reason, fields)
        return self._wait(Parked(read, key, address, now, (fields.address,), row, fields), now)

    def find(self, key: bytes) -> Fields | None:
        """The fields of the row of this key, from the table or from the name itself, of any age."""
        try:
            return (self._table.get(key) or self._opener.open(key)).fields()
        except DecodeError:
            return None

    def find_for(self, key: bytes, address: bytes, now: float) -> Fields | None:
        """The same for an address that asks: None if it may not try another name now."""
        if self._table.get(key) is not None:
            return self.find(key)
        opened = self._open(key, address, now)
        return None if isinstance(opened, str) else opened[1]

    def may_ask(self, fields: Fields, address: bytes, now: float) -> bool:
        """Whether this is the address of the device, its relay or a proxy."""
        return self.shares.may_ask(fields, address, now)

    def _open(self, key: bytes, address: bytes, now: float) -> tuple[Row, Fields] | str:
        """What is inside a sealed name, or why that is not known. Only forged seals are charged."""
        if not self.shares.may_try(address, now):
            return "share_opens"
        try:
            row = self._opener.open(key)
            return row, row.fields()
        except ForgedError:
            self.shares.was_forged(address, now)
            return "name"
        except DecodeError:
            return "name"

    def _wait(self, parked: Parked, now: float) -> Silent | None:
        address = parked.address
        share = PARKED_MAX_EACH if parked.row is not None else self.shares.parked_max(address, now)
        reason = self._parked.refusal(parked, share)
        if reason == FULL and self._shed_oldest(now):
            reason = ""
        if len(self._timers) >= TIMERS_MAX * self._parked_max:
            reason = FULL
        if reason:
            return self._be_silent(parked.read, reason, parked.fields)
        self._park(parked)
        return None

    def _shed_oldest(self, now: float) -> bool:
        """Give up the read that has waited longest, if its modem has; False if it has not."""
        oldest = next(iter(self._parked))
        if now < oldest.since + SILENT_AFTER_S:
            return False
        self._leave(oldest)
        self._shed.append(self._be_silent(oldest.read, "late", oldest.fields))
        return True

    def ask_again(self, key: bytes, address: bytes, now: float) -> bool:
        """Pull again for a repeated read; False if it is not parked."""
        parked = self._parked.by_address(key, address)
        if parked is None:
            return False
        if now >= parked.pulled_at + PULL_AGAIN_S:
            self._pulls.forget(key)
            self._pull(parked, now)
        return True

    def minter_is_back(self, minter: int, now: float) -> None:
        """Pull the parked names again from a minter whose connection came up."""
        for parked in self._parked:
            if minter in self._minters(parked):
                self._pulls.forget(parked.key)
                self._pull(parked, now)

    def arrived(self, keys: Iterable[bytes], now: float) -> list[Serve]:
        """Serve the reads of these rows, which arrived."""
        if not self._parked:
            return []
        served: list[Serve] = []
        for key in keys:
            waiting = self._parked.at(key)
            row = self._table.get(key) if waiting else None
            if row is not None:
                fields = row.fields()
                suited = [parked for parked in waiting if self._suits(fields, parked, now)]
                served += [self._unpark(parked, row, fields, "parked", now) for parked in suited]
        return served

    def pulled(self, data: bytes, minter: int, sent_ms: int, now: float) -> list[Serve]:
        """Serve the parked reads of the rows in a minter's answer to a pull, if they are its own and of that
        time: it answered at the Unix time `sent_ms` of its clock. `DecodeError` if malformed.
        """
        agreeing: dict[tuple[bytes, bytes], tuple[Parked, Row, Fields]] = {}
        for row in map(Row, *split_rows(data)):
            for parked in self._parked.at(row.name):
                fields = row.fields()
                if is_timely(fields.minted_ms, sent_ms) and self._agrees(row, fields, parked, minter, now):
                    agreeing[row.name, parked.address] = parked, row, fields
        return [self._unpark(*found, "pulled", now) for found in agreeing.values()]

    def disown(self, names: Iterable[bytes], minter: int) -> list[Silent]:
        """Forget the reads of these names, which this minter never made. It speaks for its own names only."""
        found = []
        for name in names:
            fields = self.find(name)
            if fields is None or fields.minter != minter:
                continue
            self.disowned += 1
            for parked in self._parked.at(name):
                self._leave(parked)
                found.append(self._be_silent(parked.read, "disowned", fields))
        return found

    def forget(self, read: int, key: bytes) -> Fields | None:
        """Forget a read whose session is gone; the fields of its name, if it was parked with them."""
        parked = self._parked.by_read(key, read)
        if parked is None:
            return None
        self._leave(parked)
        return parked.fields

    def _leave(self, parked: Parked) -> None:
        self._parked.remove(parked)
        if not self._parked.at(parked.key):
            self._pulls.forget(parked.key)

    def tick(self, now: float) -> list[Serve | Silent | Pull]:
        """Pulls to send, reads to serve from their seal, reads to forget."""
        effects: list[Serve | Silent | Pull] = [*self._shed]
        self._shed.clear()
        while self._timers and self._timers[0][0] <= now:
            _, key, read = heappop(self._timers)
            parked = self._parked.by_read(key, read)
            if parked is None:
                continue
            row, fields = parked.row, parked.fields
            if now >= parked.since + SILENT_AFTER_S:
                self._leave(parked)
                effects.append(self._be_silent(read, "late", fields))
            elif (
                row is not None
                and fields is not None
                and not fields.partial
                and not self._table.is_spent(key)
                and not self._judge(fields)
                and self._doubts.allow(fields.minter, now, was_asked=parked.pulled_at > -inf)
            ):
                effects.append(self._unpark(parked, row, fields, "sealed", now))
        return [*effects, *self._pulls.take()]

    def deadline(self) -> float | None:
        """The time of the next `tick`; at once while pulls wait to be sent."""
        if self._pulls.is_due or self._shed:
            return 0.0
        return self._timers[0][0] if self._timers else None

    def _park(self, parked: Parked) -> None:
        self._parked.add(parked)
        for after_s in (SEAL_AFTER_S, SILENT_AFTER_S):
            heappush(self._timers, (parked.since + after_s, parked.key, parked.read))
        self._pull(parked, parked.since)

    def _pull(self, parked: Parked, now: float) -> None:
        if self._pulls.want(parked.key, self._minters(parked)):
            parked.pulled_at = now
        else:
            self.silent["pulls_full"] = self.silent.get("pulls_full", 0) + 1

    def _minters(self, parked: Parked) -> Sequence[int]:
        """The minters that may have the row."""
        return self._givers if parked.fields is None else (parked.fields.minter,)

    def _suits(self, row: Fields, parked: Parked, now: float) -> bool:
        """Whether the row is for the device of the parked read."""
        if parked.fields is not None:
            return row.address == parked.fields.address
        return self.may_ask(row, parked.address, now)

    def _agrees(self, row: Row, fields: Fields, parked: Parked, minter: int, now: float) -> bool:
        """Whether the pulled row is its minter's own, and the one whose name was sealed; for a given name,
        one that was not served yet.
        """
        sealed = parked.fields
        if fields.minter != minter or not self._suits(fields, parked, now) or self._judge(fields):
            return False
        if sealed is None:
            return fields.leased and minter in self._givers and not self._table.is_spent(row.name, row.body)
        return sealed.minter == minter and fields.serial == sealed.serial

    def _unpark(self, parked: Parked, row: Row, fields: Fields, how: str, now: float) -> Serve:
        self._leave(parked)
        return self._serve(parked.read, row, fields, how, now - parked.since)

    def _serve(self, read: int, row: Row, fields: Fields, how: str, waited_s: float) -> Serve:
        self.counts[how] += 1
        return Serve(read, row, fields, how, waited_s)

    def _be_silent(self, read: int, reason: str, fields: Fields | None = None) -> Silent:
        self.silent[reason] = self.silent.get(reason, 0) + 1
        return Silent(read, reason, fields)

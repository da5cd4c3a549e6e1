"""A read arrives: serve it, park it, or stay silent.

Theory of operation
-------------------
If the row is in the table, serve. Else, if the name opens with a minter's key, is young enough, belongs to
the address that asks and has no tombstone, the read is **parked** and the row is **pulled** from the minter
that the seal names. The first of these serves: the row, the pull's answer, or, after `SEAL_AFTER_S`, the seal
itself if it is full. After `SILENT_AFTER_S` the modem has given up on this request and we forget it. Any
other read gets no byte: an error would cost a subscriber a restart, silence only seconds.

A name belongs to the leased address in its row. A CMTS that proxies TFTP shows its own address instead: that
of the row's relay, or one of the configured `proxies`. Then the name alone identifies the device.

A name that another DHCP server gives out (`fileid.given`) has no seal. Its read is parked too, and the row is
pulled from every minter that may have it; only the row validates the read. Few of them are parked at once,
because their addresses may be forged, and a tombstone does not refuse them: the row of the device's next
lease may be on its way. Of two addresses that ask for one such name the later one waits.

`judge` checks the authority under which a name was sealed or a pulled row minted. A read under a stale one is
refused; under an unknown one it is parked until the authority or the row is known.

A retransmitted read pulls again; pulls of one moment travel together. Parked reads and outstanding pulls are
bounded. At the bound the read that waits longest makes room, if its modem has given up on it; else the new
one is left to its modem's own retry and counted.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import NamedTuple

from bus.errors import DecodeError
from fileid.given import Given
from fileid.pulls import Pull, Pulls
from fileid.row import LIFE_S, NO_RELAY, Fields, Row, split_rows
from fileid.seal import Opener
from fileid.table import Table

SEAL_AFTER_S = 0.5
SILENT_AFTER_S = 4.0  # a modem asks again after 2 s and later; older requests have no reader
FUTURE_S_MAX = 5.0
PARKED_MAX = 20_000
PULLS_MAX = 1_000
GIVEN_MAX = 1_000  # parked reads without a seal: 250 pulls a second from each minter at most
TIMERS_MAX = 4  # per parked read; two are its own, the others of reads that ended early

Network = IPv4Network | IPv6Network
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


@dataclass(slots=True)
class _Parked:
    """A read that waits for the row of this key. A given name has no seal: neither row nor fields."""

    read: int
    key: bytes
    address: bytes
    since: float
    row: Row | None = None
    fields: Fields | None = None


class Reads:
    """Decides on each read."""

    def __init__(
        self,
        table: Table,
        opener: Opener,
        *,
        proxies: Sequence[Network] = (),
        given: Given | None = None,
        givers: Sequence[int] = (),
        judge: Judge = lambda _fields: "",
        parked_max: int = PARKED_MAX,
        pulls_max: int = PULLS_MAX,
    ) -> None:
        """`proxies` are the addresses from which a name alone suffices; `givers` the numbers of the minters
        that may have the rows of `given` names.
        """
        self.counts: dict[str, int] = {"row": 0, "parked": 0, "pulled": 0, "sealed": 0}
        self.silent: dict[str, int] = {}
        self._table = table
        self._opener = opener
        self._proxies = proxies
        self._given = given or Given()
        self._givers = givers
        self._judge = judge
        self._given_parked = 0
        self._parked_max = parked_max
        self._parked: dict[bytes, _Parked] = {}
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
            if not self.may_ask(fields, address):
                return self._be_silent(read, "address", fields)
            return self._serve(read, row, fields, "row", 0.0)
        if self._given and self._given.is_key(key):
            return self._wait(_Parked(read, key, address, now))
        if self._table.is_spent(key):
            return self._be_silent(read, "spent")
        try:
            row = self._opener.open(key)
            fields = row.fields()
        except DecodeError:
            return self._be_silent(read, "name")
        age_s = wall_s - fields.minted_ms / 1000
        if not -FUTURE_S_MAX <= age_s <= LIFE_S:
            return self._be_silent(read, "age", fields)
        if not self.may_ask(fields, address):
            return self._be_silent(read, "address", fields)
        reason = self._judge(fields)
        if reason and reason != UNVERIFIED:
            return self._be_silent(read, reason, fields)
        return self._wait(_Parked(read, key, address, now, row, fields))

    def find(self, key: bytes) -> Fields | None:
        """The fields of the row of this key, from the table or from the name itself, of any age."""
        try:
            return (self._table.get(key) or self._opener.open(key)).fields()
        except DecodeError:
            return None

    def may_ask(self, fields: Fields, address: bytes) -> bool:
        """Whether this is the address of the device, its relay or a proxy."""
        return fields.address == address or self._is_proxied(fields, address)

    def _wait(self, parked: _Parked) -> Silent | None:
        is_given = parked.row is None
        if is_given and self._given_parked >= GIVEN_MAX:
            return self._be_silent(parked.read, "given_full")
        other = self._parked.get(parked.key)
        if other is not None and is_given and other.address != parked.address:
            self.forget(other.read, other.key)
            self._shed.append(self._be_silent(other.read, "address"))
            other = None
        if other is not None or not self._has_room(parked.since):
            return self._be_silent(parked.read, "parked_full", parked.fields)
        self._given_parked += is_given
        self._park(parked)
        return None

    def _is_proxied(self, fields: Fields, address: bytes) -> bool:
        """Whether the address is of a relay or proxy that may ask for the device."""
        if address == fields.relay:
            return address != NO_RELAY
        return bool(self._proxies) and any(ip_address(address) in one for one in self._proxies)

    def _has_room(self, now: float) -> bool:
        """Whether one more read can be parked, if need be in place of one whose modem has given up."""
        if len(self._timers) >= TIMERS_MAX * self._parked_max:
            return False
        if len(self._parked) < self._parked_max:
            return True
        oldest = next(iter(self._parked.values()))
        if now < oldest.since + SILENT_AFTER_S:
            return False
        self.forget(oldest.read, oldest.key)
        self._shed.append(self._be_silent(oldest.read, "late", oldest.fields))
        return True

    def ask_again(self, key: bytes) -> bool:
        """Pull again for a repeated read; False if it is not parked."""
        parked = self._parked.get(key)
        if parked is None:
            return False
        self._pulls.forget(key)
        self._pull(parked)
        return True

    def minter_is_back(self, minter: int) -> None:
        """Pull the parked names again from a minter whose connection came up."""
        for parked in self._parked.values():
            if minter in self._minters(parked):
                self._pulls.forget(parked.key)
                self._pull(parked)

    def arrived(self, keys: Iterable[bytes], now: float) -> list[Serve]:
        """Serve the reads of these rows, which arrived."""
        if not self._parked:
            return []
        served = []
        for key in keys:
            parked = self._parked.get(key)
            row = self._table.get(key)
            if parked is not None and row is not None:
                fields = row.fields()
                if self._suits(fields, parked):
                    served.append(self._unpark(parked, row, fields, "parked", now))
        return served

    def pulled(self, data: bytes, minter: int, now: float) -> list[Serve]:
        """Serve the parked reads of the rows in a minter's answer to a pull, if they are its own.
        `DecodeError` if malformed.
        """
        agreeing: dict[bytes, tuple[_Parked, Row, Fields]] = {}
        for row in map(Row, *split_rows(data)):
            parked = self._parked.get(row.name)
            if parked is not None:
                fields = row.fields()
                if self._agrees(row, fields, parked, minter):
                    agreeing[row.name] = parked, row, fields
        return [self._unpark(*found, "pulled", now) for found in agreeing.values()]

    def forget(self, read: int, key: bytes) -> Fields | None:
        """Forget a read whose session is gone; the fields of its name, if it was parked with them."""
        parked = self._parked.get(key)
        if parked is None or parked.read != read:
            return None
        del self._parked[key]
        self._given_parked -= parked.row is None
        self._pulls.forget(key)
        return parked.fields

    def tick(self, now: float) -> list[Serve | Silent | Pull]:
        """Pulls to send, reads to serve from their seal, reads to forget."""
        effects: list[Serve | Silent | Pull] = [*self._shed]
        self._shed.clear()
        while self._timers and self._timers[0][0] <= now:
            _, key, read = heappop(self._timers)
            parked = self._parked.get(key)
            if parked is None or parked.read != read:
                continue
            row, fields = parked.row, parked.fields
            if now >= parked.since + SILENT_AFTER_S:
                self.forget(read, key)
                effects.append(self._be_silent(read, "late", fields))
            elif (
                row is not None
                and fields is not None
                and not fields.partial
                and not self._table.is_spent(key)
                and not self._judge(fields)
            ):
                effects.append(self._unpark(parked, row, fields, "sealed", now))
        return [*effects, *self._pulls.take()]

    def deadline(self) -> float | None:
        """The time of the next `tick`; at once while pulls wait to be sent."""
        if self._pulls.is_due or self._shed:
            return 0.0
        return self._timers[0][0] if self._timers else None

    def _park(self, parked: _Parked) -> None:
        self._parked[parked.key] = parked
        for after_s in (SEAL_AFTER_S, SILENT_AFTER_S):
            heappush(self._timers, (parked.since + after_s, parked.key, parked.read))
        self._pull(parked)

    def _pull(self, parked: _Parked) -> None:
        if not self._pulls.want(parked.key, self._minters(parked)):
            self.silent["pulls_full"] = self.silent.get("pulls_full", 0) + 1

    def _minters(self, parked: _Parked) -> Sequence[int]:
        """The minters that may have the row."""
        return self._givers if parked.fields is None else (parked.fields.minter,)

    def _suits(self, row: Fields, parked: _Parked) -> bool:
        """Whether the row is for the device of the parked read."""
        if parked.fields is not None:
            return row.address == parked.fields.address
        return self.may_ask(row, parked.address)

    def _agrees(self, row: Row, fields: Fields, parked: _Parked, minter: int) -> bool:
        """Whether the pulled row is its minter's own, and the one whose name was sealed; for a given name,
        one that was not served yet.
        """
        sealed = parked.fields
        if fields.minter != minter or not self._suits(fields, parked) or self._judge(fields):
            return False
        if sealed is None:
            return fields.leased and minter in self._givers and not self._table.is_spent(row.name, row.body)
        return sealed.minter == minter and fields.serial == sealed.serial

    def _unpark(self, parked: _Parked, row: Row, fields: Fields, how: str, now: float) -> Serve:
        self.forget(parked.read, parked.key)
        return self._serve(parked.read, row, fields, how, now - parked.since)

    def _serve(self, read: int, row: Row, fields: Fields, how: str, waited_s: float) -> Serve:
        self.counts[how] += 1
        return Serve(read, row, fields, how, waited_s)

    def _be_silent(self, read: int, reason: str, fields: Fields | None = None) -> Silent:
        self.silent[reason] = self.silent.get(reason, 0) + 1
        return Silent(read, reason, fields)

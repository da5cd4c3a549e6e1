"""A read arrives: serve it, park it, or stay silent.

Theory of operation
-------------------
The order is the design's (section 6). The row is in the table: serve. Else, if the name opens with a minter's
key, is young enough, belongs to the address that asks and has no tombstone, the read is **parked** and the
row is **pulled** from the minter that the seal names. What comes first serves: the row, the pull's answer,
or, after `SEAL_AFTER_S`, the seal itself if it is full. After `SILENT_AFTER_S` the modem has given up on this
request and we forget it. Everything else gets not one byte: an error would cost a subscriber a restart,
silence only seconds.

A name belongs to the leased address in its row. A CMTS that proxies TFTP shows its own address instead: that
of the row's relay, or one of the configured `proxies`. Then the name alone says who asks.

A retransmitted read pulls again; pulls of one moment travel together. Parked reads and outstanding pulls are
bounded. At the bound the read that waits longest makes room, if its modem has given up on it; else the new
one is left to its modem's own retry and counted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import NamedTuple

from bus.errors import DecodeError
from fileid.row import LIFE_S, NO_RELAY, ROWS_MAX, Fields, Row, split_rows
from fileid.seal import Opener
from fileid.table import Table

SEAL_AFTER_S = 0.5
SILENT_AFTER_S = 4.0  # a modem asks again after 2 s and later; older requests have no reader
FUTURE_S_MAX = 5.0
PARKED_MAX = 20_000
PULLS_MAX = 1_000
TIMERS_MAX = 4  # per parked read; two are its own, the others of reads that ended before their time

Network = IPv4Network | IPv6Network


class Serve(NamedTuple):
    """Build this row's file for this read. `how`: row, parked, pulled or sealed."""

    read: int
    row: Row
    fields: Fields
    how: str
    waited_s: float


class Silent(NamedTuple):
    """Forget this read; `reason` is counted. `fields` say whose name it asked for, if that is known."""

    read: int
    reason: str
    fields: Fields | None = None


class Pull(NamedTuple):
    """Ask the minter with this number for the rows of these names."""

    minter: int
    names: list[bytes]


@dataclass(slots=True)
class _Parked:
    read: int
    row: Row
    fields: Fields
    since: float


class Reads:
    """Decides what each read gets."""

    def __init__(
        self,
        table: Table,
        opener: Opener,
        *,
        proxies: Sequence[Network] = (),
        parked_max: int = PARKED_MAX,
        pulls_max: int = PULLS_MAX,
    ) -> None:
        """`proxies` are the addresses from which a name alone is believed."""
        self.counts: dict[str, int] = {"row": 0, "parked": 0, "pulled": 0, "sealed": 0}
        self.silent: dict[str, int] = {}
        self._table = table
        self._opener = opener
        self._proxies = proxies
        self._parked_max = parked_max
        self._pulls_max = pulls_max
        self._parked: dict[bytes, _Parked] = {}
        self._pulls: set[bytes] = set()
        self._wanted: dict[int, dict[bytes, None]] = {}
        self._timers: list[tuple[float, bytes, int]] = []
        self._shed: list[Silent] = []

    def __len__(self) -> int:
        return len(self._parked)

    @property
    def pulls(self) -> int:
        """How many names were pulled and not answered yet."""
        return len(self._pulls)

    def ask(self, read: int, name: bytes, address: bytes, now: float, wall_s: float) -> Serve | Silent | None:
        """A new read of `name` from `address` (4 or 16 packed bytes); None means that it is parked."""
        row = self._table.get(name)
        if row is not None:
            fields = row.fields()
            if fields.address != address and not self._is_proxied(fields, address):
                return self._be_silent(read, "address", fields)
            return self._serve(read, row, fields, "row", 0.0)
        if self._table.is_spent(name):
            return self._be_silent(read, "spent")
        try:
            row = self._opener.open(name)
            fields = row.fields()
        except DecodeError:
            return self._be_silent(read, "name")
        age_s = wall_s - fields.minted_ms / 1000
        if not -FUTURE_S_MAX <= age_s <= LIFE_S:
            return self._be_silent(read, "age", fields)
        if fields.address != address and not self._is_proxied(fields, address):
            return self._be_silent(read, "address", fields)
        if name in self._parked or not self._has_room(now):
            return self._be_silent(read, "parked_full", fields)
        self._park(_Parked(read, row, fields, now))
        return None

    def find(self, name: bytes) -> Fields | None:
        """What the row of this name says, from the table or from the name itself, however old it is."""
        try:
            return (self._table.get(name) or self._opener.open(name)).fields()
        except DecodeError:
            return None

    def _is_proxied(self, fields: Fields, address: bytes) -> bool:
        """The address is not the device's own but of one that may ask for it."""
        if address == fields.relay:
            return address != NO_RELAY
        return bool(self._proxies) and any(ip_address(address) in one for one in self._proxies)

    def _has_room(self, now: float) -> bool:
        """Whether one more read can be parked, if need be in the place of one that waits in vain."""
        if len(self._timers) >= TIMERS_MAX * self._parked_max:
            return False
        if len(self._parked) < self._parked_max:
            return True
        oldest = next(iter(self._parked.values()))
        if now < oldest.since + SILENT_AFTER_S:
            return False
        self.forget(oldest.read, oldest.row.name)
        self._shed.append(self._be_silent(oldest.read, "late", oldest.fields))
        return True

    def ask_again(self, name: bytes) -> bool:
        """The modem repeated a read: if it is parked, pull once more; False if it is not."""
        parked = self._parked.get(name)
        if parked is None:
            return False
        self._pulls.discard(name)
        self._pull(parked)
        return True

    def minter_is_back(self, minter: int) -> None:
        """A minter's connection came up: what is parked for it is pulled again."""
        for parked in self._parked.values():
            if parked.fields.minter == minter:
                self._pulls.discard(parked.row.name)
                self._pull(parked)

    def arrived(self, names: Iterable[bytes], now: float) -> list[Serve]:
        """These rows are in the table now."""
        if not self._parked:
            return []
        served = []
        for name in names:
            if name in self._parked:
                row = self._table.get(name)
                if row is not None and row.fields().address == self._parked[name].fields.address:
                    served.append(self._unpark(name, row, "parked", now))
        return served

    def pulled(self, data: bytes, minter: int, now: float) -> list[Serve]:
        """A minter answered a pull with rows. Only what is parked and its own is used. `DecodeError` if
        malformed.
        """
        agreeing: dict[bytes, Row] = {}
        for row in map(Row, *split_rows(data)):
            parked = self._parked.get(row.name)
            if parked is not None and _agrees(row.fields(), parked.fields, minter):
                agreeing[row.name] = row
        return [self._unpark(name, row, "pulled", now) for name, row in agreeing.items()]

    def forget(self, read: int, name: bytes) -> Fields | None:
        """The session of this read is gone; what it waited for, if it was parked."""
        parked = self._parked.get(name)
        if parked is None or parked.read != read:
            return None
        del self._parked[name]
        self._pulls.discard(name)
        return parked.fields

    def tick(self, now: float) -> list[Serve | Silent | Pull]:
        """Pulls to send, reads to serve from their seal, reads to forget."""
        effects: list[Serve | Silent | Pull] = [*self._shed]
        self._shed.clear()
        while self._timers and self._timers[0][0] <= now:
            _, name, read = heappop(self._timers)
            parked = self._parked.get(name)
            if parked is None or parked.read != read:
                continue
            if now >= parked.since + SILENT_AFTER_S:
                self.forget(read, name)
                effects.append(self._be_silent(read, "late", parked.fields))
            elif not parked.fields.partial and not self._table.is_spent(name):
                effects.append(self._unpark(name, parked.row, "sealed", now))
        wanted, self._wanted = self._wanted, {}
        for minter, known in wanted.items():
            names = list(known)
            effects += (Pull(minter, names[at : at + ROWS_MAX]) for at in range(0, len(names), ROWS_MAX))
        return effects

    def deadline(self) -> float | None:
        """When `tick` is due; at once while pulls wait to be sent."""
        if self._wanted or self._shed:
            return 0.0
        return self._timers[0][0] if self._timers else None

    def _park(self, parked: _Parked) -> None:
        name = parked.row.name
        self._parked[name] = parked
        for after_s in (SEAL_AFTER_S, SILENT_AFTER_S):
            heappush(self._timers, (parked.since + after_s, name, parked.read))
        self._pull(parked)

    def _pull(self, parked: _Parked) -> None:
        name = parked.row.name
        if name in self._pulls:
            return
        if len(self._pulls) >= self._pulls_max:
            self.silent["pulls_full"] = self.silent.get("pulls_full", 0) + 1
            return
        self._pulls.add(name)
        self._wanted.setdefault(parked.fields.minter, {})[name] = None

    def _unpark(self, name: bytes, row: Row, how: str, now: float) -> Serve:
        parked = self._parked[name]
        self.forget(parked.read, name)
        return self._serve(parked.read, row, row.fields(), how, now - parked.since)

    def _serve(self, read: int, row: Row, fields: Fields, how: str, waited_s: float) -> Serve:
        self.counts[how] += 1
        return Serve(read, row, fields, how, waited_s)

    def _be_silent(self, read: int, reason: str, fields: Fields | None = None) -> Silent:
        self.silent[reason] = self.silent.get(reason, 0) + 1
        return Silent(read, reason, fields)


def _agrees(pulled: Fields, sealed: Fields, minter: int) -> bool:
    """The pulled row is the one whose name was sealed: same minter, same serial, same address."""
    return (
        pulled.minter == sealed.minter == minter
        and pulled.serial == sealed.serial
        and pulled.address == sealed.address
    )

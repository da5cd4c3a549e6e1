"""The parked reads: by the key that each waits for, the oldest first, and how many each payer has.

Two addresses may wait for one key: a device and its CMTS, or a device and a neighbour that asks for its name.
None gives way to the other; the row says whose it is. A payer is who a read is charged to: the leased address
in a seal, or for a name without a seal the address that asks (`fileid.shares`).
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from math import inf

from fileid.row import Fields, Row

GIVEN_MAX = 1_000  # parked reads without a seal: 250 pulls a second from each minter at most
ASKERS_MAX = 4  # addresses that wait for one key; more would be a device's neighbours
FULL = "parked_full"


@dataclass(slots=True)
class Parked:
    """A read that waits for the row of this key. A given name has no seal: neither row nor fields."""

    read: int
    key: bytes
    address: bytes
    since: float
    payer: Hashable
    row: Row | None = None
    fields: Fields | None = None
    pulled_at: float = -inf


class Parking:
    """The parked reads."""

    def __init__(self, parked_max: int) -> None:
        self._parked_max = parked_max
        self._without_seal = 0
        self._oldest_first: dict[tuple[bytes, bytes], Parked] = {}
        self._by_key: dict[bytes, tuple[Parked, ...]] = {}
        self._of: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self._oldest_first)

    def __iter__(self) -> Iterator[Parked]:
        return iter(self._oldest_first.values())

    def at(self, key: bytes) -> Sequence[Parked]:
        """The reads that wait for this key."""
        return self._by_key.get(key, ())

    def by_address(self, key: bytes, address: bytes) -> Parked | None:
        """The read of this key that came from this address."""
        return self._oldest_first.get((key, address))

    def by_read(self, key: bytes, read: int) -> Parked | None:
        """The read of this key that has this number."""
        return next((one for one in self.at(key) if one.read == read), None)

    def refusal(self, parked: Parked, share: int) -> str:
        """Why there is no room for this read, of which its payer may have `share`; empty if there is."""
        if parked.row is None and self._without_seal >= GIVEN_MAX:
            return "given_full"
        is_here = (parked.key, parked.address) in self._oldest_first
        if is_here or len(self.at(parked.key)) >= ASKERS_MAX or self._of.get(parked.payer, 0) >= share:
            return "share_parked"
        return FULL if len(self._oldest_first) >= self._parked_max else ""

    def add(self, parked: Parked) -> None:
        """Take in a read; its address has no other one of its key."""
        self._oldest_first[parked.key, parked.address] = parked
        self._by_key[parked.key] = (*self.at(parked.key), parked)
        self._of[parked.payer] = self._of.get(parked.payer, 0) + 1
        self._without_seal += parked.row is None

    def remove(self, parked: Parked) -> None:
        """Let a read go."""
        del self._oldest_first[parked.key, parked.address]
        if others := tuple(one for one in self._by_key.pop(parked.key) if one is not parked):
            self._by_key[parked.key] = others
        if left := self._of.pop(parked.payer) - 1:
            self._of[parked.payer] = left
        self._without_seal -= parked.row is None

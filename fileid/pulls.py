"""Pulls: requests of a CFM to minters for rows, once for each read and many names at a time.

A name is outstanding until its read is over or repeated. That bounds the pulls of a flood of reads.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fileid.row import ROWS_MAX


class Pull(NamedTuple):
    """A request to the minter with this number for the rows of these names."""

    minter: int
    names: list[bytes]


class Pulls:
    """The outstanding names, and the next pulls."""

    def __init__(self, outstanding_max: int) -> None:
        self._outstanding_max = outstanding_max
        self._outstanding: set[bytes] = set()
        self._wanted: dict[int, dict[bytes, None]] = {}

    def __len__(self) -> int:
        return len(self._outstanding)

    @property
    def is_due(self) -> bool:
        """Whether there is a pull to send."""
        return bool(self._wanted)

    def want(self, name: bytes, minters: Sequence[int]) -> bool:
        """Pull it from each of these, unless it is outstanding; False if too many are."""
        if name in self._outstanding:
            return True
        if len(self._outstanding) >= self._outstanding_max:
            return False
        self._outstanding.add(name)
        for minter in minters:
            self._wanted.setdefault(minter, {})[name] = None
        return True

    def forget(self, name: bytes) -> None:
        """Forget a name that is answered, not needed any more, or to be pulled anew."""
        self._outstanding.discard(name)

    def take(self) -> Iterable[Pull]:
        """The pulls to send now."""
        wanted, self._wanted = self._wanted, {}
        for minter, known in wanted.items():
            names = list(known)
            yield from (Pull(minter, names[at : at + ROWS_MAX]) for at in range(0, len(names), ROWS_MAX))

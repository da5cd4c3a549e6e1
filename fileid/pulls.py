"""Pulls: rows that a CFM asks their minters for, once for each read and many names at a time.

A name is outstanding until its read is over, or until somebody asks again for it. That bounds what a flood of
reads can have us ask for.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fileid.row import ROWS_MAX


class Pull(NamedTuple):
    """Ask the minter with this number for the rows of these names."""

    minter: int
    names: list[bytes]


class Pulls:
    """What is outstanding, and what is to be asked for next."""

    def __init__(self, outstanding_max: int) -> None:
        self._outstanding_max = outstanding_max
        self._outstanding: set[bytes] = set()
        self._wanted: dict[int, dict[bytes, None]] = {}

    def __len__(self) -> int:
        return len(self._outstanding)

    @property
    def is_due(self) -> bool:
        """Whether there is anything to be asked for."""
        return bool(self._wanted)

    def want(self, name: bytes, minters: Sequence[int]) -> bool:
        """Ask each of these for it, unless it is outstanding; False if too many are."""
        if name in self._outstanding:
            return True
        if len(self._outstanding) >= self._outstanding_max:
            return False
        self._outstanding.add(name)
        for minter in minters:
            self._wanted.setdefault(minter, {})[name] = None
        return True

    def forget(self, name: bytes) -> None:
        """It is answered, or not needed any more, or to be asked for anew."""
        self._outstanding.discard(name)

    def take(self) -> Iterable[Pull]:
        """What is to be asked for now."""
        wanted, self._wanted = self._wanted, {}
        for minter, known in wanted.items():
            names = list(known)
            yield from (Pull(minter, names[at : at + ROWS_MAX]) for at in range(0, len(names), ROWS_MAX))

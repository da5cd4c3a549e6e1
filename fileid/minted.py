"""What a minter remembers of the rows it minted, so that a CFM can pull them. As long as they live, and
bounded.
"""

from collections import deque

from fileid.row import LIFE_S, Row


class Minted:
    """The rows of the last 60 s. Beyond `rows_max` the oldest is forgotten: its seal may still serve."""

    def __init__(self, rows_max: int) -> None:
        self.forgotten = 0
        self._rows_max = rows_max
        self._bodies: dict[bytes, bytes] = {}
        self._ages: deque[tuple[float, bytes]] = deque()

    def __len__(self) -> int:
        return len(self._bodies)

    def add(self, row: Row, now: float) -> None:
        """Remember a fresh row."""
        self._expire(now)
        if len(self._bodies) >= self._rows_max:
            del self._bodies[self._ages.popleft()[1]]
            self.forgotten += 1
        self._bodies[row.name] = row.body
        self._ages.append((now + LIFE_S, row.name))

    def find(self, names: list[bytes], now: float) -> list[Row]:
        """The rows of these names that are still remembered."""
        self._expire(now)
        return [Row(name, self._bodies[name]) for name in names if name in self._bodies]

    def _expire(self, now: float) -> None:
        while self._ages and self._ages[0][0] <= now:
            del self._bodies[self._ages.popleft()[1]]

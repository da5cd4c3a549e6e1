"""A minter's memory of the rows it minted, from which CFMs pull: as long as rows live, and bounded."""

from collections import deque

from fileid.row import LIFE_S, Row, is_newer


class Minted:
    """The rows of the last 60 s. Beyond `rows_max` the oldest is forgotten: its seal may still serve."""

    def __init__(self, rows_max: int) -> None:
        self.forgotten = 0
        self._rows_max = rows_max
        self._bodies: dict[bytes, bytes] = {}
        self._ages: deque[tuple[float, bytes, bytes]] = deque()

    def __len__(self) -> int:
        return len(self._bodies)

    def add(self, row: Row, now: float) -> None:
        """Remember a fresh row; it replaces one of its name, if that is not of a later lease."""
        self._expire(now)
        if is_newer(self._bodies.get(row.name, b""), row.body):
            return
        if len(self._ages) >= self._rows_max:
            self.forgotten += self._forget_oldest()
        self._bodies[row.name] = row.body
        self._ages.append((now + LIFE_S, *row))

    def find(self, names: list[bytes], now: float) -> list[Row]:
        """The rows of these names that are still remembered."""
        self._expire(now)
        return [Row(name, self._bodies[name]) for name in names if name in self._bodies]

    def _expire(self, now: float) -> None:
        while self._ages and self._ages[0][0] <= now:
            self._forget_oldest()

    def _forget_oldest(self) -> bool:
        """Forget the oldest; False if another has replaced it."""
        _, name, body = self._ages.popleft()
        if self._bodies.get(name) is not body:
            return False
        del self._bodies[name]
        return True

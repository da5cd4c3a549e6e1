"""A minter's memory of the rows it minted, from which CFMs pull: as long as their names open, and bounded.

A minter that remembers every row whose name may still open can say that a name is not its own. It does after
`ALL_AFTER_S` without a start and without a row that was forgotten at the bound.
"""

from collections import deque

from fileid.row import OPENS_S, Row, is_newer

KEPT_S = OPENS_S
ALL_AFTER_S = KEPT_S + 5.0


class Minted:
    """The rows of the last 70 s. Beyond `rows_max` the oldest is forgotten: its seal may still serve."""

    def __init__(self, rows_max: int) -> None:
        self.forgotten = 0
        self._rows_max = rows_max
        self._bodies: dict[bytes, bytes] = {}
        self._ages: deque[tuple[float, bytes, bytes]] = deque()
        self._all_since: float | None = None

    def __len__(self) -> int:
        return len(self._bodies)

    def add(self, row: Row, now: float) -> None:
        """Remember a fresh row; it replaces one of its name, if that is not of a later lease."""
        self.expire(now)
        if is_newer(self._bodies.get(row.name, b""), row.body):
            return
        if len(self._ages) >= self._rows_max and self._forget_oldest():
            self.forgotten += 1
            self._all_since = now
        self._bodies[row.name] = row.body
        self._ages.append((now + KEPT_S, *row))

    def find(self, names: list[bytes], now: float) -> list[Row]:
        """The rows of these names that are still remembered."""
        self.expire(now)
        return [Row(name, self._bodies[name]) for name in names if name in self._bodies]

    def knows_all(self, now: float) -> bool:
        """Whether each row whose name may open is here: a name that is not was never minted here."""
        return self._all_since is not None and now >= self._all_since + ALL_AFTER_S

    def expire(self, now: float) -> None:
        """Forget rows of which nobody asks any more; called first when we start."""
        if self._all_since is None:
            self._all_since = now
        while self._ages and self._ages[0][0] <= now:
            self._forget_oldest()

    def _forget_oldest(self) -> bool:
        """Forget the oldest; False if another has replaced it."""
        _, name, body = self._ages.popleft()
        if self._bodies.get(name) is not body:
            return False
        del self._bodies[name]
        return True

"""Whether a seal may serve by itself, without its row.

Theory of operation
-------------------
A seal serves without its row because it is young, and because its minter cannot be asked. So it does not
serve by itself

- while the clock of its minter and ours are more than `OFF_S_MAX` apart, by its latest greeting;
- after our own clock jumped by more than that. Ahead, the doubt lasts for `DOUBT_S`, until every seal of
  before is over. Back, it lasts until the time that we lived through once is over too: a name of that time
  looks as young as it did then, and its tombstone may be gone. It ends at once when the clock returns;
- if its minter is connected and was not asked for the row: too many others wait.

Rows serve in each of these cases.

The offset between Unix time and `now` changes by jumps alone, for a clock that is slewed takes both along.
The first one is taken as it is: what was before our start is not known.
"""

from collections.abc import Mapping

from fileid.table import TOMBSTONE_S

OFF_S_MAX = 5.0
DOUBT_S = TOMBSTONE_S
GREETED_S = 1.5  # a minter greets four times a second


class Doubts:
    """What one CFM knows of clocks, and of the minters that can be asked (by their numbers)."""

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._jumped_to_s: float | None = None
        self._until = 0.0
        self._leads_s: dict[int, float] = {}
        self._heard_at: dict[int, float] = {}

    @property
    def off(self) -> Mapping[int, float]:
        """The minters whose clock is off ours, each with its lead in s."""
        return {minter: lead_s for minter, lead_s in self._leads_s.items() if abs(lead_s) > OFF_S_MAX}

    @property
    def jumped_s(self) -> float:
        """How far our own clock jumped, in s, while that is in doubt; else 0."""
        if self._jumped_to_s is None or self._offset_s is None:
            return 0.0
        return self._jumped_to_s - self._offset_s

    def clock(self, offset_s: float, now: float) -> None:
        """Unix time is `now` + `offset_s`; said every second."""
        if self._offset_s is None:
            self._offset_s = offset_s
        back_s = self._offset_s - offset_s
        if abs(back_s) <= OFF_S_MAX:
            self._jumped_to_s = None
        elif self._jumped_to_s is None or abs(self._jumped_to_s - offset_s) > OFF_S_MAX:
            self._jumped_to_s = offset_s
            self._until = now + max(0.0, back_s) + DOUBT_S
        elif now >= self._until:
            self._offset_s, self._jumped_to_s = offset_s, None

    def greeted(self, minter: int, lead_s: float, now: float) -> None:
        """A minter, whose clock is so far ahead of ours, is connected."""
        self._leads_s[minter] = lead_s
        self._heard_at[minter] = now

    def allow(self, minter: int, now: float, *, was_asked: bool) -> bool:
        """Whether a seal of this minter may serve by itself; `was_asked`: for its row."""
        return (
            not self.jumped_s
            and abs(self._leads_s.get(minter, 0.0)) <= OFF_S_MAX
            and (was_asked or now >= self._heard_at.get(minter, -GREETED_S) + GREETED_S)
        )

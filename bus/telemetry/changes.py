"""Changes of state, for the log: one line each, at the level that is shown by default.

A machine tells its state as facts, by kind: `role`, `settings`, `peer cfm-1`. What has another text than at
the last look is a change. Kinds of one first word share an allowance, so that what goes back and forth cannot
fill a disk: a few lines at once, then one in `EVERY_S`, which says how many were left out. The last state is
always told in the end.
"""

from collections.abc import Mapping

LINES_AT_ONCE = 12
EVERY_S = 10.0


class _Allowance:
    """The lines that a kind may have: `LINES_AT_ONCE`, of which one comes back every `EVERY_S`."""

    def __init__(self, now: float) -> None:
        self.left_out = 0
        self._lines = float(LINES_AT_ONCE)
        self._at = now

    def takes(self, now: float) -> bool:
        """Whether there is a line left; then it is used."""
        self._lines = min(LINES_AT_ONCE, self._lines + (now - self._at) / EVERY_S)
        self._at = now
        if self._lines < 1.0:
            return False
        self._lines -= 1.0
        return True

    def excuse(self) -> str:
        """How many changes had no line since the last one; empty if every change had one."""
        left_out, self.left_out = self.left_out, 0
        return f" ({left_out} more changes were left out)" if left_out else ""


class Changes:
    """Compares facts with those that were told last."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}
        self._seen: dict[str, str] = {}
        self._allowances: dict[str, _Allowance] = {}

    def lines(self, facts: Mapping[str, str], now: float) -> list[str]:
        """A line for each fact that is another one than was told, if it is allowed now."""
        found = []
        for kind in {**self._told, **facts}:
            text = facts.get(kind, f"{kind}: forgotten")
            is_new, self._seen[kind] = text != self._seen.get(kind), text
            allowance = self._allowances.setdefault(kind.partition(" ")[0], _Allowance(now))
            if text == self._told.get(kind):
                allowance.left_out += is_new  # it went back before it had a line
            elif allowance.takes(now):
                found.append(text + allowance.excuse())
                self._told[kind] = text
                if kind not in facts:
                    del self._told[kind]
            else:
                allowance.left_out += is_new
        self._seen = {kind: text for kind, text in self._seen.items() if kind in self._told or kind in facts}
        return found

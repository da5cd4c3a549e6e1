"""Troubles that last: a trouble of a moment, such as a connection that is being made, is no news."""

from collections.abc import Collection


class Lasting:
    """Since when each name has had a trouble, without a break."""

    def __init__(self, after_s: float) -> None:
        """A trouble counts once it has lasted for `after_s`."""
        self._after_s = after_s
        self._since: dict[str, float] = {}

    def note(self, names: Collection[str], now: float) -> None:
        """These have the trouble now, and nobody else."""
        self._since = {name: self._since.get(name, now) for name in names}

    def at(self, now: float) -> list[str]:
        """Those who have had it for long enough."""
        return [name for name, since in self._since.items() if now >= since + self._after_s]

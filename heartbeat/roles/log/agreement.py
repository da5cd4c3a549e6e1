"""Agreement: are all readers of the log in one state?

Theory of operation
-------------------
Every beat of a reader says the digest of its state at a position that all of them pass (`reader.Mark`).
Different digests at one position mean that a reader saw another log, or that its memory is wrong; both are
rare, and no reader can see either alone. A reader that disagrees with the majority of those that named that
position must stop, the others raise an alarm. Without a majority nobody knows who is right, so all stop. It
is decided `DECIDE_S` after the first disagreement, when everybody has named it.
"""

from collections import Counter
from collections.abc import Callable

from heartbeat.roles.log.reader import MARKS_MAX, Mark

DECIDE_S = 1.5  # three beats


class Agreement:
    """Compares the marks of others with our own. `alarms` counts the positions at which others were wrong."""

    def __init__(self) -> None:
        self.alarms = 0
        self._said: dict[int, dict[str, str]] = {}
        self._open: dict[int, float | None] = {}  # the time of the first difference
        self._settled = -1

    def heard(self, peer: str, mark: Mark) -> None:
        """Note a mark from a peer's beat."""
        position = mark.position
        said = self._said.setdefault(position, {})
        if position <= self._settled or said.get(peer) == mark.digest:
            return
        said[peer] = mark.digest
        self._open.setdefault(position, None)
        while len(self._said) > MARKS_MAX:
            oldest = min(self._said)
            del self._said[oldest]
            self._open.pop(oldest, None)

    def judge(self, digest_at: Callable[[int], str | None], now: float) -> str:
        """Why we must stop; empty if we need not. `digest_at` returns our own digest at a passed mark."""
        for position, since in sorted(self._open.items()):
            digest = digest_at(position)
            if digest is None:
                continue
            votes = Counter([*self._said[position].values(), digest])
            if len(votes) == 1:
                del self._open[position]
            elif since is None:
                self._open[position] = now
            elif now >= since + DECIDE_S:
                if votes[digest] * 2 <= votes.total():
                    ours = votes[digest]
                    return f"of {votes.total()} readers of the role log {ours} agree with us at {position}"
                self.alarms += 1
                self._settled = position
                del self._open[position]
        return ""

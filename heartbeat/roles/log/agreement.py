"""Agreement: are all readers of the log in one state?

Theory of operation
-------------------
Every beat of a reader says the digest of its state at the last position that all of them pass
(`reader.Mark`). A different digest than ours at that position means that one of us saw another log, or that
its memory is wrong; both are rare, and no reader can see either alone. A reader that disagrees with the
majority must stop, the others raise an alarm. Without a majority nobody knows who is right, so all stop. It
is decided `DECIDE_S` after the first disagreement, when everybody has beaten.

Readers name the positions that they have come to, and where records are many, hardly two name the same one.
So each peer is compared with us by itself, and what is counted are the peers by their latest comparison. To
count the votes for one position would let a single reader that is wrong stop us, where nobody else named it.
A reader that is heard and cannot be compared, for the log runs too fast, is not against us.

Beats are signed, so nobody votes for another. A vote for a position that we have not read yet waits for us;
of each peer only the latest `WAITING_MAX` do.
"""

from collections.abc import Callable
from typing import NamedTuple

from heartbeat.roles.log.reader import Mark

DECIDE_S = 1.5  # three beats
COUNTS_S = 5.0  # ten beats: who is not heard any more has no say
WAITING_MAX = 4  # marks: eight seconds with one role, which is more than a reader is behind


class _Comparison(NamedTuple):
    """Whether a peer's state was ours at this position, as compared at that time."""

    agrees: bool
    position: int
    at: float


class Agreement:
    """Compares the marks of others with our own. `alarms` counts how often a minority was wrong."""

    def __init__(self) -> None:
        self.alarms = 0
        self._waiting: dict[str, list[Mark]] = {}
        self._heard_at: dict[str, float] = {}
        self._compared: dict[str, _Comparison] = {}
        self._since: float | None = None  # the first disagreement that is not decided

    def heard(self, peer: str, mark: Mark, now: float) -> None:
        """Note a mark from a peer's beat."""
        self._heard_at[peer] = now
        others = [one for one in self._waiting.get(peer, ()) if one.position != mark.position]
        self._waiting[peer] = [*others, mark][-WAITING_MAX:]

    def judge(self, digest_at: Callable[[int], str | None], now: float) -> str:
        """Why we must stop; empty if we need not. `digest_at` returns our own digest at a passed mark."""
        for peer, marks in self._waiting.items():
            self._compare(peer, marks, digest_at, now)
        counted = {peer: one for peer, one in self._compared.items() if now < one.at + COUNTS_S}
        wrong = {peer: one for peer, one in counted.items() if not one.agrees}
        if not wrong:
            self._since = None
            return ""
        self._since = now if self._since is None else self._since
        if now < self._since + DECIDE_S:
            return ""
        readers = 1 + sum(now < at + COUNTS_S for at in self._heard_at.values())
        if len(wrong) * 2 >= readers:
            position = max(one.position for one in wrong.values())
            return f"of {readers} readers of the role log {len(wrong)} disagree with us at {position}"
        self.alarms += 1
        self._since = None
        for peer in wrong:
            del self._compared[peer]
        return ""

    def _compare(
        self, peer: str, marks: list[Mark], digest_at: Callable[[int], str | None], now: float
    ) -> None:
        """Compare what can be compared; the last one counts."""
        for mark in [*marks]:
            digest = digest_at(mark.position)
            if digest is None:
                continue
            marks.remove(mark)
            self._compared[peer] = _Comparison(digest == mark.digest, mark.position, now)

"""What the CFMs say of a role when the log is away: may its last holder go on without it?

Theory of operation
-------------------
Every `HELLO` of a minter is answered with the highest claim of its role that the CFM knows, and how far it
has read the log. The holder may go on while a majority of the *configured* CFMs names its own claim, lately;
none ever named a higher one; and none has read on for `SILENCE_S`, for whoever can read the log may soon read
a claim. A constant difference of positions does not count: the holder's last renewal may have been read by
others only.

An answer counts from when its question was *sent*, so a late one proves nothing.
"""

from collections.abc import Collection
from typing import NamedTuple

from bus.envelope import Token
from heartbeat.timing import SILENCE_S

VOUCH_S = 2.0  # of eight questions one must be answered


class Stand(NamedTuple):
    """A claim that won: the authority under which its holder acts. Of two the one with the greater token is
    the later one; the `claim_id`, 16 hex digits, is never used again, so it tells claims of one token apart.
    """

    era: int = 0
    epoch: int = -1
    claim_id: str = ""

    @property
    def token(self) -> Token:
        """What its holder writes into its rows."""
        return Token(self.era, self.epoch)


class Answer(NamedTuple):
    """What one CFM said: the highest claim it knows (not if it was released), and its position in the log."""

    highest: Stand
    released: bool
    position: int


class _Said(NamedTuple):
    answer: Answer
    asked_at: float
    grew_at: float


class Evidence:
    """The last word of every configured CFM."""

    def __init__(self, cfms: Collection[str]) -> None:
        self.highest = Stand()
        self._cfms = cfms
        self._said: dict[str, _Said] = {}

    def heard(self, cfm: str, answer: Answer, asked_at: float, now: float) -> None:
        """An answer to a question that was sent at `asked_at`."""
        known = self._said.get(cfm)
        if cfm not in self._cfms or (known is not None and asked_at < known.asked_at):
            return
        grew_at = now if known is None or answer.position != known.answer.position else known.grew_at
        self._said[cfm] = _Said(answer, asked_at, grew_at)
        self.highest = max(self.highest, answer.highest)

    def has_asked_majority(self, now: float) -> bool:
        """Whether `highest` is what a majority of the CFMs knows, lately."""
        return len(self.lately(now)) > len(self._cfms) // 2

    def lately(self, now: float) -> dict[str, Answer]:
        """What each CFM said that answered lately."""
        return {cfm: said.answer for cfm, said in self._said.items() if now < said.asked_at + VOUCH_S}

    def until(self, ours: Stand, now: float) -> float:
        """Until when a majority vouches for this claim; 0.0 if none does."""
        if (self.highest.era, self.highest.epoch) > (ours.era, ours.epoch):
            return 0.0
        if any(now < said.grew_at + SILENCE_S for said in self._said.values()):
            return 0.0
        vouching = sorted(
            said.asked_at + VOUCH_S
            for said in self._said.values()
            if said.answer.highest == ours and not said.answer.released
        )
        majority = len(self._cfms) // 2 + 1
        return vouching[-majority] if len(vouching) >= majority else 0.0

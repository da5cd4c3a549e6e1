"""Evidence of the CFMs about a role when the log is away: may its last holder go on without it?

Theory of operation
-------------------
A CFM answers every `HELLO` of a minter with the highest claim of its role that it knows, and its position in
the log. The holder may go on while a majority of the *configured* CFMs names its own claim, lately; none ever
named a higher one; and none has read on for `SILENCE_S`, for a CFM that can read the log may soon read a
claim. One that was started anew and has read nothing yet has not read on. A constant difference of positions
does not count: others alone may have read the holder's last renewal.

An answer counts from the time when its question was *sent*, so a late one proves nothing.

To stop, one CFM's word is enough: it may be the only one that has read the next claim. To go up, it is not. A
CFM that names an era or an epoch which leaps above what a majority has come to would use them up for all
others (`bus.leaps`), so what it names is not `credible`: no era is begun above it, and no claim ends for it.
"""

from collections.abc import Collection
from typing import NamedTuple

from bus.leaps import LeapError
from heartbeat.roles.claim import Claim, check_claim, is_log
from heartbeat.timing import SILENCE_S

NONE = Claim()
VOUCH_S = 2.0  # of eight questions one must be answered


class Answer(NamedTuple):
    """A CFM's answer: the highest claim it knows, whether that is released, and its position in the log."""

    highest: Claim
    released: bool
    position: int


class _Said(NamedTuple):
    answer: Answer
    asked_at: float
    grew_at: float


class Evidence:
    """The last answer of every configured CFM."""

    def __init__(self, cfms: Collection[str]) -> None:
        self.highest = Claim()
        self._cfms = cfms
        self._said: dict[str, _Said] = {}

    def heard(self, cfm: str, answer: Answer, asked_at: float, now: float) -> None:
        """Take an answer to a question that was sent at `asked_at`."""
        known = self._said.get(cfm)
        if cfm not in self._cfms or (known is not None and asked_at < known.asked_at):
            return
        grew_at = now
        if known is not None and (answer.position < 0 or answer.position == known.answer.position):
            grew_at = known.grew_at
        self._said[cfm] = _Said(answer, asked_at, grew_at)
        self.highest = max(self.highest, answer.highest)

    def has_asked_majority(self, now: float) -> bool:
        """Whether a majority of the CFMs answered lately."""
        return len(self.lately(now)) >= self.majority

    @property
    def credible(self) -> Claim:
        """The highest claim that a CFM named, of those that are credible."""
        return max((one for one in self._named() if self.is_credible(one)), default=NONE)

    def is_credible(self, claim: Claim, own: Claim = NONE) -> bool:
        """Whether a claim does not leap above what a majority of the CFMs has come to, and above `own`."""
        try:
            self.check(claim, own)
        except LeapError:
            return False
        return True

    def check(self, claim: Claim, own: Claim = NONE, source: str = "a CFM") -> None:
        """`LeapError` if this claim, of which `source` told us, is not credible."""
        named = sorted(self._named(), reverse=True)
        common = named[self.majority - 1] if len(named) >= self.majority else NONE
        is_of_log = is_log(claim.authority)
        check_claim(source, max(common, own), claim, era_proven=False, epoch_proven=is_of_log)

    def check_answer(self, cfm: str, own: Claim) -> None:
        """`LeapError` if the claim in this CFM's last answer is not credible. Before a majority has answered
        there is nothing to tell a leap by.
        """
        said = self._said.get(cfm)
        if said is not None and len(self._said) >= self.majority:
            self.check(said.answer.highest, own, cfm)

    def _named(self) -> list[Claim]:
        return [said.answer.highest for said in self._said.values()]

    @property
    def majority(self) -> int:
        """The size of a majority of the configured CFMs."""
        return len(self._cfms) // 2 + 1

    def lately(self, now: float) -> dict[str, Answer]:
        """The answers of the CFMs that answered lately."""
        return {cfm: said.answer for cfm, said in self._said.items() if now < said.asked_at + VOUCH_S}

    def has_come_to(self, era: int, now: float) -> bool:
        """Whether a majority of the CFMs answered lately that they know this era, or a later one."""
        return sum(one.highest.era >= era for one in self.lately(now).values()) >= self.majority

    def answered_until(self) -> float:
        """The end of the time in which a majority of answers counts as late; 0.0 without one."""
        ends = sorted(said.asked_at + VOUCH_S for said in self._said.values())
        return ends[-self.majority] if len(ends) >= self.majority else 0.0

    def count(self, now: float) -> str:
        """The share of the configured CFMs that answered lately, for people."""
        return f"{len(self.lately(now))} of {len(self._cfms)}"

    def until(self, ours: Claim, now: float) -> float:
        """The end of a majority's vouching for this claim; 0.0 if none does."""
        if (self.highest.era, self.highest.epoch) > (ours.era, ours.epoch):
            return 0.0
        if any(now < said.grew_at + SILENCE_S for said in self._said.values()):
            return 0.0
        vouching = sorted(
            said.asked_at + VOUCH_S
            for said in self._said.values()
            if said.answer.highest == ours and not said.answer.released
        )
        return vouching[-self.majority] if len(vouching) >= self.majority else 0.0

    def superseding(self, authority: str, era: int, now: float) -> Claim | None:
        """The claim of another authority, of this era or a later one, that some CFM stands by: it refuses all
        that `authority` decided in its era. None while no majority answered lately.
        """
        highest = self.credible
        is_another = highest.epoch >= 0 and highest.authority != authority
        return highest if is_another and highest.era >= era and self.has_asked_majority(now) else None

    def refusing(self, ours: Claim, now: float) -> Claim | None:
        """The latest claim that a CFM stands by, if every CFM that answered lately stands by another one than
        ours: nobody takes our rows.
        """
        others = [answer.highest for answer in self.lately(now).values()]
        return max(others) if others and ours not in others else None

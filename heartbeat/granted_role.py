"""A role that a majority of the CFMs granted, as the sidecar that stands for it sees it: `grants` in time.

It answers the same questions as `heartbeat.election`. A claim is named as ours (`stand`) only once it is
held, for the CFMs take the latest claim that a minter names for the one that counts.

`Candidate` tells its voters as soon as it drops a claim, and they may grant the role to another one at once.
That is right only when nobody acts under it any more. A claim that ends before its lease does is in the hands
of the host until then, so nothing is told, and the lease runs out at the voters too. The owner who calls
`release` has seen to the host.
"""

from collections.abc import Callable, Sequence
from math import inf
from random import Random
from typing import Any

from bus.envelope import Envelope, Stamp
from bus.errors import ConfigError, StateError
from bus.machine import Effect, Send
from heartbeat.election_table import State
from heartbeat.evidence import Answer, Evidence
from heartbeat.grant_messages import pack_grant, unpack_answer
from heartbeat.grants import VOTERS_MIN, Candidate, Granted, Lost, Tell, Won
from heartbeat.stand import BY_GRANTS, Stand

ANSWER_S = 2.0  # of four questions a voter answers one, else it is called silent


class GrantedRole:
    """Stands for one role while it is able to do the work, which is for its owner to set (`is_able`).

    What it holds it keeps, able or not, until `release`. With an `obstacle` it stands for nothing any more,
    until a person does what that says.
    """

    def __init__(self, *, role: str, stamp: Stamp, index: int, voters: Sequence[str], random: Random) -> None:
        """`index` is our place among those who may hold the role; `ConfigError` as `Candidate` has it."""
        self.role = role
        self.is_able = False
        self.reason = ""
        self._stamp = stamp
        self._voters = voters
        self.evidence = Evidence(voters)
        self._candidate = Candidate(stamp.instance, role, index=index, voters=voters, random=random)
        self._stands = False
        self.obstacle = ""
        self._outbox: list[Effect] = []
        self._has_changed = False  # our owner says at once that the role came or went
        self._said: dict[str, tuple[str, float]] = {}

    @property
    def state(self) -> State:
        """STANDBY is who asks nobody, for now or at all."""
        if self._candidate.lease_end:
            return State.ACTIVE
        return State.STANDBY if self._candidate.claim is None else State.CANDIDATE

    @property
    def stand(self) -> Stand:
        """The claim that is ours."""
        claim = self._candidate.claim
        return claim if claim is not None and self._candidate.lease_end else Stand()

    @property
    def acts_until(self) -> float:
        """The end of the lease; 0.0 if the role is not ours."""
        return self._candidate.lease_end

    def heard(self, envelope: Envelope, now: float) -> None:
        """A voter answered; `DecodeError` if it did not, or is none."""
        message = unpack_answer(envelope, self._voters, self.role)
        self._said[message.voter] = ("granted" if isinstance(message, Granted) else "refused", now)
        self._during(now, lambda: self._candidate.receive(message, now))

    def answered(self, cfm: str, answer: Answer, asked_at: float, now: float) -> None:
        """A CFM said which claim of our role it takes rows under: it takes none under an earlier one."""
        self.evidence.heard(cfm, answer, asked_at, now)
        seen = answer.highest
        if cfm not in self._voters or seen.epoch < 0:
            return
        self._during(now, lambda: self._candidate.observe(seen, now))

    def release(self, now: float) -> None:
        """Give the role back: neither we nor our host act under it any more."""
        self._stands = False
        self._take(self._candidate.release(now))

    def tick(self, now: float, wall_s: float) -> list[Effect]:
        """What the voters are to be told."""
        wants = self.is_able and not self.obstacle
        if wants and not self._stands:
            self._stands = True
            self._candidate.stand(now)
        elif not wants and self._stands and not self._holds(now):
            self.release(now)
        try:
            self._during(now, lambda: self._candidate.tick(now))
        except StateError as error:
            self.obstacle = str(error)
        self._has_changed = False
        effects, self._outbox = self._outbox, []
        return effects

    def deadline(self) -> float | None:
        """When `tick` is due."""
        wants = self.is_able and not self.obstacle
        keeps = self._stands and self._candidate.lease_end > 0.0
        if self._outbox or self._has_changed or (wants != self._stands and not keeps):
            return 0.0
        return self._candidate.deadline()

    def describe(self, now: float) -> dict[str, Any]:
        """What an operator wants to know."""
        stand = self.stand
        return {
            "role": self.role,
            "state": str(self.state),
            "reason": self.obstacle or self.reason,
            "authority": BY_GRANTS,
            "era": stand.era,
            "epoch": stand.epoch,
            "claim_id": stand.claim_id,
            "able": self.is_able,
            "voters": {voter: self._verdict(voter, now) for voter in self._voters},
        }

    def _verdict(self, voter: str, now: float) -> str:
        verdict, at = self._said.get(voter, ("silent", -inf))
        return verdict if now < at + ANSWER_S else "silent"

    def _holds(self, now: float) -> bool:
        return self._candidate.held(now) is not None

    def _during(self, now: float, move: Callable[[], Sequence[Won | Lost | Tell]]) -> None:
        """Do what the candidate wants, but tell nobody of a claim that our host may still act under."""
        is_under_lease = self._holds(now)
        effects = move()
        is_early = is_under_lease and any(isinstance(effect, Lost) for effect in effects)
        self._take([effect for effect in effects if not (is_early and isinstance(effect, Tell))])

    def _take(self, effects: Sequence[Won | Lost | Tell]) -> None:
        for effect in effects:
            if isinstance(effect, Tell):
                self._outbox.append(Send(effect.to, pack_grant(self._stamp, effect.message)))
            else:
                self._has_changed = True
                self.reason = effect.reason if isinstance(effect, Lost) else ""


def check_voters(voters: Sequence[str]) -> None:
    """`ConfigError` if a fleet with these CFMs cannot grant roles."""
    if len(voters) < VOTERS_MIN:
        raise ConfigError(
            f"failover.grants: every CFM is a voter and {VOTERS_MIN} are needed, the fleet has {len(voters)}"
        )

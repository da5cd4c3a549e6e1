"""A role that a majority of the CFMs granted, as the sidecar that stands for it sees it: `grants` in time.

We name a claim as ours (`claim`) only once it is held, for to the CFMs the latest claim that a minter names
is the one that counts.

`Candidate` tells its voters as soon as it drops a claim, and they may grant the role to another one at once.
That is right only when nobody acts under it any more. If a claim ends before its lease, the host may act
under it until then, so the voters are not told, and the lease runs out there too. The caller of `release` has
stopped the host.
"""

from collections.abc import Callable, Sequence
from math import inf
from random import Random
from typing import Any

from bus.effects import Send
from bus.envelope import Envelope, Stamp
from bus.errors import ConfigError, StateError
from bus.reason import Reason
from bus.routes import Column
from heartbeat.roles.claim import BY_GRANTS, Claim
from heartbeat.roles.evidence import Answer, Evidence
from heartbeat.roles.granted.grants import (
    HOLDER_LEASE_S,
    VOTERS_MIN,
    Candidate,
    Granted,
    Lost,
    Refused,
    Release,
    Tell,
    Won,
)
from heartbeat.roles.granted.messages import pack_grant, unpack_answer
from heartbeat.roles.holder import Absent, Claimed, RoleEffect, RoleHolder
from heartbeat.roles.states import HOLDING, State

NOT_PROMOTED = (
    "the CFMs grant this role: drain the present primary (provbus failover drain), and another takes over"
)
ANSWER_S = 2.0  # a voter that answers none of four questions is called silent


class GrantedHolder(RoleHolder):
    """Stands for one role while it is able to do the work.

    It keeps a held role, able or not, until `release`. With an `obstacle` it does not stand any more, until a
    person removes that.
    """

    def __init__(self, *, role: str, stamp: Stamp, index: int, voters: Sequence[str], random: Random) -> None:
        """`index` is our place among the candidates for the role; `ConfigError` as of `Candidate`."""
        self.role = role
        self._is_able = False
        self.reason = ""
        self._stamp = stamp
        self._voters = voters
        self.evidence = Evidence(voters)
        self._candidate = Candidate(stamp.instance, role, index=index, voters=voters, random=random)
        self._stands = False
        self.obstacle = ""
        self._outbox: list[RoleEffect] = []
        self._has_changed = False  # the role came or went: `tick` is due at once
        self._said: dict[str, tuple[str, float]] = {}
        self._rival = ""  # who held the role, by its last beat
        self._former_until = -inf  # whom an era named, or his host, may act under the authority before it

    @property
    def state(self) -> State:
        """STANDBY: it does not ask; CANDIDATE: it does."""
        if self._candidate.lease_end:
            return State.ACTIVE
        return State.STANDBY if self._candidate.claim is None else State.CANDIDATE

    @property
    def claim(self) -> Claim:
        """Our claim, once it is held."""
        claim = self._candidate.claim
        return claim if claim is not None and self._candidate.lease_end else Claim()

    @property
    def acts_until(self) -> float:
        """The end of the lease; 0.0 if the role is not ours."""
        return self._candidate.lease_end

    def able(self, is_able: bool) -> None:
        """Set whether we may stand; we keep a held role anyway."""
        self._is_able = is_able

    def voted(self, envelope: Envelope, now: float) -> None:
        """Take a voter's answer; `DecodeError` if it is none, or no voter's, `LeapError` if it names a claim
        that is not credible.
        """
        message = unpack_answer(envelope, self._voters, self.role)
        promised = message.promised if isinstance(message, Refused) else None
        if promised is not None:
            self.evidence.check(promised, self._candidate.met, envelope.source)
        self._said[message.voter] = ("granted" if isinstance(message, Granted) else "refused", now)
        self._during(now, lambda: self._candidate.receive(message, now))

    def answered(self, cfm: str, answer: Answer, asked_at: float, now: float) -> None:
        """Take a CFM's claim of our role: the CFM takes no rows under an earlier one."""
        self.evidence.heard(cfm, answer, asked_at, now)
        seen = answer.highest
        if cfm not in self._voters:
            return
        if seen.epoch < 0:  # an era in which nobody has claimed the role; that of the log is not ours
            era = seen.era + (seen.authority != BY_GRANTS)
            if seen.authority and self.evidence.is_credible(seen, self._candidate.met):
                self._during(now, lambda: self._candidate.meet_era(era, now))
            return
        if not self.evidence.is_credible(seen, self._candidate.met):
            return
        self._during(now, lambda: self._candidate.observe(seen, now))

    def stands(self, peer: str, now: float, *, holds: bool) -> None:
        """Ask soon once a peer that held our role does not any more."""
        if holds:
            self._rival = peer
        elif peer == self._rival:
            self._rival = ""
            self._candidate.freed(now)

    def begin(self, era: int, named: Claimed | None, now: float) -> None:
        """Ask for the role at once if the era names us; else stand in that era, as ever."""
        self._during(now, lambda: self._candidate.release(now))
        self._stands = False
        self._former_until = -inf
        if named is not None and named.is_us:
            self._stands = True
            self._former_until = now + HOLDER_LEASE_S
            self._candidate.begin(era, named.claim_id, now)
        else:
            self._candidate.meet_era(era, now)
        self._has_changed = True

    def promote(self, now: float, absent: Absent = tuple) -> bool:
        """`StateError`: nobody can take it from the holder of the grants."""
        if self.state in HOLDING:
            return False
        raise StateError(NOT_PROMOTED)

    def lost(self) -> list[Reason]:
        """That no era is left."""
        if not self.obstacle:
            return []
        return [Reason("no-era-left", f"an era in which it could hold its role: {self.obstacle}")]

    def release(self, now: float) -> None:
        """Give the role back; neither we nor our host act under it any more."""
        self._stands, self._former_until = False, -inf
        self._take(self._candidate.release(now))

    def tick(self, now: float, wall_s: float) -> list[RoleEffect]:
        """The messages to the voters."""
        if now >= self._former_until:
            self._former_until = -inf
        wants = self._wants(now)
        if wants and not self._stands:
            self._stands = True
            self._candidate.stand(now)
        elif not wants and self._stands and not self._holds(now):
            self._stands = False
            self._during(now, lambda: self._candidate.release(now))
        try:
            self._during(now, lambda: self._candidate.tick(now))
        except StateError as error:
            self.obstacle = str(error)
        self._has_changed = False
        effects, self._outbox = self._outbox, []
        return effects

    def deadline(self) -> float | None:
        """The time of the next `tick`."""
        wants = self._is_able and not self.obstacle
        keeps = self._stands and (self._candidate.lease_end > 0.0 or self._former_until > -inf)
        if self._outbox or self._has_changed or (wants != self._stands and not keeps):
            return 0.0
        return self._candidate.deadline()

    def describe(self, now: float) -> dict[str, Any]:
        """The status for an operator."""
        claim = self.claim
        return {
            "role": self.role,
            "state": str(self.state),
            "reason": self.obstacle or self.reason,
            "authority": BY_GRANTS,
            "era": claim.era,
            "epoch": claim.epoch,
            "claim_id": claim.claim_id,
            "able": self._is_able,
            "voters": {voter: self._verdict(voter, now) for voter in self._voters},
        }

    def _verdict(self, voter: str, now: float) -> str:
        verdict, at = self._said.get(voter, ("silent", -inf))
        return verdict if now < at + ANSWER_S else "silent"

    def _wants(self, now: float) -> bool:
        """Whether we stand; whom an era named goes on, able or not, as with a role that he holds."""
        return (self._is_able or now < self._former_until) and not self.obstacle

    def _holds(self, now: float) -> bool:
        return self._candidate.held(now) is not None

    def _during(self, now: float, move: Callable[[], Sequence[Won | Lost | Tell]]) -> None:
        """Take the candidate's effects, but hide the end of a claim under which our host may act, or of the
        one that follows such a claim of the authority before.
        """
        is_under_lease = self._holds(now) or now < self._former_until
        self._take([one for one in move() if not (is_under_lease and _is_release(one))])

    def _take(self, effects: Sequence[Won | Lost | Tell]) -> None:
        for effect in effects:
            if isinstance(effect, Tell):
                self._outbox.append(
                    Send(effect.to, pack_grant(self._stamp, effect.message), Column.MULTICAST)
                )
            else:
                self._has_changed = True
                self.reason = effect.reason if isinstance(effect, Lost) else ""


def _is_release(effect: Won | Lost | Tell) -> bool:
    return isinstance(effect, Tell) and isinstance(effect.message, Release)


def check_voters(voters: Sequence[str]) -> None:
    """`ConfigError` if a fleet with these CFMs cannot grant roles."""
    if len(voters) < VOTERS_MIN:
        raise ConfigError(
            f"failover.grants: every CFM is a voter and {VOTERS_MIN} are needed, the fleet has {len(voters)}"
        )

"""A role that the role log decides, as the sidecar that stands for it sees it.

The election has the rules (`heartbeat.roles.elected.election`). This module gives it its messages, and stops
it when the other readers of the log disagree.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any

from bus.effects import Effect
from bus.errors import TryAgainError
from bus.messages import Arriving, CaughtUp, Entry, LogBounds, LogLost, Recreated
from bus.reason import Reason
from bus.telemetry.metrics import Sample
from heartbeat.liveness.beat import LogPosition
from heartbeat.roles.claim import Claim
from heartbeat.roles.elected.election import Election
from heartbeat.roles.evidence import Answer
from heartbeat.roles.holder import Absent, RoleEffect, RoleHolder
from heartbeat.roles.log.agreement import Agreement
from heartbeat.roles.log.reader import Mark, position_of
from heartbeat.roles.states import HOLDING, State

UNREACHED = Reason("role-log-unreached", "the role log, which no broker has shown yet")


class ElectedHolder(RoleHolder):
    """Puts an `Election` behind the interface."""

    must_keep = True

    def __init__(self, election: Election) -> None:
        self.role = election.role
        self.evidence = election.evidence
        self.election = election
        self._agreement = Agreement()
        self._news: dict[type, Callable[[Any, float], None]] = {
            Entry: election.entry,
            LogBounds: election.bounds,
            LogLost: lambda lost, now: election.broken(lost.reason, now),
            CaughtUp: self._caught_up,
            Recreated: self._recreated,
        }

    @property
    def state(self) -> State:
        """The state of the election."""
        return self.election.state

    @property
    def cause(self) -> str:
        """The cause of the last transition; of a role that was won also what the claim was made for."""
        return self.election.cause

    @property
    def claim(self) -> Claim:
        """The claim that won."""
        return self.election.claim

    @property
    def acts_until(self) -> float:
        """The end of the lease, or of the CFMs' vouching."""
        return self.election.acts_until

    @property
    def greets_under(self) -> Claim:
        """None: the CFMs read our claim from the log."""
        return Claim()

    def able(self, is_able: bool) -> None:
        """Set whether we may stand; we keep a held role anyway."""
        self.election.able(is_able)

    def receive(self, message: Arriving, now: float) -> list[Effect]:
        """Take news of the log or of the settings; `tick` returns the effects."""
        tell = self._news.get(type(message))
        if tell is not None:
            tell(message, now)
        return []

    def heard(self, peer: str, log: LogPosition | None, now: float) -> bool:
        """Compare a peer's mark of the log; True if no majority agrees with us, so we stop."""
        if log is None:
            return False
        self._agreement.heard(peer, Mark(log.mark, log.digest), now)
        reason = self._agreement.judge(self.election.reader.digest_at, now)
        if reason:
            self.election.broken(reason, now)
        return bool(reason)

    def answered(self, cfm: str, answer: Answer, asked_at: float, now: float) -> None:
        """Take an answer: it may vouch for us without the log."""
        self.election.answered(cfm, answer, asked_at, now)

    def kept(self, claim: Claim | None, is_ours: bool, now: float) -> list[Effect]:
        """Act on the kept claim, or give it back in the log."""
        return self.election.kept(claim, now)

    def unkept(self, now: float, *, is_doubtful: bool) -> list[Effect]:
        """Give back a claim that could not be kept."""
        return self.election.unkept(now, is_doubtful=is_doubtful)

    def promote(self, now: float, absent: Absent = tuple) -> bool:
        """Claim without waiting for silence."""
        if self.state in HOLDING:
            return False
        if not self.election.is_able:
            raise TryAgainError("this sidecar could not do the work; see failover.status")
        self.election.promote(now)
        return True

    def begin_era(self, authority: str, now: float, revoke: Collection[str]) -> int:
        """Write an ERA above all that we and a majority of the CFMs know."""
        if self.state in (State.BOOT, State.HALT):
            return super().begin_era(authority, now, revoke)
        reader = self.election.reader
        if not reader.is_caught_up and not reader.no_start:
            raise TryAgainError("it has not read the role log to its end, so not which keys are revoked")
        if not self.evidence.has_asked_majority(now):
            raise TryAgainError("no majority of the CFMs says which eras it has known")
        return self.election.begin_era(authority, now, revoke)

    def freeze(self, plan: str, now: float) -> bool:
        """Stand still: the log may name us."""
        return self.election.freeze(plan)

    def frozen(self, now: float) -> None:
        """Our lease in the switch's era runs from now."""
        self.election.frozen(now)

    def release(self, now: float) -> None:
        """Release it in the log: others need not wait."""
        self.election.release(now)

    def tick(self, now: float, wall_s: float) -> list[RoleEffect]:
        """Records to write and claims to keep."""
        return self.election.tick(now, wall_s)

    def deadline(self) -> float | None:
        """The time of the next `tick`."""
        return self.election.deadline()

    def log_position(self) -> LogPosition | None:
        """Our position in the log, and a digest of its state."""
        return position_of(self.election.reader)

    def describe(self, now: float) -> dict[str, Any]:
        """Our state, its age, and the holder of the role."""
        return self.election.describe(now)

    def lost(self) -> list[Reason]:
        """A log that was lost or is disputed."""
        if self.state is State.HALT:
            return [
                Reason("role-log-changed", f"the role log, which is not what it was: {self.election.reason}")
            ]
        return []

    def waits_for(self, now: float) -> list[Reason]:
        """The log, where it is not read up to its end, and a lease that does not come back."""
        no_start = self.election.reader.no_start
        if no_start:
            return [Reason("role-log-beginning-lost", f"the beginning of the role log: {no_start}")]
        if self.state is State.BOOT and not self._is_held_elsewhere(now):
            return [UNREACHED]
        if self.state is State.CATCHUP:
            return [Reason("role-log-unread", "the end of the role log, which it still reads")]
        if self.state is State.SUSPENDED:
            return [Reason("role-suspended", "its role: its renewals do not come back from the log")]
        return []

    def worries(self, now: float) -> list[Reason]:
        """That the CFMs stand in for the log, for us or for the primary beside which we stand by."""
        if self.state is State.BOOT and self._is_held_elsewhere(now):
            return [UNREACHED]
        if self.state is not State.AUTONOMOUS:
            return []
        return [Reason("autonomous", "the role log: a majority of the CFMs vouches for it meanwhile")]

    def samples(self) -> Iterator[Sample]:
        """Also the reading of the log."""
        yield from super().samples()
        yield Sample("provbus_role_log_position", self.election.reader.position)
        yield Sample("provbus_role_log_disagreements_total", self._agreement.alarms)
        for (state, cause), times in self.election.taken.items():
            labels = {"state": str(state), "cause": cause.name.lower()}
            yield Sample("provbus_failover_transitions_total", times, labels)

    def _is_held_elsewhere(self, now: float) -> bool:
        """Whether a CFM that answered lately stands by a claim that is not the one we had."""
        answers = self.evidence.lately(now).values()
        known = [one.highest for one in answers if one.highest.epoch >= 0 and not one.released]
        return any(claim != self.election.former for claim in known)

    def _caught_up(self, message: CaughtUp, now: float) -> None:
        if message.traffic == "config":
            self.election.settings_read()

    def _recreated(self, message: Recreated, now: float) -> None:
        if message.traffic == "config":
            self.election.settings_recreated()

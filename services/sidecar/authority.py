"""By what right this sidecar mints: the election of its role, its host service, and what an operator said.

Theory of operation
-------------------
`heartbeat.election` says until when the role is ours. Acting on it are two: this sidecar, which mints, and
its host service, which answers devices and is told the lease's end over the local socket. So the role is
given back only when neither can act any more: we stop at once, and the host either says that it has stopped
(`host.yielded`), or is gone with its whole process group, or the last lease it was told is over.

A host need not ask all the time: the answer to its last `authority` is sent anew when it is another one.

A host that attached is watched: when its process is gone the role is given back at once, which makes for a
takeover in a fraction of a second. With `needs_host` we stand for the role only while one is attached.

Over multicast there is no log: `heartbeat.appointment` or `heartbeat.granted_role` takes the place of the
election. With none of them there is nothing to wait for.

A sidecar whose name another process has yields (`heartbeat.namesake`): it is as good as drained.

A sidecar that was started in another mode than the last time stands for nothing before a majority of the CFMs
has answered it there: as long as they are in the former mode, somebody may hold the role there.

What a restart must know is kept on disk before it is acted upon: the claim, and what an operator said. While
the disk refuses that, we stand for nothing: a claim that could not be kept is given back, an operator is told
so and nothing changes.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from bus.envelope import NO_TOKEN, Envelope, Stamp, Token
from bus.errors import DecodeError, StateError, TryAgainError
from bus.machine import (
    Draining,
    Effect,
    Entry,
    HostCame,
    HostGone,
    Keep,
    LocalRequest,
    LogBounds,
    LogLost,
    Reply,
    SessionClosed,
    Unkept,
    WatchHost,
)
from bus.messages import LogPosition, RoleState
from bus.metrics import Sample, labelled
from heartbeat.agreement import Agreement
from heartbeat.appointment import Appointment, StoreTenure
from heartbeat.election import Election, StoreClaim
from heartbeat.election_table import HOLDING, State
from heartbeat.evidence import VOUCH_S
from heartbeat.granted_role import GrantedRole
from heartbeat.namesake import Namesake
from heartbeat.role_reader import Mark, position_of
from heartbeat.stand import Stand, describe_authority
from heartbeat.standing import unpack_standing
from heartbeat.static import Tenure
from heartbeat.timing import LEASE_S

AUTHORITY_MAX = 200
NOT_PROMOTED = (
    "the CFMs grant this role: drain the present primary (provbus failover drain), and another takes over"
)


class StoreFailover(NamedTuple):
    """A promise: what a restart must know, the claim that is held, and what an operator said."""

    stand: Stand | None
    locked: bool = False
    drained: bool = False
    is_ours: bool = True
    mode: str = ""  # the transport mode in which a majority of the CFMs was heard last
    lock: str = ""  # the identity of the lock under which this was kept (`bus.instance_lock`)


class Authority:
    """Whether, and until when, this sidecar and its host may act. `is_prepared`: it has the settings."""

    def __init__(
        self,
        stamp: Stamp,
        election: Election | Appointment | GrantedRole | None,
        *,
        namesake: Namesake | None = None,
        mode: str = "bus",
        lock: str = "",
        needs_host: bool = False,
        kept: StoreFailover | None = None,
    ) -> None:
        kept = kept or StoreFailover(None)
        self.is_prepared = False
        self._stamp = stamp
        self._namesake = namesake or Namesake(stamp.incarnation)
        self._lock_identity = lock
        self._election = election
        self._needs_host = needs_host
        self._stand = kept.stand
        self._is_ours = kept.is_ours
        self._locked = kept.locked
        self._drained = kept.drained
        self._unkept = ""  # why the disk refused the latest record
        self._mode = mode
        self._former_mode = "" if election is None or kept.mode == mode else kept.mode
        self._is_told = kept.lock == lock and (kept.mode == mode or bool(self._former_mode))
        self._now = 0.0
        self._held = Stand()
        self._held_since = 0.0
        self._is_stopping = False
        self._host: int | None = None
        self._has_left = False
        self._has_begun = False
        self._granted_until = 0.0
        self._asked: LocalRequest | None = None
        self._told: tuple[bool, int] | None = None
        self._agreement = Agreement()
        self._operations: dict[object, Callable[[LocalRequest, float], list[Effect]]] = {
            "host.attach": self._attach,
            "host.yielded": self._yielded,
            "authority": self._authority,
            "failover.status": self._status,
            "failover.drain": self._drain,
            "failover.lock": self._lock,
            "failover.promote": self._promote,
            "failover.era": self._era,
        }

    @property
    def stand(self) -> Stand:
        """The claim that is ours, for those who fence."""
        return self._election.stand if self._election is not None else Stand()

    @property
    def greets_under(self) -> Stand:
        """The claim that the CFMs learn from our greeting only, so another one is worth one at once."""
        return Stand() if isinstance(self._election, Election) else self.stand

    @property
    def is_released(self) -> bool:
        """Nothing is to be given back."""
        return self._election is None or self._election.state not in HOLDING | {State.CANDIDATE}

    def may_act(self, now: float) -> bool:
        """Whether what we do now counts."""
        if self._election is None:
            return not self._namesake.yields
        return now < self._election.acts_until and not self._yields

    def why_not(self) -> str:
        """Why we may not act, for whoever asks us to."""
        if self._namesake.yields:
            return "; ".join(self._namesake.missing())
        if self._election is None or not self._yields:
            state = "" if self._election is None else self._election.state
            return f"this sidecar does not hold its role: it is {state}"
        return "this sidecar gives its role back"

    def receive(self, message: Any, now: float) -> list[Effect]:
        """A record of the role log, or news of the host."""
        election = self._election
        if isinstance(message, Draining):
            self._is_stopping = True
        elif isinstance(message, SessionClosed):
            self._has_left = self._has_left or message.session == self._host
        elif isinstance(message, HostCame):
            self._host, self._has_left, self._asked = message.session, False, None
        elif isinstance(message, HostGone):
            if message.session == self._host:
                self._host, self._has_left, self._granted_until = None, False, 0.0
                self._asked = None
        elif isinstance(election, Election) and isinstance(message, Entry):
            election.entry(message, now)
        elif isinstance(election, Election) and isinstance(message, LogBounds):
            election.bounds(message, now)
        elif isinstance(election, Election) and isinstance(message, LogLost):
            election.broken(message.reason, now)
        self._settle()
        return []

    def record(self) -> StoreFailover:
        """What belongs on the disk."""
        mode = self._former_mode or self._mode
        lock = self._lock_identity
        return StoreFailover(self._stand, self._locked, self._drained, self._is_ours, mode, lock)

    def kept(self, record: StoreFailover, now: float) -> list[Effect]:
        """This is on the disk: now it may be acted upon."""
        election = self._election
        effects: list[Effect] = []
        self._unkept, self._locked, self._drained = "", record.locked, record.drained
        if isinstance(election, Election):
            effects = election.kept(record.stand, now)
        elif isinstance(election, Appointment) and record.stand is not None:
            election.kept(Tenure(record.stand, record.is_ours))
        self._settle()
        return effects

    def unkept(self, message: Unkept, now: float) -> list[Effect]:
        """The disk refused this."""
        election = self._election
        effects: list[Effect] = []
        self._unkept = message.reason
        if isinstance(election, Election) and election.state in HOLDING:
            effects = election.unkept(now, is_doubtful=message.is_doubtful)
            self._stand = self._stand if election.state in HOLDING else None
        self._settle()
        return effects

    def settings_recreated(self) -> None:
        """The topic of the settings was made anew: it is read to an end once more."""
        if isinstance(self._election, Election):
            self._election.settings_recreated()

    def settings_read(self) -> None:
        """The settings were received up to an end that was captured."""
        if isinstance(self._election, Election):
            self._election.settings_read()

    def answered(self, cfm: str, data: bytes, now: float) -> None:
        """A CFM answered our hello; `DecodeError` if it did not."""
        answer, asked_at = unpack_standing(data)
        if asked_at > now:
            raise DecodeError(f"{cfm} answers what nobody asked yet")
        self._now = now
        if self._election is None:
            return
        self._election.answered(cfm, answer, asked_at, now)
        if self._former_mode and self._election.evidence.has_asked_majority(now):
            self._former_mode, self._is_told = "", False

    def voted(self, envelope: Envelope, now: float) -> None:
        """A CFM answered what we asked of it as a voter; `DecodeError` if nobody here asks any."""
        if not isinstance(self._election, GrantedRole):
            raise DecodeError(f"{envelope.source} answers for a role that nobody grants")
        self._election.heard(envelope, now)
        self._settle()

    def heard(self, peer: str, log: LogPosition | None, now: float) -> None:
        """A peer's beat said how far it has read the role log, and what it makes of it."""
        election = self._election
        if not isinstance(election, Election) or log is None:
            return
        self._agreement.heard(peer, Mark(log.mark, log.digest))
        reason = self._agreement.judge(election.reader.digest_at, now)
        if reason:
            election.broken(reason, now)
            self._settle()

    def log_position(self) -> LogPosition | None:
        """How far we have read it, for our beat."""
        return position_of(self._election.reader) if isinstance(self._election, Election) else None

    def standing(self) -> RoleState | None:
        """Where we stand, for our beat."""
        election = self._election
        if election is None:
            return None
        stand = election.stand
        return RoleState(role=election.role, state=str(election.state), era=stand.era, epoch=stand.epoch)

    def samples(self) -> Iterator[Sample]:
        """Where we stand, and what we make of the role log."""
        election = self._election
        if election is None:
            return
        states = {str(state): float(state is election.state) for state in State}
        yield from labelled("provbus_failover_state", "state", states)
        yield Sample("provbus_failover_epoch", election.stand.epoch)
        if not isinstance(election, Election):
            return
        yield Sample("provbus_role_log_position", election.reader.position)
        yield Sample("provbus_role_log_disagreements_total", self._agreement.alarms)
        for (state, cause), times in election.taken.items():
            yield Sample(
                "provbus_failover_transitions_total",
                times,
                {"state": str(state), "cause": cause.name.lower()},
            )

    def degraded(self) -> list[str]:
        """What stands in the way of holding the role again, while nothing needs to be kept for it."""
        return self._lacks_disk() if self._election is None or not self.is_released else []

    def missing(self) -> list[str]:
        """What stands in the way of ever holding the role: readiness is to be able to take over."""
        election = self._election
        if election is None:
            return []
        if self.is_released and self._unkept:
            return self._lacks_disk()
        if isinstance(election, GrantedRole) and election.obstacle:
            return [f"an era in which it could hold its role: {election.obstacle}"]
        if election.state is State.HALT:
            return [f"the role log, which is not what it was: {election.reason}"]
        cfms = election.evidence.count(self._now)
        if self._former_mode:
            return [f"a majority of the CFMs in mode {self._mode}, after {self._former_mode}: {cfms} heard"]
        if isinstance(election, Appointment) and election.waits_for_cfms:
            return [f"a majority of the CFMs, to begin as the primary: {cfms} heard"]
        return self._refused(election)

    def _refused(self, election: Election | Appointment | GrantedRole) -> list[str]:
        """Why nobody takes our rows. A CFM needs a moment to learn of a claim."""
        if not self._held.claim_id or self._now < self._held_since + VOUCH_S:
            return []
        other = election.evidence.refusing(self._held, self._now)
        if other is None:
            return []
        known = "no claim"
        if other.claim_id:
            known = f"era {other.era} epoch {other.epoch} of {describe_authority(other.authority)}"
        return [f"a CFM that takes its rows: those that answer stand by {known}"]

    def does(self, operation: object) -> bool:
        """Whether this request is for us."""
        return isinstance(operation, str) and operation in self._operations

    def operate(self, request: LocalRequest, now: float) -> list[Effect]:
        """The answer to the host or to an operator; `DecodeError` for a request that makes no sense."""
        effects = self._operations[request.body["op"]](request, now)
        self._settle()
        return effects

    def tick(self, now: float, wall_s: float) -> list[Effect]:
        """What the election wants, and giving back what we must not keep."""
        election = self._election
        self._now = now
        if election is None:
            return []
        if not self._has_begun:
            # Our former process may have told its host of a lease.
            self._has_begun, self._granted_until = True, now + LEASE_S
        self._settle()
        if self._yields and not self.is_released and now >= self._granted_until:
            election.release(now)
        effects: list[Effect] = []
        for effect in election.tick(now, wall_s):
            if isinstance(effect, StoreClaim):
                self._stand, self._is_ours = effect.stand, True
                effect = Keep(self.record())
            elif isinstance(effect, StoreTenure):
                self._stand, self._is_ours = effect.tenure
                effect = Keep(self.record())
            effects.append(effect)
        if not self._is_told:
            self._is_told = True
            effects.append(Keep(self.record()))
        self._settle()
        if election.stand != self._held:
            self._held, self._held_since = election.stand, now
        return [*effects, *self._tell(now)]

    def deadline(self) -> float | None:
        """When `tick` is due."""
        if self._election is None:
            return None
        if self._has_news or not self._is_told:
            return 0.0
        due = self._election.deadline()
        if self._yields and not self.is_released:
            return self._granted_until if due is None else min(due, self._granted_until)
        return due

    def describe(self, now: float) -> dict[str, Any]:
        """What an operator wants to know."""
        told: dict[str, Any] = {"locked": self._locked, "drained": self._drained}
        told |= {"host": self._host is not None, "unkept": self._unkept}
        if self._election is None:
            return {"role": "", "state": "static", **told}
        return {**self._election.describe(now), **told}

    @property
    def _yields(self) -> bool:
        """We want to be rid of the role."""
        return (
            self._drained
            or self._is_stopping
            or self._namesake.yields
            or (self._needs_host and (self._host is None or self._has_left))
        )

    def _settle(self) -> None:
        election = self._election
        if election is None:
            return
        # What an appointed primary holds is on the disk: it need not keep anything to go on.
        can_keep = not self._unkept or not isinstance(election, Election)
        can_stand = can_keep and not self._former_mode
        election.is_able = self.is_prepared and can_stand and not self._locked and not self._yields
        stand = election.stand
        is_ours = election.state in HOLDING
        self._stamp.token = Token(stand.era, stand.epoch) if is_ours else NO_TOKEN

    def _lacks_disk(self) -> list[str]:
        return [f"a disk that keeps its claims ({self._unkept})"] if self._unkept else []

    def _attach(self, request: LocalRequest, now: float) -> list[Effect]:
        if self._host is not None and self._host != request.session:
            if not self._has_left:
                return [_refusal(request, "refused", "another host service is attached")]
            if now < self._granted_until:
                return [_refusal(request, "try_again", "the lease of the former host service is not over")]
        self._host, self._has_left = request.session, False
        self._asked = None
        self._settle()
        answer = self._grant(now)
        return [WatchHost(request.session), _answer(request, attached=True, **answer)]

    def _yielded(self, request: LocalRequest, _now: float) -> list[Effect]:
        if request.session != self._host:
            return [_refusal(request, "refused", "this session is not that of the attached host service")]
        if self._yields:
            self._granted_until = 0.0
        return [_answer(request, yielded=self._yields)]

    @property
    def _has_news(self) -> bool:
        """Whether the host was told something else than what holds now."""
        return self._asked is not None and self._told != self._news()

    def _news(self) -> tuple[bool, int]:
        """What the host waits to hear of: a lease that goes on is no news."""
        election = self._election
        if election is None:
            return not self._namesake.yields, -1
        has_right = election.acts_until > 0.0 and not self._yields
        return has_right, election.stand.epoch if has_right else -1

    def _tell(self, now: float) -> list[Effect]:
        if self._asked is None or not self._has_news:
            return []
        return self._authority(self._asked, now)

    def _authority(self, request: LocalRequest, now: float) -> list[Effect]:
        if request.session == self._host:
            self._asked, self._told = request, self._news()
        return [_answer(request, **self._grant(now))]

    def _grant(self, now: float) -> dict[str, Any]:
        """What the host may do, and until when; what it was told is remembered."""
        election, may_act = self._election, self.may_act(now)
        if election is None:
            until = now + LEASE_S if may_act else 0.0
            return {"role": "", "state": "static", "may_act": may_act, "lease_until_s": until}
        until = min(election.acts_until, now + LEASE_S) if may_act else 0.0
        self._granted_until = max(self._granted_until, until)
        return {
            "role": election.role,
            "state": str(election.state),
            "may_act": may_act,
            "era": max(0, election.stand.era),
            "epoch": election.stand.epoch,
            "claim_id": election.stand.claim_id,
            "lease_until_s": until,
        }

    def _status(self, request: LocalRequest, now: float) -> list[Effect]:
        return [_answer(request, **self.describe(now))]

    def _drain(self, request: LocalRequest, _now: float) -> list[Effect]:
        drained = _switch(request)
        return [Keep(self.record()._replace(drained=drained), (_answer(request, drained=drained),))]

    def _lock(self, request: LocalRequest, _now: float) -> list[Effect]:
        locked = _switch(request)
        return [Keep(self.record()._replace(locked=locked), (_answer(request, locked=locked),))]

    def _promote(self, request: LocalRequest, now: float) -> list[Effect]:
        election = self._election
        if election is None:
            return [_refusal(request, "refused", "there is nobody else to hold the role")]
        if not (election.is_able or isinstance(election, GrantedRole)):
            return [_refusal(request, "try_again", "this sidecar could not do the work; see failover.status")]
        if election.state in HOLDING:
            return [_answer(request, promoting=False, state=str(election.state))]
        if isinstance(election, GrantedRole):
            return [_refusal(request, "refused", NOT_PROMOTED)]
        try:
            if isinstance(election, Election):
                election.promote(now)
            else:
                election.promote(now, _names(request, "absent"))
        except TryAgainError as error:
            return [_refusal(request, "try_again", str(error))]
        return [_answer(request, promoting=True, state=str(election.state))]

    def _era(self, request: LocalRequest, now: float) -> list[Effect]:
        election, authority = self._election, request.body.get("authority")
        if not isinstance(authority, str) or not 1 <= len(authority) <= AUTHORITY_MAX:
            raise DecodeError(f"authority: is not a name of 1 to {AUTHORITY_MAX} characters")
        if not isinstance(election, Election) or election.state in (State.BOOT, State.HALT):
            return [
                _refusal(
                    request,
                    "try_again",
                    "the log is out of reach, or lost; see failover.status",
                )
            ]
        if not election.evidence.has_asked_majority(now):
            return [_refusal(request, "try_again", "no majority of the CFMs says which eras it has known")]
        try:
            return [_answer(request, era=election.begin_era(authority, now))]
        except StateError as error:
            return [_refusal(request, "refused", str(error))]


def _switch(request: LocalRequest) -> bool:
    is_on = request.body.get("on", True)
    if not isinstance(is_on, bool):
        raise DecodeError("on: is not true or false")
    return is_on


def _names(request: LocalRequest, field: str) -> list[str]:
    names = request.body.get(field, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DecodeError(f"{field}: is not a list of instances")
    return names


def _answer(request: LocalRequest, **body: Any) -> Reply:
    return Reply(request.session, {"id": request.body.get("id"), **body})


def _refusal(request: LocalRequest, error: str, detail: str) -> Reply:
    return _answer(request, error=error, detail=detail)

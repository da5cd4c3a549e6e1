"""The right of this sidecar to mint: its role's holder, its host service, and an operator's orders.

Theory of operation
-------------------
A `RoleHolder` says until when the role is ours. Two processes act on it: this sidecar, which mints, and its
host service, which answers devices and learns the lease's end over the local socket. So the role is given
back only when neither can act any more: we stop at once, and the host (`services.sidecar.role.host`) has
stopped, is gone, or its last lease is over.

With `needs_host` we stand for the role only while a host is attached. Its process is watched: when it ends,
the role is given back at once, and the takeover takes a fraction of a second. A host that stands still asks
nothing: the role is given back when its lease is over.

A sidecar that yields to another process of its name (`heartbeat.liveness.namesake`) acts as if drained.

A sidecar that starts in another mode than the last time does not stand for the role before a majority of the
CFMs has answered it in the new mode: while they are in the former mode, somebody may hold the role there.

The claim, and an operator's orders (`services.sidecar.role.operator`), are kept on disk for a restart before
they take effect. While the disk refuses them, we do not stand for the role: a claim that could not be kept is
given back; an operator is told of the failure, and nothing changes.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bus.effects import Effect, Keep, WatchHost
from bus.envelope import NO_TOKEN, Envelope, Stamp, Token
from bus.errors import DecodeError
from bus.messages import Arriving, Draining, Kept, LocalRequest, Received, Unkept
from bus.reason import Reason
from bus.telemetry.metrics import Sample
from heartbeat.liveness.beat import LogPosition, RoleState
from heartbeat.liveness.namesake import Namesake
from heartbeat.roles.claim import Claim, describe_authority
from heartbeat.roles.evidence import VOUCH_S
from heartbeat.roles.granted.messages import ANSWERS
from heartbeat.roles.hello import STANDING, unpack_standing
from heartbeat.roles.holder import RoleHolder, StoreClaim
from heartbeat.roles.states import HOLDING
from heartbeat.timing import LEASE_S
from services.instance.local_api import answer, refuse
from services.sidecar.role.host import Host, HostState, News
from services.sidecar.role.operator import Operator
from services.sidecar.role.record import StoreFailover


class Authority:
    """Decides whether, and until when, this sidecar and its host may act. `stamp` takes its token from here;
    `leads` tells which column decides the roles.
    """

    def __init__(
        self,
        stamp: Stamp,
        holder: RoleHolder,
        *,
        namesake: Namesake | None = None,
        leads: Callable[[], str] = lambda: "bus",
        lock: str = "",
        needs_host: bool = False,
        kept: StoreFailover | None = None,
    ) -> None:
        kept = kept or StoreFailover(None)
        self._token = NO_TOKEN
        stamp.speaks_for(lambda: self._token)
        self._stamp = stamp
        self._holder = holder
        self._namesake = namesake or Namesake(stamp.incarnation)
        self._lock_identity = lock
        self._needs_host = needs_host
        self._host = Host(has_leases=lambda: holder.is_exclusive)
        self._operator = Operator(holder, kept, self.record)
        self._claim = kept.claim
        self._is_ours = kept.is_ours
        self._unkept = ""  # the reason why the disk refused the latest record
        self._leads = leads
        self._former_mode = kept.mode if holder.is_exclusive and kept.mode != leads() else ""
        is_known = kept.lock == lock and (kept.mode == leads() or bool(self._former_mode))
        self._is_told = is_known or not holder.is_exclusive
        self._now = 0.0
        self._held = Claim()
        self.gave_back = False
        """Whether the role has ceased to be ours in the latest `tick`."""
        self._held_since = 0.0
        self._is_prepared = False
        self._is_stopping = False
        self._operations: dict[str, Callable[[LocalRequest, float], list[Effect]]] = {
            "host.attach": self._attach,
            "host.yielded": self._yielded,
            "authority": self._authority,
            "failover.status": self._status,
            **self._operator.operations,
        }
        self.types: dict[str, Callable[[Received, float], list[Effect]]] = {
            STANDING: self._standing,
            **dict.fromkeys(ANSWERS, self._voted),
        }

    @property
    def operations(self) -> Mapping[str, Callable[[LocalRequest, float], list[Effect]]]:
        """The operations of a host and an operator, with their handler."""
        return dict.fromkeys(self._operations, self.operate)

    def claims(self) -> tuple[Claim, Claim]:
        """The claim that is ours, and the one that the CFMs learn from our greeting alone."""
        return self._holder.claim, self._holder.greets_under

    @property
    def is_released(self) -> bool:
        """Whether there is no role to give back."""
        return self._holder.is_released

    def may_act(self, now: float) -> bool:
        """Whether we may act now."""
        return now < self._holder.acts_until and not self._stops

    def token(self, now: float) -> Token | None:
        """The token for decisions of this moment; None if we may not act."""
        return self._stamp.token if self.may_act(now) else None

    def why_not(self) -> str:
        """The reason why we may not act, for the answer to a request."""
        if self._namesake.yields:
            return "; ".join(self._namesake.missing())
        if not self._yields:
            return f"this sidecar does not hold its role: it is {self._holder.state}"
        return "this sidecar gives its role back"

    def receive(self, message: Arriving, now: float) -> list[Effect]:
        """Take news of the role log and the settings, of the host, or of our end."""
        if type(message) is Draining:
            self._is_stopping = True
        self._host.receive(message)
        effects = self._holder.receive(message, now)
        self._settle()
        return effects

    def record(self) -> StoreFailover:
        """The record to keep on the disk."""
        operator, mode = self._operator, self._former_mode or self._leads()
        return StoreFailover(
            self._claim, operator.locked, operator.drained, self._is_ours, mode, self._lock_identity
        )

    def stored(self, message: Kept | Unkept, now: float) -> list[Effect]:
        """The disk took our record, or refused it."""
        if isinstance(message, Kept):
            return self.kept(message.record, now)
        return self.unkept(message, now)

    def kept(self, record: StoreFailover, now: float) -> list[Effect]:
        """This record is on the disk: now it takes effect."""
        self._unkept = ""
        self._operator.kept(record)
        effects = self._holder.kept(record.claim, record.is_ours, now)
        self._settle()
        return effects

    def unkept(self, message: Unkept, now: float) -> list[Effect]:
        """The disk refused this record."""
        effects: list[Effect] = []
        self._unkept = message.reason
        if self._holder.state in HOLDING:
            effects = self._holder.unkept(now, is_doubtful=message.is_doubtful)
            self._claim = self._claim if self._holder.state in HOLDING else None
        self._settle()
        return effects

    def answered(self, cfm: str, data: bytes, now: float) -> None:
        """Take a CFM's answer to our hello; `DecodeError` if it is none."""
        said, asked_at = unpack_standing(data)
        if asked_at > now:
            raise DecodeError(f"{cfm} answers what nobody asked yet")
        self._now = now
        self._holder.answered(cfm, said, asked_at, now)
        if self._former_mode and self._holder.evidence.has_asked_majority(now):
            self._former_mode, self._is_told = "", False

    def voted(self, envelope: Envelope, now: float) -> None:
        """Take a voter's answer to our question; `DecodeError` if our holder asks none."""
        self._holder.voted(envelope, now)
        self._settle()

    def heard(self, peer: str, log: LogPosition | None, standing: RoleState | None, now: float) -> None:
        """Take a peer's position in the role log, and how it stands in its role, from its beat."""
        role = self._holder.role
        holds = standing is not None and standing.role == role and standing.epoch >= 0
        self._holder.stands(peer, now, holds=holds)
        if self._holder.heard(peer, log, now):
            self._settle()

    def switched(self) -> None:
        """Another column decides from now on: keep that."""
        self._former_mode, self._is_told = "", False
        self._settle()

    def log_position(self) -> LogPosition | None:
        """Our position in the role log, for our beat."""
        return self._holder.log_position()

    def standing(self) -> RoleState | None:
        """Our state of the role, for our beat."""
        return self._holder.standing()

    def samples(self) -> Iterator[Sample]:
        """The metrics of our state and of the role log, and the silences of the host."""
        yield from self._holder.samples()
        yield Sample("provbus_host_silences_total", self._host.silences)

    def degraded(self) -> list[Reason]:
        """A disk that refuses our record, if the role is held or not exclusive: we act all the same. What
        keeps us from the role without being our own fault.
        """
        if not self._holder.is_exclusive:
            return self._lacks_disk()
        found = [] if self.is_released else self._lacks_disk()
        found += self._holder.worries(self._now)
        if self._operator.locked:
            found.append(Reason("locked", "its lock: it takes no role by itself"))
        if self._needs_host and not self._host.is_here:
            found.append(self._lacks_host())
        return found

    def missing(self) -> list[Reason]:
        """The reasons why we could not hold the role: readiness means that we could take over."""
        holder = self._holder
        if holder.is_exclusive and self.is_released and self._unkept:
            return self._lacks_disk()
        if holder.is_exclusive and self._operator.drained:
            return [Reason("drained", "its role, which an operator told it not to take")]
        lost = holder.lost()
        if lost:
            return lost
        if self._former_mode:
            cfms = holder.evidence.count(self._now)
            text = f"a majority of the CFMs in mode {self._leads()}, after {self._former_mode}: {cfms} heard"
            return [Reason("mode-unanswered", text)]
        return holder.waits_for(self._now) or self._refused()

    def operate(self, request: LocalRequest, now: float) -> list[Effect]:
        """The answer to the host or to an operator; `DecodeError` for a malformed request."""
        effects = self._operations[request.body["op"]](request, now)
        self._settle()
        return effects

    def tick(self, now: float, wall_s: float, *, is_prepared: bool) -> list[Effect]:
        """The holder's effects; a role that we must not keep is released. `is_prepared`: we have settings."""
        holder = self._holder
        self._now = now
        self._is_prepared = is_prepared
        self._host.begin(now)
        self._watch(now)
        self._settle()
        if self._gives_back and now >= self._host.lease_until:
            holder.release(now)
        effects: list[Effect] = []
        for effect in holder.tick(now, wall_s):
            if isinstance(effect, StoreClaim):
                self._claim, self._is_ours = effect
                effects.append(Keep(self.record()))
            else:
                effects.append(effect)
        if not self._is_told:
            self._is_told = True
            effects.append(Keep(self.record()))
        self._settle()
        self.gave_back = self._held.epoch >= 0 > holder.claim.epoch
        if holder.claim != self._held:
            self._held, self._held_since = holder.claim, now
        return [*effects, *self._tell(now)]

    def deadline(self) -> float | None:
        """When `tick` is due."""
        if not self._is_told or self._host.waits_for(self._news()) is not None:
            return 0.0
        due = self._holder.deadline()
        if self._gives_back:
            return self._host.lease_until if due is None else min(due, self._host.lease_until)
        if self._watches_host and self._holder.acts_until > 0.0:
            watch_at = self._host.watch_at()
            return watch_at if due is None else min(due, watch_at)
        return due

    def facts(self) -> dict[str, str]:
        """Our state in the role, the host beside us, and an operator's orders, in words."""
        found = {"role": f"role {self._holder.fact()}"}
        if self._needs_host:
            found["host"] = f"host service: {self._host.state.name.lower()}"
        if self._operator.last_order:
            found["order"] = f"an operator's order: {self._operator.last_order}"
        return found

    def describe(self, now: float) -> dict[str, Any]:
        """The state of the role, for an operator."""
        return {
            **self._holder.describe(now),
            "locked": self._operator.locked,
            "drained": self._operator.drained,
            "host": self._host.is_known,
            "unkept": self._unkept,
        }

    @property
    def _yields(self) -> bool:
        """Whether we want to give the role back."""
        return (
            self._operator.drained
            or self._is_stopping
            or self._namesake.yields
            or (self._needs_host and not self._host.is_here)
        )

    @property
    def _stops(self) -> bool:
        """Whether we must not act, whoever holds the role. A role that is not exclusive is not given back."""
        return self._yields if self._holder.is_exclusive else self._namesake.yields

    @property
    def _watches_host(self) -> bool:
        """Whether it matters that the host stands still. A role that is not exclusive is not given back."""
        return self._needs_host and self._holder.is_exclusive

    @property
    def _gives_back(self) -> bool:
        return self._yields and not self.is_released

    def _settle(self) -> None:
        holder = self._holder
        can_keep = not (self._unkept and holder.must_keep)
        can_stand = can_keep and not self._former_mode and not self._operator.locked
        holder.able(self._is_prepared and can_stand and not self._yields)
        claim = holder.claim
        is_held = holder.is_exclusive and holder.state in HOLDING and claim.epoch >= 0
        self._token = claim.token if is_held else NO_TOKEN

    def _lacks_disk(self) -> list[Reason]:
        if not self._unkept:
            return []
        return [Reason("disk-claims", f"a disk that keeps its claims ({self._unkept})")]

    def _lacks_host(self) -> Reason:
        if self._host.state is HostState.SILENT:
            return Reason("host-silent", "a word of its host service, which is attached and stands still")
        return Reason("no-host", "its host service, without which it stands for no role")

    def _refused(self) -> list[Reason]:
        """The reason why no CFM takes our rows; empty for the moment that CFMs need to learn of a claim."""
        if not self._held.claim_id or self._now < self._held_since + VOUCH_S:
            return []
        other = self._holder.evidence.refusing(self._held, self._now)
        if other is None:
            return []
        known = "no claim"
        if other.claim_id:
            known = f"era {other.era} epoch {other.epoch} of {describe_authority(other.authority)}"
        return [Reason("rows-refused", f"a CFM that takes its rows: those that answer stand by {known}")]

    def _standing(self, message: Received, now: float) -> list[Effect]:
        cfm = message.envelope.source
        self.answered(cfm, message.envelope.data, now)
        # It counts as an answer. The frame counts a claim in it that does not, and says so.
        self._holder.evidence.check_answer(cfm, self._holder.claim)
        return []

    def _voted(self, message: Received, now: float) -> list[Effect]:
        self.voted(message.envelope, now)
        return []

    def _attach(self, request: LocalRequest, now: float) -> list[Effect]:
        refusal = self._host.attach(request.session, now)
        if refusal is not None:
            return [refuse(request, *refusal)]
        self._settle()
        return [WatchHost(request.session), answer(request, attached=True, **self._grant(now))]

    def _yielded(self, request: LocalRequest, _now: float) -> list[Effect]:
        if not self._host.is_session(request.session):
            return [refuse(request, "refused", "this session is not that of the attached host service")]
        if self._yields:
            self._host.stopped()
        return [answer(request, yielded=self._yields)]

    def _news(self) -> News:
        may_act = self._holder.acts_until > 0.0 and not self._stops
        return News(may_act, self._holder.claim.epoch if may_act else -1)

    def _tell(self, now: float) -> list[Effect]:
        request = self._host.waits_for(self._news())
        return [] if request is None else self._told(request, now)

    def _authority(self, request: LocalRequest, now: float) -> list[Effect]:
        progress = request.body.get("progress")
        if progress is not None and type(progress) is not int:
            raise DecodeError("progress: is no whole number")
        self._watch(now)
        self._host.asked(request, now)
        self._settle()
        return self._told(request, now)

    def _told(self, request: LocalRequest, now: float) -> list[Effect]:
        self._host.told(request, self._news())
        return [answer(request, **self._grant(now))]

    def _watch(self, now: float) -> None:
        if self._watches_host:
            self._host.watch(now, may_act=self.may_act(now))

    def _grant(self, now: float) -> dict[str, Any]:
        """The grant for the host, with its end; the end is remembered."""
        may_act = self.may_act(now)
        until = min(self._holder.acts_until, now + LEASE_S) if may_act else 0.0
        if may_act and self._watches_host:
            until = min(until, self._host.overdue_at())
        self._host.granted(until)
        return {**self._holder.grant(), "may_act": may_act, "lease_until_s": until}

    def _status(self, request: LocalRequest, now: float) -> list[Effect]:
        return [answer(request, **self.describe(now))]

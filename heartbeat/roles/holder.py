"""The holder of a role: one interface for every authority that decides it.

    kind         decided by                              in
    elected      the role log, by the claims in it       `heartbeat.roles.elected.holder`
    granted      a majority of the CFMs, by its grants   `heartbeat.roles.granted.holder`
    appointed    a person, by an appointment             `heartbeat.roles.appointed.holder`
    sole         nobody: no other instance stands        `SoleHolder`

A holder tells its owner under which claim it may act, and until when. The owner says whether it can do the
work (`able`), hands on messages, keeps the holder's records on the disk, and performs its effects.
"""

from collections.abc import Callable, Collection, Iterator
from math import inf
from typing import Any, NamedTuple, Protocol, TypeAlias

from bus.effects import Effect
from bus.envelope import Envelope
from bus.errors import DecodeError, StateError, TryAgainError
from bus.messages import Arriving
from bus.reason import Reason
from bus.telemetry.metrics import Sample, labelled
from heartbeat.liveness.beat import LogPosition, RoleState
from heartbeat.roles.claim import Claim
from heartbeat.roles.evidence import Answer, Evidence
from heartbeat.roles.states import HOLDING, State


class StoreClaim(NamedTuple):
    """Effect: a promise to be kept before any effect under it. The claim that we hold, or another's if it is
    not `is_ours`; None: we hold none.
    """

    claim: Claim | None
    is_ours: bool = True


class Claimed(NamedTuple):
    """The holder that an era names: an instance, its place among the candidates, and its claim's id; `is_us`
    if it is this very process.
    """

    instance: str
    place: int
    claim_id: str
    is_us: bool


RoleEffect: TypeAlias = Effect | StoreClaim
Absent: TypeAlias = Callable[[], Collection[str]]


class RoleHolder(Protocol):
    """Holds one role, or stands for it. A method that a kind does not need does nothing."""

    is_exclusive: bool = True
    """Whether one instance at a time may act under the role, so that it can be given back."""
    must_keep: bool = False
    """Whether it needs the disk to go on standing: the claim of each start is a promise."""
    is_by_hand: bool = False
    """Whether only a person gives the role to another instance: one that stands still leaves it empty."""

    role: str
    """Its name: a service and a site; empty if nobody else stands."""
    evidence: Evidence
    """The CFMs' answers about the role."""

    @property
    def state(self) -> State:
        """Our state."""

    @property
    def claim(self) -> Claim:
        """Our claim, for the acceptors; an empty one if we do not hold the role."""

    @property
    def acts_until(self) -> float:
        """The end of allowed effects, in the seconds of `now`; in the past if the role is not ours."""

    @property
    def greets_under(self) -> Claim:
        """The claim that the CFMs learn only from our `HELLO`, so a new one is sent at once."""
        return self.claim

    @property
    def is_released(self) -> bool:
        """Whether there is no role to give back."""
        return self.state not in HOLDING and self.state is not State.CANDIDATE

    def able(self, is_able: bool) -> None:
        """Set whether we can do the work from now on."""

    def receive(self, message: Arriving, now: float) -> list[Effect]:
        """Take news of the log, or of the settings that a new primary has to read."""
        return []

    def heard(self, peer: str, log: LogPosition | None, now: float) -> bool:
        """Take a peer's position in the role log and its digest, from its beat. True if that ends our part in
        the log.
        """
        return False

    def stands(self, peer: str, now: float, *, holds: bool) -> None:
        """Note whether a peer holds our role, by its beat."""
        return

    def answered(self, cfm: str, answer: Answer, asked_at: float, now: float) -> None:
        """Take a CFM's answer about our role, asked at that time."""
        self.evidence.heard(cfm, answer, asked_at, now)

    def voted(self, envelope: Envelope, now: float) -> None:
        """Take a CFM's answer as a voter; `DecodeError` if we ask no voters."""
        raise DecodeError(f"{envelope.source} answers for a role that nobody grants")

    def kept(self, claim: Claim | None, is_ours: bool, now: float) -> list[Effect]:
        """Note the claim on the disk."""
        return []

    def unkept(self, now: float, *, is_doubtful: bool) -> list[Effect]:
        """Note that the disk refused our claim. If that `is_doubtful` it may be there all the same."""
        return []

    def promote(self, now: float, absent: Absent = tuple) -> bool:
        """Take the role at a person's wish; False if we hold it. `absent` returns the CFMs that they name as
        absent, if that matters (`DecodeError` if it is no list of names).

        `StateError`: no person decides it. `TryAgainError`: it cannot be now.
        """

    def begin_era(self, authority: str, now: float, revoke: Collection[str]) -> int:
        """Begin an era at a person's wish, in which nobody writes the log by the keys `revoke` (hex); returns
        its number. Errors as of `promote`.
        """
        raise TryAgainError("the log is out of reach, or lost; see failover.status")

    def freeze(self, plan: str, now: float) -> bool:
        """Stand still for a switch (`bus.switch`), and go on if we hold the role. Whether no candidacy of
        ours is under way.
        """
        return self.state not in (State.CANDIDATE, State.SETTLE)

    def frozen(self, now: float) -> None:
        """Note that others may hear from now on that we stand still."""
        return

    def thaw(self) -> None:
        """Stand as ever, if that still matters."""
        return

    def begin(self, era: int, named: "Claimed | None", now: float) -> None:
        """Decide the role from this era on, which a switch began and which names its holder, if any."""
        return

    def release(self, now: float) -> None:
        """Give the role back. The caller has ended all effects in our name."""

    def tick(self, now: float, wall_s: float) -> list[RoleEffect]:
        """The effects due at `now`. Unix time is for the records' readers."""
        return []

    def deadline(self) -> float | None:
        """The time of the next `tick`."""
        return None

    def log_position(self) -> LogPosition | None:
        """Our position in the role log, for our beat."""
        return None

    def standing(self) -> RoleState | None:
        """Our state in the role, for our beat."""
        claim = self.claim
        return RoleState(role=self.role, state=str(self.state), era=claim.era, epoch=claim.epoch)

    def grant(self) -> dict[str, Any]:
        """The role's fields for a host; its owner adds whether and until when it may act."""
        claim = self.claim
        return {
            "role": self.role,
            "state": str(self.state),
            "era": max(0, claim.era),
            "epoch": claim.epoch,
            "claim_id": claim.claim_id,
        }

    def describe(self, now: float) -> dict[str, Any]:
        """The status for an operator."""

    def lost(self) -> list[Reason]:
        """The obstacles to ever holding the role that only a person can remove."""
        return []

    def waits_for(self, now: float) -> list[Reason]:
        """Its conditions for standing for the role."""
        return []

    def fact(self) -> str:
        """Our state in the role, and its cause, in words."""
        standing = self.standing()
        if standing is None:
            return f"no role that others share: {self.state}"
        held = f", era {standing.era} epoch {standing.epoch}" if standing.epoch >= 0 else ""
        return f"{standing.role}: {standing.state}{held}{f' ({self.cause})' if self.cause else ''}"

    @property
    def cause(self) -> str:
        """The cause of the present state, in words; empty if it has none."""
        return ""

    def worries(self, now: float) -> list[Reason]:
        """What it acts without, and should not for long."""
        return []

    def samples(self) -> Iterator[Sample]:
        """Our state, as metrics."""
        states = {str(state): float(state is self.state) for state in State}
        yield from labelled("provbus_failover_state", "state", states)
        yield Sample("provbus_failover_epoch", self.claim.epoch)


class SoleHolder(RoleHolder):
    """May always act, for nobody else stands, or all may act at once; it has no role to give back."""

    is_exclusive = False

    def __init__(self) -> None:
        self.role = ""
        self.evidence = Evidence(())

    @property
    def state(self) -> State:
        """Always the primary."""
        return State.ACTIVE

    @property
    def claim(self) -> Claim:
        """None: no row of ours is fenced."""
        return Claim()

    @property
    def acts_until(self) -> float:
        """Never ends."""
        return inf

    @property
    def is_released(self) -> bool:
        """Always: there is no role to give back."""
        return True

    def able(self, is_able: bool) -> None:
        """It is always able: nobody else can do the work."""

    def release(self, now: float) -> None:
        """Nobody is there to take it."""

    def promote(self, now: float, absent: Absent = tuple) -> bool:
        """`StateError`: there is nobody to take it from."""
        raise StateError("there is nobody else to hold the role")

    def standing(self) -> RoleState | None:
        """None: there is no role."""
        return None

    def grant(self) -> dict[str, Any]:
        """The fields for a host; `static` is no state of the table."""
        return {"role": self.role, "state": "static"}

    def describe(self, now: float) -> dict[str, Any]:
        """The same fields."""
        return self.grant()

    def samples(self) -> Iterator[Sample]:
        """None."""
        return iter(())

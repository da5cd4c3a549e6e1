"""Roles: the right of a sidecar and its host service to act, and an operator's requests about it."""

from typing import Annotated, Literal

from pydantic import Field

from bus.contract import Contract, Name
from heartbeat.roles.claim import BY_APPOINTMENT, BY_GRANTS, EPOCH_MAX, ERA_MAX, ClaimId, RoleName
from heartbeat.roles.log.records import KEY, REVOKED_MAX
from heartbeat.roles.states import State
from services.instance.contracts.field import Asked, Nothing, Told

EXCUSED_S_MAX = 600.0
"""How long a Kea that reloads may be silent."""

Epoch = Annotated[int, Field(ge=-1, le=EPOCH_MAX)]
Era = Annotated[int, Field(ge=0, le=ERA_MAX)]
OptionalClaimId = Annotated[str, Field(pattern=r"^([0-9a-f]{16})?$")]
LogAuthority = Annotated[str, Field(pattern=r"^log:[0-9a-f]{16}$")]
AnyAuthority = Annotated[str, Field(pattern=rf"^(log:[0-9a-f]{{16}}|{BY_APPOINTMENT}|{BY_GRANTS})?$")]


class _OfRole(Told):
    role: RoleName = Field(description="The role: service and site.")
    state: State = Field(description="Where this sidecar stands for it: see `heartbeat/DESIGN.md`.")


class _OfNoRole(Told):
    role: Literal[""] = Field(description="Empty.")
    state: Literal["static"] = Field(description="Always `static`.")


class _MayAct(Told):
    may_act: bool = Field(description="Whether the host may have an effect, before `lease_until_s`.")
    lease_until_s: float = Field(
        ge=0,
        description="The end of its lease in seconds of CLOCK_BOOTTIME, at most 3 s from now; 0 without one.",
    )


class AuthorityRequest(Asked):
    """The attached host is answered again, with the `id` of its last `authority`, each time that its right
    begins, ends or gets another epoch. A lease that goes on is not told by itself: the host asks again before
    it ends. One that lets it end without a question stands still, and the role is given back. The right ends
    with the session too: when its sidecar has died, the role is given back at once.
    """

    progress: int | None = Field(
        None,
        description="A number that the part of the host which answers devices counts up, also while there is"
        " nothing to do. Once there was one, a question with the number of the one before, or without one,"
        " prolongs no lease.",
    )


class AuthorityAnswer(_MayAct, _OfRole):
    """With a role."""

    era: Era = Field(description="The era of the claim under which it acts.")
    epoch: Epoch = Field(description="The epoch of that claim; -1 without one.")
    claim_id: OptionalClaimId = Field(description="Its id, 16 hex digits; empty without one.")


class StaticAuthorityAnswer(_MayAct, _OfNoRole):
    """Without a role: there is nobody else to hold it, or all may act at once."""


class AttachRequest(Nothing):
    """Nothing is asked beside `op` and `id`. With `minter.attached` the sidecar stands for its role only
    while a host is attached: it gives the role back at once when that process and its group are gone, and
    after its lease when only its session is closed.
    """


class _Attached(Told):
    attached: Literal[True] = Field(description="Always true.")


class AttachAnswer(AuthorityAnswer, _Attached):
    """With a role."""


class StaticAttachAnswer(StaticAuthorityAnswer, _Attached):
    """Without a role: there is nobody else to hold it, or all may act at once."""


class YieldedAnswer(Told):
    """Whether that was of use."""

    yielded: bool = Field(
        description="Whether the role is being given back. If not, nothing has changed: the host may go on."
    )


class ReloadsRequest(Asked):
    """`minter.kea` must be in the sidecar's configuration; without it the request is a `bad_request`."""

    seconds: float = Field(ge=0, le=EXCUSED_S_MAX, description="How long Kea may be silent; 0: it is over.")


class ReloadsAnswer(Told):
    """The silence is excused."""

    seconds: float = Field(ge=0, le=EXCUSED_S_MAX, description="As asked.")


class _Said(Told):
    locked: bool = Field(description="Whether an operator keeps it from taking over by itself.")
    drained: bool = Field(description="Whether an operator had it give the role back.")
    host: bool = Field(description="Whether a host service is attached, or has left and may still live.")
    unkept: str = Field(description="Why the disk refused its latest record; empty if it did not.")


class _Standing(_Said, _OfRole):
    reason: str = Field(description="Why it stands there, for people; often empty.")
    able: bool = Field(description="Whether it could do the work and may stand.")


class ElectedStanding(_Standing):
    """By the role log."""

    authority: LogAuthority = Field(description="Which log: `log:` and 16 hex digits.")
    era: Era = Field(description="The era of the log.")
    epoch: Epoch = Field(description="The epoch of the role's latest claim, whoever holds it; -1: none yet.")
    claim_id: OptionalClaimId = Field(description="Its id, 16 hex digits; empty without one.")
    since_s: float = Field(ge=0, description="For how many seconds it has been in this state.")
    holder: str = Field(description="The instance that holds the role; empty if none does.")
    lease_s: float = Field(ge=0, description="For how many seconds it may still act.")
    position: int = Field(ge=-1, description="The last offset of the role log that was read; -1: none.")
    revoked: list[str] = Field(description="The keys, in hex, by which no record of the role log counts.")


class _WithoutLog(_Standing):
    era: Era = Field(description="The era of the claim that it knows.")
    epoch: Epoch = Field(description="The epoch of that claim; -1 without one.")
    claim_id: OptionalClaimId = Field(description="Its id, 16 hex digits; empty without one.")


class AppointedStanding(_WithoutLog):
    """By a person's appointment, over multicast. The claim is the latest that it knows, its own or not."""

    authority: Literal["appointed"] = Field(description="Always `appointed`.")


class GrantedStanding(_WithoutLog):
    """By grants of the CFMs, over multicast. The claim is its own."""

    authority: Literal["granted"] = Field(description="Always `granted`.")
    voters: dict[Name, Literal["granted", "refused", "silent"]] = Field(
        description="What each CFM said within the last 2 s."
    )


class StaticStanding(_Said, _OfNoRole):
    """By nobody: there is nobody else to hold the role, or all may act at once."""


Standing = ElectedStanding | AppointedStanding | GrantedStanding | StaticStanding


class SwitchRequest(Asked):
    """What an operator says outlasts a restart. It is answered once it is on the disk."""

    on: bool = Field(default=True, description="False takes it back.")


VACANT = (
    "Whether it is the appointed primary and stands still by an order: nobody holds the role, and nobody"
    " takes it over by itself."
)


class DrainAnswer(Told):
    """It is on the disk."""

    drained: bool = Field(description="As asked.")
    vacant: bool = Field(description=VACANT)


class LockAnswer(Told):
    """It is on the disk."""

    locked: bool = Field(description="As asked.")
    vacant: bool = Field(description=VACANT)


class PromoteRequest(Asked):
    """`failover.status` says when it is done."""

    absent: list[str] = Field(
        default_factory=list,
        description="CFMs that are gone, and cannot say which primary they know. Of use over multicast only.",
    )


class PromoteAnswer(Told):
    """It is under way, or need not be."""

    promoting: bool = Field(description="False if it holds the role already.")
    state: State = Field(description="Where it stands at this moment.")


class EraRequest(Asked):
    """The role log names the user who asks, by the kernel's word. `failover.status` says when the era is in
    force, and in `revoked` what it revokes.
    """

    revoke: list[Annotated[str, Field(pattern=KEY)]] = Field(
        default_factory=list,
        description="Public keys, in hex, by which no record of the role log counts any more; with those that"
        f" are revoked already at most {REVOKED_MAX}.",
    )


class EraAnswer(Told):
    """The record of the era was sent to the role log."""

    era: Era = Field(description="The number of the new era.")


class Floor(Contract):
    """A claim up to which a CFM grants nothing."""

    era: Era = Field(description="Its era.")
    epoch: Annotated[int, Field(ge=0, le=EPOCH_MAX)] = Field(description="Its epoch.")
    claim_id: ClaimId | Literal[""] = Field(default="", description="Its id, 16 hex digits, if it is known.")


class AdmitRequest(Asked):
    """Only a CFM that abstains is admitted. It is answered once that is on the disk."""

    floors: dict[str, Floor] = Field(
        default_factory=dict,
        description="By role the highest claim that the status of any other CFM shows.",
    )


class AdmitAnswer(Told):
    """It is on the disk."""

    votes: Literal[True] = Field(description="Always true.")


class KnownClaim(Told):
    """The latest claim of a role that a CFM knows."""

    era: Era = Field(description="Its era.")
    epoch: Epoch = Field(description="Its epoch; -1: nobody ever held the role.")
    claim_id: OptionalClaimId = Field(description="Its id, 16 hex digits, if it is known.")
    authority: AnyAuthority = Field(description="What decided: a log, `appointed` or `granted`.")
    holder: str = Field(description="The instance that holds the role; empty if it was given back.")


class PromisedClaim(Told):
    """The claim that a CFM promised a role to, or the floor that it was admitted with."""

    era: Era = Field(description="Its era.")
    epoch: Epoch = Field(description="Its epoch.")
    claim_id: OptionalClaimId = Field(description="Its id, 16 hex digits; empty for a floor.")
    authority: Literal["granted"] = Field(description="Always `granted`.")
    candidate: str = Field(description="The instance that it was promised to; empty for a floor.")


class FenceStatus(Told):
    """What a CFM knows of the roles."""

    from_disk: bool = Field(description="Whether it has not read the role log to its end yet.")
    position: int = Field(ge=-1, description="The last offset of the role log that was read; -1: none.")
    reason: str = Field(description="Why it learns nothing new from the log; empty if it does.")
    roles: dict[RoleName, KnownClaim] = Field(description="The latest claim of each role.")


class VoterStatus(FenceStatus):
    """The same of a CFM that has a vote."""

    votes: bool = Field(description="Whether it grants roles; if not it abstains until it is admitted.")
    promises: dict[RoleName, PromisedClaim] = Field(description="What it promised, by role.")

"""The primary that a person appointed, as one instance sees it: `tenure` in time.

A later appointment that it hears of ends its own; only `promote` begins one above that. If nobody was
appointed since another authority decided, the configured primary begins an era as soon as a majority of the
CFMs has answered. A primary begins the next one when a CFM stands by a claim of another authority that is not
of an earlier era.
"""

from collections.abc import Callable, Collection
from math import inf
from typing import Any

from bus.effects import Effect
from bus.errors import StateError, TryAgainError
from bus.reason import Reason
from heartbeat.roles.appointed.tenure import Tenure, begun, promoted, yielded
from heartbeat.roles.claim import BY_APPOINTMENT, Claim, describe_authority, epoch_above
from heartbeat.roles.evidence import NONE, Answer, Evidence
from heartbeat.roles.holder import Absent, Claimed, RoleEffect, RoleHolder, StoreClaim
from heartbeat.roles.states import HOLDING, State
from heartbeat.timing import SILENCE_S


class AppointedHolder(RoleHolder):
    """Holds one role for as long as a person wants it to.

    `index` is our place among the candidates for the role: their epochs never meet. `tenure` is the kept one;
    `is_configured`: we are the primary if nobody holds the role. Unless it is proven that no other process
    has this kept tenure (`is_alone`), we act under it only after a silence. Where the fleet may have switched
    to another column while we were gone (`asks_first`), we act under it only once a majority of the CFMs has
    answered in this one.
    """

    is_by_hand = True

    def __init__(
        self,
        *,
        role: str,
        tenure: Tenure | None,
        is_configured: bool,
        is_alone: bool,
        index: int,
        cfms: Collection[str],
        new_id: Callable[[], str],
        asks_first: bool = False,
    ) -> None:
        self.role = role
        self.reason = ""
        self._is_able = True
        self.evidence = Evidence(cfms)
        self._tenure = tenure
        self._is_configured = is_configured
        self._index = index
        self._cfms = cfms
        self._new_id = new_id
        self._is_told = False  # whether our owner has the tenure to be kept
        self._is_kept = False
        self._waits_until: float | None = 0.0 if is_alone or tenure is None else None
        self._is_quiet = is_alone or tenure is None
        self._is_unheard = asks_first
        self._is_frozen = False

    @property
    def state(self) -> State:
        """ACTIVE: we are appointed and may act; FENCED: another one is appointed."""
        if self._tenure is None:
            return State.STANDBY
        if not self._tenure.is_ours:
            return State.FENCED
        is_certain = self._is_quiet and not self._is_unheard
        return State.ACTIVE if self._is_able and self._is_kept and is_certain else State.STANDBY

    @property
    def claim(self) -> Claim:
        """Our claim, once it is on the disk: the CFMs take the latest that is named."""
        is_ours = self._tenure is not None and self._tenure.is_ours and self._is_kept
        return self._tenure.claim if self._tenure is not None and is_ours else Claim()

    @property
    def acts_until(self) -> float:
        """No end while ACTIVE: nobody takes over by itself. During a switch, which may go on without us, as
        long as a majority of the CFMs answers.
        """
        if self.state is not State.ACTIVE:
            return 0.0
        return self.evidence.answered_until() if self._is_frozen else inf

    def able(self, is_able: bool) -> None:
        """Set whether we are able; if not, we do not act but stay the appointed one."""
        self._is_able = is_able

    def waits_for(self, now: float) -> list[Reason]:
        """A majority of the CFMs, if we are the configured primary and have no tenure yet, or have not heard
        one since our start.
        """
        tenure = self._tenure
        if tenure is None and self._is_configured:
            to = "begin"
        elif tenure is not None and tenure.is_ours and self._is_unheard:
            to = "go on"
        else:
            return []
        text = f"a majority of the CFMs, to {to} as the primary: {self.evidence.count(now)} heard"
        return [Reason("cfms-unheard", text)]

    def answered(self, cfm: str, answer: Answer, asked_at: float, now: float) -> None:
        """Take a CFM's answer about our role."""
        self.evidence.heard(cfm, answer, asked_at, now)
        if cfm not in self._cfms:
            return
        self._is_unheard = self._is_unheard and not self.evidence.has_asked_majority(now)
        found, tenure = answer.highest, self._tenure
        is_claim = found.epoch >= 0  # else it names an era in which nobody has claimed the role
        if not is_claim or not self.evidence.is_credible(found, NONE if tenure is None else tenure.claim):
            if found.authority == BY_APPOINTMENT and not is_claim:
                self._end_with_its_era(found.era, now)
            self._begin_where_nobody_holds(now)
            return
        if found.authority == BY_APPOINTMENT:
            if tenure is not None and (left := yielded(tenure, found)) != tenure and left is not None:
                self.reason = f"{cfm} has seen a later primary"
                self._keep(left)
        elif tenure is not None and tenure.is_ours and found.era >= tenure.claim.era:
            self._begin(found)
        self._begin_where_nobody_holds(now)

    def promote(self, now: float, absent: Absent = tuple) -> bool:
        """Appoint us. `TryAgainError` if we are not able, or a CFM is neither heard nor named as absent."""
        if self.state in HOLDING:
            return False
        if not self._is_able:
            raise TryAgainError("this sidecar could not do the work; see failover.status")
        answers = self.evidence.lately(now)
        own = NONE if self._tenure is None else self._tenure.claim
        heard = {cfm: answer.highest for cfm, answer in answers.items()}
        heard = {cfm: one if self.evidence.is_credible(one, own) else NONE for cfm, one in heard.items()}
        try:
            found = promoted(
                self._tenure,
                {cfm: claim if claim.epoch >= 0 else None for cfm, claim in heard.items()},
                acceptors=self._cfms,
                absent=absent(),
                index=self._index,
                claim_id=self._new_id(),
            )
        except StateError as error:
            raise TryAgainError(str(error)) from error
        self.reason, self._is_unheard = "", False
        self._keep(found)
        return True

    def freeze(self, plan: str, now: float) -> bool:
        """Appoint nobody, and act only while the CFMs answer."""
        self._is_frozen = True
        return True

    def thaw(self) -> None:
        """Act as ever."""
        self._is_frozen = False

    def begin(self, era: int, named: Claimed | None, now: float) -> None:
        """Whom the era names is the appointed one, and a later process of its name acts after a silence;
        without a name it is as on the first day.
        """
        is_ours = named is not None and named.place == self._index
        self._is_unheard = False
        self._is_quiet = named is None or named.is_us or not is_ours
        self._waits_until = 0.0 if self._is_quiet else now + SILENCE_S
        self.reason = ""
        if named is None:
            self._tenure = None
            self._is_told = self._is_kept = False
            return
        claim = Claim(era, epoch_above(0, named.place), named.claim_id, BY_APPOINTMENT)
        self._keep(Tenure(claim, is_ours))

    def release(self, now: float) -> None:
        """Nobody is there to take it."""

    def kept(self, claim: Claim | None, is_ours: bool, now: float) -> list[Effect]:
        """Note a claim on the disk: if it is our present one, we may act."""
        if claim is not None:
            self._is_kept = self._is_kept or Tenure(claim, is_ours) == self._tenure
        return []

    def tick(self, now: float, wall_s: float) -> list[RoleEffect]:
        """The tenure to be kept."""
        if self._waits_until is None:
            self._waits_until = now + SILENCE_S
        self._is_quiet = self._is_quiet or now >= self._waits_until
        if self._tenure is None or self._is_told:
            return []
        self._is_told = True
        return [StoreClaim(*self._tenure)]

    def deadline(self) -> float | None:
        """The time of the next `tick`."""
        if self._tenure is not None and not self._is_told:
            return 0.0
        return None if self._is_quiet else self._waits_until or 0.0

    def describe(self, now: float) -> dict[str, Any]:
        """The status for an operator."""
        known = self._tenure.claim if self._tenure is not None else Claim()
        return {
            "role": self.role,
            "state": str(self.state),
            "reason": self.reason,
            "authority": BY_APPOINTMENT,
            "era": known.era,
            "epoch": known.epoch,
            "claim_id": known.claim_id,
            "able": self._is_able,
        }

    def _end_with_its_era(self, era: int, now: float) -> None:
        """Forget a tenure of an earlier era than a majority of the CFMs has come to, in which nobody has
        claimed the role: no CFM takes rows under it, and none names a claim that would end it.
        """
        if self._tenure is not None and era > self._tenure.claim.era and self.evidence.has_come_to(era, now):
            self._tenure = None
            self._is_told = self._is_kept = self._is_quiet = False
            self._waits_until = now + SILENCE_S  # whoever the era named may act under the authority before it
            self.reason = f"era {era} began"

    def _begin_where_nobody_holds(self, now: float) -> None:
        """After a majority of answers, take their claim or begin ours."""
        latest, tenure = self.evidence.credible, self._tenure
        if (tenure is not None and tenure.is_ours) or not self.evidence.has_asked_majority(now):
            return
        is_over = tenure is None or latest.era > tenure.claim.era
        if latest.authority == BY_APPOINTMENT and latest.epoch >= 0:
            if tenure is None:
                self.reason = "the CFMs have seen another primary"
                self._keep(Tenure(latest, is_ours=False))
        elif self._is_configured and is_over:
            self._begin(latest)

    def _begin(self, latest: Claim) -> None:
        try:
            tenure = begun(latest, self._index, self._new_id())
        except StateError as error:
            self.reason = str(error)
            return
        self.reason = ""
        if latest.epoch >= 0:
            self.reason = f"began era {tenure.claim.era}, after {describe_authority(latest.authority)}"
        self._keep(tenure)

    def _keep(self, tenure: Tenure) -> None:
        self._tenure = tenure
        self._is_told = self._is_kept = False

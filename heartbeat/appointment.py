"""The primary that a person appointed, as one instance sees it: `static` in time.

It answers the same questions as `heartbeat.election`. What it hears of a later appointment ends its own; only
`promote` begins one above that. Where nobody was appointed since another authority decided, the configured
primary begins an era as soon as a majority of the CFMs has said what it knows, and begins the next one when a
CFM comes that stands by a later claim of another authority.
"""

from collections.abc import Callable, Collection
from math import inf
from typing import Any, NamedTuple

from bus.errors import StateError, TryAgainError
from bus.machine import Effect
from heartbeat.election_table import State
from heartbeat.evidence import Answer, Evidence
from heartbeat.stand import BY_APPOINTMENT, Stand, describe_authority
from heartbeat.static import Tenure, begun, promoted, yielded
from heartbeat.timing import SILENCE_S


class StoreTenure(NamedTuple):
    """A promise, to be kept before any effect under it."""

    tenure: Tenure


class Appointment:
    """Holds one role for as long as a person wants it to. `is_able` is for its owner to set.

    `index` is our place among those who may hold the role: their epochs never meet. `tenure` is what was
    kept; `is_configured`: we are the primary where nobody holds the role. Unless it is proven that we are
    alone with what was kept (`is_alone`), we act under it only after a silence: another may have it too.
    """

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
    ) -> None:
        self.role = role
        self.is_able = True
        self.reason = ""
        self.evidence = Evidence(cfms)
        self._tenure = tenure
        self._is_configured = is_configured
        self._index = index
        self._cfms = cfms
        self._new_id = new_id
        self._is_told = False  # whether our owner knows what is to be kept
        self._is_kept = False
        self._waits_until: float | None = 0.0 if is_alone or tenure is None else None
        self._is_quiet = is_alone or tenure is None

    @property
    def state(self) -> State:
        """ACTIVE is the one that was appointed, if it is able; FENCED has met a later one."""
        if self._tenure is None:
            return State.STANDBY
        if not self._tenure.is_ours:
            return State.FENCED
        return State.ACTIVE if self.is_able and self._is_kept and self._is_quiet else State.STANDBY

    @property
    def stand(self) -> Stand:
        """The claim that is ours, once it is on the disk: the CFMs take the latest that is named."""
        is_ours = self._tenure is not None and self._tenure.is_ours and self._is_kept
        return self._tenure.stand if self._tenure is not None and is_ours else Stand()

    @property
    def acts_until(self) -> float:
        """Nobody takes over by himself, so there is no end to it."""
        return inf if self.state is State.ACTIVE else 0.0

    @property
    def waits_for_cfms(self) -> bool:
        """The configured primary begins once a majority of the CFMs has said what it knows."""
        return self._is_configured and self._tenure is None

    def answered(self, cfm: str, answer: Answer, asked_at: float, now: float) -> None:
        """A CFM said what it knows of our role."""
        self.evidence.heard(cfm, answer, asked_at, now)
        if cfm not in self._cfms:
            return
        found, tenure = answer.highest, self._tenure
        if found.authority == BY_APPOINTMENT:
            if tenure is not None and (left := yielded(tenure, found)) != tenure and left is not None:
                self.reason = f"{cfm} has seen a later primary"
                self._keep(left)
        elif tenure is not None and tenure.is_ours and found.epoch >= 0 and found.era >= tenure.stand.era:
            self._begin(found)
        self._begin_where_nobody_holds(now)

    def promote(self, now: float, absent: Collection[str] = ()) -> None:
        """A person appoints us. `TryAgainError` if a CFM was not heard that he does not name as absent."""
        heard = {cfm: answer.highest for cfm, answer in self.evidence.lately(now).items()}
        try:
            found = promoted(
                self._tenure,
                {cfm: stand if stand.epoch >= 0 else None for cfm, stand in heard.items()},
                acceptors=self._cfms,
                absent=absent,
                index=self._index,
                claim_id=self._new_id(),
            )
        except StateError as error:
            raise TryAgainError(str(error)) from error
        self.reason = ""
        self._keep(found)

    def release(self, now: float) -> None:
        """There is nobody to give it to."""

    def kept(self, tenure: Tenure) -> None:
        """This is on the disk: if it is what we are, we may act by it."""
        self._is_kept = self._is_kept or tenure == self._tenure

    def tick(self, now: float, wall_s: float) -> list[Effect]:
        """What is to be kept."""
        if self._waits_until is None:
            self._waits_until = now + SILENCE_S
        self._is_quiet = self._is_quiet or now >= self._waits_until
        if self._tenure is None or self._is_told:
            return []
        self._is_told = True
        return [StoreTenure(self._tenure)]

    def deadline(self) -> float | None:
        """When `tick` is due."""
        if self._tenure is not None and not self._is_told:
            return 0.0
        return None if self._is_quiet else self._waits_until or 0.0

    def describe(self, now: float) -> dict[str, Any]:
        """What an operator wants to know."""
        known = self._tenure.stand if self._tenure is not None else Stand()
        return {
            "role": self.role,
            "state": str(self.state),
            "reason": self.reason,
            "authority": BY_APPOINTMENT,
            "era": known.era,
            "epoch": known.epoch,
            "claim_id": known.claim_id,
            "able": self.is_able,
        }

    def _begin_where_nobody_holds(self, now: float) -> None:
        """What a majority of the CFMs knows is what there is."""
        latest, tenure = self.evidence.highest, self._tenure
        if (tenure is not None and tenure.is_ours) or not self.evidence.has_asked_majority(now):
            return
        is_over = tenure is None or latest.era > tenure.stand.era
        if latest.authority == BY_APPOINTMENT and latest.epoch >= 0:
            if tenure is None:
                self.reason = "the CFMs have seen another primary"
                self._keep(Tenure(latest, is_ours=False))
        elif self._is_configured and is_over:
            self._begin(latest)

    def _begin(self, latest: Stand) -> None:
        try:
            tenure = begun(latest, self._index, self._new_id())
        except StateError as error:
            self.reason = str(error)
            return
        self.reason = ""
        if latest.epoch >= 0:
            self.reason = f"began era {tenure.stand.era}, after {describe_authority(latest.authority)}"
        self._keep(tenure)

    def _keep(self, tenure: Tenure) -> None:
        self._tenure = tenure
        self._is_told = self._is_kept = False

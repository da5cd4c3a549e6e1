"""The primary that a person appointed, as one instance sees it: `static` in time.

It answers the same questions as `heartbeat.election`, and never decides anything by itself. What it hears of
a later claim ends its own; only `promote` begins one.
"""

from collections.abc import Callable, Collection
from math import inf
from typing import Any, NamedTuple

from bus.errors import StateError, TryAgainError
from bus.machine import Effect
from heartbeat.election_table import State
from heartbeat.evidence import Answer, Evidence, Stand
from heartbeat.static import Tenure, promoted, yielded


class StoreTenure(NamedTuple):
    """Keep this on disk before any effect under it."""

    tenure: Tenure


class Appointment:
    """Holds one role for as long as a person wants it to. `is_able` is for its owner to set.

    `index` is our place among those who may hold the role: their epochs never meet.
    """

    def __init__(
        self,
        *,
        role: str,
        tenure: Tenure | None,
        index: int,
        era: int,
        cfms: Collection[str],
        new_id: Callable[[], str],
    ) -> None:
        self.role = role
        self.is_able = True
        self.reason = ""
        self.evidence = Evidence(cfms)
        self._tenure = tenure
        self._index = index
        self._era = era
        self._cfms = cfms
        self._new_id = new_id
        self._is_stored = False

    @property
    def state(self) -> State:
        """ACTIVE is the one that was appointed, if it is able; FENCED has met a later one."""
        if self._tenure is None:
            return State.STANDBY
        if not self._tenure.is_ours:
            return State.FENCED
        return State.ACTIVE if self.is_able and self._is_stored else State.STANDBY

    @property
    def stand(self) -> Stand:
        """The claim that is ours."""
        return self._tenure.stand if self._tenure is not None and self._tenure.is_ours else Stand()

    @property
    def acts_until(self) -> float:
        """Nobody takes over by himself, so there is no end to it."""
        return inf if self.state is State.ACTIVE else 0.0

    def answered(self, cfm: str, answer: Answer, asked_at: float, now: float) -> None:
        """A CFM said what it knows of our role."""
        self.evidence.heard(cfm, answer, asked_at, now)
        if cfm not in self._cfms:
            return
        if answer.highest.epoch >= 0:
            found = yielded(self._tenure, answer.highest)
            if found != self._tenure and found is not None:
                self.reason = f"{cfm} has seen a later primary"
                self._keep(found)

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
                era=self._era,
                claim_id=self._new_id(),
            )
        except StateError as error:
            raise TryAgainError(str(error)) from error
        self.reason = ""
        self._keep(found)

    def release(self, now: float) -> None:
        """There is nobody to give it to."""

    def tick(self, now: float, wall_s: float) -> list[Effect]:
        """What is to be kept."""
        if self._tenure is None or self._is_stored:
            return []
        self._is_stored = True
        return [StoreTenure(self._tenure)]

    def deadline(self) -> float | None:
        """When `tick` is due."""
        return None if self._tenure is None or self._is_stored else 0.0

    def describe(self, now: float) -> dict[str, Any]:
        """What an operator wants to know."""
        known = self._tenure.stand if self._tenure is not None else Stand()
        return {
            "role": self.role,
            "state": str(self.state),
            "reason": self.reason,
            "era": known.era,
            "epoch": known.epoch,
            "claim_id": known.claim_id,
            "able": self.is_able,
        }

    def _keep(self, tenure: Tenure) -> None:
        self._tenure = tenure
        self._is_stored = False

"""The parts of a CFM, as a switch of the transport asks them: its fence, and its vote."""

from bus.effects import Effect
from bus.routes import Column
from bus.switch.machine import Begun, WriteEra
from bus.switch.standing import Plan, StoreSwitch
from heartbeat.roles.granted.grants import NamedClaim, Voter
from heartbeat.roles.log.fence import Fence


class CfmParty:
    """One CFM's, in the era of the last switch. Without a `voter` it has no vote."""

    def __init__(self, fence: Fence, voter: Voter | None, era: int) -> None:
        self._fence = fence
        self._voter = voter
        self._era = era
        if voter is not None:
            voter.rest(is_at_rest=fence.leads is Column.BUS)
            voter.come_to(era)

    def cannot_lead(self, column: Column) -> str:
        """A CFM that was never admitted grants nothing."""
        is_mute = self._voter is not None and not self._voter.votes
        return "no vote: provbus failover admit" if is_mute and column is Column.MULTICAST else ""

    def known_era(self) -> int:
        """The greatest era of our claims."""
        return self._fence.known_era

    def begun(self) -> Begun | None:
        """The era of a switch that the log is in."""
        return self._fence.begun()

    def is_log_read(self) -> bool:
        """Whether the role log is read to its end."""
        return self._fence.reader.is_caught_up and not self._fence.reason

    def freeze(self, plan: Plan, now: float) -> bool:
        """Grant nothing but what is granted."""
        if self._voter is not None:
            self._voter.freeze(is_frozen=True)
        return True

    def frozen(self, now: float) -> None:
        """Nothing to do: a CFM has no lease."""

    def thaw(self) -> None:
        """Grant as ever."""
        if self._voter is not None:
            self._voter.freeze(is_frozen=False)

    def begin(self, record: StoreSwitch, now: float) -> None:
        """Another column decides, or the same one anew."""
        leads, self._era = record.carrying.leads, record.era
        self._fence.lead(leads)
        if self._voter is None:
            return
        self._voter.rest(is_at_rest=leads is Column.BUS)
        if leads is Column.MULTICAST:
            roles = self._fence.reader.roles
            held = {} if roles is None or roles.era != record.era else roles.held
            self._voter.begin(
                record.era, {role: NamedClaim(one.holder, one.claim_id) for role, one in held.items()}, now
            )

    def note(self, *, is_overtaken: bool, is_under_way: bool) -> None:
        """Vote no more once an era was read in which the log decides, on our disk or not: others count from
        our word that we have come to it.
        """
        begun = self._fence.begun()
        if self._voter is not None and begun is not None and begun.era > self._era:
            self._voter.rest(is_at_rest=begun.leads is Column.BUS)

    def write(self, era: WriteEra, now: float) -> list[Effect]:
        """A CFM writes none."""
        return []

"""Never two, across eras: who acts for a role, judged in true time at every step."""

from typing import TYPE_CHECKING

from bus.testing.checkers import WorldStep
from heartbeat.roles.states import State
from tests.simulation.switch.parts import ROLES

if TYPE_CHECKING:
    from tests.simulation.switch.plant import SwitchPlant

Key = tuple[int, int]
UNDISTURBED_S = 15.0  # after so long without any trouble a holder is not replaced, and never ceases to act
VACANT_S = 0.6  # so long a role may be seen without anybody who acts, then


class Acts:
    """One at a time acts for a role, sidecar or host; under tokens that grow; in one era by one authority. A
    holder that lives and is connected is not replaced.
    """

    def __init__(self, plant: "SwitchPlant") -> None:
        self.replaced = 0
        self.acted = 0
        self.latest: dict[str, tuple[Key, str, int]] = {}
        self._plant = plant
        self._authorities: dict[tuple[str, int], str] = {}
        self._vacant: dict[str, float] = {}

    def __call__(self, step: WorldStep) -> str | None:
        """Judge a step of a sidecar or of a host."""
        plant = self._plant
        if step.node not in plant.authorities and step.node not in plant.hosts:
            return None
        role = ROLES[plant.sidecar_of(step.node)]
        acting = self.acting(role)
        if len(acting) > 1:
            told = [
                f"{name} ({plant.authorities[name].claims()[0]})"
                for name in acting
                if name in plant.authorities
            ]
            return f"{' and '.join(sorted(acting))} act for {role}: {', '.join(told)}"
        name = plant.sidecar_of(step.node)
        authority = plant.authorities.get(name)
        if authority is None or not authority.may_act(plant.world.local(name)):
            return None
        return self._judge(role, name, step.now)

    def look(self, now: float) -> str | None:
        """Judge what no step shows: that nobody acts."""
        plant, local = self._plant, self._plant.world.local
        for role in self.latest:
            acts = any(
                one.may_act(local(name)) for name, one in plant.authorities.items() if ROLES[name] == role
            )
            if acts or plant.troubles.quiet_since(now) + UNDISTURBED_S > now:
                self._vacant.pop(role, None)
            elif now - self._vacant.setdefault(role, now) >= VACANT_S:
                return (
                    f"nobody acts for {role} since {self._vacant[role]:.1f}, and nothing was done to anybody"
                )
        return None

    def acting(self, role: str) -> set[str]:
        """The sidecars of this role that act, or whose host does."""
        plant, local = self._plant, self._plant.world.local
        found = {
            name
            for name, authority in plant.authorities.items()
            if ROLES[name] == role
            and authority.may_act(local(name))
            and plant.holders[name].state is not State.AUTONOMOUS
        }
        return found | {
            plant.sidecar_of(name)
            for name, host in plant.hosts.items()
            if ROLES[plant.sidecar_of(name)] == role and local(name) < host.until and not host.is_autonomous
        }

    def _judge(self, role: str, name: str, now: float) -> str | None:
        plant = self._plant
        claim = plant.authorities[name].claims()[0]
        if claim.epoch < 0 or plant.holders[name].state is State.AUTONOMOUS:
            return None  # nobody else stands for it; or the CFMs are the fence, and not the lease
        by = self._authorities.setdefault((role, claim.era), claim.authority)
        if by != claim.authority:
            return f"{name} acts under {claim}, and {by} decided {role} in that era"
        key, incarnation = claim[:2], plant.world.incarnation(name)
        former, holder, process = self.latest.get(role, ((0, -1), "", 0))
        if key < former:
            return f"{name} acts at {key}, after {holder} did at {former}"
        self.acted += 1
        self.latest[role] = key, name, incarnation
        if holder and (holder, process) != (name, incarnation):
            self.replaced += 1
            if now > plant.troubles.quiet_since(now) + UNDISTURBED_S:
                return f"{name} acts at {key} in the place of {holder}, to which nothing was done"
        return None

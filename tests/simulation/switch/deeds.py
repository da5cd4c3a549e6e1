"""What is done to a plant that can switch: the faults of the world, and what an operator does."""

from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from bus.messages import LocalRequest
from bus.routes import Column
from bus.testing import faults
from tests.simulation.device import PowerOn
from tests.simulation.failover import scenario as failover
from tests.simulation.switch import scenario
from tests.simulation.switch.parts import MPS

if TYPE_CHECKING:
    from tests.simulation.switch.plant import SwitchPlant

OFF_S = 2.0  # of a fleet whose configuration is changed
BACK_S = 0.5  # until a process that crashed at a step is started again


class Deeds:
    """Does to a plant what its scenario says."""

    def __init__(self, plant: "SwitchPlant") -> None:
        self._plant = plant
        self._slots: dict[str, str] = {}
        self._sessions = count(1_000_000)
        self._crash_at: dict[str, scenario.CrashAt] = {}

    def do(self, deed: Any) -> None:
        """Let this fault happen, or an operator act."""
        deed = deed._replace(
            **{
                field: self._name(value)
                for field, value in deed._asdict().items()
                if isinstance(value, str) and "@" in value
            }
        )
        if isinstance(deed, scenario.OPERATIONS):
            self._operate(deed)
        else:
            self._plant.health.note(deed, self._plant.world.now)
            self._plant.world.inflict(deed)
        self._plant.disturbed(deed)

    def crashes(self, node: str, step: Any) -> scenario.CrashAt | None:
        """Whether this node is to crash now that it takes this step."""
        found = self._crash_at.get(node)
        return self._crash_at.pop(node) if found is not None and found.step == step else None

    def crash(self, node: str) -> None:
        """Crash a node, which is started again soon."""
        self.do(faults.Crash(node))
        self._plant.world.after(BACK_S, partial(self.do, faults.Restart(node)))

    def forget(self) -> None:
        """Nothing that was prepared happens any more."""
        self._crash_at.clear()

    def _name(self, name: str) -> str:
        slot, tilde = name.removeprefix("h").removesuffix("~"), name.endswith("~")
        if slot not in self._slots:
            acting = [one for one in self._plant.acting_now() if one != MPS]
            self._slots[slot] = acting[0] if acting else self._plant.minters[0]
        found = self._slots[slot]
        found = found.replace("dhcp", "host") if name.startswith("h") else found
        return f"{found}~" if tilde else found

    def _operate(self, deed: Any) -> None:
        world, name = self._plant.world, type(deed).__name__
        self._plant.operated[name] += 1
        world.witness.note(world.now, repr(deed))
        if isinstance(deed, scenario.CrashAt):
            self._crash_at[deed.node] = deed
        elif isinstance(deed, scenario.Refuse):
            refused = self._plant.refused
            (refused.add if deed.on else refused.discard)((deed.node, deed.column))
        elif isinstance(deed, failover.Boot):
            world.deliver(deed.node, PowerOn())
        elif isinstance(deed, failover.Away):
            kind = faults.Cut if deed.on else faults.Mend
            for node in (*self._plant.minters, *[*self._plant.homes][: deed.cfms]):
                for way in ((node, faults.BROKER), (faults.BROKER, node)):
                    self._plant.health.note(kind(*way), world.now)
                    world.inflict(kind(*way))
        elif isinstance(deed, scenario.Reconfigure):
            self._reconfigure(deed.to)
        elif isinstance(deed, scenario.Admit):
            body = {"op": "failover.admit", "floors": self._floors(deed.node)}
            world.deliver(deed.node, LocalRequest(next(self._sessions), body))
        else:
            absent = [name for name in self._plant.nodes if name not in self._plant.switches]
            world.deliver(deed.node, LocalRequest(next(self._sessions), _body(deed, absent)))

    def _reconfigure(self, to: Column) -> None:
        plant = self._plant
        for name in plant.nodes:
            self.do(faults.Stop(name))
            plant.configured[name] = to
            plant.world.after(OFF_S, partial(self.do, faults.Restart(name)))

    def _floors(self, node: str) -> dict[str, dict[str, int]]:
        """By role the latest claim that another CFM promised, or takes rows under, as a person reads it."""
        plant, floors = self._plant, dict[str, tuple[int, int]]()
        for name in plant.homes:
            disk = plant.disks[name]
            claims = [(role, known[-1].claim) for role, known in disk.fence.items() if known]
            claims += [(role, one.ballot) for role, one in (disk.promises or {}).items()]
            for role, claim in claims:
                if name != node and role in plant.fleet.shared_roles().values():
                    floors[role] = max(floors.get(role, (0, 0)), (claim.era, max(0, claim.epoch)))
        return {role: {"era": era, "epoch": epoch} for role, (era, epoch) in floors.items()}


def _body(deed: Any, down: list[str]) -> dict[str, Any]:
    if isinstance(deed, scenario.Order):
        absent = down if deed.without else []
        return {"op": "transport.switch", "verb": "switch", "to": deed.to, "absent": absent}
    if isinstance(deed, scenario.Abort | scenario.Finish):
        return {"op": "transport.switch", "verb": type(deed).__name__.lower()}
    if isinstance(deed, failover.Drain):
        return {"op": "failover.drain", "on": deed.on}
    return {"op": "failover.era" if isinstance(deed, scenario.BeginEra) else "failover.promote"}

"""What is done to a plant: the faults of the world, and what an operator does.

A slot (`@0`) stands for whoever was the primary when it was named first.
"""

from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from bus.contract import encode
from bus.effects import Publish
from bus.messages import LocalRequest
from bus.testing import faults
from bus.testing.faults import BROKER
from heartbeat.roles.claim import BY_APPOINTMENT, Claim
from heartbeat.roles.log.fence import Known
from heartbeat.roles.log.records import TYPE_OF, Era
from heartbeat.roles.states import State
from tests.simulation.device import PowerOn
from tests.simulation.failover import parts, scenario
from tests.simulation.failover.parents import parent_of

if TYPE_CHECKING:
    from tests.simulation.failover.plant import FailoverPlant

LOCKED_S = 0.1  # until somebody tries again to start a sidecar whose state directory is in use
SHARED = (faults.Cut, faults.Mend, faults.Slow, faults.Drift, faults.Full)


class Clerk:
    """Writes to the role log what a person decided."""

    def __init__(self, incarnation: int) -> None:
        self._stamp = parts.stamp_of(parts.OPERATOR, incarnation)

    def receive(self, message: Any, now: float) -> list[Any]:
        """An era to begin."""
        assert isinstance(message, Era), message
        return [Publish(self._stamp.envelope(TYPE_OF[Era], encode(message), time_ms=0), parts.OPERATOR)]

    def tick(self, now: float) -> list[Any]:
        """Nothing is due."""
        return []

    def deadline(self) -> float | None:
        """Never."""
        return None


class Deeds:
    """Does to a plant what its scenario says."""

    def __init__(self, plant: "FailoverPlant") -> None:
        self._plant = plant
        self._slots: dict[str, str] = {}
        self._sessions = count(1_000_000)

    def do(self, fault: Any) -> None:
        """Let this fault happen, or an operator act."""
        fault = fault._replace(
            **{field: self._resolve(value) for field, value in fault._asdict().items() if type(value) is str}
        )
        self._plant.liveness.disturbed()
        if isinstance(fault, scenario.OPERATIONS):
            self._operate(fault)
            return
        if self._is_for_parent(fault):
            return
        self._plant.health.note(fault, self._plant.world.now)
        if isinstance(fault, faults.Truncate):
            self._truncate(fault)
        else:
            self._plant.world.inflict(fault)
        if isinstance(fault, faults.Drift) and self._plant.shape.hosts and fault.node in parts.DHCPS:
            self._plant.world.inflict(faults.Drift(fault.node.replace("dhcp", "host"), fault.rate))

    def _resolve(self, name: str) -> str:
        """Who is meant by a name."""
        if not name.startswith(("@", "h@")):
            return name
        slot = name.removeprefix("h")
        if slot not in self._slots:
            holders = [
                one for one, election in self._plant.elections.items() if election.state is State.ACTIVE
            ]
            dhcps = [one for one in holders if one != parts.MPS]
            self._slots[slot] = dhcps[0] if dhcps else self._plant.minters[0]
        found = self._slots[slot]
        return found.replace("dhcp", "host") if name.startswith("h") else found

    def _is_for_parent(self, fault: Any) -> bool:
        """Whether the sidecar's parent gets this fault in its place; what hits the machine of both is done to
        the parent too.
        """
        plant, parents = self._plant, self._plant.parents
        if parents is None:
            return False
        if isinstance(fault, faults.Restart) and fault.node in plant.minters:
            if parents.is_busy(fault.node) and not plant.world.incarnation(fault.node):
                plant.world.after(LOCKED_S, lambda: self.do(fault))
                return True
        elif isinstance(fault, faults.Stop) and fault.node in plant.minters:
            if plant.world.incarnation(fault.node):
                parents.ask(fault.node)
            return True
        elif isinstance(fault, faults.Wipe) and fault.node in plant.minters:
            plant.world.inflict(faults.Crash(parent_of(fault.node)))
        elif isinstance(fault, SHARED):
            names = {name: parent_of(name) for name in plant.minters}
            one: Any = fault
            twin = one._replace(
                **{key: names[value] for key, value in fault._asdict().items() if value in names}
            )
            if twin != fault:
                plant.world.inflict(twin)
        return False

    def _perish(self, name: str) -> None:
        """Whoever ends the parent ends both."""
        world = self._plant.world
        self._plant.health.note(faults.Crash(name), world.now)
        world.inflict(faults.Crash(name if self._plant.parents is None else parent_of(name)))

    def _truncate(self, fault: faults.Truncate) -> None:
        """Whoever has read what is lost now is misled; the book begins anew."""
        self._plant.world.inflict(fault)
        log = self._plant.world.log(fault.traffic)
        self._plant.oracle.begin_anew(partial(self._plant.world.log, fault.traffic))
        for name in (*self._plant.elections, *self._plant.fences):
            reader = self._plant.reader(name)
            if reader is not None and reader.position >= len(log):
                self._plant.leases.misled.add((name, self._plant.world.incarnation(name)))
        self._plant.leases.forget(len(log))
        self._plant.readers.forget(len(log))

    def _move_elsewhere(self, fault: scenario.Elsewhere) -> None:
        plant, name = self._plant, fault.node
        for kind in (faults.Crash, faults.Restart):
            plant.health.note(kind(name), plant.world.now)
        plant.world.inflict(faults.Crash(name))
        era = plant.cfm_rules.moved_elsewhere(name, fault.eras)
        claim = Known(Claim(era, 64, "e" * 16, BY_APPOINTMENT), plant.minters[-1])
        fence = plant.disks[name].fence
        plant.disks[name].fence = {role: [*fence.get(role, []), claim] for role in parts.ROLES.values()}
        plant.world.inflict(faults.Restart(name))

    def _operate(self, fault: Any) -> None:
        world, name = self._plant.world, type(fault).__name__
        self._plant.operated[name] += 1
        world.witness.note(world.now, repr(fault))
        if isinstance(fault, scenario.BeginEra):
            world.deliver(parts.OPERATOR, Era(number=fault.number, authority="a person"))
        elif isinstance(fault, scenario.Boot):
            world.deliver(fault.node, PowerOn())
        elif isinstance(fault, scenario.Perish):
            self._perish(fault.node)
        elif isinstance(fault, scenario.Elsewhere):
            self._move_elsewhere(fault)
        elif isinstance(fault, scenario.Away):
            kind = faults.Cut if fault.on else faults.Mend
            for node in (*self._plant.minters, *[*self._plant.homes][: fault.cfms]):
                for way in ((node, BROKER), (BROKER, node)):
                    self._plant.health.note(kind(*way), world.now)
                    world.inflict(kind(*way))
        else:
            body: dict[str, Any] = {"op": f"failover.{name.lower()}"}
            if not isinstance(fault, scenario.Promote):
                body["on"] = fault.on
            world.deliver(fault.node, LocalRequest(next(self._sessions), body))

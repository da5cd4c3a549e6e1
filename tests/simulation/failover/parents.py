"""The parents of the sidecars: real `Parent`s, told of signals and of their child's end, late as in life.

A parent starts with its child and ends after it; its child ends with it. It shares the child's disk, machine
and way to the brokers. While it gives back the role nobody starts another sidecar: it has the lock.
"""

from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from bus.testing import faults
from services.sidecar.parent.parent import Ended, Estate, HandOn, Parent, Reached, ReachLog, Signalled
from services.sidecar.role.record import StoreFailover
from tests.simulation.failover import parts

if TYPE_CHECKING:
    from tests.simulation.failover.plant import FailoverPlant

TOLD_S_MAX = 0.02  # until a parent is told of a signal or of its child's end
REACH_S = 1.0
_PREFIX = "parent-of-"
KILLED = -9


def parent_of(sidecar: str) -> str:
    """The node of this sidecar's parent."""
    return f"{_PREFIX}{sidecar}"


def sidecar_of(node: str) -> str:
    """The sidecar whose parent this node is; empty if it is none."""
    return node.removeprefix(_PREFIX) if node.startswith(_PREFIX) else ""


class ParentNode:
    """A parent as a node of the world."""

    def __init__(self) -> None:
        self.parent = Parent(lambda: 0.0)

    def receive(self, message: Any, now: float) -> list[Any]:
        """A signal, the child's end, or the outcome of an effect."""
        return [*self.parent.receive(message)]

    def tick(self, now: float) -> list[Any]:
        """Nothing is due."""
        return []

    def deadline(self) -> float | None:
        """Never."""
        return None


class Parents:
    """The parents of a plant."""

    def __init__(self, plant: "FailoverPlant", random: Random) -> None:
        self._plant = plant
        self._random = random
        self._nodes: dict[str, ParentNode] = {}
        self._starts: dict[str, int] = {}  # of the children, also of those that ended
        world = plant.world
        world.on(HandOn, self._hand_on)
        world.on(ReachLog, self._reach)
        for name in plant.minters:
            world.add(parent_of(name), partial(self._start, name), has_clock=False)

    def started(self, sidecar: str, start: int) -> None:
        """A sidecar starts for this number of times: its parent is there already."""
        self._starts[sidecar] = start
        self._plant.world.inflict(faults.Restart(parent_of(sidecar)))

    def crashed(self, node: str) -> None:
        """A process has ended. A parent takes its child along; that of a child is told."""
        world, sidecar = self._plant.world, sidecar_of(node)
        if sidecar:
            self._nodes.pop(sidecar, None)
            world.after(0.0, lambda: world.inflict(faults.Crash(sidecar)))
        elif node in self._nodes:
            world.after(self._random.uniform(0.0, TOLD_S_MAX), partial(self._tell, node))

    def is_busy(self, sidecar: str) -> bool:
        """Whether the parent of a former process of this sidecar is still at work."""
        return sidecar in self._nodes

    def ask(self, sidecar: str) -> None:
        """Ask this sidecar to stop: its parent gets the signal."""
        self._plant.world.deliver(parent_of(sidecar), Signalled(15), self._random.uniform(0.0, TOLD_S_MAX))

    def _start(self, sidecar: str, _: int, __: Random) -> ParentNode:
        node = self._nodes[sidecar] = ParentNode()
        return node

    def _tell(self, sidecar: str) -> None:
        """Tell the parent of its child's end, with what is on the disk then."""
        world = self._plant.world
        disk = self._plant.disks[sidecar]
        kept = disk.failover or StoreFailover(None)
        claim = kept.held_under(kept.lock)
        stamp = parts.stamp_of(sidecar, parts.of_parent(self._starts[sidecar]))
        estate = None if claim is None else Estate(parts.ROLES[sidecar], claim, kept, stamp)
        world.deliver(parent_of(sidecar), Ended(KILLED, estate))

    def _hand_on(self, node: str, _: HandOn) -> None:
        """A child is told in its own time, and one that sleeps when it wakes."""
        world, sidecar = self._plant.world, sidecar_of(node)
        asleep_s = max(0.0, self._plant.health.paused_until.get(sidecar, 0.0) - world.now)
        world.after(
            asleep_s + self._random.uniform(0.0, REACH_S), lambda: world.inflict(faults.Stop(sidecar))
        )

    def _reach(self, node: str, _: ReachLog) -> None:
        """The leader answers now, or nobody does within a second."""
        plant = self._plant
        reaches = plant.health.reaches_log(sidecar_of(node), plant.world.now) and not plant.health.stalled
        answer_s = self._random.uniform(0.001, 0.1) if reaches else REACH_S
        plant.world.deliver(node, Reached(reaches), answer_s)

"""Every world that can be reached, breadth first: all that can be at one tick, then all at the next.

A world that was met at an earlier tick is not looked at again, so the number of ticks bounds how long a run
may be and not how often it may come back to where it was. A violation is told with the shortest way to it.
"""

from collections import Counter
from dataclasses import dataclass, field

from tests.model.bounds import Bounds
from tests.model.steps import ViolationError
from tests.model.worlds import Move, World, Worlds


@dataclass
class Explored:
    """What was found within some bounds. `violation` is empty if nothing was violated."""

    bounds: Bounds
    states: int = 0
    ticks: int = 0
    takeovers: int = 0
    """Worlds in which two nodes have acted, one after the other."""
    actions: Counter[str] = field(default_factory=Counter)
    violation: str = ""
    path: list[str] = field(default_factory=list)

    @property
    def happened(self) -> set[str]:
        """The actions that were taken, and "takeover" if there was one."""
        return {*self.actions, *(["takeover"] if self.takeovers else [])}

    def line(self) -> str:
        """The bounds and what came of them, for people."""
        bounds = self.bounds
        found = f"VIOLATION: {self.violation}" if self.violation else "0 violations"
        return (
            f"{bounds.name}: {bounds.nodes} nodes, {bounds.records} records, {bounds.acceptors} acceptors, "
            f"{self.ticks} ticks: {self.states:,} states ({self.takeovers:,} after a takeover), {found}"
        )


_Ways = dict[World, tuple[World | None, str]]


def explore(bounds: Bounds) -> Explored:
    """Go everywhere within these bounds, or up to the first violation."""
    worlds = Worlds(bounds)
    found = Explored(bounds)
    ways: _Ways = {}
    world: World | None = None
    try:
        world = worlds.first()
        ways[world] = None, ""
        layer = [world]
        for found.ticks in range(bounds.ticks + 1):
            for world in layer:  # grows as we go
                for move in worlds.moves(world):
                    _note(found, ways, layer, world, move)
            following: list[World] = []
            if found.ticks < bounds.ticks:
                for world in layer:
                    for move in worlds.ticks(world):
                        _note(found, ways, following, world, move)
            if not following:
                break
            layer = following
    except ViolationError as violation:
        found.violation = str(violation)
        found.path = _path(ways, world)
    found.states = len(ways)
    found.takeovers = sum(len({one.node for one in known.acted}) > 1 for known in ways)
    return found


def _note(found: Explored, ways: _Ways, layer: list[World], world: World, move: Move) -> None:
    found.actions[move.action] += 1
    if move.world not in ways:
        ways[move.world] = (world, f"{move.action} {move.who}")
        layer.append(move.world)


def _path(ways: _Ways, world: World | None) -> list[str]:
    path: list[str] = []
    while world is not None:
        world, action = ways[world]
        path.append(action)
    return [action for action in reversed(path) if action]

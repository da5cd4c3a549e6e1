"""Eras grow at every node, in memory and on the disk, over restarts; and nothing is confirmed that is not
kept.
"""

from typing import TYPE_CHECKING

from bus.contract import decode
from bus.effects import Publish
from bus.testing.checkers import WorldStep
from heartbeat.liveness.beat import BEAT, Beat

if TYPE_CHECKING:
    from tests.simulation.switch.plant import SwitchPlant


class Eras:
    """The era of a node never decreases, and its memory is never ahead of its disk."""

    def __init__(self, plant: "SwitchPlant") -> None:
        self.switches = 0
        self.begun: dict[int, str] = {}
        """The eras that a switch began, with the column that leads in them."""
        self._plant = plant
        self._eras: dict[str, int] = {}
        self._known: dict[str, int] = {}

    def wiped(self, node: str) -> None:
        """Its disk is gone."""
        self._eras.pop(node, None)
        self._known.pop(node, None)

    def __call__(self, step: WorldStep) -> str | None:
        """Judge whoever moved."""
        plant, node = self._plant, step.node
        switch = plant.switches.get(node)
        if switch is None:
            return None
        era, disk = switch.record.era, plant.disks[node].switch
        former = self._eras.get(node, 0)
        if era < former:
            return f"{node} is in era {era}, after it was in {former}"
        if era > (0 if disk is None else disk.era):
            return f"{node} is in era {era}, and its disk has {disk}"
        if era > former:
            self._eras[node] = era
            leads = switch.record.carrying.leads
            if self.begun.setdefault(era, leads) != leads:
                return f"{node} is led by {leads} in era {era}, others by {self.begun[era]}"
            self.switches = len(self.begun)
        fence = plant.fences.get(node)
        if fence is not None:
            known, before = fence.known_era, self._known.get(node, 0)
            if known < before:
                return f"{node} knows era {known}, after it knew {before}"
            self._known[node] = known
        return None


class Confirms:
    """What a beat says of a switch is on the disk."""

    def __init__(self, plant: "SwitchPlant") -> None:
        self._plant = plant

    def __call__(self, step: WorldStep) -> str | None:
        """Judge every beat."""
        if step.node not in self._plant.switches:
            return None
        for effect in step.effects:
            if type(effect) is Publish and effect.envelope.type == BEAT:
                fault = self._judge(step.node, decode(Beat, effect.envelope.data))
                if fault is not None:
                    return fault
        return None

    def _judge(self, node: str, beat: Beat) -> str | None:
        told, kept = beat.switch, self._plant.disks[node].switch
        if told is None:
            return f"{node} does not say where it stands"
        step = 0 if kept is None or kept.step is None else int(kept.step)
        plan = None if kept is None else kept.plan
        era = 0 if kept is None else kept.era
        says_less = told.plan is None  # so does whoever was given another mode since
        if told.era > era or ((told.plan, told.step) != (plan, step) and not says_less):
            if node in self._plant.doubtful and told.era <= era:
                return None
            return f"{node} says {told}, and its disk has {kept}"
        return None

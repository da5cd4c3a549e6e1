"""One run: which scenario a seed stands for, what it met, and how a failing one is made smaller."""

import time
from collections import Counter
from typing import NamedTuple

from bus.testing.checkers import ViolationError
from tests.simulation.failover.runs import shrunk
from tests.simulation.switch.directed import DIRECTED
from tests.simulation.switch.plant import SwitchPlant
from tests.simulation.switch.scenario import Scenario, Timed
from tests.simulation.switch.storms import draw

DIRECTED_MAX = 100
"""Seeds below are kept for scenarios written by hand; where there is none they are storms like the others."""


class Outcome(NamedTuple):
    """What a run met. `violation` is empty if nothing was violated."""

    seed: int
    simulated_s: float
    took_s: float
    injected: Counter[str]
    met: Counter[str]
    violation: str


def scenario_of(seed: int) -> Scenario:
    """The scenario of a seed."""
    return DIRECTED[seed] if seed < len(DIRECTED) else draw(seed)


def run(seed: int, scenario: Scenario | None = None) -> Outcome:
    """Run a seed to its end, or to its violation."""
    began_s = time.process_time()
    plant = SwitchPlant(seed, scenario or scenario_of(seed))
    violation = ""
    try:
        plant.run()
    except ViolationError as error:
        violation = str(error)
    return Outcome(
        seed,
        plant.world.now,
        time.process_time() - began_s,
        Counter(plant.world.injected),
        plant.met(),
        violation,
    )


def violates(seed: int, scenario: Scenario) -> bool:
    """Whether a run of it is red."""
    return bool(run(seed, scenario).violation)


def shrink(seed: int, scenario: Scenario) -> Scenario:
    """A scenario with as few deeds as a bounded number of tries can find that still fails."""

    def fail(faults: tuple[Timed, ...]) -> bool:
        return violates(seed, scenario._replace(faults=faults))

    return scenario._replace(faults=shrunk(scenario.faults, fail))

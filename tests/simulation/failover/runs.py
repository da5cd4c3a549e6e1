"""One run: which scenario a seed stands for, what it met, and how a failing one is made smaller."""

import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from bus.testing.checkers import ViolationError
from heartbeat.roles.states import TABLE, Cause
from tests.simulation.failover.directed import DIRECTED
from tests.simulation.failover.plant import FailoverPlant
from tests.simulation.failover.scenario import Scenario, Timed
from tests.simulation.failover.storms import draw

DIRECTED_MAX = 100
"""Seeds below are kept for scenarios written by hand; where there is none they are storms like the others."""
SHRINKS_MAX = 150
_Fault = TypeVar("_Fault")


class Outcome(NamedTuple):
    """What a run met. `violation` is empty if nothing was violated."""

    seed: int
    simulated_s: float
    took_s: float
    takeovers: int
    injected: Counter[str]
    taken: Counter[str]
    met: Counter[str]
    violation: str


def scenario_of(seed: int) -> Scenario:
    """The scenario of a seed."""
    return DIRECTED[seed] if seed < len(DIRECTED) else draw(seed)


def label(transition: tuple[object, Cause]) -> str:
    """A transition as people read it; `BROKEN` leads from everywhere to the same."""
    state, cause = transition
    return "any BROKEN" if cause is Cause.BROKEN else f"{state} {cause.name}"


# These plants have one column: `tests/unit/heartbeat/test_named.py` has what an era of a switch causes.
TRANSITIONS = [*(label(one) for one in TABLE if one[1] is not Cause.NAMED), "any BROKEN"]


def run(seed: int, scenario: Scenario | None = None) -> Outcome:
    """Run a seed to its end, or to its violation."""
    began_s = time.process_time()
    plant = FailoverPlant(seed, scenario or scenario_of(seed))
    violation = ""
    try:
        plant.run()
    except ViolationError as error:
        violation = str(error)
    taken: Counter[str] = Counter()
    for transition, times in plant.taken().items():
        taken[label(transition)] += times
    met = Counter(
        rows_applied=plant.cfm_rules.applied,
        rows_refused=plant.cfm_rules.refused,
        served_without_row=plant.cfm_rules.from_seals,
        steps=plant.world.witness.steps,
        **{f"operator {name}": times for name, times in plant.operated.items()},
    )
    return Outcome(
        seed,
        plant.world.now,
        time.process_time() - began_s,
        plant.leases.takeovers,
        Counter(plant.world.injected),
        taken,
        met,
        violation,
    )


def violates(seed: int, scenario: Scenario) -> bool:
    """Whether a run of it is red."""
    return bool(run(seed, scenario).violation)


def shrink(seed: int, scenario: Scenario, fails: Callable[[int, Scenario], bool] = violates) -> Scenario:
    """A scenario with as few faults as a bounded number of tries can find that still fails."""

    def fail(faults: tuple[Timed, ...]) -> bool:
        return fails(seed, scenario._replace(faults=faults))

    return scenario._replace(faults=shrunk(scenario.faults, fail))


def shrunk(faults: tuple[_Fault, ...], fails: Callable[[tuple[_Fault, ...]], bool]) -> tuple[_Fault, ...]:
    """As few of these faults as a bounded number of tries can find, with which a run still fails."""
    tries = SHRINKS_MAX
    size = max(1, len(faults) // 2)
    while size and tries:
        at = 0
        while at < len(faults) and tries:
            tries -= 1
            fewer = faults[:at] + faults[at + size :]
            if fails(fewer):
                faults = fewer
            else:
                at += size
        size //= 2
    return faults

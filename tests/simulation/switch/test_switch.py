"""Storms over plants that switch: never two, and well afterwards. `make sim` runs thousands; here are the
scenarios written by hand, and some dozens of storms.

A red seed is replayed with the command in its message, which also says which of its deeds are enough. When it
has found a fault, write its few deeds down as a scenario in `tests/simulation/switch/directed.py`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.failover.scenario import Boot
from tests.simulation.switch.directed import DIRECTED
from tests.simulation.switch.plant import SwitchPlant
from tests.simulation.switch.runs import DIRECTED_MAX, Outcome, run, scenario_of, shrink
from tests.simulation.switch.scenario import Order, Scenario, Shape
from tests.simulation.switch.sweep import Sum

ROOT = Path(__file__).parents[3]
STORMS = 24
BLOCKS = 4


def met(outcome: Outcome) -> Outcome:
    assert not outcome.violation
    return outcome


def test_there_is_a_seed_for_every_scenario() -> None:
    names = {scenario.name for scenario in DIRECTED}
    assert len(names) == len(DIRECTED) <= DIRECTED_MAX


@pytest.mark.parametrize("seed", range(len(DIRECTED)), ids=lambda seed: DIRECTED[seed].name.replace(" ", "-"))
def test_switched(seed: int) -> None:
    """Nothing is violated, and the plant is well at the end."""
    met(run(seed))


@pytest.mark.parametrize("block", range(BLOCKS))
def test_storms_over_a_switch(block: int) -> None:
    """Nothing is violated; and the block switched, or it would prove nothing."""
    seeds = range(DIRECTED_MAX + block, DIRECTED_MAX + STORMS, BLOCKS)
    outcomes = [met(run(seed)) for seed in seeds]
    assert sum(outcome.met["switches"] for outcome in outcomes) >= len(seeds)
    assert sum(outcome.met["rows"] for outcome in outcomes) > 0


def test_the_same_seed_is_the_same_switch_in_any_process() -> None:
    seed = DIRECTED_MAX
    plant = SwitchPlant(seed, scenario_of(seed))
    plant.run()
    for hash_seed in ("1", "2"):
        replayed = subprocess.run(
            [sys.executable, "-m", "tests.simulation.switch", str(seed)],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert replayed.stdout.split() == [plant.world.trace_hash()]


def test_a_sweep_that_switched_nothing_says_what_it_did_not_meet() -> None:
    total = Sum()
    total.add(met(run(0, Scenario("calm", Shape(), (), 6.0))))
    assert {"Crash", "loss", "operator Order", "operator CrashAt"} <= {*total.never()}
    assert total.lines()[0] == "1 seeds, 0.0 simulated hours, 0 eras begun, 0 violations"


def test_a_failing_switch_is_made_smaller() -> None:
    """Whatever boots meanwhile, the order alone is enough not to be led by the bus."""
    boots = tuple((6.0 + at, Boot("device-0")) for at in range(8))
    scenario = Scenario(
        "wrong", Shape(is_quick=True), (*boots, (7.0, Order("dhcp-1", "multicast"))), 15.0, replaced_max=-1
    )
    found = shrink(1, scenario._replace(replaced_max=-1))
    assert len(found.faults) < len(scenario.faults)

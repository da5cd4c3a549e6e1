"""Storms over plants under election: never two. `make sim` runs thousands; here are the scenarios written by
hand, a block of storms, and the seeds that found something.

A red seed is replayed with the command in its message, which also says which of its faults are enough. When
it has found a fault, write its few faults down as a scenario in `tests/simulation/failover/directed.py`.
"""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.failover.directed import DIRECTED
from tests.simulation.failover.plant import FailoverPlant
from tests.simulation.failover.runs import DIRECTED_MAX, TRANSITIONS, Outcome, label, run, scenario_of, shrink
from tests.simulation.failover.scenario import Promote, Scenario, Shape
from tests.simulation.failover.sweep import Sum
from tests.simulation.seeds import FAILOVER

ROOT = Path(__file__).parents[2]
LONG_S = 100.0  # such a scenario is for `make sim`
BLOCKS = 4
STORMS = [seed for seed in range(DIRECTED_MAX, DIRECTED_MAX + 32) if scenario_of(seed).until_s < LONG_S]
SHORT = [seed for seed, scenario in enumerate(DIRECTED) if scenario.until_s < 2 * LONG_S]


def met(outcome: Outcome) -> Outcome:
    assert not outcome.violation
    return outcome


def test_there_is_a_seed_for_every_scenario() -> None:
    names = {scenario.name for scenario in DIRECTED}
    assert len(names) == len(DIRECTED) <= DIRECTED_MAX
    assert FAILOVER.keys() <= names


@pytest.mark.parametrize("seed", SHORT, ids=lambda seed: DIRECTED[seed].name.replace(" ", "-"))
def test_directed(seed: int) -> None:
    """Nothing is violated, and it went where it was meant to go."""
    taken = met(run(seed)).taken
    assert [label(aim) for aim in DIRECTED[seed].aims if not taken[label(aim)]] == []


def test_the_scenarios_take_every_transition() -> None:
    aims = {label(aim) for scenario in DIRECTED for aim in scenario.aims}
    common = {
        "boot FOUND",
        "catchup READ",
        "standby STAND",
        "candidate WON",
        "settle SETTLED",
    }
    assert set(TRANSITIONS) - aims - common == set()


@pytest.mark.soak
@pytest.mark.parametrize("block", range(BLOCKS))
def test_storms(block: int) -> None:
    """Nothing is violated; and the block went where it can hurt, or it would prove nothing."""
    outcomes = [met(run(seed)) for seed in STORMS[block::BLOCKS]]
    assert sum(outcome.takeovers for outcome in outcomes) > 0
    assert sum(len(outcome.injected) for outcome in outcomes) > len(STORMS) / BLOCKS


def test_the_same_seed_is_the_same_run_in_any_process() -> None:
    seed = DIRECTED_MAX
    plant = FailoverPlant(seed, scenario_of(seed))
    plant.run()
    for hash_seed in ("1", "2"):
        replayed = subprocess.run(
            [sys.executable, "-m", "tests.simulation.failover", str(seed)],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert replayed.stdout.split() == [plant.world.trace_hash()]


def test_another_seed_is_another_run() -> None:
    hashes = set()
    for seed in (1, 2):
        plant = FailoverPlant(seed, Scenario("calm", Shape(), (), 5.0))
        plant.run()
        hashes.add(plant.world.trace_hash())
    assert len(hashes) == 2


def test_a_sweep_that_met_nothing_says_what() -> None:
    total = Sum()
    total.add(met(run(0, Scenario("calm", Shape(), (), 5.0))))
    never = total.never()
    assert {"Crash", "loss", "operator Promote", "boot VOUCHED", "any BROKEN"} <= {*never}
    assert not {"boot FOUND", "settle SETTLED"} & {*never}
    assert total.lines()[0] == "1 seeds, 0.0 simulated hours, 0 takeovers, 0 violations"


def test_a_failing_scenario_is_made_smaller() -> None:
    """Of forty faults the two that it takes are left."""
    faults = [(float(at), Promote(f"dhcp-{at}")) for at in range(40)]
    needed = {faults[7], faults[31]}
    forty = Scenario("forty", Shape(), tuple(faults), 60.0)
    found = shrink(0, forty, lambda _, scenario: needed <= {*scenario.faults})
    assert {*found.faults} == needed


def test_the_counters_of_a_storm() -> None:
    outcome = met(run(DIRECTED_MAX + 1))
    assert outcome.simulated_s > 50.0
    assert Counter(outcome.met)["steps"] > 1_000

"""Hundreds of storms over the real sidecars and CFMs, each from one seed; and seeds that found something.

A red seed is replayed with the command in its message. When it has found a fault, put it into
`tests/simulation/seeds.py`, fix the fault, and add the smallest unit test beside the code.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.plant import Plant
from tests.simulation.seeds import FOUND

pytestmark = pytest.mark.soak

BLOCKS = 8
SEEDS_PER_BLOCK = 25
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("block", range(BLOCKS))
def test_seeds(block: int) -> None:
    """Nothing is violated; and the block went where it can hurt, or it would prove nothing."""
    met: Counter[str] = Counter()
    for seed in range(block * SEEDS_PER_BLOCK, (block + 1) * SEEDS_PER_BLOCK):
        plant = Plant(seed)
        plant.run()
        for envelope in plant.world.log("audit"):
            events = json.loads(envelope.data)["events"]
            met.update(event.get("how", event["event"]) for event in events)
        for cfm in plant.cfms.values():
            met.update(cfm.parts.reads.silent)
        met["restarts"] += sum(plant.world.incarnation(name) - 1 for name in plant.cfms)
    wanted = {"row", "parked", "pulled", "sealed", "fileid.acked", "fileid.unacked", "fileid.expired"}
    assert {"restarts", "address"} | wanted <= met.keys()


@pytest.mark.parametrize("seed", FOUND)
def test_a_seed_that_found_something_stays_green(seed: int) -> None:
    Plant(seed).run()


def test_the_same_seed_is_the_same_run_in_any_process() -> None:
    plant = Plant(7)
    plant.run()
    again = Plant(7)
    again.run()
    assert again.world.trace_hash() == plant.world.trace_hash()
    for hash_seed in ("1", "2"):
        replayed = subprocess.run(
            [sys.executable, "-m", "tests.simulation", "7"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert replayed.stdout.split() == [plant.world.trace_hash()]


def test_another_seed_is_another_run() -> None:
    one, other = Plant(8), Plant(9)
    one.run()
    other.run()
    assert one.world.trace_hash() != other.world.trace_hash()

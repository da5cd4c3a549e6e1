"""What peers, brokers, a Kea and an operator say, through the runner, the machines and the handlers of their
effects: no input ends a process, and none makes a handler raise.

`python -m tests.fuzz 100000` gives each machine so many inputs; the tests give it a small part.
"""

from pathlib import Path

import pytest

from tests.fuzz.houses import HOUSES, Build, faults_of

INPUTS = 1_500


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("build", HOUSES.values(), ids=HOUSES.keys())
def test_no_input_makes_a_handler_raise(build: Build, seed: int, tmp_path: Path) -> None:
    assert faults_of(build, tmp_path, INPUTS, seed) == {}


@pytest.mark.soak
@pytest.mark.parametrize("build", HOUSES.values(), ids=HOUSES.keys())
def test_100_000_inputs_make_no_handler_raise(build: Build, tmp_path: Path) -> None:
    assert faults_of(build, tmp_path, 100_000, 7) == {}

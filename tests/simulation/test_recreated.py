"""The settings' topic is deleted and made anew while the plant boots and a machine loses its disk."""

import pytest

from bus.testing.faults import Crash, Recreate, Restart, Timed, Wipe
from services.settings.catalogue import parse
from tests.simulation.plant import APPLIED_AT_S, STORM_S, Plant, Shape

SHAPE = Shape(cfms=2, devices=6, reboots=6)
MOMENTS_S = (0.5, APPLIED_AT_S[0], APPLIED_AT_S[0] + 0.01, STORM_S / 2)
LOSER = "cfm-2"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("at_s", MOMENTS_S)
def test_everybody_keeps_the_settings_in_force_and_who_lost_them_finds_them(seed: int, at_s: float) -> None:
    plant = Plant(seed, shape=SHAPE)
    loses: list[Timed] = [(at_s + 6.0, Crash(LOSER)), (at_s + 6.1, Wipe(LOSER)), (at_s + 6.2, Restart(LOSER))]
    plant.world.plan([(at_s, Recreate("config")), *loses])
    plant.run()
    generations = {name: cfm.status.describe(0.0)["generation"] for name, cfm in plant.cfms.items()}
    assert generations == {"cfm-1": 2, LOSER: 2}
    assert parse(plant.world.log("config")[-1].data).generation == 2

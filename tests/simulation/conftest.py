"""What the tests of the world share."""

import pytest

from bus.testing.world import World
from tests.simulation.toys import Box, connect


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def pair(box: Box) -> World:
    """Two obedient toys; `left` has connected to `right` and was heard."""
    world = World(7)
    for name in ("left", "right"):
        world.add(name, box.start(name), reads=("heartbeat",), has_clock=False)
    world.deliver("left", connect("right"), 0.1)
    world.run(1.0)
    return world

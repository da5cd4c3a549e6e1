"""What the tests through the command line share."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A state directory of the test's own, so that no lab of the user is in the way."""
    return {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}

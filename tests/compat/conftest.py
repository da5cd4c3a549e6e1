"""The tree of the baseline, taken out of git once for all tests of a worker."""

import os

import pytest

from services.lab.release.repository import take_out
from tests.compat.baseline import BaselineTree
from tests.requirement import BASELINE, need_baseline


@pytest.fixture(scope="session")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> BaselineTree:
    """The baseline; without it the test is skipped, or fails where it is required."""
    need_baseline(os.environ)
    return BaselineTree(take_out(BASELINE, tmp_path_factory.mktemp("baseline") / "tree"))

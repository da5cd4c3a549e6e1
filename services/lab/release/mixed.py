"""Two releases in one fleet: some instances start from the tree of another release, the baseline.

Steps upgrade them (`services.lab.steps.upgrade`). The report says how many there were in the beginning and at
the end, so a scenario can expect that none was forgotten.
"""

from collections.abc import Mapping
from typing import Any

from services.lab.release.repository import take_out
from services.lab.site.lab import Answers, Lab, Part
from services.lab.site.scenario import Baseline


class MixedReleases(Part):
    """The instances on the baseline."""

    def __init__(self, baseline: Baseline) -> None:
        self._baseline = baseline
        self._at_start = 0

    def prepare(self, lab: Lab) -> None:
        """Take its tree out of the repository, and have them start from there."""
        tree = take_out(self._baseline.commit, lab.site.directory / "baseline")
        for name in self._baseline.of:
            lab.site.instances[name].tree = tree

    def begin(self, lab: Lab) -> None:
        """Count them."""
        self._at_start = _on_baseline(lab)
        lab.figures["upgraded"] = 0

    def report(self, lab: Lab, answers: Answers) -> Mapping[str, Any]:
        """`on_baseline`: how many were at the start, and are at the end."""
        return {"on_baseline": {"start": self._at_start, "end": _on_baseline(lab)}}


def _on_baseline(lab: Lab) -> int:
    """How many of the instances that run do so from another tree than ours."""
    return sum(lab.instances[name].tree is not None for name in lab.instances.up())

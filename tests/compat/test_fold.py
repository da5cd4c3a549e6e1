"""The role log means the same to both releases: one state at every position, wherever a reader begins.

Readers compare the digests of their states (`heartbeat.roles.log.agreement`), and half of them stop when they
disagree. So a fold that differs from the baseline's at one position would stop a fleet in its upgrade.
"""

from collections import Counter
from typing import Any

import pytest

from tests.compat.baseline import BaselineTree
from tests.compat.programs import folding, whence
from tests.compat.role_logs import DrawnLog

SEEDS = range(40)
RECORDS = 250


@pytest.fixture(scope="module")
def logs() -> list[DrawnLog]:
    return [DrawnLog(seed, RECORDS) for seed in SEEDS]


def test_the_baselines_programs_run_the_baselines_modules(baseline: BaselineTree) -> None:
    (theirs,) = baseline.answers("whence", [])
    assert len(theirs) > 100
    assert [place for place in theirs if not place.startswith(f"{baseline.tree}/")] == []
    assert [place for place in whence.places() if place.startswith(f"{baseline.tree}/")] == []


def test_both_releases_come_to_one_state_at_every_position(
    baseline: BaselineTree, logs: list[DrawnLog]
) -> None:
    lines = [log.line() for log in logs]
    for seed, log, line, theirs in zip(SEEDS, logs, lines, baseline.answers("folding", lines), strict=True):
        ours = folding.come_to(line)
        assert len(theirs["states"]) == RECORDS
        assert first_difference(log, ours, theirs) == "", f"seed {seed}"
        assert ours["tails"] == theirs["tails"], f"seed {seed}, from {line['tails']}"


def first_difference(log: DrawnLog, ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    """The first position at which two releases disagree, in a few words; empty if there is none."""
    for offset, (our, their) in enumerate(zip(ours["states"], theirs["states"], strict=True)):
        if tuple(our) != tuple(their):
            return f"at {offset}, after {log.kinds[offset]}: {our} is not {their}"
    return ""


def test_the_drawn_logs_have_everything_in_them(logs: list[DrawnLog]) -> None:
    """What counts does so often enough, and nothing else counts at all."""
    drawn, counted = Counter[str](), Counter[str]()
    for log in logs:
        drawn, counted = drawn + log.drawn, counted + log.counted
    assert min(drawn.values()) >= 20
    assert min(counted[kind] for kind in ("claim", "renew", "release", "era", "undeclared")) >= 20
    assert counted.keys() == {"claim", "renew", "release", "era", "undeclared"}
    tails = [end for log in logs for end in folding.come_to(log.line())["tails"]]
    assert 0.2 < sum(map(bool, tails)) / len(tails) < 1

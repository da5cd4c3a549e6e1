"""What the CFMs' answers prove while the log is away."""

import pytest

from heartbeat.roles.claim import Claim
from heartbeat.roles.evidence import VOUCH_S, Answer, Evidence
from heartbeat.timing import SILENCE_S

CFMS = ("cfm-1", "cfm-2", "cfm-3")
OURS = Claim(0, 64, "a" * 16, "log")


def answered(positions: dict[str, int], now: float, evidence: Evidence | None = None) -> Evidence:
    found = evidence or Evidence(CFMS)
    for cfm, position in positions.items():
        found.heard(cfm, Answer(OURS, False, position), now, now)
    return found


def test_a_majority_vouches_once_nobody_has_read_on_for_a_while() -> None:
    evidence = answered(dict.fromkeys(CFMS, 7), 0.0)
    assert evidence.until(OURS, SILENCE_S - 0.1) == 0.0
    answered(dict.fromkeys(CFMS, 7), SILENCE_S, evidence)
    assert evidence.until(OURS, SILENCE_S) == SILENCE_S + VOUCH_S


@pytest.mark.parametrize(("position", "vouches"), [(-1, True), (8, False), (3, False)])
def test_a_cfm_that_was_started_anew_and_read_nothing_has_not_read_on(position: int, vouches: bool) -> None:
    evidence = answered(dict.fromkeys(CFMS, 7), 0.0)
    now = SILENCE_S + 1.0
    answered({"cfm-1": 7, "cfm-2": position, "cfm-3": 7}, now, evidence)
    assert (evidence.until(OURS, now) > 0.0) == vouches


def test_it_has_once_it_reads_again() -> None:
    evidence = answered(dict.fromkeys(CFMS, 7), 0.0)
    answered(dict.fromkeys(CFMS, 7) | {"cfm-2": -1}, 4.0, evidence)
    answered(dict.fromkeys(CFMS, 7), 4.5, evidence)
    assert evidence.until(OURS, 4.5) == 0.0

"""Agreement: who reads something else than the others stops, if one can tell who that is."""

import pytest

from heartbeat.roles.log.agreement import DECIDE_S, Agreement
from heartbeat.roles.log.reader import MARK_EVERY, MARKS_MAX, Mark, Reader
from heartbeat.roles.log.records import Logged

OURS, OTHER, THIRD = (letter * 64 for letter in "abc")


def judged(*said: str, now: float = DECIDE_S) -> str:
    """What is decided at `now` when peers said these digests of position 8 and we have `OURS`."""
    agreement = Agreement()
    for number, digest in enumerate(said):
        agreement.heard(f"peer-{number}", Mark(8, digest))
    agreement.judge({8: OURS}.get, 0.0)
    return agreement.judge({8: OURS}.get, now)


@pytest.mark.parametrize("said", [(), (OURS,), (OURS, OURS), (OURS, OURS, OTHER), (OURS, OTHER)])
def test_who_is_with_a_majority_goes_on(said: tuple[str, ...]) -> None:
    assert judged(*said) == ""


@pytest.mark.parametrize("said", [(OTHER,), (OTHER, OTHER), (OURS, OTHER, OTHER), (OTHER, THIRD)])
def test_without_a_majority_on_our_side_we_stop(said: tuple[str, ...]) -> None:
    assert "role log" in judged(*said)


def test_it_is_decided_when_everybody_has_spoken() -> None:
    assert judged(OTHER, now=DECIDE_S - 0.1) == ""
    agreement = Agreement()
    agreement.heard("peer-1", Mark(8, OTHER))
    assert agreement.judge({8: OURS}.get, 0.0) == ""
    agreement.heard("peer-2", Mark(8, OURS))
    assert agreement.judge({8: OURS}.get, DECIDE_S) == ""
    assert agreement.alarms == 1
    assert agreement.judge({8: OURS}.get, DECIDE_S + 1.0) == ""
    assert agreement.alarms == 1


def test_what_we_did_not_pass_is_no_disagreement() -> None:
    agreement = Agreement()
    agreement.heard("peer-1", Mark(12, OTHER))
    assert agreement.judge({8: OURS}.get, 0.0) == ""
    assert agreement.judge({8: OURS}.get, 100.0) == ""


def test_what_is_remembered_is_bounded() -> None:
    agreement = Agreement()
    for position in range(10 * MARKS_MAX):
        agreement.heard("peer-1", Mark(position, OTHER))
    assert len(agreement._said) == MARKS_MAX


def test_a_reader_tells_its_digest_at_the_marks_it_remembers() -> None:
    reader = Reader()
    reader.begin(0, 0)
    assert reader.digest_at(0) is None
    for offset in range(MARK_EVERY * (MARKS_MAX + 3)):
        reader.read(Logged(offset, "", None))
    first, last = reader.marks[0], reader.marks[-1]
    assert reader.digest_at(first.position) == first.digest
    assert reader.digest_at(last.position) == last.digest
    assert reader.digest_at(first.position - MARK_EVERY) is None
    assert reader.digest_at(last.position + MARK_EVERY) is None

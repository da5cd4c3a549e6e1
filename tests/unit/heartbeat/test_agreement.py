"""Agreement: who reads something else than the others stops, if one can tell who that is."""

import pytest

from heartbeat.roles.log.agreement import COUNTS_S, DECIDE_S, WAITING_MAX, Agreement
from heartbeat.roles.log.reader import MARK_EVERY, MARKS_MAX, Mark, Reader
from heartbeat.roles.log.records import Logged
from tests.trusting import anybody

OURS, OTHER, THIRD = (letter * 64 for letter in "abc")


def judged(*said: str, now: float = DECIDE_S) -> str:
    """What is decided at `now` when peers said these digests of position 8 and we have `OURS`."""
    agreement = Agreement()
    for number, digest in enumerate(said):
        agreement.heard(f"peer-{number}", Mark(8, digest), 0.0)
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
    agreement.heard("peer-1", Mark(8, OTHER), 0.0)
    assert agreement.judge({8: OURS}.get, 0.0) == ""
    agreement.heard("peer-2", Mark(8, OURS), 0.0)
    assert agreement.judge({8: OURS}.get, DECIDE_S) == ""
    assert agreement.alarms == 1
    assert agreement.judge({8: OURS}.get, DECIDE_S + 1.0) == ""
    assert agreement.alarms == 1


def test_what_we_did_not_pass_is_no_disagreement() -> None:
    agreement = Agreement()
    agreement.heard("peer-1", Mark(12, OTHER), 0.0)
    assert agreement.judge({8: OURS}.get, 0.0) == ""
    assert agreement.judge({8: OURS}.get, 100.0) == ""


def test_one_reader_that_is_wrong_stops_nobody_where_no_two_name_one_position() -> None:
    """Where records are many, each beat names another position."""
    agreement, digests = Agreement(), {4: OURS, 8: OURS, 12: OURS}
    agreement.heard("peer-1", Mark(4, OURS), 0.0)
    agreement.heard("peer-2", Mark(8, OURS), 0.0)
    agreement.heard("wrong", Mark(12, OTHER), 0.0)
    agreement.judge(digests.get, 0.0)
    assert agreement.judge(digests.get, DECIDE_S) == ""
    assert agreement.alarms == 1


def test_who_cannot_be_compared_is_not_against_us() -> None:
    """The log runs so fast that what honest readers name is forgotten when it comes."""
    agreement = Agreement()
    for peer in ("peer-1", "peer-2"):
        agreement.heard(peer, Mark(4, OURS), 0.0)
    agreement.heard("wrong", Mark(4_000, OTHER), 0.0)
    agreement.judge({4_000: OURS}.get, 0.0)
    assert agreement.judge({4_000: OURS}.get, DECIDE_S) == ""
    assert agreement.alarms == 1


def test_who_is_not_heard_any_more_has_no_say() -> None:
    agreement = Agreement()
    for peer in ("peer-1", "peer-2"):
        agreement.heard(peer, Mark(8, OURS), 0.0)
    agreement.judge({8: OURS}.get, 0.0)
    agreement.heard("wrong", Mark(12, OTHER), COUNTS_S)
    agreement.judge({12: OURS}.get, COUNTS_S)
    assert "of 2 readers" in agreement.judge({12: OURS}.get, COUNTS_S + DECIDE_S)


def test_who_was_wrong_and_is_right_again_is_no_disagreement() -> None:
    agreement = Agreement()
    agreement.heard("peer-1", Mark(8, OTHER), 0.0)
    agreement.judge({8: OURS}.get, 0.0)
    agreement.heard("peer-1", Mark(12, OURS), 0.0)
    assert agreement.judge({12: OURS}.get, DECIDE_S) == ""
    assert agreement.judge({12: OURS}.get, 2 * DECIDE_S) == ""


def test_votes_for_what_we_have_not_read_wait_and_are_few() -> None:
    agreement = Agreement()
    for position in range(12, 400, 4):
        agreement.heard("peer-1", Mark(position, OTHER), 0.0)
    assert [len(marks) for marks in agreement._waiting.values()] == [WAITING_MAX]
    assert agreement.judge(dict[int, str]().get, 0.0) == ""
    agreement.judge({396: OURS}.get, 1.0)
    assert "role log" in agreement.judge({396: OURS}.get, 1.0 + DECIDE_S)


def test_a_reader_tells_its_digest_at_the_marks_it_remembers() -> None:
    reader = Reader(anybody)
    reader.begin(0, 0)
    assert reader.digest_at(0) is None
    for offset in range(MARK_EVERY * (MARKS_MAX + 3)):
        reader.read(Logged(offset, "", None))
    first, last = reader.marks[0], reader.marks[-1]
    assert reader.digest_at(first.position) == first.digest
    assert reader.digest_at(last.position) == last.digest
    assert reader.digest_at(first.position - MARK_EVERY) is None
    assert reader.digest_at(last.position + MARK_EVERY) is None

"""One name, two processes: the earlier one yields until it is alone, and two that alternate stop."""

import pytest

from bus.effects import Keep
from heartbeat.liveness.namesake import SILENT_S, START_S, TAKES_MAX, WITHIN_S, Namesake, NamesakeState
from heartbeat.timing import SILENCE_S

BEAT_S = 0.5


class Process:
    """One of them, with its disk and its clock."""

    def __init__(self, incarnation: int, started_at: float = 0.0) -> None:
        self.incarnation = incarnation
        self.namesake = Namesake(incarnation)
        self.keeps = True
        self.asked = 0
        self.tick(started_at)

    def tick(self, now: float) -> None:
        """What is due."""
        due = self.namesake.deadline()
        if due is not None and due <= now:
            for effect in self.namesake.tick(self.incarnation, now, now):
                assert isinstance(effect, Keep)
                self.asked += 1
                if self.keeps:
                    self.incarnation = effect.record.incarnation
                    self.namesake.tick(self.incarnation, now, now)

    def hear(self, other: "Process", now: float) -> None:
        """A beat of the other one."""
        self.namesake.heard(other.incarnation, other.namesake.beat, now)

    @property
    def state(self) -> NamesakeState:
        return self.namesake.state


def together(one: Process, other: Process, since: float, seconds: float) -> float:
    """Both beat and hear each other for so long."""
    now = since
    while now < since + seconds:
        for process, rival in ((one, other), (other, one)):
            process.hear(rival, now)
            process.tick(now)
        now += BEAT_S
    return now


def alone(one: Process, since: float, seconds: float) -> float:
    """The other one is silent, and hears nothing."""
    now = since
    while now < since + seconds:
        one.tick(now)
        now += BEAT_S
    return now


def test_a_process_that_is_alone_does_nothing_about_it() -> None:
    one = Process(7)
    one.hear(one, 1.0)
    alone(one, 0.0, 60.0)
    assert (one.state, one.asked, one.namesake.missing(), one.namesake.degraded()) == ("alone", 0, [], [])


def test_the_earlier_one_yields_and_both_say_it() -> None:
    original, clone = Process(7), Process(9)
    together(original, clone, START_S, 3.0)
    assert (original.namesake.yields, clone.namesake.yields) == (True, False)
    assert "later incarnation 9" in original.namesake.missing()[0]
    assert "incarnation 7 beats too" in clone.namesake.degraded()[0]
    assert (original.namesake.beat, clone.namesake.beat) == ("yielded", "")


def test_the_last_beats_of_a_former_process_are_no_second_one() -> None:
    restarted, former = Process(9), Process(7)
    restarted.hear(former, START_S - 0.1)
    assert restarted.state is NamesakeState.ALONE


def test_when_the_clone_is_gone_the_original_takes_part_again() -> None:
    original, clone = Process(7), Process(9)
    now = together(original, clone, START_S, 14.0)
    now = alone(original, now, SILENT_S - 1.0)
    assert original.namesake.yields
    now = alone(original, now, 2.0)
    assert original.state is NamesakeState.ALONE
    assert original.incarnation > clone.incarnation


def test_when_the_earlier_one_is_gone_the_later_one_is_alone() -> None:
    original, clone = Process(7), Process(9)
    now = together(original, clone, START_S, 3.0)
    alone(clone, now, SILENCE_S + 1.0)
    assert (clone.state, clone.namesake.degraded(), clone.asked) == (NamesakeState.ALONE, [], 0)


def test_our_own_earlier_beats_that_come_late_are_ours() -> None:
    original, clone = Process(7), Process(9)
    now = together(original, clone, START_S, 3.0)
    now = alone(original, now, SILENT_S + 1.0)
    original.namesake.heard(7, "", now)
    assert original.state is NamesakeState.ALONE


def test_an_incarnation_that_cannot_be_kept_is_not_taken_and_asked_for_again() -> None:
    original, clone = Process(7), Process(9)
    now = together(original, clone, START_S, 3.0)
    original.keeps = False
    now = alone(original, now, SILENT_S + 5.0)
    assert original.namesake.yields
    assert 2 <= original.asked <= 7
    original.keeps = True
    alone(original, now, 2.0)
    assert original.state is NamesakeState.ALONE


def turns(one: Process, other: Process, now: float, times: int) -> float:
    """They take turns: each is silent for a while when it leads."""
    for _ in range(times):
        now = together(one, other, now, 2.0)
        loser = one if one.namesake.yields else other
        now = alone(loser, now, SILENT_S + 1.0)
    return now


def test_two_that_alternate_both_stop_and_say_so() -> None:
    original, clone = Process(7), Process(9)
    now = turns(original, clone, START_S, 2 * TAKES_MAX + 1)
    now = together(original, clone, now, 30.0)
    assert [one.state for one in (original, clone)] == [NamesakeState.STOPPED] * 2
    assert "took turns" in original.namesake.missing()[0]
    before = original.incarnation, clone.incarnation
    alone(original, now, 100.0)
    assert (original.incarnation, clone.incarnation) == before


def test_turns_that_are_far_apart_stop_nobody() -> None:
    original, clone = Process(7), Process(9)
    now = START_S
    for _ in range(3 * TAKES_MAX):
        now = turns(original, clone, now, 1) + WITHIN_S
        for one in (original, clone):
            one.tick(now)
    assert NamesakeState.STOPPED not in (original.state, clone.state)


def test_a_process_that_was_restarted_goes_on_beside_one_that_stopped() -> None:
    original, clone = Process(7), Process(9)
    now = turns(original, clone, START_S, 2 * TAKES_MAX + 1)
    now = together(original, clone, now, 30.0)
    restarted = Process(int(now * 1000) + 1_000_000, started_at=now)
    together(restarted, clone, now, START_S + 5.0)
    assert restarted.state is NamesakeState.AHEAD


@pytest.mark.parametrize("said", ["", "yielded", "stopped"])
def test_what_a_later_one_says_changes_nothing_for_who_never_took_one(said: str) -> None:
    one = Process(7)
    one.namesake.heard(9, said, START_S)
    assert one.state is NamesakeState.YIELDED

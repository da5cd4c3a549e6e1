"""The settings are read to an end captured after the claim, whatever else is told of ends meanwhile."""

import pytest

from bus.effects import CatchUp
from heartbeat.roles.elected.settling import Settling
from heartbeat.timing import SETTLE_S_MAX

ASKED = [CatchUp("config")]


def begun(settling: Settling, *, follows_another: bool = True) -> list[object]:
    return [*settling.begin(0.0, waits_for_leases=False, follows_another=follows_another)]


def caught_up(settling: Settling, times: int = 1) -> list[object]:
    return [effect for _ in range(times) for effect in settling.caught_up()]


def test_an_end_is_asked_for_and_read() -> None:
    settling = Settling()
    caught_up(settling)  # what the topic held at our start
    assert begun(settling) == ASKED
    assert not settling.is_over(0.0)
    assert caught_up(settling) == []
    assert settling.is_over(0.0)


def test_who_follows_nobody_reads_nothing() -> None:
    settling = Settling()
    assert begun(settling, follows_another=False) == []
    assert settling.is_over(0.0)


@pytest.mark.parametrize("recreated", [0, 1, 3])
def test_ends_that_are_told_for_another_reason_say_nothing(recreated: int) -> None:
    """Of our start, and of each time that the topic was made anew before the claim."""
    settling = Settling()
    for _ in range(recreated):
        settling.recreated()
    assert begun(settling) == []
    assert caught_up(settling, recreated) == []
    assert not settling.is_over(SETTLE_S_MAX - 0.1)
    assert caught_up(settling) == ASKED
    assert not settling.is_over(0.0)
    assert caught_up(settling) == []
    assert settling.is_over(0.0)


def test_a_topic_made_anew_after_the_claim_has_ends_of_after_the_claim() -> None:
    settling = Settling()
    caught_up(settling)
    begun(settling)
    settling.recreated()
    assert caught_up(settling) == []
    assert settling.is_over(0.0)
    assert caught_up(settling) == []
    assert begun(settling) == ASKED


def test_settings_that_cannot_be_read_are_not_waited_for_for_ever() -> None:
    settling = Settling()
    assert begun(settling) == []
    assert settling.deadline() == SETTLE_S_MAX
    assert settling.is_over(SETTLE_S_MAX)


@pytest.mark.parametrize("unanswered", [0, 1, 3])
def test_ends_that_another_column_was_asked_for_are_awaited_no_more(unanswered: int) -> None:
    """A switch back may come before the group was listened to for long enough: then it never answers."""
    settling = Settling()
    caught_up(settling)
    for _ in range(unanswered):
        settling.recreated()
    settling.moved()
    assert begun(settling) == []  # that of the new column is on its way
    assert caught_up(settling) == ASKED
    assert not settling.is_over(0.0)
    assert caught_up(settling) == []
    assert settling.is_over(0.0)

"""When a Kea that is there is taken for one that answers modems, and when not any more."""

import pytest

from services.dhcp.kea.daemon.health import (
    ASK_EVERY_S,
    BAD_ANSWERS,
    MUTE,
    QUIET_S,
    SILENT,
    SILENT_S,
    UNKNOWN,
    KeaHealth,
    Unread,
)


@pytest.fixture
def health() -> KeaHealth:
    """A Kea that has just answered."""
    found = KeaHealth(0.0)
    found.asked(0.0)
    found.answered(0.0)
    return found


def ask(health: KeaHealth, now: float, *, is_mute: bool) -> None:
    health.asked(now)
    health.answered(now, MUTE if is_mute else None)


def test_it_is_nobody_before_its_first_answer() -> None:
    health = KeaHealth(5.0)
    assert (health.trouble, health.wants(5.0)) == (UNKNOWN, True)
    ask(health, 5.0, is_mute=True)
    assert health.trouble == MUTE
    ask(health, 6.0, is_mute=False)
    assert health.is_well


def test_while_it_writes_it_is_not_asked(health: KeaHealth) -> None:
    for now in range(1, 10):
        assert health.wants(now)
        health.wrote(now)
        assert not health.wants(now + QUIET_S - 0.01)


def test_one_that_is_not_well_is_asked_whatever_it_writes() -> None:
    health = KeaHealth(0.0)
    health.wrote(0.0)
    assert health.wants(0.0)
    health.asked(0.0)
    health.wrote(0.5)
    assert health.wants(ASK_EVERY_S)
    assert not health.is_well


def test_three_mute_answers_in_a_row_are_believed(health: KeaHealth) -> None:
    for now in range(1, BAD_ANSWERS):
        ask(health, now, is_mute=True)
        assert health.is_well
    ask(health, BAD_ANSWERS, is_mute=True)
    assert health.trouble == MUTE


@pytest.mark.parametrize("how", ["wrote", "answered"])
def test_a_sign_of_life_begins_the_count_anew(health: KeaHealth, how: str) -> None:
    for now in range(1, BAD_ANSWERS):
        ask(health, now, is_mute=True)
    if how == "wrote":
        health.wrote(BAD_ANSWERS)
    else:
        ask(health, BAD_ANSWERS, is_mute=False)
    for now in range(10, 9 + BAD_ANSWERS):
        ask(health, now, is_mute=True)
    assert health.is_well


def test_five_seconds_without_an_answer_are_silence(health: KeaHealth) -> None:
    health.asked(10.0)
    health.look(10.0 + SILENT_S - 0.01)
    assert health.is_well
    health.look(10.0 + SILENT_S)
    assert health.trouble == SILENT
    health.answered(30.0)
    assert health.is_well


def test_questions_that_could_not_be_asked_are_one_silence(health: KeaHealth) -> None:
    for now in (10.0, 11.0, 12.0, 13.0, 14.0):
        health.asked(now)
    health.look(10.0 + SILENT_S)
    assert health.trouble == SILENT


def test_a_line_in_between_begins_the_silence_anew(health: KeaHealth) -> None:
    health.asked(10.0)
    health.wrote(12.0)
    health.look(12.0 + SILENT_S - 0.01)
    assert health.is_well
    health.look(12.0 + SILENT_S)
    assert not health.is_well


def test_nobody_who_was_not_asked_is_silent(health: KeaHealth) -> None:
    health.look(1000.0)
    assert health.is_well


def test_our_own_reload_is_excused_until_its_time_is_over(health: KeaHealth) -> None:
    health.asked(10.0)
    health.excuse(60.0, 11.0)
    assert health.is_excused(70.9)
    health.look(71.0 + SILENT_S - 0.01)
    assert health.is_well
    health.look(71.0 + SILENT_S)
    assert health.trouble == SILENT


def test_a_reload_that_is_over_excuses_nothing_more(health: KeaHealth) -> None:
    health.excuse(60.0, 10.0)
    for now in range(11, 20):
        ask(health, now, is_mute=True)
    assert health.is_well
    health.excuse(0.0, 20.0)
    for now in range(20, 20 + BAD_ANSWERS):
        assert health.is_well
        ask(health, now, is_mute=True)
    assert health.trouble == MUTE


def test_a_journal_that_is_away_for_a_moment_is_borne_by_who_has_begun() -> None:
    unread = Unread()
    assert unread.is_borne(0.0, has_begun=False)
    unread.heed("No such file or directory", 1.0)
    assert not unread.is_borne(1.0, has_begun=False)
    assert unread.is_borne(1.0 + SILENT_S - 0.01, has_begun=True)
    unread.heed("", 5.0)
    unread.heed("No such file or directory", 5.5)
    assert unread.is_borne(1.0 + SILENT_S, has_begun=True)


def test_a_journal_that_cannot_be_read_for_long_is_said() -> None:
    unread = Unread()
    unread.heed("Is a directory", 1.0)
    unread.heed("Permission denied", 2.0)
    assert (unread.troubles(5.9), unread.is_borne(5.9, has_begun=True)) == ([], True)
    (said,) = unread.troubles(6.0)
    assert "(Permission denied)" in said
    assert not unread.is_borne(6.0, has_begun=True)
    unread.heed("", 6.1)
    assert (unread.troubles(99.0), unread.is_borne(6.1, has_begun=False)) == ([], True)

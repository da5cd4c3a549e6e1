"""When Kea may reload, and what it costs."""

import pytest

from services.dhcp.kea.reload.applying import GROWN_BYTES, KeaMoment, excuse_s, obstacle, price_s

CALM = KeaMoment(
    read_s_ago=300.0, is_cleaning_up=False, journal_bytes=1000, condensed_bytes=5000, line_bytes=100
)


def test_a_calm_kea_may_reload_once_an_interval() -> None:
    assert obstacle(CALM, 300.0) == ""
    assert "read its configuration 299 s ago" in obstacle(CALM._replace(read_s_ago=299.0), 300.0)


def test_nothing_is_worth_a_reload_in_a_clean_up() -> None:
    assert "without leases" in obstacle(CALM._replace(is_cleaning_up=True), 0.0)


@pytest.mark.parametrize(
    ("journal_bytes", "condensed_bytes", "may"),
    [
        (GROWN_BYTES, 0, True),
        (GROWN_BYTES + 1, 0, False),
        (3 * GROWN_BYTES, 3 * GROWN_BYTES, True),
        (3 * GROWN_BYTES + 1, 3 * GROWN_BYTES, False),
    ],
)
def test_a_journal_that_outgrew_its_last_clean_up_waits_for_the_next(
    journal_bytes: int, condensed_bytes: int, may: bool
) -> None:
    moment = CALM._replace(journal_bytes=journal_bytes, condensed_bytes=condensed_bytes)
    assert (obstacle(moment, 0.0) == "") is may


def test_the_price_is_that_of_every_line_and_reservation() -> None:
    moment = CALM._replace(journal_bytes=40_000_000, condensed_bytes=60_000_000)
    assert price_s(moment, 100_000) == pytest.approx(20 + 1)


def test_a_silence_is_excused_for_twice_its_price_and_never_for_a_moment_only() -> None:
    assert excuse_s(20.0) == 40.0
    assert excuse_s(0.01) == 10.0

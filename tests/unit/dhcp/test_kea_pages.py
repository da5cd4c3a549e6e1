"""The pages of a resync, and what a page may not be."""

from typing import Any

import pytest

from bus.errors import DecodeError
from services.dhcp.kea.daemon.pages import PAGE_LEASES, Pages
from services.dhcp.kea.journal.ages import by_age
from services.dhcp.kea.journal.entries import parse_entry
from tests.unit.dhcp.conftest import entry

GRANTED_S = 1_700_000_000


def answer(first: int, count: int) -> dict[str, Any]:
    entries = [entry(number, GRANTED_S) for number in range(first, first + count)]
    return {"result": 0 if entries else 3, "arguments": {"count": count, "leases": entries}}


@pytest.mark.parametrize("last", [0, 1, PAGE_LEASES - 1])
def test_pages_follow_each_other_until_one_is_not_full(last: int) -> None:
    pages = Pages()
    assert not pages.is_open
    pages.begin()
    assert len(pages.take(answer(0, PAGE_LEASES))) == PAGE_LEASES
    assert pages.arguments() == {"from": entry(PAGE_LEASES - 1, 0)["ip-address"], "limit": PAGE_LEASES}
    assert pages.is_open
    assert len(pages.take(answer(PAGE_LEASES, last))) == last
    assert not pages.is_open


def test_what_was_given_up_begins_at_the_start() -> None:
    pages = Pages()
    pages.begin()
    pages.take(answer(0, PAGE_LEASES))
    pages.give_up()
    assert not pages.is_open
    pages.begin()
    assert pages.arguments()["from"] == "start"


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"arguments": []},
        {"arguments": {"leases": None}},
        {"arguments": {"leases": 7}},
        {"arguments": {"leases": [{}] * PAGE_LEASES}},
        {"arguments": {"leases": ["x"] * PAGE_LEASES}},
    ],
)
def test_what_is_no_page_is_malformed(wrong: dict[str, Any]) -> None:
    pages = Pages()
    pages.begin()
    with pytest.raises(DecodeError):
        pages.take(wrong)


def test_leases_of_an_age_come_together_the_oldest_first() -> None:
    entries = [entry(number, GRANTED_S + late_s) for number, late_s in enumerate((41, 0, 2, 44, 20))]
    leases = [one for told in entries if (one := parse_entry(told)) is not None]
    found = [[one.granted_s - GRANTED_S for one in alike] for alike in by_age(leases)]
    assert found == [[0, 2], [20], [41, 44]]

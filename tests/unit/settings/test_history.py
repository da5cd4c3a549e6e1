"""The history of the settings: the last generations, within bounds, and only those of this life."""

from typing import Any

import pytest

from services.settings.catalogue import Classes, record, version
from services.settings.history import KEPT_BYTES_MAX, KEPT_MAX, History
from services.settings.record import CatalogueRecord, Change

CLASSES: Classes = {"residential": {"kind": "cm", "body": [{"network_access": 1}]}}
ANN = Change(1_763_700_000_000, "ann@dhcp-1", "more upstream")


def made(generation: int, text: str = "", change: Change = ANN) -> CatalogueRecord:
    rules: list[Any] = [{"text": text}] if text else []
    return record(CLASSES, generation, rules, change)


def test_it_says_who_made_each_generation_and_which_one_is_in_force() -> None:
    history = History()
    history.in_force(made(1, change=Change()))
    history.in_force(made(2, "x"))
    newest, oldest = history.describe(version(made(2, "x")))
    assert newest == {
        "generation": 2,
        "digest": made(2, "x").digest,
        **ANN._asdict(),
        "classes": 1,
        "in_force": True,
    }
    assert (oldest["generation"], oldest["author"], oldest["in_force"]) == (1, "", False)


def test_a_generation_is_found_as_it_was_written() -> None:
    history = History([made(1), made(2, "x")])
    assert history.find(1) == made(1)
    assert history.find(2) == made(2, "x")
    assert history.find(3) is None


def test_what_is_known_is_no_news() -> None:
    history = History()
    assert history.read(made(2))
    assert not history.read(made(2))
    assert not history.read(made(2, change=Change(1, "bob@dhcp-2")))
    assert [one.author for one in history.store().kept] == ["ann@dhcp-1"]


def test_of_a_generation_that_was_written_twice_the_one_in_force_is_kept() -> None:
    smaller, greater = sorted((made(4, "x"), made(4, "y")), key=version)
    for order in ((smaller, greater), (greater, smaller)):
        history = History()
        for one in order:
            history.read(one)
        assert history.find(4) == greater


def test_the_oldest_are_forgotten_beyond_so_many() -> None:
    history = History()
    for generation in range(1, KEPT_MAX + 3):
        history.in_force(made(generation))
    assert history.generations() == [*range(KEPT_MAX + 2, 2, -1)]
    assert not history.read(made(1)), "what is too old is no news either"
    assert len(history.store().kept) == KEPT_MAX


def test_the_oldest_are_forgotten_beyond_so_many_bytes_but_never_the_newest() -> None:
    history = History()
    text = "x" * (KEPT_BYTES_MAX // 3)
    for generation in range(1, 5):
        history.in_force(made(generation, text))
    assert history.generations() == [4, 3]
    history.in_force(made(5, "x" * (KEPT_BYTES_MAX + 1)))
    assert history.generations() == [5]


@pytest.mark.parametrize("text", ["", "z"])
def test_what_is_newer_than_the_one_in_force_is_of_an_earlier_life(text: str) -> None:
    """Of a plant that began anew: the topic and the copies were removed, the histories were not."""
    history = History([made(one, "x") for one in range(1, 5)])
    history.in_force(made(2, text))
    assert history.generations() == [2, 1]
    assert history.find(2) == made(2, text)


def test_a_generation_that_is_adopted_from_the_copy_forgets_nothing() -> None:
    history = History([made(1), made(2)])
    history.in_force(made(2))
    assert history.generations() == [2, 1]

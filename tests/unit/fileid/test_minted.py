"""What a minter remembers: for a row's life, and not more than it may."""

from collections.abc import Callable

from fileid.minted import Minted
from fileid.row import LIFE_S, Row

ONE, TWO, THREE = (Row(b"name-%d" % at, b"body-%d" % at) for at in range(3))


def test_rows_are_found_by_name_while_they_live() -> None:
    minted = Minted(rows_max=10)
    minted.add(ONE, 0.0)
    minted.add(TWO, 5.0)
    assert minted.find([TWO.name, b"unknown", ONE.name], 5.0) == [TWO, ONE]
    assert minted.find([ONE.name], LIFE_S - 0.001) == [ONE]
    assert minted.find([ONE.name, TWO.name], LIFE_S) == [TWO]
    assert minted.find([TWO.name], LIFE_S + 5.0) == []
    assert minted.forgotten == 0


def test_beyond_the_limit_the_oldest_is_forgotten_and_counted() -> None:
    minted = Minted(rows_max=2)
    for row in (ONE, TWO, THREE):
        minted.add(row, 0.0)
    assert minted.find([ONE.name, TWO.name, THREE.name], 0.0) == [TWO, THREE]
    assert minted.forgotten == 1


def test_what_expired_makes_room() -> None:
    minted = Minted(rows_max=1)
    minted.add(ONE, 0.0)
    minted.add(TWO, LIFE_S)
    assert minted.find([ONE.name, TWO.name], LIFE_S) == [TWO]
    assert minted.forgotten == 0


def test_nothing_is_asked_nothing_is_found() -> None:
    assert Minted(rows_max=1).find([], 0.0) == []


def test_a_row_takes_the_place_of_one_of_its_name_and_lives_its_own_time() -> None:
    minted, later = Minted(rows_max=10), Row(ONE.name, b"later body")
    minted.add(ONE, 0.0)
    minted.add(later, 30.0)
    assert minted.find([ONE.name], 30.0) == [later]
    assert len(minted) == 1
    assert minted.find([ONE.name], LIFE_S) == [later]
    assert minted.find([ONE.name], 30.0 + LIFE_S) == []
    assert len(minted) == 0


def test_a_lease_that_is_told_late_does_not_replace_a_later_one(lease: Callable[..., Row]) -> None:
    minted, later = Minted(rows_max=10), lease(granted_s=5)
    minted.add(later, 0.0)
    minted.add(lease(granted_s=4), 1.0)
    assert minted.find([later.name], 1.0) == [later]


def test_room_that_a_replaced_row_leaves_costs_nobody_a_row() -> None:
    minted = Minted(rows_max=2)
    for row in (ONE, Row(ONE.name, b"later body"), TWO):
        minted.add(row, 0.0)
    assert minted.find([ONE.name, TWO.name], 0.0) == [Row(ONE.name, b"later body"), TWO]
    assert minted.forgotten == 0
    minted.add(THREE, 0.0)
    assert minted.find([ONE.name, TWO.name, THREE.name], 0.0) == [TWO, THREE]
    assert minted.forgotten == 1

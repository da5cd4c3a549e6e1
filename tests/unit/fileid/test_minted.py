"""What a minter remembers: for a row's life, and not more than it may."""

from collections.abc import Callable

from fileid.minted import ALL_AFTER_S, KEPT_S, Minted
from fileid.row import LIFE_S, Row

ONE, TWO, THREE = (Row(b"name-%d" % at, b"body-%d" % at) for at in range(3))


def test_rows_are_found_by_name_while_they_live() -> None:
    minted = Minted(rows_max=10)
    minted.add(ONE, 0.0)
    minted.add(TWO, 5.0)
    assert minted.find([TWO.name, b"unknown", ONE.name], 5.0) == [TWO, ONE]
    assert minted.find([ONE.name], KEPT_S - 0.001) == [ONE]
    assert minted.find([ONE.name, TWO.name], KEPT_S) == [TWO]
    assert minted.find([TWO.name], KEPT_S + 5.0) == []
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
    minted.add(TWO, KEPT_S)
    assert minted.find([ONE.name, TWO.name], KEPT_S) == [TWO]
    assert minted.forgotten == 0


def test_nothing_is_asked_nothing_is_found() -> None:
    assert Minted(rows_max=1).find([], 0.0) == []


def test_a_row_takes_the_place_of_one_of_its_name_and_lives_its_own_time() -> None:
    minted, later = Minted(rows_max=10), Row(ONE.name, b"later body")
    minted.add(ONE, 0.0)
    minted.add(later, 30.0)
    assert minted.find([ONE.name], 30.0) == [later]
    assert len(minted) == 1
    assert minted.find([ONE.name], KEPT_S) == [later]
    assert minted.find([ONE.name], 30.0 + KEPT_S) == []
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


def test_a_row_is_kept_longer_than_its_name_opens_on_a_clock_that_is_5_s_off() -> None:
    assert KEPT_S > LIFE_S + 5.0


def test_who_has_just_started_does_not_know_all_names_that_may_open() -> None:
    """Those that it made before its start."""
    minted = Minted(rows_max=10)
    assert not minted.knows_all(1e9)  # it has not begun
    minted.expire(100.0)
    assert not minted.knows_all(100.0 + ALL_AFTER_S - 0.001)
    assert minted.knows_all(100.0 + ALL_AFTER_S)


def test_who_forgot_a_row_at_the_bound_does_not_know_all_for_as_long() -> None:
    minted = Minted(rows_max=1)
    minted.expire(0.0)
    minted.add(ONE, 200.0)
    minted.add(TWO, 200.0 + KEPT_S)  # in the room of one whose name is over
    assert minted.knows_all(200.0 + KEPT_S)
    minted.add(THREE, 300.0)
    assert minted.forgotten == 1
    assert not minted.knows_all(300.0 + ALL_AFTER_S - 0.001)
    assert minted.knows_all(300.0 + ALL_AFTER_S)

"""What a minter remembers: for a row's life, and not more than it may."""

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

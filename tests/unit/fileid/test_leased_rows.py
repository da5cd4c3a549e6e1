"""Rows of leases: their flag, and a table in which a name comes again with each lease of its device."""

from collections.abc import Callable
from typing import Any

import pytest

from bus.envelope import number_of
from bus.errors import LocalError
from fileid.row import HEAD, LIFE_S, Fields, Row, is_newer, mark_partial, pack, pack_rows, unpack
from fileid.table import TOMBSTONE_S, RowStatus, Table
from tests.unit.fileid.senders import sender

STORED, DUPLICATE, FULL, BAD, *_ = RowStatus

Make = Callable[..., Row]


def accept(table: Table, *rows: Row, now: float = 0.0) -> list[int]:
    """The statuses of these rows, sent in one frame by dhcp-1 when the last of them was minted."""
    sent_ms = max(row.fields().minted_ms for row in rows)
    return list(table.accept(pack_rows(rows), sender(sent_ms=sent_ms), now)[0])


def test_a_leased_row_says_so_and_is_otherwise_like_others(fields: Fields) -> None:
    body = pack(fields._replace(leased=True))
    assert body[0] == 4
    assert body[1:] == pack(fields)[1:]
    assert unpack(body) == fields._replace(leased=True)
    assert len(body) == HEAD.size + len(fields.values)


@pytest.mark.parametrize(
    "changes", [{"partial": True}, {"address": bytes(16), "relay": bytes(4)}], ids=["partial", "IPv6"]
)
def test_a_leased_row_is_whole_and_ipv4(fields: Fields, changes: dict[str, Any]) -> None:
    with pytest.raises(LocalError):
        pack(fields._replace(leased=True, **changes))


def test_only_of_two_leases_is_one_newer(lease: Make, mint: Make) -> None:
    first, later = lease(0).body, lease(1).body
    assert is_newer(later, first)
    assert not is_newer(first, later)
    assert not is_newer(first, first)
    sealed = [mint(minted_ms=minted_ms).body for minted_ms in (0, 2**48 - 1)]
    for other in (b"", *sealed, mark_partial(sealed[0])):
        assert not is_newer(later, other)
        assert not is_newer(other, first)


def test_the_row_of_a_later_lease_takes_the_place_of_the_one_before(lease: Make) -> None:
    table, first, later = Table(), lease(0), lease(1)
    assert accept(table, first) == [STORED]
    assert table.accept(pack_rows([later]), sender(), 1.0) == (bytes([STORED]), [later.name])
    assert table.get(first.name) == later
    assert len(table) == 1


@pytest.mark.parametrize("beside", [0, 2], ids=["alone", "among others"])
def test_the_same_lease_is_a_duplicate_and_an_older_one_too(lease: Make, mint: Make, beside: int) -> None:
    table, row = Table(), lease(5)
    accept(table, row)
    for again in (lease(5), lease(4), lease(5, values=b"others")):
        others = [mint() for _ in range(beside)]
        assert accept(table, *others, again, now=1.0) == [STORED] * beside + [DUPLICATE]
        assert table.get(row.name) == row


def test_two_leases_in_one_frame_leave_the_later_one(lease: Make) -> None:
    for order in ([0, 1], [1, 0]):
        table = Table()
        accept(table, *map(lease, order))
        assert table.get(lease().name) == lease(1)


def test_a_completed_lease_stays_a_duplicate_and_a_later_one_is_served(lease: Make) -> None:
    table, row, later = Table(), lease(0), lease(1)
    accept(table, row)
    table.complete(row.name, 1.0, row.body)
    assert accept(table, lease(0), now=2.0) == [DUPLICATE]
    assert accept(table, lease(-1), now=2.0) == [DUPLICATE]
    assert table.get(row.name) is None
    assert table.is_spent(row.name, row.body)
    assert not table.is_spent(row.name, later.body)
    assert accept(table, later, now=3.0) == [STORED]
    assert table.get(row.name) == later
    assert not table.is_spent(row.name)


def test_every_lease_may_be_read_once(lease: Make) -> None:
    table = Table()
    for second in range(5):
        row = lease(second)
        assert accept(table, row, now=float(second)) == [STORED]
        table.complete(row.name, float(second), row.body)
        assert accept(table, row, now=float(second)) == [DUPLICATE]
    assert table.counts["completed"] == 5


@pytest.mark.parametrize("is_read", [False, True])
def test_a_sealed_name_is_replaced_by_nothing(lease: Make, mint: Make, is_read: bool) -> None:
    table, row = Table(), mint()
    accept(table, row)
    if is_read:
        table.complete(row.name, 0.0, row.body)
    assert accept(table, lease(9, name=row.name)) == [BAD]
    assert accept(table, Row(row.name, mint(minted_ms=2**48 - 1).body)) == [DUPLICATE]
    assert table.get(row.name) == (None if is_read else row)
    assert table.is_spent(row.name) is is_read


def test_a_leased_row_is_not_replaced_by_a_sealed_one(lease: Make, mint: Make) -> None:
    table, row = Table(), lease(0)
    accept(table, row)
    assert accept(table, Row(row.name, mint(minted_ms=2**48 - 1).body)) == [BAD]
    assert table.get(row.name) == row


def test_a_row_that_was_replaced_does_not_take_the_newer_one_with_it(lease: Make) -> None:
    table, row, later = Table(), lease(0), lease(30)
    accept(table, row, now=0.0)
    accept(table, later, now=30.0)
    assert table.expire(LIFE_S) == []
    assert table.get(row.name) == later
    assert table.expire(30.0 + LIFE_S) == [later]
    assert table.deadline() is None
    assert table.counts["expired"] == 1


def test_a_tombstone_that_was_replaced_does_not_take_the_newer_one_with_it(lease: Make) -> None:
    table, row, later = Table(), lease(0), lease(30)
    table.complete(row.name, 0.0, row.body)
    accept(table, later, now=30.0)
    table.complete(later.name, 30.0, later.body)
    table.expire(TOMBSTONE_S)
    assert table.is_spent(later.name, later.body)
    table.expire(30.0 + TOMBSTONE_S)
    assert not table.is_spent(later.name, later.body)
    assert table.deadline() is None


def test_a_download_of_the_former_lease_that_ends_late_leaves_the_newer_row(lease: Make) -> None:
    table, row, later = Table(), lease(0), lease(1)
    accept(table, row)
    accept(table, later, now=1.0)
    table.complete(row.name, 2.0, row.body)
    assert table.get(row.name) == later
    assert not table.is_spent(later.name, later.body)
    table.complete(later.name, 3.0, later.body)
    assert table.is_spent(later.name, later.body)


def test_a_later_lease_that_was_pulled_and_read_is_spent_too(lease: Make) -> None:
    """Its row never came, and the tombstone of the lease before is still here."""
    table, row, later = Table(), lease(0), lease(1)
    table.complete(row.name, 0.0, row.body)
    table.complete(later.name, 1.0, later.body)
    assert table.is_spent(later.name, later.body)
    assert accept(table, later, now=2.0) == [DUPLICATE]
    table.expire(TOMBSTONE_S)  # of the first
    assert table.is_spent(later.name, later.body)
    table.expire(1.0 + TOMBSTONE_S)
    assert table.deadline() is None


def test_a_name_that_is_done_without_its_body_is_good_again_with_the_next_lease(lease: Make) -> None:
    table, row = Table(), lease(0)
    accept(table, row)
    table.complete(row.name, 1.0)
    assert accept(table, lease(0), now=2.0) == [DUPLICATE]
    assert accept(table, lease(1), now=2.0) == [STORED]


def test_a_row_that_takes_anothers_place_takes_no_room(lease: Make, mint: Make) -> None:
    table = Table(capacity=3)
    table.complete(b"a tombstone without its row", 0.0)
    accept(table, lease(0), mint())
    assert accept(table, lease(1)) == [STORED]
    table.complete(lease().name, 1.0, lease(1).body)
    assert accept(table, lease(2)) == [STORED]
    assert accept(table, lease(2, name=b"aabbccddeeff.cm"), mint()) == [FULL, FULL]


def test_nothing_is_kept_of_leases_that_left(lease: Make) -> None:
    table = Table(capacity=1)
    for second in range(200):
        now = float(second)
        table.expire(now)
        assert accept(table, lease(second), now=now) == [STORED]
        if second % 3 == 0:
            table.complete(lease().name, now, lease(second).body)
    table.expire(1e6)
    assert len(table) == 0
    assert not table.is_spent(lease().name)
    assert table.deadline() is None


def test_anothers_leased_row_is_bad(lease: Make) -> None:
    table, row = Table(), lease(0)
    accept(table, row)
    assert accept(table, lease(1, minter=number_of("mps-1"))) == [BAD]
    assert table.get(row.name) == row

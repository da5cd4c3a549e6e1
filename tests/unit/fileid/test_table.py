"""The row table: what is stored, what is refused, and what outlives what."""

from collections.abc import Callable

import pytest

from bus.envelope import Token, number_of
from bus.errors import DecodeError
from bus.wire.codec import pack_token
from fileid.row import HEAD, LIFE_S, VALUES_BYTES_MAX, Row, pack_rows
from fileid.table import TOMBSTONE_S, RowStatus, Table, Tokens, check_statuses, is_settled
from tests.unit.fileid.senders import sender

STORED, DUPLICATE, FULL, BAD, STALE_EPOCH, UNVERIFIED_EPOCH, TAKEN = RowStatus

Mint = Callable[..., Row]


def frame(*rows: tuple[bytes, bytes]) -> bytes:
    """A frame of these names and bodies."""
    return pack_rows([Row(*row) for row in rows])


def accept(table: Table, *rows: Row, now: float = 0.0) -> list[int]:
    """The statuses of these rows, sent in one frame by their minter."""
    return list(table.accept(pack_rows(rows), sender(), now)[0])


def packed(token: Token) -> Tokens:
    """Rows of this token count."""
    found = pack_token(token).to_bytes(8, "big")
    return Tokens(found, found)


def test_a_stored_row_is_found_and_reported_as_new(mint: Mint) -> None:
    table, rows = Table(), [mint() for _ in range(3)]
    assert table.accept(pack_rows(rows), sender(), 0.0) == (bytes(3), [row.name for row in rows])
    assert [table.get(row.name) for row in rows] == rows
    assert table.get(mint().name) is None
    assert len(table) == table.counts["stored"] == 3


def test_each_row_of_a_frame_has_its_own_status(mint: Mint) -> None:
    table, known, fresh, more = Table(capacity=3), mint(), mint(), mint()
    table.complete(b"a tombstone without its row", 0.0)
    accept(table, known)
    rows = [known, fresh, mint(minter=7), more, fresh]
    assert table.accept(pack_rows(rows), sender(), 0.0) == (
        bytes([DUPLICATE, STORED, BAD, FULL, DUPLICATE]),
        [fresh.name],
    )
    assert {key: count for key, count in table.counts.items() if count} == {
        "stored": 2,
        "duplicate": 2,
        "full": 1,
        "bad": 1,
        "completed": 1,
    }
    assert table.get(more.name) is None


def test_a_row_twice_in_a_frame_is_stored_once(mint: Mint) -> None:
    table, row = Table(), mint()
    assert accept(table, row, row) == [STORED, DUPLICATE]
    assert len(table) == 1


def test_a_duplicate_changes_nothing_and_buys_no_time(mint: Mint) -> None:
    table, row = Table(), mint()
    accept(table, row)
    changed = Row(row.name, mint(address=b"\x0a\0\0\x09").body)
    assert accept(table, changed, now=30.0) == [DUPLICATE]
    assert table.get(row.name) == row
    assert table.expire(LIFE_S) == [row]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda row: (b"", row.body),
        lambda row: (b"n" * 128, row.body),
        lambda row: (row.name, b""),
        lambda row: (row.name, row.body[: HEAD.size - 1]),
        lambda row: (row.name, row.body[: HEAD.size] + bytes(VALUES_BYTES_MAX + 1)),
        lambda row: (row.name, b"\0\2" + row.body[2:]),
        lambda row: (row.name, b"\2\1" + row.body[2 : HEAD.size + 11]),
        lambda row: (row.name, b"\5\1" + row.body[2:]),
        lambda row: (row.name, row.body[:30] + number_of("mps-1").to_bytes(4) + row.body[34:]),
    ],
    ids=[
        "no name",
        "long name",
        "no body",
        "short",
        "long",
        "version",
        "short IPv6",
        "flag",
        "foreign minter",
    ],
)
def test_what_could_never_be_served_is_bad_and_its_neighbours_are_not(
    mint: Mint, spoil: Callable[[Row], tuple[bytes, bytes]]
) -> None:
    table, first, last = Table(), mint(), mint()
    statuses, fresh = table.accept(frame(first, spoil(mint()), last), sender(), 0.0)
    assert list(statuses) == [STORED, BAD, STORED]
    assert fresh == [first.name, last.name]
    assert [row.fields().minter for row in table.expire(LIFE_S)] == [number_of("dhcp-1")] * 2


def test_ipv6_rows_are_taken_beside_others(mint: Mint) -> None:
    table, rows = Table(), [mint(address=bytes(range(16)), relay=bytes(4)), mint()]
    assert accept(table, *rows) == [STORED, STORED]
    assert [table.get(row.name) for row in rows] == rows
    assert table.expire(LIFE_S) == rows


def test_a_frame_that_is_none_changes_nothing() -> None:
    table = Table()
    with pytest.raises(DecodeError):
        table.accept(b"\0\1", sender(), 0.0)
    assert table.deadline() is None
    assert not any(table.counts.values())


def test_only_expired_rows_leave(mint: Mint) -> None:
    table, early, late = Table(capacity=3), mint(), mint()
    table.complete(b"a tombstone without its row", 10.0)
    accept(table, early, now=10.0)
    accept(table, late, now=20.0)
    assert table.deadline() == 10.0 + LIFE_S
    assert table.expire(10.0 + LIFE_S - 0.001) == []
    assert accept(table, mint(), now=60.0) == [FULL]
    assert table.over_share == 0
    assert table.expire(10.0 + LIFE_S) == [early]
    assert table.get(early.name) is None
    assert table.get(late.name) == late
    assert table.expire(1000.0) == [late]
    assert table.deadline() is None
    assert table.counts["expired"] == 2


def test_a_row_that_was_refused_is_stored_when_there_is_room(mint: Mint) -> None:
    table, first, second = Table(capacity=1), mint(), mint()
    accept(table, first)
    assert accept(table, second, now=1.0) == [FULL]
    table.expire(LIFE_S)
    assert accept(table, second, now=61.0) == [STORED]
    assert table.expire(61.0 + LIFE_S) == [second]


def test_an_expired_name_may_come_again(mint: Mint) -> None:
    table, row = Table(), mint()
    accept(table, row)
    table.expire(LIFE_S)
    assert accept(table, row, now=61.0) == [STORED]
    assert table.expire(100.0) == []


def test_a_completed_row_is_gone_and_stays_gone(mint: Mint) -> None:
    table, row = Table(), mint()
    accept(table, row)
    table.complete(row.name, 1.0)
    assert table.get(row.name) is None
    assert table.is_spent(row.name)
    assert accept(table, row, now=2.0) == [DUPLICATE]
    assert accept(table, mint(), row, now=2.0) == [STORED, DUPLICATE]
    assert table.get(row.name) is None
    assert row not in table.expire(1.0 + TOMBSTONE_S - 0.001)
    assert table.is_spent(row.name)
    table.expire(1.0 + TOMBSTONE_S)
    assert not table.is_spent(row.name)
    assert table.deadline() is None


def test_a_tombstone_outlives_every_seal_that_opens() -> None:
    assert TOMBSTONE_S > LIFE_S + 5.0  # a minter's clock may be 5 s ahead


def test_completing_twice_or_without_a_row_leaves_one_tombstone(mint: Mint) -> None:
    table, name = Table(), mint().name
    table.complete(name, 0.0)
    table.complete(name, 50.0)
    assert table.counts["completed"] == 1
    table.expire(TOMBSTONE_S)
    assert not table.is_spent(name)
    table.expire(1000.0)  # the second completion left nothing behind to trip over


def test_tombstones_take_room_like_rows(mint: Mint) -> None:
    table = Table(capacity=3)
    table.complete(b"a tombstone without its row", 0.0)
    for row in (first := mint(), second := mint()):
        accept(table, row)
        table.complete(row.name, 0.0)
    assert len(table) == 0
    assert accept(table, mint()) == [FULL]
    assert table.over_share == 0
    assert accept(table, first, second) == [DUPLICATE, DUPLICATE]
    table.expire(TOMBSTONE_S)
    assert accept(table, mint(), mint(), mint(), now=TOMBSTONE_S) == [STORED, STORED, FULL]


def test_a_completed_row_does_not_expire_as_unread(mint: Mint) -> None:
    table, read, unread = Table(), mint(), mint()
    accept(table, read, unread)
    table.complete(read.name, 1.0)
    assert table.expire(LIFE_S) == [unread]


def test_the_deadline_is_the_earlier_of_row_and_tombstone(mint: Mint) -> None:
    table = Table()
    table.complete(b"name", 0.0)
    assert table.deadline() == TOMBSTONE_S
    accept(table, mint(), now=5.0)
    assert table.deadline() == 5.0 + LIFE_S
    accept(table, mint(), now=20.0)
    table.expire(5.0 + LIFE_S)
    assert table.deadline() == TOMBSTONE_S


def test_nothing_is_kept_of_what_left(mint: Mint) -> None:
    table = Table(capacity=40)
    for second in range(200):
        now = float(second * 10)
        table.expire(now)
        rows = [mint() for _ in range(3)]
        assert accept(table, *rows, now=now) == [STORED] * 3
        table.complete(rows[0].name, now)
    assert len(table.expire(1e6)) == 2 * 6
    assert len(table) == 0
    assert table.deadline() is None


def test_stored_and_duplicate_mean_that_the_row_is_there() -> None:
    assert is_settled(bytes([STORED, DUPLICATE, FULL, BAD, TAKEN])) == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("statuses", "count"), [(b"", 1), (b"\0\0", 1), (b"\0", 2), (b"\7", 1), (b"\0\xff", 2)]
)
def test_statuses_must_be_one_known_answer_per_row(statuses: bytes, count: int) -> None:
    with pytest.raises(DecodeError):
        check_statuses(statuses, count)


def test_good_statuses_are_returned() -> None:
    assert check_statuses(bytes(RowStatus), 7) == b"\0\1\2\3\4\5\6"


def test_rows_of_another_authority_are_refused_one_by_one(mint: Mint) -> None:
    """In one frame: of the authority in force, of an older one, of one that is not known yet."""
    now_valid, table = Token(1, 7), Table()
    rows = [mint(token=token) for token in (now_valid, Token(1, 6), Token(0, 9), Token(1, 8), Token(2, 0))]
    statuses, fresh = table.accept(pack_rows(rows), sender(), 0.0, packed(now_valid))
    assert list(statuses) == [STORED, STALE_EPOCH, STALE_EPOCH, UNVERIFIED_EPOCH, UNVERIFIED_EPOCH]
    assert fresh == [rows[0].name]
    assert [table.get(row.name) for row in rows[1:]] == [None] * 4
    assert (table.counts["stale_epoch"], table.counts["unverified_epoch"]) == (2, 2)


def test_rows_of_one_authority_are_taken_as_a_whole_or_not_at_all(mint: Mint) -> None:
    rows = [mint(token=Token(1, 7)) for _ in range(3)]
    for valid, status in ((Token(1, 7), STORED), (Token(1, 8), STALE_EPOCH), (Token(1, 6), UNVERIFIED_EPOCH)):
        statuses, _ = Table().accept(pack_rows(rows), sender(), 0.0, packed(valid))
        assert list(statuses) == [status] * 3


def test_where_no_authority_is_valid_rows_are_stale_or_unverified(mint: Mint) -> None:
    rows = [mint(token=Token(1, 7)), mint(token=Token(1, 8))]
    tokens = Tokens(b"", packed(Token(1, 7)).known)
    assert list(Table().accept(pack_rows(rows), sender(), 0.0, tokens)[0]) == [STALE_EPOCH, UNVERIFIED_EPOCH]


def filled(table: Table, mint: Mint, count: int) -> list[int]:
    """The statuses of so many rows of dhcp-1, sent one by one."""
    return [accept(table, mint())[0] for _ in range(count)]


def test_no_minter_fills_more_than_three_quarters(mint: Mint, mps_row: Row) -> None:
    table = Table(capacity=8)
    assert filled(table, mint, 7) == [STORED] * 6 + [FULL]
    assert (table.counts["full"], table.over_share) == (1, 1)
    assert list(table.accept(pack_rows([mps_row]), sender("mps-1"), 0.0)[0]) == [STORED]


def test_a_frame_that_exceeds_the_share_is_taken_as_far_as_it_fits(mint: Mint) -> None:
    table = Table(capacity=8)
    assert accept(table, *(mint() for _ in range(8))) == [STORED] * 6 + [FULL] * 2
    assert table.over_share == 2


def test_a_share_counts_tombstones_and_what_leaves_gives_room(mint: Mint) -> None:
    table, read, unread = Table(capacity=8), [mint() for _ in range(3)], [mint() for _ in range(3)]
    accept(table, *read, *unread)
    for row in read:
        table.complete(row.name, 1.0, row.body)
    assert filled(table, mint, 1) == [FULL]
    table.expire(LIFE_S)
    assert accept(table, *(mint() for _ in range(4)), now=LIFE_S) == [STORED] * 3 + [FULL]
    table.expire(1.0 + TOMBSTONE_S)
    assert accept(table, *(mint() for _ in range(4)), now=1.0 + TOMBSTONE_S) == [STORED] * 3 + [FULL]


def test_a_table_of_one_row_has_room_for_one(mint: Mint) -> None:
    assert filled(Table(capacity=1), mint, 2) == [STORED, FULL]

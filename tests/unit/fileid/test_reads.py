"""A read arrives: the whole order of serving, parking, pulling and silence."""

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest

from bus.envelope import number_of
from bus.errors import DecodeError
from fileid.doubts import Doubts
from fileid.pulls import Pull
from fileid.reads import (
    FUTURE_S_MAX,
    PULL_AGAIN_S,
    SEAL_AFTER_S,
    SILENT_AFTER_S,
    TIMERS_MAX,
    UNVERIFIED,
    Reads,
    Serve,
    Silent,
)
from fileid.row import LIFE_S, ROWS_MAX, Row, pack, pack_address, pack_rows
from fileid.seal import Opener
from fileid.table import Table
from tests.unit.fileid.readers import reading
from tests.unit.fileid.senders import WALL_MS, sender

WALL_S = 1_700_000_000.0  # when the rows of the tests were minted
ADDRESS = bytes([10, 0, 0, 7])
STRANGER = bytes([10, 0, 0, 8])
DHCP, MPS = number_of("dhcp-1"), number_of("mps-1")

Mint = Callable[..., Row]


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def reads(table: Table, opener: Opener) -> Reads:
    return reading(table, opener)


def store(table: Table, *rows: Row, now: float = 0.0) -> None:
    """The rows' minter hands them off."""
    statuses, _ = table.accept(pack_rows(rows), sender(), now)
    assert not any(statuses)


def ask(reads: Reads, row: Row, read: int = 1, now: float = 0.0, age_s: float = 1.0) -> Serve | Silent | None:
    """The row's modem asks, `age_s` after the minting by the wall clock."""
    return reads.ask(read, row.name, ADDRESS, now, WALL_S + age_s)


def pulls(reads: Reads, now: float = 0.0) -> list[Pull]:
    """What `tick` wants pulled."""
    return [effect for effect in reads.tick(now) if isinstance(effect, Pull)]


def test_a_row_in_the_table_is_served_at_once(table: Table, reads: Reads, mint: Mint) -> None:
    row = mint()
    store(table, row)
    assert ask(reads, row) == Serve(1, row, row.fields(), "row", 0.0)
    assert ask(reads, row, read=2) == Serve(2, row, row.fields(), "row", 0.0)
    assert reads.counts["row"] == 2
    assert reads.deadline() is None


def test_a_row_is_served_however_old_its_minter_says_it_is(table: Table, reads: Reads, mint: Mint) -> None:
    row = mint()
    store(table, row)
    assert isinstance(ask(reads, row, age_s=1e6), Serve)


def test_a_row_whose_name_no_key_opens_is_served(table: Table, mint: Mint) -> None:
    row, reads = mint(), reading(table, Opener([]))
    store(table, row)
    assert isinstance(ask(reads, row), Serve)


def test_a_foreign_address_gets_neither_row_nor_parking(table: Table, reads: Reads, mint: Mint) -> None:
    row, early = mint(), mint()
    store(table, row)
    for name in (row.name, early.name):
        assert reads.ask(1, name, STRANGER, 0.0, WALL_S) == Silent(1, "address", reads.find(name))
    assert reads.silent == {"address": 2}
    assert len(reads) == 0
    assert reads.deadline() is None


def test_a_completed_name_gets_nothing(table: Table, reads: Reads, mint: Mint) -> None:
    row = mint()
    store(table, row)
    table.complete(row.name, 0.0)
    assert ask(reads, row) == Silent(1, "spent", row.fields())
    assert len(reads) == 0


@pytest.mark.parametrize("name", [b"", b"modem.bin", b"../etc/passwd", b"A" * 127])
def test_a_name_that_nobody_sealed_gets_nothing(reads: Reads, name: bytes) -> None:
    assert reads.ask(1, name, ADDRESS, 0.0, WALL_S) == Silent(1, "name")
    assert reads.deadline() is None


@pytest.mark.parametrize(
    ("age_s", "parked"),
    [
        (-FUTURE_S_MAX - 0.001, False),
        (-FUTURE_S_MAX, True),
        (0.0, True),
        (LIFE_S, True),
        (LIFE_S + 0.001, False),
        (-3600.0, False),
    ],
)
def test_a_seal_is_worth_something_for_60_s(reads: Reads, mint: Mint, age_s: float, parked: bool) -> None:
    row = mint()
    assert ask(reads, row, age_s=age_s) == (None if parked else Silent(1, "age", row.fields()))
    assert len(reads) == parked


def test_an_early_read_is_parked_and_its_row_pulled_from_its_minter(reads: Reads, mint: Mint) -> None:
    row = mint()
    assert ask(reads, row) is None
    assert len(reads) == 1
    assert reads.deadline() == 0.0
    assert reads.tick(0.0) == [Pull(DHCP, [row.name])]
    assert reads.deadline() == SEAL_AFTER_S


def test_pulls_of_one_moment_travel_together_but_not_more_than_fit(reads: Reads, mint: Mint) -> None:
    addresses = [bytes([10, 0, 1, at]) for at in range(ROWS_MAX + 1)]
    rows = [mint(address=address) for address in addresses]
    for read, (row, address) in enumerate(zip(rows, addresses, strict=True)):
        reads.ask(read, row.name, address, 0.0, WALL_S)
    assert pulls(reads) == [
        Pull(DHCP, [row.name for row in rows[:ROWS_MAX]]),
        Pull(DHCP, [rows[-1].name]),
    ]


def test_each_minter_is_asked_for_its_own(reads: Reads, mint: Mint, mps_row: Row) -> None:
    row = mint()
    ask(reads, row, 1)
    ask(reads, mps_row, 2)
    assert pulls(reads) == [Pull(DHCP, [row.name]), Pull(MPS, [mps_row.name])]


def test_a_repeated_read_pulls_again(reads: Reads, mint: Mint) -> None:
    row = mint()
    ask(reads, row)
    assert pulls(reads) == [Pull(DHCP, [row.name])]
    assert pulls(reads, 0.2) == []
    assert reads.ask_again(row.name, ADDRESS, PULL_AGAIN_S - 0.1)
    assert pulls(reads, 0.2) == []  # no modem repeats so soon
    assert reads.ask_again(row.name, ADDRESS, PULL_AGAIN_S)
    assert pulls(reads, 0.2) == [Pull(DHCP, [row.name])]
    assert not reads.ask_again(mint().name, ADDRESS, PULL_AGAIN_S)


def test_a_read_repeated_in_one_moment_pulls_once(reads: Reads, mint: Mint) -> None:
    row = mint()
    ask(reads, row)
    reads.ask_again(row.name, ADDRESS, PULL_AGAIN_S)
    reads.minter_is_back(DHCP, PULL_AGAIN_S)
    assert pulls(reads) == [Pull(DHCP, [row.name])]


def test_a_minter_that_comes_back_is_asked_for_everything_of_its_own(
    reads: Reads, mint: Mint, mps_row: Row
) -> None:
    row = mint()
    ask(reads, row, 1)
    ask(reads, mps_row, 2)
    pulls(reads)
    reads.minter_is_back(MPS, 0.1)
    assert pulls(reads) == [Pull(MPS, [mps_row.name])]


def test_the_row_that_arrives_serves_its_parked_read(table: Table, reads: Reads, mint: Mint) -> None:
    row, other = mint(values=bytes(200)), mint()
    ask(reads, row)
    store(table, other, row, now=0.25)
    assert reads.arrived([other.name, row.name], 0.25) == [Serve(1, row, row.fields(), "parked", 0.25)]
    assert reads.arrived([row.name], 0.25) == []
    assert len(reads) == 0
    assert [effect for effect in reads.tick(10.0) if not isinstance(effect, Pull)] == []


def test_a_row_for_another_address_does_not_serve_a_parked_read(
    table: Table, reads: Reads, mint: Mint
) -> None:
    row = mint()
    ask(reads, row)
    store(table, Row(row.name, pack(row.fields()._replace(address=STRANGER))))
    assert reads.arrived([row.name], 0.1) == []


def test_the_answer_of_a_pull_serves_with_all_its_values(reads: Reads, mint: Mint) -> None:
    row = mint(values=bytes(200))
    ask(reads, row)
    assert reads.pulled(pack_rows([row]), DHCP, WALL_MS, 0.125) == [
        Serve(1, row, row.fields(), "pulled", 0.125)
    ]
    assert row.fields().values == bytes(200)
    assert reads.pulled(pack_rows([row]), DHCP, WALL_MS, 0.25) == []
    assert reads.counts == {"row": 0, "parked": 0, "pulled": 1, "sealed": 0}


@pytest.mark.parametrize(
    ("source", "changes"),
    [(MPS, {}), (DHCP, {"minter": MPS}), (DHCP, {"serial": b"another1"}), (DHCP, {"address": STRANGER})],
    ids=["another minter answers", "another minter's row", "another serial", "another address"],
)
def test_an_answer_that_does_not_agree_with_the_seal_is_not_used(
    reads: Reads, mint: Mint, source: int, changes: dict[str, Any]
) -> None:
    row = mint(values=bytes(200))
    ask(reads, row)
    false = Row(row.name, pack(row.fields()._replace(**changes)))
    assert reads.pulled(pack_rows([false]), source, WALL_MS, 0.1) == []
    assert len(reads) == 1
    assert len(reads.pulled(pack_rows([row]), DHCP, WALL_MS, 0.2)) == 1


def test_a_malformed_answer_is_refused_whole(reads: Reads, mint: Mint) -> None:
    good, bad = mint(), mint()
    ask(reads, good, 1)
    ask(reads, bad, 2)
    for data in (b"", b"\0\1", pack_rows([good, Row(bad.name, b"\0\2" + bad.body[2:])])):
        with pytest.raises(DecodeError):
            reads.pulled(data, DHCP, WALL_MS, 0.1)
    assert len(reads) == 2
    assert {serve.read for serve in reads.pulled(pack_rows([good, bad, good]), DHCP, WALL_MS, 0.2)} == {1, 2}


def test_a_full_seal_serves_after_half_a_second(reads: Reads, mint: Mint) -> None:
    row = mint()
    ask(reads, row, now=1.0)
    assert pulls(reads, 1.0)
    assert reads.tick(1.0 + SEAL_AFTER_S - 0.001) == []
    assert reads.tick(1.0 + SEAL_AFTER_S) == [Serve(1, row, row.fields(), "sealed", SEAL_AFTER_S)]
    assert reads.tick(10.0) == []
    assert reads.counts["sealed"] == 1


def test_a_partial_seal_never_serves_and_is_forgotten_after_four_seconds(reads: Reads, mint: Mint) -> None:
    row = mint(values=bytes(200))
    ask(reads, row, now=1.0)
    pulls(reads, 1.0)
    assert reads.tick(1.0 + SILENT_AFTER_S - 0.001) == []
    (silent,) = reads.tick(1.0 + SILENT_AFTER_S)
    assert isinstance(silent, Silent)
    assert silent[:2] == (1, "late")
    assert silent.fields is not None
    assert silent.fields.serial == row.fields().serial
    assert len(reads) == 0
    assert reads.silent == {"late": 1}
    assert reads.deadline() is None


def test_after_a_pause_of_the_process_even_a_full_seal_is_late(reads: Reads, mint: Mint) -> None:
    row = mint()
    ask(reads, row)
    pulls(reads)
    assert reads.tick(60.0) == [Silent(1, "late", row.fields())]


def test_a_forgotten_read_has_no_effect_any_more(table: Table, reads: Reads, mint: Mint) -> None:
    row = mint()
    ask(reads, row)
    pulls(reads)
    assert reads.forget(2, row.name) is None  # another read's session
    assert reads.forget(1, row.name) == row.fields()
    store(table, row)
    assert reads.arrived([row.name], 0.1) == []
    assert reads.pulled(pack_rows([row]), DHCP, WALL_MS, 0.1) == []
    assert reads.tick(10.0) == []
    assert not reads.ask_again(row.name, ADDRESS, 0.1)
    assert reads.forget(1, row.name) is None


def test_the_timers_of_a_forgotten_read_do_not_touch_the_next_one(reads: Reads, mint: Mint) -> None:
    row = mint()
    ask(reads, row, 1, now=0.0)
    reads.forget(1, row.name)
    ask(reads, row, 2, now=0.4)
    pulls(reads, 0.4)
    assert reads.tick(SEAL_AFTER_S) == []
    (serve,) = reads.tick(0.4 + SEAL_AFTER_S)
    assert isinstance(serve, Serve)
    assert (serve.read, serve.how) == (2, "sealed")


def test_a_name_is_parked_once_and_parked_reads_are_bounded(table: Table, opener: Opener, mint: Mint) -> None:
    reads = reading(table, opener, parked_max=2)
    one, two, three = mint(), mint(), mint()
    assert ask(reads, one, 1) is None
    assert ask(reads, one, 2) == Silent(2, "share_parked", one.fields())
    assert ask(reads, two, 3) is None
    assert ask(reads, three, 4) == Silent(4, "parked_full", three.fields())
    assert reads.silent == {"share_parked": 1, "parked_full": 1}
    reads.forget(1, one.name)
    assert ask(reads, three, 5) is None


def test_a_full_house_makes_room_for_a_read_when_the_oldest_was_given_up(
    table: Table, opener: Opener, mint: Mint
) -> None:
    reads = reading(table, opener, parked_max=2)
    one, two, three, four = mint(), mint(), mint(), mint()
    ask(reads, one, 1, now=0.0)
    ask(reads, two, 2, now=1.0)
    assert ask(reads, three, 3, now=SILENT_AFTER_S - 0.001) == Silent(3, "parked_full", three.fields())
    assert ask(reads, three, 4, now=SILENT_AFTER_S) is None
    assert ask(reads, four, 5, now=SILENT_AFTER_S) == Silent(5, "parked_full", four.fields())
    assert reads.deadline() == 0.0
    assert Silent(1, "late", one.fields()) in reads.tick(SILENT_AFTER_S)
    assert reads.silent == {"parked_full": 2, "late": 1}
    assert Silent(1, "late", one.fields()) not in reads.tick(100.0)


def test_reads_that_come_and_go_leave_no_more_timers_than_are_allowed(
    table: Table, opener: Opener, mint: Mint
) -> None:
    reads, row = reading(table, opener, parked_max=2), mint()
    answers = []
    for read in range(20):
        answers.append(ask(reads, row, read))
        reads.forget(read, row.name)
    assert answers.count(None) == TIMERS_MAX
    reads.tick(SILENT_AFTER_S)
    assert ask(reads, row, 20, now=SILENT_AFTER_S) is None


@pytest.mark.parametrize(
    ("asker", "believed"),
    [("10.0.0.1", True), ("192.0.2.9", True), ("192.0.3.1", False), ("0.0.0.0", False), ("::1", False),
     ("2001:db8::5", True)],
)  # fmt: skip
def test_a_proxy_and_the_rows_own_relay_may_ask_for_others(
    table: Table, opener: Opener, mint: Mint, asker: str, believed: bool
) -> None:
    proxies = [ip_network("192.0.2.0/24"), ip_network("2001:db8::/64")]
    reads, here, early = reading(table, opener, proxies=proxies), mint(), mint()
    store(table, here)
    served = reads.ask(1, here.name, pack_address(asker), 0.0, WALL_S)
    assert served == (
        Serve(1, here, here.fields(), "row", 0.0) if believed else Silent(1, "address", here.fields())
    )
    assert (reads.ask(2, early.name, pack_address(asker), 0.0, WALL_S) is None) is believed
    assert here.fields().address == ADDRESS


@pytest.mark.parametrize("name", [b"modem.bin", b"", b"A" * 127])
def test_a_proxy_is_believed_no_name_that_nobody_sealed(table: Table, opener: Opener, name: bytes) -> None:
    reads = reading(table, opener, proxies=[ip_network("10.0.0.0/8")])
    assert reads.ask(1, name, ADDRESS, 0.0, WALL_S) == Silent(1, "name")


def test_a_row_without_a_relay_is_nobodys_who_has_no_address(table: Table, reads: Reads, mint: Mint) -> None:
    row = mint(relay=bytes(4))
    store(table, row)
    assert reads.ask(1, row.name, bytes(4), 0.0, WALL_S) == Silent(1, "address", row.fields())


def test_an_ipv6_device_is_known_by_its_whole_address(table: Table, reads: Reads, mint: Mint) -> None:
    address = pack_address("2001:db8::7")
    row = mint(address=address, relay=bytes(4))
    store(table, row)
    assert reads.ask(1, row.name, address, 0.0, WALL_S) == Serve(1, row, row.fields(), "row", 0.0)
    for other in (address[:4], address[:15] + b"\x08"):
        assert reads.ask(2, row.name, other, 0.0, WALL_S) == Silent(2, "address", row.fields())


def test_what_was_completed_meanwhile_is_not_served_from_its_seal(
    table: Table, reads: Reads, mint: Mint
) -> None:
    row = mint()
    ask(reads, row)
    pulls(reads)
    table.complete(row.name, 0.1)
    assert reads.tick(SEAL_AFTER_S) == []
    assert reads.tick(SILENT_AFTER_S) == [Silent(1, "late", row.fields())]


def test_pulls_under_way_are_bounded_and_the_seal_still_serves(
    table: Table, opener: Opener, mint: Mint
) -> None:
    reads = reading(table, opener, pulls_max=1)
    one, two = mint(), mint()
    ask(reads, one, 1)
    ask(reads, two, 2)
    assert pulls(reads) == [Pull(DHCP, [one.name])]
    assert reads.silent == {"pulls_full": 1}
    assert reads.ask_again(two.name, ADDRESS, 0.1)
    assert pulls(reads) == []
    reads.pulled(pack_rows([one]), DHCP, WALL_MS, 0.1)
    assert reads.ask_again(two.name, ADDRESS, 0.1)
    assert pulls(reads, 0.1) == [Pull(DHCP, [two.name])]
    assert [effect.read for effect in reads.tick(SEAL_AFTER_S) if isinstance(effect, Serve)] == [2]


def judged(table: Table, opener: Opener, verdicts: list[str]) -> Reads:
    """Reads whose authority is as the last of these verdicts says."""
    return reading(table, opener, judge=lambda _fields: verdicts[-1])


def test_a_name_of_an_authority_that_is_over_gets_nothing(table: Table, opener: Opener, mint: Mint) -> None:
    reads, row = judged(table, opener, ["stale_epoch"]), mint()
    assert ask(reads, row) == Silent(1, "stale_epoch", row.fields())
    assert reads.silent == {"stale_epoch": 1}


def test_a_name_of_an_authority_that_is_not_known_yet_waits(table: Table, opener: Opener, mint: Mint) -> None:
    verdicts, row = [UNVERIFIED], mint()
    reads = judged(table, opener, verdicts)
    assert ask(reads, row) is None
    pulls(reads)
    assert reads.pulled(pack_rows([row]), DHCP, WALL_MS, 0.1) == []  # pulled rows count no more than others
    assert reads.tick(SEAL_AFTER_S) == []
    store(table, row)  # the CFM has read the claim, so it takes the row
    (served,) = reads.arrived([row.name], SEAL_AFTER_S + 0.1)
    assert served.how == "parked"


def test_a_row_is_served_whose_authority_ended_after_it_was_taken(
    table: Table, opener: Opener, mint: Mint
) -> None:
    reads, row = judged(table, opener, ["stale_epoch"]), mint()
    store(table, row)
    assert isinstance(ask(reads, row), Serve)


@pytest.mark.parametrize("is_connected", [True, False])
def test_a_seal_whose_minter_is_connected_and_was_not_asked_does_not_serve(
    table: Table, opener: Opener, mint: Mint, is_connected: bool
) -> None:
    """Or whoever asks for enough names at once is served the forged ones."""
    doubts = Doubts()
    reads, asked, unasked = reading(table, opener, doubts=doubts, pulls_max=1), mint(), mint()
    if is_connected:
        doubts.greeted(DHCP, 0.0, 0.0)
    assert ask(reads, asked, 1) is ask(reads, unasked, 2) is None
    assert reads.silent == {"pulls_full": 1}
    assert {one.read for one in reads.tick(SEAL_AFTER_S) if isinstance(one, Serve)} == (
        {1} if is_connected else {1, 2}
    )
    store(table, unasked)
    assert len(reads.arrived([unasked.name], 1.0)) == (1 if is_connected else 0)

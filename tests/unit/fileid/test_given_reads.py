"""Reads of names that somebody else's DHCP server gives out: there is no seal, the row alone decides."""

from collections.abc import Callable
from ipaddress import ip_network

import pytest

from bus.envelope import number_of
from fileid.given import Given, given_key
from fileid.parking import ASKERS_MAX, GIVEN_MAX
from fileid.pulls import Pull
from fileid.reads import PULL_AGAIN_S, SEAL_AFTER_S, SILENT_AFTER_S, Reads, Serve, Silent
from fileid.row import Row, pack_rows
from fileid.seal import Opener
from fileid.shares import PARKED_MAX_CMTS, PARKED_MAX_EACH
from fileid.table import Table
from tests.unit.fileid.readers import reading
from tests.unit.fileid.senders import WALL_MS, sender

WALL_S = 1_700_000_000.0
ADDRESS, STRANGER, PROXY = bytes([10, 0, 0, 7]), bytes([10, 0, 0, 8]), bytes([192, 0, 2, 1])
DEVICE = bytes.fromhex("001122334455")
DHCP, DHCP2, MPS = number_of("dhcp-1"), number_of("dhcp-2"), number_of("mps-1")
SHARED, OWN = b"modem.cm", b"001122334455.cm"
KEYS = {SHARED: given_key("modem.cm", DEVICE, ADDRESS), OWN: OWN}

Make = Callable[..., Row]
both_names = pytest.mark.parametrize("name", [SHARED, OWN], ids=["shared", "per device"])


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def reads(table: Table, opener: Opener) -> Reads:
    given = Given(["modem.cm", "{device}.cm"])
    return reading(table, opener, given=given, givers=[DHCP, DHCP2], proxies=[ip_network("192.0.2.0/24")])


@pytest.fixture
def leased(lease: Make) -> Callable[..., Row]:
    """Makes the row that stands for a name, granted so many seconds after the first."""
    return lambda name, granted_s=0.0, **changes: lease(granted_s, KEYS[name], **changes)


def ask(
    reads: Reads, name: bytes, read: int = 1, now: float = 0.0, address: bytes = ADDRESS
) -> Serve | Silent | None:
    """A device asks for this name."""
    return reads.ask(read, reads.key(name, address), address, now, WALL_S)


def store(table: Table, *rows: Row) -> list[bytes]:
    """The keys of the rows that their minter handed off and that were new."""
    sent_ms = max(row.fields().minted_ms for row in rows)
    return table.accept(pack_rows(rows), sender(sent_ms=sent_ms), 0.0)[1]


def pulls(reads: Reads, now: float = 0.0) -> list[Pull]:
    return [effect for effect in reads.tick(now) if isinstance(effect, Pull)]


@both_names
def test_a_row_that_is_here_is_served(table: Table, reads: Reads, leased: Make, name: bytes) -> None:
    row = leased(name)
    store(table, row)
    assert ask(reads, name) == Serve(1, row, row.fields(), "row", 0.0)
    assert reads.find(reads.key(name, ADDRESS)) == row.fields()


def test_a_foreign_address_does_not_get_the_row_of_a_shared_name(
    table: Table, reads: Reads, leased: Make
) -> None:
    store(table, leased(SHARED))
    assert ask(reads, SHARED, address=STRANGER) is None  # it may have a row of its own on the way
    assert reads.tick(SEAL_AFTER_S)[0] == Pull(DHCP, [reads.key(SHARED, STRANGER)])
    assert reads.tick(SILENT_AFTER_S) == [Silent(1, "late", None)]


def test_a_foreign_address_does_not_get_the_row_of_another_device(
    table: Table, reads: Reads, leased: Make
) -> None:
    row = leased(OWN)
    assert ask(reads, OWN, address=STRANGER) is None
    assert reads.arrived(store(table, row), 0.1) == []
    assert ask(reads, OWN, 2, address=STRANGER) == Silent(2, "address", row.fields())


@both_names
def test_an_early_read_is_served_by_its_row(table: Table, reads: Reads, leased: Make, name: bytes) -> None:
    row = leased(name)
    assert ask(reads, name) is None
    assert reads.arrived(store(table, row), 0.25) == [Serve(1, row, row.fields(), "parked", 0.25)]
    assert len(reads) == 0


@both_names
@pytest.mark.parametrize("giver", [DHCP, DHCP2], ids=["one", "another"])
def test_every_giver_is_asked_and_any_may_answer(reads: Reads, leased: Make, name: bytes, giver: int) -> None:
    row = leased(name, minter=giver)
    ask(reads, name)
    assert pulls(reads) == [Pull(DHCP, [row.name]), Pull(DHCP2, [row.name])]
    assert reads.pulled(pack_rows([row]), giver, WALL_MS, 0.5) == [Serve(1, row, row.fields(), "pulled", 0.5)]
    assert reads.pulled(pack_rows([row]), giver, WALL_MS, 0.6) == []
    assert len(reads) == reads.pulls == 0


def test_nobody_else_may_answer(reads: Reads, leased: Make, mint: Make) -> None:
    ask(reads, OWN)
    sealed_for_it = Row(OWN, mint().body)
    for row, source in (
        (leased(OWN, minter=MPS), MPS),
        (leased(OWN, minter=DHCP2), DHCP),
        (leased(OWN, address=STRANGER), DHCP),
        (sealed_for_it, DHCP),
    ):
        assert reads.pulled(pack_rows([row]), source, WALL_MS, 0.1) == []
    assert len(reads) == 1


def test_what_a_tombstone_stands_for_is_not_served_again_by_a_pull(
    table: Table, reads: Reads, leased: Make
) -> None:
    served, later = leased(OWN, 0), leased(OWN, 1)
    table.complete(OWN, 0.0, served.body)
    assert ask(reads, OWN) is None  # the row of the next lease may be on its way
    assert reads.pulled(pack_rows([served]), DHCP, WALL_MS, 0.1) == []
    assert reads.pulled(pack_rows([later]), DHCP, WALL_MS, 0.2) == [
        Serve(1, later, later.fields(), "pulled", 0.2)
    ]


def test_a_name_that_was_read_is_served_again_with_the_next_lease(
    table: Table, reads: Reads, leased: Make
) -> None:
    later = leased(SHARED, 1)
    table.complete(KEYS[SHARED], 0.0, leased(SHARED, 0).body)
    assert ask(reads, SHARED) is None
    assert reads.arrived(store(table, later), 0.5) == [Serve(1, later, later.fields(), "parked", 0.5)]


@both_names
def test_a_read_without_a_row_is_forgotten_after_four_seconds_and_never_guessed(
    reads: Reads, name: bytes
) -> None:
    ask(reads, name)
    pulls(reads)
    assert reads.tick(SILENT_AFTER_S - 0.01) == []
    assert reads.tick(SILENT_AFTER_S) == [Silent(1, "late", None)]
    assert len(reads) == 0
    assert reads.deadline() is None
    assert ask(reads, name, 2, now=SILENT_AFTER_S) is None


def test_a_repeated_read_pulls_again_from_everybody(reads: Reads) -> None:
    ask(reads, OWN)
    pulls(reads)
    assert reads.ask_again(OWN, ADDRESS, PULL_AGAIN_S)
    assert pulls(reads, 0.2) == [Pull(DHCP, [OWN]), Pull(DHCP2, [OWN])]


def test_a_giver_that_comes_back_is_asked_and_who_gives_nothing_is_not(reads: Reads) -> None:
    ask(reads, OWN)
    pulls(reads)
    reads.minter_is_back(MPS, 0.1)
    assert pulls(reads, 0.2) == []
    reads.minter_is_back(DHCP, 0.1)
    assert Pull(DHCP, [OWN]) in pulls(reads, 0.2)


def test_few_are_parked_at_once_and_sealed_reads_keep_their_room(reads: Reads, mint: Make) -> None:
    addresses = [(10 << 24 | at).to_bytes(4) for at in range(GIVEN_MAX + 1)]
    for read, address in enumerate(addresses[:-1]):
        assert ask(reads, SHARED, read, address=address) is None
    last = ask(reads, SHARED, GIVEN_MAX, address=addresses[-1])
    assert last == Silent(GIVEN_MAX, "given_full", None)
    assert reads.silent == {"given_full": 1}
    row = mint()
    assert reads.ask(GIVEN_MAX + 1, row.name, ADDRESS, 0.0, WALL_S) is None
    assert len(reads) == GIVEN_MAX + 1
    reads.forget(0, reads.key(SHARED, addresses[0]))
    assert ask(reads, SHARED, GIVEN_MAX + 2, address=addresses[-1]) is None
    assert ask(reads, OWN, GIVEN_MAX + 3) == Silent(GIVEN_MAX + 3, "given_full", None)


def test_one_address_parks_few_names_and_a_device_beside_it_is_parked(
    table: Table, reads: Reads, leased: Make
) -> None:
    """Its names need not be forged: anybody can write a hardware address."""
    for read in range(GIVEN_MAX):
        reads.ask(read, b"00aabb%06x.cm" % read, STRANGER, 0.0, WALL_S)
    assert reads.silent == {"share_parked": GIVEN_MAX - PARKED_MAX_EACH}
    row = leased(OWN)
    assert ask(reads, OWN, GIVEN_MAX) is None
    assert reads.arrived(store(table, row), 0.1) == [Serve(GIVEN_MAX, row, row.fields(), "parked", 0.1)]


def test_a_cmts_parks_as_many_as_a_cmts_needs_and_leaves_room_for_another(reads: Reads) -> None:
    for read in range(GIVEN_MAX):
        reads.ask(read, b"00aabb%06x.cm" % read, PROXY, 0.0, WALL_S)
    assert len(reads) == PARKED_MAX_CMTS
    assert ask(reads, OWN, GIVEN_MAX, address=bytes([192, 0, 2, 2])) is None
    assert ask(reads, OWN, GIVEN_MAX + 1) is None


def test_a_parked_read_gives_way_to_its_own_row_only(table: Table, reads: Reads, leased: Make) -> None:
    """Its hardware address is on the air, so a neighbour can ask for its name."""
    assert ask(reads, OWN) is None
    assert ask(reads, OWN, 2, 0.01, STRANGER) is None
    row = leased(OWN)
    assert reads.arrived(store(table, row), 0.1) == [Serve(1, row, row.fields(), "parked", 0.1)]
    assert reads.tick(SILENT_AFTER_S + 0.01)[0] == Silent(2, "late", None)
    assert len(reads) == reads.pulls == 0


def test_few_addresses_wait_for_one_name(reads: Reads) -> None:
    for read in range(ASKERS_MAX + 1):
        ask(reads, OWN, read, address=bytes([10, 0, 1, read]))
    assert (len(reads), reads.silent) == (ASKERS_MAX, {"share_parked": 1})


def test_however_a_read_ends_its_room_is_free_again(table: Table, reads: Reads, leased: Make) -> None:
    for at in range(GIVEN_MAX + 10):
        now = at * 10.0
        assert ask(reads, OWN, at, now=now) is None
        row = leased(OWN, at)
        if at % 4 == 0:
            assert reads.arrived(store(table, row), now)
            table.complete(OWN, now, row.body)
        elif at % 4 == 1:
            assert reads.pulled(pack_rows([row]), DHCP, row.fields().minted_ms, now)
        elif at % 4 == 2:
            reads.forget(at, OWN)
        reads.tick(now + SILENT_AFTER_S)
        assert len(reads) == 0


def test_through_a_proxy_a_name_per_device_is_believed_and_a_shared_one_is_not(
    table: Table, reads: Reads, leased: Make
) -> None:
    own = leased(OWN)
    assert ask(reads, OWN, address=PROXY) is None
    fresh = store(table, own, leased(SHARED))
    assert reads.arrived(fresh, 0.1) == [Serve(1, own, own.fields(), "parked", 0.1)]
    assert ask(reads, OWN, 2, address=PROXY) == Serve(2, own, own.fields(), "row", 0.0)
    assert ask(reads, SHARED, 3, address=PROXY) is None  # nothing says which device asks
    assert reads.arrived(fresh, 0.2) == []


@both_names
def test_where_no_name_is_given_out_it_is_a_name_like_any_other(
    table: Table, opener: Opener, name: bytes
) -> None:
    reads = reading(table, opener)
    assert reads.key(name, ADDRESS) == name
    assert ask(reads, name) == Silent(1, "name")

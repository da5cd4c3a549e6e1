"""Whose rows are believed: minter, kind of name and age, for one row and for a frame of them."""

from collections.abc import Callable
from itertools import product

import pytest

from bus.envelope import number_of
from fileid.given import given_key
from fileid.row import Fields, Row, pack, pack_rows
from fileid.seal import KEY_BYTES, Opener, Sealer, SealKey
from fileid.sender import AGO_S_MAX, AHEAD_S_MAX
from fileid.table import RowStatus, Table
from tests.unit.fileid.senders import KEYS, WALL_MS, sender

STORED, DUPLICATE, FULL, BAD, STALE_EPOCH, UNVERIFIED_EPOCH, TAKEN = RowStatus
NOBODYS_KEY = SealKey(9, number_of("dhcp-9"), bytes(KEY_BYTES))
MINTERS = ("dhcp-1", "dhcp-2", "mps-1")
AGES_S = {
    -AHEAD_S_MAX - 1: "untimely",
    -AHEAD_S_MAX: "",
    0.0: "",
    AGO_S_MAX: "",
    AGO_S_MAX + 1: "untimely",
    2.0**31: "untimely",
}
OWNERS = {
    "sealed by dhcp-1": ("dhcp-1",),
    "sealed by mps-1": ("mps-1",),
    "sealed by a key of nobody": MINTERS,
    "shared": ("dhcp-1", "dhcp-2"),
    "per device": ("dhcp-1", "dhcp-2"),
    "shared, not of a lease": (),
    "sealed by dhcp-1, of a lease": (),
    "nobody's": (),
    "nobody's, of a lease": (),
}
"""The minters that may bring a row of each kind of name."""
LEASED = ("shared", "per device", "sealed by dhcp-1, of a lease", "nobody's, of a lease")

Make = Callable[..., Row]


@pytest.fixture
def make(fields: Fields) -> Make:
    """Makes rows of a kind of name, minted by a minter so long ago, each with its own serial."""

    def build(kind: str, minter: str, age_s: float = 0.0, serial: int = 1) -> Row:
        own = fields._replace(
            minter=number_of(minter),
            minted_ms=max(0, WALL_MS - int(age_s * 1000)),
            serial=serial.to_bytes(8),
            leased=kind in LEASED,
            device=serial.to_bytes(6),
            address=serial.to_bytes(4),
        )
        keys = {
            "sealed by dhcp-1": KEYS[0],
            "sealed by mps-1": KEYS[1],
            "sealed by a key of nobody": NOBODYS_KEY,
            "sealed by dhcp-1, of a lease": KEYS[0],
        }
        if kind in keys:
            return Row(Sealer(keys[kind]).seal(pack(own), "residential").name, pack(own))
        patterns = {"per device": "{device}.cm", "shared": "modem.cm", "shared, not of a lease": "modem.cm"}
        return Row(given_key(patterns.get(kind, "{device}.bin"), own.device, own.address), pack(own))

    return build


def expected(kind: str, minter: str, age_s: float) -> str:
    """What is to be objected."""
    return AGES_S[age_s] if minter in OWNERS[kind] else "foreign_name"


@pytest.mark.parametrize("count", [1, 3], ids=["one row", "a frame of them"])
@pytest.mark.parametrize(("kind", "minter"), [*product(OWNERS, MINTERS)])
@pytest.mark.parametrize("age_s", AGES_S)
def test_a_row_is_taken_under_its_minters_name_and_of_its_time_alone(
    make: Make, kind: str, minter: str, age_s: float, count: int
) -> None:
    table = Table()
    rows = [make(kind, minter, age_s, serial) for serial in range(1, count + 1)]
    statuses, fresh = table.accept(pack_rows(rows), sender(minter), 0.0)
    objection = expected(kind, minter, age_s)
    assert list(statuses) == [BAD if objection else STORED] * count
    assert fresh == ([] if objection else [row.name for row in rows])
    assert {name: times for name, times in table.bad.items() if times} == (
        {objection: count} if objection else {}
    )


@pytest.mark.parametrize(("kind", "minter"), [*product(OWNERS, MINTERS)])
def test_a_frame_of_two_kinds_is_judged_row_by_row(make: Make, kind: str, minter: str) -> None:
    good = "sealed by mps-1" if minter == "mps-1" else "per device"
    rows = [make(good, minter, serial=7), make(kind, minter), make(good, minter, serial=8)]
    statuses, _ = Table().accept(pack_rows(rows), sender(minter), 0.0)
    assert list(statuses) == [STORED, STORED if minter in OWNERS[kind] else BAD, STORED]


def test_a_row_that_says_it_is_anothers_is_malformed(make: Make) -> None:
    table = Table()
    table.accept(pack_rows([make("sealed by dhcp-1", "dhcp-1")]), sender("mps-1"), 0.0)
    assert table.bad["malformed"] == 1


def test_the_age_of_a_row_is_judged_by_its_senders_clock_and_its_life_by_ours(make: Make) -> None:
    """A sender whose clock is a year off brings its rows all the same."""
    table, year_s = Table(), 365 * 86400.0
    row = make("sealed by dhcp-1", "dhcp-1", age_s=year_s)
    sent_ms = WALL_MS - int(year_s * 1000)
    assert table.accept(pack_rows([row]), sender("dhcp-1", sent_ms), 50.0) == (bytes([STORED]), [row.name])
    assert table.expire(109.9) == []
    assert table.expire(110.0) == [row]


def test_a_frame_that_does_not_say_when_it_was_sent_brings_nothing(make: Make) -> None:
    row = make("sealed by dhcp-1", "dhcp-1")
    assert Table().accept(pack_rows([row]), sender("dhcp-1", 0), 0.0)[0] == bytes([BAD])


def test_the_same_lease_by_another_giver_is_a_duplicate_and_another_file_is_not(
    make: Make, fields: Fields
) -> None:
    """Two followers of servers that share their leases make one row; who brings another is told so."""
    table, ours = Table(), make("per device", "dhcp-1")
    table.accept(pack_rows([ours]), sender("dhcp-1"), 0.0)
    theirs = make("per device", "dhcp-2")
    other = Row(theirs.name, pack(theirs.fields()._replace(template=99)))
    statuses, fresh = table.accept(pack_rows([theirs, other]), sender("dhcp-2"), 0.0)
    assert (list(statuses), fresh) == ([DUPLICATE, TAKEN], [])
    assert table.get(ours.name) == ours
    table.complete(ours.name, 1.0, ours.body)
    assert list(table.accept(pack_rows([theirs, other]), sender("dhcp-2"), 1.0)[0]) == [DUPLICATE, TAKEN]


def test_a_seal_keys_owner_changes_with_the_keys_in_force() -> None:
    opener, number = Opener(KEYS), number_of("mps-1").to_bytes(4)
    head = Sealer(NOBODYS_KEY).seal(bytes(2) + bytes(60), "x").name[:3]
    assert head in opener.heads(number)
    opener.use([*KEYS, NOBODYS_KEY])
    assert head not in opener.heads(number)
    assert head in opener.heads(number_of("dhcp-9").to_bytes(4))

"""The fold over the role log: compare-and-set, and the same state for everybody who read as far."""

from collections.abc import Iterable, Sequence
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.envelope import Stamp
from bus.routes import Column
from heartbeat.roles.log.fold import HaltError, Held, Roles, fold
from heartbeat.roles.log.records import (
    NO_OFFSET,
    TYPE_OF,
    Checkpoint,
    ClaimRecord,
    Era,
    Logged,
    Named,
    Probe,
    Record,
    Release,
    Renew,
)
from heartbeat.roles.log.start import NoStartError, start
from tests.trusting import anybody

ROLE = "dhcp/lab"
A, B = "dhcp-1", "dhcp-2"
ONE, TWO, THREE = "0" * 15 + "1", "0" * 15 + "2", "0" * 15 + "3"

Said = tuple[str, Record | None]


def claim(prev: int = NO_OFFSET, claim_id: str = ONE, role: str = ROLE) -> ClaimRecord:
    return ClaimRecord(role=role, prev=prev, claim_id=claim_id, incarnation=1)


def renew(epoch: int, claim_id: str = ONE) -> Renew:
    return Renew(role=ROLE, epoch=epoch, claim_id=claim_id)


def release(epoch: int, claim_id: str = ONE) -> Release:
    return Release(role=ROLE, epoch=epoch, claim_id=claim_id)


def log(*said: Said, first: int = 0) -> list[Logged]:
    return [numbered(offset, source, record) for offset, (source, record) in enumerate(said, first)]


def numbered(offset: int, source: str, record: Record | None) -> Logged:
    return Logged(offset, source, record, 1, offset + 1)


def folded(records: Iterable[Logged], roles: Roles | None = None) -> tuple[Roles, list[bool]]:
    """The end, and which records counted."""
    roles, counted = roles or Roles(), []
    for one in records:
        roles, counts, _ = fold(roles, one, anybody)
        counted.append(counts)
    return roles, counted


def test_the_first_claim_wins_with_its_offset_as_epoch() -> None:
    roles, counted = folded(log((A, None), (A, claim()), (B, claim(claim_id=TWO))))
    assert counted == [False, True, False]
    assert roles.role(ROLE) == Held(2, 1, ONE, A, 1, released=False)


@pytest.mark.parametrize(
    "between",
    [(A, renew(0)), (B, renew(0, TWO)), (A, release(0)), (B, claim(claim_id=TWO))],
    ids=["a renewal", "a zombie's renewal", "a release", "another claim"],
)
def test_a_claim_loses_against_any_record_its_writer_had_not_read(between: tuple[str, Record]) -> None:
    _, counted = folded(log((A, claim()), between, (B, claim(prev=0, claim_id=THREE))))
    assert counted[-1] is False
    _, counted = folded(log((A, claim()), between, (B, claim(prev=1, claim_id=THREE))))
    assert counted[-1] is True


LATER = "provbus.failover.claim.v2"


@pytest.mark.parametrize(
    ("type_", "data", "is_of_role"),
    [
        (LATER, b'{"role": "dhcp/lab", "prev": 0, "weight": 3}', True),
        (TYPE_OF[Probe], b'{"nonce": "0000000000000001", "role": "dhcp/lab"}', True),
        (TYPE_OF[ClaimRecord], b'{"role": "dhcp/lab", "prev": 0}', True),
        (LATER, b'{"role": "mps/lab", "prev": 0}', False),
        (LATER, b'{"role": "DHCP lab"}', False),
        (LATER, b'{"role": 7}', False),
        (LATER, b'["role"]', False),
        (LATER, b"not JSON", False),
    ],
)
def test_a_record_of_a_later_version_is_one_of_its_role(type_: str, data: bytes, is_of_role: bool) -> None:
    """A claim whose writer has not read it loses in both versions, and one whose writer has wins in both."""
    stamp = Stamp(A, "lab", 1)
    later = Logged.of(1, stamp.envelope(type_, data, time_ms=0))
    assert (later.role == ROLE) is is_of_role
    first, (blind, seeing) = log((A, claim()))[0], (numbered(2, B, claim(at, TWO)) for at in (0, 1))
    _, counted = folded([first, later._replace(seq=9), blind])
    assert counted == [True, False, not is_of_role]
    roles, counted = folded([first, later._replace(seq=9), seeing])
    assert counted == [True, False, is_of_role]
    assert roles.role(ROLE).holder == (B if is_of_role else A)


def test_what_touches_no_role_is_in_nobodys_way() -> None:
    said: list[Said] = [(A, claim()), (B, Probe(nonce=TWO)), (B, claim(role="mps/lab")), (B, None)]
    _, counted = folded(log(*said, (B, claim(prev=0, claim_id=TWO))))
    assert counted == [True, False, True, False, True]


@pytest.mark.parametrize(
    "record", [renew(1), renew(0, TWO), release(1), release(0, TWO)], ids=["epoch", "claim"] * 2
)
def test_what_names_another_claim_does_not_count(record: Record) -> None:
    roles, counted = folded(log((A, claim()), (A, record)))
    assert counted == [True, False]
    assert not roles.role(ROLE).released


@pytest.mark.parametrize("record", [renew(0), release(0)])
def test_nobody_speaks_for_the_holder(record: Record) -> None:
    roles, counted = folded(log((A, claim()), (B, record)))
    assert counted == [True, False]
    assert roles.role(ROLE).holder == A
    assert not roles.role(ROLE).released


def test_after_its_release_a_claim_is_never_renewed() -> None:
    roles, counted = folded(log((A, claim()), (A, release(0)), (A, renew(0)), (A, release(0))))
    assert counted == [True, True, False, False]
    assert roles.role(ROLE).released


def test_an_era_frees_every_role_and_defeats_claims_under_way() -> None:
    said: list[Said] = [(A, claim()), ("operator", Era(number=2, authority="night shift")), (A, renew(0))]
    roles, counted = folded(log(*said, (B, claim(prev=0, claim_id=TWO)), (B, claim(claim_id=TWO))))
    assert counted == [True, True, False, False, False]
    assert (roles.era, roles.role(ROLE).holder) == (2, "")
    roles = fold(roles, numbered(5, B, claim(prev=4, claim_id=THREE)), anybody).roles
    assert roles.role(ROLE).holder == B
    assert folded(log(("operator", Era(number=2, authority="again")), first=6), roles)[1] == [False]


@pytest.mark.parametrize("offset", [0, 1, 3])
def test_a_gap_or_a_regressed_offset_halts(offset: int) -> None:
    roles, _ = folded(log((A, claim()), (A, renew(0))))
    with pytest.raises(HaltError, match=rf"at offset {offset}, not at 2"):
        fold(roles, numbered(offset, A, renew(0)), anybody)


def test_without_its_beginning_or_a_checkpoint_nothing_is_decided() -> None:
    with pytest.raises(NoStartError, match="begin an era"):
        start(7, log((A, renew(3)), (B, Probe(nonce=ONE)), first=7), anybody)


def test_a_checkpoint_that_needs_what_is_gone_is_none() -> None:
    roles, _ = folded(log((A, claim()), (A, renew(0)), (A, renew(0))))
    late = log((A, renew(0)), (A, roles.checkpoint()), first=4)
    with pytest.raises(NoStartError):
        start(4, late, anybody)
    assert (
        start(3, log((B, None), *((one.source, one.record) for one in late), first=3), anybody).position == 5
    )


def test_an_unreadable_past_ends_with_an_era() -> None:
    said: list[Said] = [
        (A, renew(3)),
        ("operator", Era(number=9, authority="us")),
        (A, claim(prev=8, claim_id=TWO)),
    ]
    roles = start(7, log(*said, first=7), anybody)
    assert (roles.era, roles.role(ROLE).holder, roles.role(ROLE).epoch) == (9, A, 9)


WORDS: list[Record | None] = [
    *(claim(prev, one) for prev in (NO_OFFSET, 0, 1, 2) for one in (ONE, TWO)),
    *(kind(epoch, one) for kind in (renew, release) for epoch in (0, 1) for one in (ONE, TWO)),
    Probe(nonce=ONE),
    Era(number=1, authority="us"),
    Era(number=2, authority="us"),
]


def test_every_log_of_three_records_has_one_holder_per_epoch() -> None:
    """Exhaustive: two writers, every record that could mean anything, logs of up to three of them."""
    seen = 0
    for said in product(product((A, B), WORDS), repeat=3):
        roles, before = Roles(), Roles()
        for one in log(*said):
            roles, counts, _ = fold(before, one, anybody)
            was, held = before.role(ROLE), roles.role(ROLE)
            assert held.epoch >= was.epoch or roles.era > before.era
            if held.epoch != was.epoch and held.epoch != NO_OFFSET:
                assert counts
                assert held.epoch == one.offset
                assert isinstance(one.record, ClaimRecord)
                assert (held.holder, held.claim_id) == (one.source, one.record.claim_id)
            elif held.epoch == was.epoch:
                assert (held.holder, held.claim_id) == (was.holder, was.claim_id)
                assert held.released >= was.released
            before = roles
            seen += 1
    assert seen == 3 * (2 * len(WORDS)) ** 3


@st.composite
def logs(draw: st.DrawFn) -> Sequence[Logged]:
    """A log in which claims often are right: writers read, and sometimes not to the end."""
    roles, records = Roles(), []
    for offset in range(draw(st.integers(1, 25))):
        source = draw(st.sampled_from([A, B]))
        held = roles.role(ROLE)
        stale = draw(st.booleans()) and draw(st.booleans())
        epoch = max(0, held.epoch - stale)
        word = draw(st.integers(0, 9))
        record: Record | None = None
        if word < 4:
            record = claim(max(NO_OFFSET, held.last - stale), f"{offset:016x}")
        elif word < 6 and held.claim_id:
            record = renew(epoch, held.claim_id)
        elif word == 6 and held.claim_id:
            record = release(epoch, held.claim_id)
        elif word == 7:
            record = Era(number=roles.era + 1, authority="us")
        elif word == 8 and roles.position >= 0:
            record = roles.checkpoint()
        records.append(numbered(offset, source, record))
        roles = fold(roles, records[-1], anybody).roles
    return records


@given(logs(), st.integers(0, 25))
def test_whoever_can_begin_anywhere_comes_to_the_same_end(records: Sequence[Logged], cut: int) -> None:
    whole, _ = folded(records)
    left = records[min(cut, len(records) - 1) :]
    begun = start(0, records, anybody)
    assert begun.digest() == whole.digest()
    try:
        begun = start(left[0].offset, left, anybody)
    except NoStartError:
        usable = [
            one
            for one in left
            if isinstance(one.record, Checkpoint) and one.record.as_of >= left[0].offset - 1
        ]
        assert left[0].offset > 0
        assert not usable
    else:
        assert begun.digest() == whole.digest()


@given(logs())
def test_a_checkpoint_says_everything(records: Sequence[Logged]) -> None:
    roles, _ = folded(records)
    again = Roles.of(Checkpoint.model_validate_json(roles.checkpoint().model_dump_json()))
    assert again.digest() == roles.digest()
    assert Roles(roles.position + 1, roles.era, roles.floor, roles.held).digest() != roles.digest()


def test_a_copy_is_no_record_for_who_reads_on_and_for_who_begins_at_a_checkpoint() -> None:
    """Else whoever may write to the topic plays the last renewal of a dead holder for ever."""
    records = log((A, claim()), (A, renew(0)))
    roles, _ = folded(records)
    late = [*log((B, roles.checkpoint()), first=2), records[1]._replace(offset=3)]
    whole, counted = folded(late, roles)
    assert (counted, whole.role(ROLE).last) == ([False, False], 1)
    assert start(2, late, anybody).digest() == whole.digest()


def test_a_later_process_of_a_writer_counts_from_its_first_record_on() -> None:
    records = log((A, claim()), (A, renew(0)))
    restarted = Logged(2, A, Release(role=ROLE, epoch=0, claim_id=ONE), 2, 1)
    assert folded([*records, restarted])[1] == [True, True, True]


def switch_era(number: int, leads: Column, holder: str) -> Era:
    named = {ROLE: Named(instance=holder, incarnation=1, claim_id=THREE)}
    return Era(number=number, authority="a switch", leads=leads, plan="f" * 16, named=named)


@pytest.mark.parametrize(
    ("before", "named", "is_held"),
    [
        ([], A, True),  # the group led, and the log never gave the role to anybody
        ([(A, claim())], A, True),
        ([(A, claim())], B, False),  # its writer had not read that claim
        ([(A, claim()), (A, release(0))], A, False),
        ([(A, claim()), (B, switch_era(1, Column.MULTICAST, A))], B, True),  # grants gave it to another one
    ],
)
def test_an_era_names_whom_the_log_knows_or_whom_it_cannot_know(
    before: list[Said], named: str, is_held: bool
) -> None:
    roles, _ = folded(log(*before, (B, switch_era(2, Column.BUS, named))))
    held = roles.role(ROLE)
    assert held.released is not is_held
    if is_held:
        assert held[:4] == (roles.floor, roles.floor, THREE, named)


def test_while_the_group_leads_nobody_can_claim_in_the_log() -> None:
    roles, counted = folded(log((B, switch_era(1, Column.MULTICAST, A)), (B, claim(0))))
    assert counted == [True, False]
    assert roles.role(ROLE).holder == A

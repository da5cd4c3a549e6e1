"""The static primary: the configured one, until a person promotes another above all that is known."""

from collections.abc import Collection, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.envelope import Token
from bus.errors import StateError
from heartbeat.evidence import Stand
from heartbeat.static import (
    CANDIDATES_MAX,
    EPOCH_MAX,
    Tenure,
    accepts,
    epoch_above,
    promoted,
    resume,
    yielded,
)

ID, OTHER_ID = "a" * 16, "b" * 16
LOW, HIGH = Stand(1, 64, ID), Stand(1, 129, OTHER_ID)
OURS = Tenure(LOW, is_ours=True)
ACCEPTORS = ("cfm-1", "cfm-2", "cfm-3")


def started(on_disk: Tenure | None, *, is_configured: bool) -> Tenure | None:
    return resume(on_disk, is_configured=is_configured, index=0, era=1, claim_id=ID)


def promote(
    on_disk: Tenure | None,
    reports: Mapping[str, Stand | None],
    absent: Collection[str] = (),
    index: int = 0,
    era: int = 1,
) -> Stand:
    known: Mapping[str, Stand | None] = {**dict.fromkeys(ACCEPTORS), **reports}
    heard = {name: ballot for name, ballot in known.items() if name not in absent}
    tenure = promoted(
        on_disk, heard, acceptors=ACCEPTORS, absent=absent, index=index, era=era, claim_id=OTHER_ID
    )
    assert tenure.is_ours
    return tenure.stand


def test_the_token_of_a_ballot_is_what_envelopes_carry() -> None:
    assert HIGH.token == Token(1, 129)


def test_the_configured_instance_begins_as_the_primary() -> None:
    assert started(None, is_configured=True) == OURS
    assert started(None, is_configured=False) is None


@pytest.mark.parametrize("is_configured", [True, False])
@pytest.mark.parametrize("is_ours", [True, False])
def test_a_restart_changes_nothing(is_configured: bool, is_ours: bool) -> None:
    kept = Tenure(HIGH, is_ours)
    assert started(kept, is_configured=is_configured) == kept


@pytest.mark.parametrize(
    ("known", "offered", "takes"),
    [
        (None, LOW, True),
        (LOW, LOW, True),
        (LOW, HIGH, True),
        (HIGH, LOW, False),
        (HIGH, HIGH._replace(claim_id=ID), False),
        (HIGH, Stand(2, 1, ID), True),
        (Stand(2, 1, ID), HIGH, False),
    ],
)
def test_an_acceptor_refuses_what_is_not_later_or_the_same(
    known: Stand | None, offered: Stand, takes: bool
) -> None:
    assert accepts(known, offered) is takes


def test_a_primary_that_hears_of_a_later_claim_is_none_also_after_a_restart() -> None:
    fenced = yielded(OURS, HIGH)
    assert fenced == Tenure(HIGH, is_ours=False)
    assert started(fenced, is_configured=True) == fenced


@pytest.mark.parametrize("heard", [LOW, Stand(1, 1, OTHER_ID), LOW._replace(claim_id=OTHER_ID)])
def test_a_primary_does_not_yield_to_a_claim_that_is_not_later(heard: Stand) -> None:
    assert yielded(OURS, heard) == OURS


def test_a_standby_remembers_the_latest_claim_it_heard_of() -> None:
    assert yielded(None, LOW) == Tenure(LOW, is_ours=False)
    assert yielded(Tenure(LOW, is_ours=False), HIGH) == Tenure(HIGH, is_ours=False)
    assert yielded(Tenure(HIGH, is_ours=False), LOW) == Tenure(HIGH, is_ours=False)


def test_a_promotion_is_above_the_disk_and_every_report() -> None:
    assert promote(None, {}).token == (1, 64)
    assert promote(Tenure(HIGH, is_ours=False), {"cfm-1": LOW}).token > HIGH.token
    assert promote(OURS, {"cfm-1": LOW, "cfm-3": HIGH}).token > HIGH.token


def test_two_promotions_at_once_are_never_equal() -> None:
    tokens = {promote(OURS, {"cfm-1": HIGH}, index=index).token for index in range(CANDIDATES_MAX)}
    assert len(tokens) == CANDIDATES_MAX


def test_a_silent_acceptor_must_be_named_as_absent() -> None:
    reports = {"cfm-2": HIGH}
    with pytest.raises(StateError, match="absent: cfm-1, cfm-3"):
        promoted(None, reports, acceptors=ACCEPTORS, index=0, era=1, claim_id=ID)
    assert promote(None, reports, absent=("cfm-1", "cfm-3")).token > HIGH.token


def test_an_earlier_era_puts_no_limit_on_epochs() -> None:
    assert promote(OURS, {"cfm-1": HIGH}, era=2).token == (2, 64)


def test_a_promotion_in_an_era_that_is_over_is_refused() -> None:
    with pytest.raises(StateError, match="era 2 has begun, this is 1"):
        promote(None, {"cfm-1": Stand(2, 1, ID)})


def test_the_last_epoch_has_none_above_it() -> None:
    assert epoch_above(EPOCH_MAX - 64, 63) == EPOCH_MAX
    with pytest.raises(StateError, match="begin an era"):
        epoch_above(EPOCH_MAX, 0)


@given(st.integers(0, EPOCH_MAX - 64), st.integers(0, CANDIDATES_MAX - 1))
def test_the_next_epoch_is_the_least_above_that_is_the_candidates_own(epoch: int, index: int) -> None:
    above = epoch_above(epoch, index)
    assert epoch < above <= epoch + CANDIDATES_MAX
    assert above % CANDIDATES_MAX == index


@given(st.lists(st.builds(Stand, st.integers(0, 2), st.integers(0, 3), st.sampled_from([ID, OTHER_ID]))))
def test_what_an_acceptor_knows_never_goes_back(offers: list[Stand]) -> None:
    known: Stand | None = None
    for offered in offers:
        before, known = known, offered if accepts(known, offered) else known
        assert before is None or before == known or (known is not None and known.token > before.token)

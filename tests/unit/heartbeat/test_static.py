"""The static primary: the configured one, until a person promotes another above all that is known."""

from collections.abc import Collection, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.envelope import Token
from bus.errors import StateError
from heartbeat.roles.appointed.tenure import Tenure, begun, promoted, yielded
from heartbeat.roles.claim import (
    BY_APPOINTMENT,
    BY_GRANTS,
    CANDIDATES_MAX,
    EPOCH_MAX,
    ERA_MAX,
    Claim,
    accepts,
    epoch_above,
    log_authority,
)

ID, OTHER_ID = "a" * 16, "b" * 16
LOW, HIGH = Claim(1, 64, ID, BY_APPOINTMENT), Claim(1, 129, OTHER_ID, BY_APPOINTMENT)
BY_LOG = Claim(4, 7, OTHER_ID, log_authority("a log"))
OURS = Tenure(LOW, is_ours=True)
ACCEPTORS = ("cfm-1", "cfm-2", "cfm-3")


def promote(
    on_disk: Tenure | None,
    reports: Mapping[str, Claim | None],
    absent: Collection[str] = (),
    index: int = 0,
) -> Claim:
    known: Mapping[str, Claim | None] = {**dict.fromkeys(ACCEPTORS), **reports}
    heard = {name: ballot for name, ballot in known.items() if name not in absent}
    tenure = promoted(on_disk, heard, acceptors=ACCEPTORS, absent=absent, index=index, claim_id=OTHER_ID)
    assert tenure.is_ours
    return tenure.claim


def test_the_token_of_a_ballot_is_what_envelopes_carry() -> None:
    assert HIGH.token == Token(1, 129)


@pytest.mark.parametrize(
    ("latest", "token"),
    [
        (Claim(), (1, 64)),
        (LOW, (1, 128)),
        (BY_LOG, (5, 64)),
        (Claim(2, 6400, ID, BY_GRANTS), (3, 64)),
        (Claim(0, 5, ID, log_authority("")), (1, 64)),
    ],
)
def test_a_tenure_begins_above_the_latest_claim_whoever_decided_it(
    latest: Claim, token: tuple[int, int]
) -> None:
    tenure = begun(latest, 0, ID)
    assert tenure == Tenure(Claim(*token, ID, BY_APPOINTMENT), is_ours=True)


def test_the_last_era_has_none_above_it() -> None:
    with pytest.raises(StateError, match="no era is left above 65535"):
        begun(BY_LOG._replace(era=ERA_MAX), 0, ID)


@pytest.mark.parametrize(
    ("known", "offered", "takes"),
    [
        (None, LOW, True),
        (LOW, LOW, True),
        (LOW, HIGH, True),
        (HIGH, LOW, False),
        (HIGH, HIGH._replace(claim_id=ID), False),
        (HIGH, Claim(2, 1, ID), True),
        (Claim(2, 1, ID), HIGH, False),
    ],
)
def test_an_acceptor_refuses_what_is_not_later_or_the_same(
    known: Claim | None, offered: Claim, takes: bool
) -> None:
    assert accepts(known, offered) is takes


def test_a_primary_that_hears_of_a_later_claim_is_none() -> None:
    assert yielded(OURS, HIGH) == Tenure(HIGH, is_ours=False)


@pytest.mark.parametrize("heard", [LOW, Claim(1, 1, OTHER_ID), LOW._replace(claim_id=OTHER_ID)])
def test_a_primary_does_not_yield_to_a_claim_that_is_not_later(heard: Claim) -> None:
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
        promoted(None, reports, acceptors=ACCEPTORS, index=0, claim_id=ID)
    assert promote(None, reports, absent=("cfm-1", "cfm-3")).token > HIGH.token


def test_a_promotion_after_another_authority_begins_an_era() -> None:
    assert promote(OURS, {"cfm-1": HIGH, "cfm-2": BY_LOG}).token == (5, 64)


def test_the_last_epoch_has_none_above_it() -> None:
    assert epoch_above(EPOCH_MAX - 64, 63) == EPOCH_MAX
    with pytest.raises(StateError, match="no epoch is left"):
        epoch_above(EPOCH_MAX, 0)


@given(st.integers(0, EPOCH_MAX - 64), st.integers(0, CANDIDATES_MAX - 1))
def test_the_next_epoch_is_the_least_above_that_is_the_candidates_own(epoch: int, index: int) -> None:
    above = epoch_above(epoch, index)
    assert epoch < above <= epoch + CANDIDATES_MAX
    assert above % CANDIDATES_MAX == index


@given(st.lists(st.builds(Claim, st.integers(0, 2), st.integers(0, 3), st.sampled_from([ID, OTHER_ID]))))
def test_what_an_acceptor_knows_never_goes_back(offers: list[Claim]) -> None:
    known: Claim | None = None
    for offered in offers:
        before, known = known, offered if accepts(known, offered) else known
        assert before is None or before == known or (known is not None and known.token > before.token)

"""The primary that a person appointed acts until a later one is heard of, and nobody follows by himself."""

from itertools import count
from typing import Any

import pytest

from bus.errors import TryAgainError
from heartbeat.roles.appointed.holder import AppointedHolder
from heartbeat.roles.appointed.tenure import Tenure
from heartbeat.roles.claim import BY_APPOINTMENT, BY_GRANTS, ERA_MAX, Claim, log_authority
from heartbeat.roles.evidence import Answer
from heartbeat.roles.holder import Claimed, StoreClaim
from heartbeat.roles.states import State
from heartbeat.timing import SILENCE_S

CFMS = ("cfm-1", "cfm-2")
FIRST, LATER = Claim(1, 64, "1" * 16, BY_APPOINTMENT), Claim(1, 129, "2" * 16, BY_APPOINTMENT)
BY_LOG = Claim(4, 7, "3" * 16, log_authority("a log"))


def appointment(
    tenure: Tenure | None,
    index: int = 0,
    *,
    is_configured: bool = False,
    is_alone: bool = True,
    asks_first: bool = False,
    cfms: tuple[str, ...] = CFMS,
) -> AppointedHolder:
    ids = count(1)
    return AppointedHolder(
        role="dhcp/lab",
        tenure=tenure,
        is_configured=is_configured,
        is_alone=is_alone,
        index=index,
        cfms=cfms,
        new_id=lambda: f"{next(ids):016x}",
        asks_first=asks_first,
    )


def ticked(one: AppointedHolder, now: float, wall_s: float) -> list[Any]:
    """What was to be kept, and is."""
    stored = one.tick(now, wall_s)
    for effect in stored:
        assert isinstance(effect, StoreClaim)
        one.kept(*effect, now)
    return stored


def hear(one: AppointedHolder, cfm: str, highest: Claim, now: float = 1.0) -> None:
    one.answered(cfm, Answer(highest, False, -1), now, now)


def test_who_was_appointed_acts_once_that_is_on_disk() -> None:
    one = appointment(Tenure(FIRST, is_ours=True))
    assert one.acts_until == 0.0
    assert one.deadline() == 0.0
    assert ticked(one, 0.0, 0.0) == [StoreClaim(FIRST, is_ours=True)]
    assert (one.state, one.claim) == (State.ACTIVE, FIRST)
    assert one.acts_until > 1e9
    assert one.deadline() is None


def test_what_the_disk_refuses_is_not_acted_upon_nor_named() -> None:
    one = appointment(Tenure(FIRST, is_ours=True))
    assert one.tick(0.0, 0.0) == [StoreClaim(FIRST, is_ours=True)]
    assert (one.state, one.claim, one.acts_until) == (State.STANDBY, Claim(), 0.0)
    one.kept(LATER, True, 0.0)
    assert one.state is State.STANDBY
    one.kept(FIRST, True, 0.0)
    assert (one.state, one.claim) == (State.ACTIVE, FIRST)


def test_who_was_not_stands_by_whatever_happens() -> None:
    one = appointment(None)
    assert ticked(one, 0.0, 0.0) == []
    assert (one.state, one.claim, one.deadline()) == (State.STANDBY, Claim(), None)
    hear(one, "cfm-1", Claim())
    assert one.state is State.STANDBY


def test_a_later_claim_ends_ours_and_that_is_kept() -> None:
    one = appointment(Tenure(FIRST, is_ours=True))
    ticked(one, 0.0, 0.0)
    hear(one, "cfm-1", FIRST)
    assert one.state is State.ACTIVE
    hear(one, "cfm-2", LATER)
    assert (one.state, one.acts_until) == (State.FENCED, 0.0)
    assert ticked(one, 1.0, 0.0) == [StoreClaim(LATER, is_ours=False)]
    assert "cfm-2" in one.describe(1.0)["reason"]


def test_who_is_promoted_is_above_all_that_any_cfm_knows() -> None:
    one = appointment(None, index=1)
    hear(one, "cfm-1", FIRST)
    hear(one, "cfm-2", LATER)
    one.promote(1.0)
    (stored,) = ticked(one, 1.0, 0.0)
    assert isinstance(stored, StoreClaim)
    assert stored.is_ours
    assert one.claim.token > LATER.token
    assert one.state is State.ACTIVE


@pytest.mark.parametrize("asked_at", [None, -10.0], ids=["never", "long ago"])
def test_a_cfm_that_was_not_heard_must_be_named(asked_at: float | None) -> None:
    one = appointment(None, index=1)
    hear(one, "cfm-1", FIRST)
    if asked_at is not None:
        one.answered("cfm-2", Answer(LATER, False, -1), asked_at, asked_at)
    with pytest.raises(TryAgainError, match="cfm-2"):
        one.promote(1.0)
    one.promote(1.0, absent=lambda: ["cfm-2"])
    ticked(one, 1.0, 0.0)
    assert one.state is State.ACTIVE


def test_who_is_not_able_does_not_act() -> None:
    one = appointment(Tenure(FIRST, is_ours=True))
    ticked(one, 0.0, 0.0)
    one.able(False)
    assert one.acts_until == 0.0
    one.able(True)
    assert one.state is State.ACTIVE


def test_an_era_without_a_claim_deposes_nobody() -> None:
    """A CFM names it where nobody has claimed the role; its claim could not even be written down."""
    one = appointment(Tenure(FIRST, is_ours=True))
    ticked(one, 0.0, 0.0)
    before = one.claim
    hear(one, "cfm-1", Claim(9, -1, "", BY_APPOINTMENT))
    assert (one.claim, ticked(one, 1.0, 1.0)) == (before, [])


def test_a_stranger_deposes_nobody() -> None:
    one = appointment(Tenure(FIRST, is_ours=True))
    ticked(one, 0.0, 0.0)
    hear(one, "cfm-9", LATER)
    assert one.state is State.ACTIVE


THREE = ("cfm-1", "cfm-2", "cfm-3")


@pytest.mark.parametrize(
    ("known", "token"),
    [(Claim(), (1, 64)), (BY_LOG, (5, 64)), (BY_LOG._replace(authority=BY_GRANTS), (5, 64))],
)
def test_the_configured_primary_begins_above_what_a_majority_of_the_cfms_knows(
    known: Claim, token: tuple[int, int]
) -> None:
    one = appointment(None, is_configured=True, cfms=THREE)
    hear(one, "cfm-1", Claim())
    assert ticked(one, 1.0, 0.0) == []
    assert (one.state, bool(one.waits_for(1.0))) == (State.STANDBY, True)
    hear(one, "cfm-3", known)
    (stored,) = ticked(one, 1.0, 0.0)
    assert isinstance(stored, StoreClaim)
    assert (one.state, one.claim.token, one.claim.authority) == (State.ACTIVE, token, BY_APPOINTMENT)
    assert one.waits_for(1.0) == []


def test_what_a_cfm_said_long_ago_makes_no_majority() -> None:
    one = appointment(None, is_configured=True, cfms=THREE)
    hear(one, "cfm-1", Claim(), now=1.0)
    hear(one, "cfm-2", BY_LOG, now=30.0)
    assert one.state is State.STANDBY


def test_who_is_not_configured_begins_nothing() -> None:
    one = appointment(None)
    for cfm in CFMS:
        hear(one, cfm, BY_LOG)
    assert (one.state, one.deadline()) == (State.STANDBY, None)


def test_the_configured_primary_begins_nothing_where_somebody_was_appointed() -> None:
    one = appointment(None, is_configured=True)
    for cfm in CFMS:
        hear(one, cfm, LATER)
    assert ticked(one, 1.0, 0.0) == [StoreClaim(LATER, is_ours=False)]
    assert (one.state, one.describe(1.0)["reason"]) == (State.FENCED, "the CFMs have seen another primary")


def test_an_appointment_that_another_authority_followed_is_over() -> None:
    one = appointment(Tenure(LATER, is_ours=False), is_configured=True)
    for cfm in CFMS:
        hear(one, cfm, BY_LOG)
    ticked(one, 1.0, 0.0)
    assert (one.state, one.claim.token) == (State.ACTIVE, (5, 64))


def test_a_cfm_that_comes_with_a_later_era_of_another_authority_has_the_holder_begin_the_next() -> None:
    one = appointment(Tenure(FIRST, is_ours=True))
    ticked(one, 0.0, 0.0)
    hear(one, "cfm-2", BY_LOG)
    assert one.acts_until == 0.0
    ticked(one, 1.0, 0.0)
    assert (one.state, one.claim.token) == (State.ACTIVE, (5, 64))
    assert "era 5, after the role log" in one.describe(1.0)["reason"]
    hear(one, "cfm-1", BY_LOG)
    assert one.claim.token == (5, 64)


def test_an_earlier_era_of_another_authority_is_over() -> None:
    one = appointment(Tenure(FIRST, is_ours=True))
    ticked(one, 0.0, 0.0)
    hear(one, "cfm-2", BY_LOG._replace(era=0))
    assert (one.state, one.claim) == (State.ACTIVE, FIRST)


def test_where_no_era_is_left_nobody_begins_and_it_is_said() -> None:
    one = appointment(None, is_configured=True)
    for cfm in CFMS:
        hear(one, cfm, BY_LOG._replace(era=ERA_MAX))
    assert (one.state, ticked(one, 1.0, 0.0)) == (State.STANDBY, [])
    assert "no era is left" in one.describe(1.0)["reason"]


def test_what_another_process_may_have_too_is_acted_under_after_a_silence_only() -> None:
    one = appointment(Tenure(FIRST, is_ours=True), is_alone=False)
    ticked(one, 10.0, 0.0)
    assert (one.state, one.acts_until, one.deadline()) == (State.STANDBY, 0.0, 10.0 + SILENCE_S)
    one.tick(10.0 + SILENCE_S, 0.0)
    assert (one.state, one.deadline()) == (State.ACTIVE, None)


@pytest.mark.parametrize(("place", "is_us"), [(0, True), (0, False), (1, False)])
def test_an_era_appoints_whom_it_names_and_a_later_process_of_his_name_waits(
    place: int, *, is_us: bool
) -> None:
    one = appointment(None)
    one.begin(3, Claimed("dhcp-1", place, "4" * 16, is_us), 10.0)
    ticked(one, 10.0, 10.0)
    assert one.state is (State.FENCED if place else State.ACTIVE if is_us else State.STANDBY)
    ticked(one, 10.0 + SILENCE_S, 13.5)
    assert one.state is (State.FENCED if place else State.ACTIVE)


def test_where_the_fleet_may_have_switched_meanwhile_a_majority_of_the_cfms_is_heard_first() -> None:
    """Else a primary that was absent would act beside that of the other column, which it does not hear."""
    one = appointment(Tenure(FIRST, is_ours=True), asks_first=True)
    ticked(one, 0.0, 0.0)
    assert one.claim == FIRST
    assert [reason.code for reason in one.waits_for(1.0)] == ["cfms-unheard"]
    states = [one.state]
    for cfm in CFMS:
        hear(one, cfm, FIRST)
        states.append(one.state)
    assert states == [State.STANDBY, State.STANDBY, State.ACTIVE]
    assert one.waits_for(1.0) == []


@pytest.mark.parametrize("is_configured", [True, False])
def test_a_tenure_ends_with_its_era_where_nobody_has_claimed_the_next(*, is_configured: bool) -> None:
    """Two switches went on without us: no CFM takes our rows, and none names a claim that ends ours."""
    one = appointment(Tenure(FIRST, is_ours=True), is_configured=is_configured)
    ticked(one, 0.0, 0.0)
    begun = Claim(3, -1, "", BY_APPOINTMENT)
    hear(one, "cfm-1", begun)
    assert one.claim == FIRST  # one CFM's word is not enough
    hear(one, "cfm-2", begun)
    ticked(one, 1.0, 1.0)
    assert one.claim.era == (3 if is_configured else 0)
    states = [one.state]
    ticked(one, 1.0 + SILENCE_S, 1.0)  # whom the era named may act under the authority before it until then
    assert [*states, one.state] == [State.STANDBY, State.ACTIVE if is_configured else State.STANDBY]


def test_one_that_hears_no_cfm_acts_when_a_person_appoints_it() -> None:
    one = appointment(Tenure(FIRST, is_ours=True), asks_first=True)
    ticked(one, 0.0, 0.0)
    assert one.promote(1.0, lambda: CFMS)
    ticked(one, 1.0, 1.0)
    assert one.state is State.ACTIVE

"""Grants: what a voter promises, and for how long a candidate may act on a majority of promises."""

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from bus.errors import ConfigError, StateError
from heartbeat.roles.claim import BY_GRANTS, EPOCH_MAX, ERA_MAX, Claim, log_authority
from heartbeat.roles.granted.grants import (
    ASK_FOR_S,
    HOLDER_LEASE_S,
    PAUSE_S_MAX,
    PAUSE_S_MIN,
    RENEW_EVERY_S,
    SOON_S_MAX,
    VOTER_LEASE_S,
    Ask,
    Candidate,
    Granted,
    Lost,
    NamedClaim,
    Promise,
    Refused,
    Release,
    StorePromises,
    Tell,
    Voter,
    Won,
)

ROLE, OTHER_ROLE = "dhcp/lab", "mps/lab"
A, B = "dhcp-1", "dhcp-2"
LOW, HIGH = Claim(1, 64, "a" * 16, BY_GRANTS), Claim(1, 65, "b" * 16, BY_GRANTS)
VOTERS = ("cfm-1", "cfm-2", "cfm-3")
START = 100.0
READY = START + VOTER_LEASE_S


class OnDisk(Voter):
    """A voter whose disk keeps everything at once."""

    def receive(self, message: Ask | Release, now: float) -> list[StorePromises | Tell]:
        return self.on_disk(super().receive(message, now), now)

    def admit(self, floors: Mapping[str, Claim], now: float) -> list[StorePromises]:
        return self.on_disk(super().admit(floors, now), now)

    def on_disk(self, effects: list[Any], now: float) -> list[Any]:
        for effect in effects:
            if isinstance(effect, StorePromises):
                self.kept(effect, now)
        return effects


def voter(promises: Mapping[str, Promise] | None = None, now: float = START) -> Voter:
    return OnDisk("cfm-1", (ROLE, OTHER_ROLE), {} if promises is None else promises, now)


def ask(ballot: Claim = LOW, candidate: str = A, number: int = 1, role: str = ROLE) -> Ask:
    return Ask(role, ballot, candidate, number)


def yes(ballot: Claim = LOW, to: str = A, number: int = 1) -> Tell:
    return Tell(to, Granted(ROLE, ballot, number, "cfm-1"))


def no(promised: Claim | None, ballot: Claim = LOW, to: str = A) -> Tell:
    return Tell(to, Refused(ROLE, ballot, 1, "cfm-1", promised))


class TestVoter:
    def test_a_promise_is_stored_before_it_is_answered(self) -> None:
        stored = StorePromises({ROLE: Promise(LOW, A)})
        assert voter().receive(ask(), READY) == [stored, yes()]

    def test_a_renewal_extends_without_the_disk(self) -> None:
        one = voter()
        one.receive(ask(), READY)
        assert one.receive(ask(number=2), READY + 3.0) == [yes(number=2)]
        assert one.receive(ask(HIGH, B), READY + VOTER_LEASE_S) == [no(LOW, HIGH, B)]
        assert one.receive(ask(HIGH, B), READY + 3.0 + VOTER_LEASE_S)[-1] == yes(HIGH, B)

    @pytest.mark.parametrize(("late_s", "grants"), [(-0.001, False), (0.0, True)])
    def test_another_claim_waits_for_the_end_of_the_lease(self, late_s: float, grants: bool) -> None:
        one = voter()
        one.receive(ask(), READY)
        answer = one.receive(ask(HIGH, B), READY + VOTER_LEASE_S + late_s)[-1]
        assert answer == (yes(HIGH, B) if grants else no(LOW, HIGH, B))

    @pytest.mark.parametrize(
        "ballot",
        [LOW, Claim(1, 65, "c" * 16, BY_GRANTS), Claim(0, 900, "c" * 16, BY_GRANTS)],
        ids=["lower", "of the same token", "of an earlier era"],
    )
    def test_a_ballot_that_is_not_higher_is_never_granted(self, ballot: Claim) -> None:
        one = voter({ROLE: Promise(HIGH, B)})
        assert one.receive(ask(ballot), READY + 1000.0) == [no(HIGH, ballot)]

    def test_a_later_era_is_higher_at_any_epoch(self) -> None:
        ballot = Claim(2, 1, "c" * 16, BY_GRANTS)
        assert voter({ROLE: Promise(HIGH, B)}).receive(ask(ballot), READY)[-1] == yes(ballot)

    def test_a_refused_ask_changes_nothing(self) -> None:
        one = voter()
        one.receive(ask(), READY)
        one.receive(ask(HIGH, B), READY + 1.0)
        assert one.receive(ask(number=2), READY + 2.0) == [yes(number=2)]

    def test_nobody_renews_in_the_name_of_another(self) -> None:
        one = voter()
        one.receive(ask(), READY)
        assert one.receive(ask(LOW, B), READY + 1.0) == [no(LOW, LOW, B)]
        one.receive(Release(ROLE, LOW, B), READY + 1.0)
        assert one.receive(ask(HIGH, B), READY + 1.0) == [no(LOW, HIGH, B)]

    def test_after_a_release_the_next_is_granted_at_once(self) -> None:
        one = voter()
        one.receive(ask(), READY)
        assert one.receive(Release(ROLE, LOW, A), READY + 1.0) == []
        assert one.receive(ask(HIGH, B), READY + 1.0)[-1] == yes(HIGH, B)

    def test_an_ask_that_its_release_overtook_is_not_granted(self) -> None:
        one = voter()
        one.receive(ask(), READY)
        one.receive(Release(ROLE, LOW, A), READY + 1.0)
        assert one.receive(ask(number=2), READY + 1.1) == []
        assert one.receive(ask(HIGH, B), READY + 1.2)[-1] == yes(HIGH, B)

    def test_a_release_of_a_former_claim_frees_nothing(self) -> None:
        one = voter({ROLE: Promise(LOW, A)})
        one.receive(ask(HIGH, B), READY)
        one.receive(Release(ROLE, LOW, A), READY + 1.0)
        higher = Claim(1, 66, "c" * 16, BY_GRANTS)
        assert one.receive(ask(higher), READY + 1.0) == [no(HIGH, higher)]

    def test_roles_know_nothing_of_each_other(self) -> None:
        one = voter()
        one.receive(ask(HIGH, B), READY)
        both = StorePromises({ROLE: Promise(HIGH, B), OTHER_ROLE: Promise(LOW, A)})
        assert one.receive(ask(role=OTHER_ROLE), READY)[0] == both

    def test_a_stored_record_is_not_changed_by_later_promises(self) -> None:
        one = voter()
        stored = one.receive(ask(), READY)[0]
        one.receive(ask(role=OTHER_ROLE), READY)
        assert stored == StorePromises({ROLE: Promise(LOW, A)})

    def test_a_role_that_is_not_voted_on_here_gets_no_answer(self) -> None:
        assert voter().receive(ask(role="dhcp/elsewhere"), READY) == []

    def test_a_start_grants_nobody_new_for_a_lease(self) -> None:
        one = voter({ROLE: Promise(LOW, A)})
        assert one.receive(ask(HIGH, B), READY - 0.001) == [no(LOW, HIGH, B)]
        assert one.receive(ask(HIGH, B), READY)[-1] == yes(HIGH, B)
        assert voter().receive(ask(), READY - 0.001) == [no(None)]

    def test_a_start_goes_on_with_the_claim_it_promised(self) -> None:
        one = voter({ROLE: Promise(LOW, A)})
        assert one.receive(ask(), START + 1.0) == [yes()]
        assert one.receive(ask(HIGH, B), READY) == [no(LOW, HIGH, B)]
        assert one.receive(ask(HIGH, B), READY + 1.0)[-1] == yes(HIGH, B)

    def test_a_start_frees_what_its_last_claim_releases(self) -> None:
        one = voter({ROLE: Promise(LOW, A)})
        one.receive(Release(ROLE, LOW, A), START + 1.0)
        assert one.receive(ask(HIGH, B), START + 1.0)[-1] == yes(HIGH, B)


class TestVoterWithoutRoom:
    """The disk refuses a promise, or says so and has it all the same."""

    def full(self, promises: Mapping[str, Promise] | None = None) -> tuple[Voter, StorePromises]:
        """A voter that could not keep its promise to A."""
        one = Voter("cfm-1", (ROLE, OTHER_ROLE), promises or {}, START)
        stored, granted = one.receive(ask(), READY)
        assert granted == yes()
        assert isinstance(stored, StorePromises)
        one.unkept(stored)
        return one, stored

    def test_what_was_not_kept_is_not_promised(self) -> None:
        one, _ = self.full()
        assert one.promises == {}
        assert one.record() == StorePromises({ROLE: Promise(LOW, A)})

    def test_the_same_ask_is_kept_before_it_is_answered(self) -> None:
        one, stored = self.full()
        assert one.receive(ask(number=2), READY + 1.0) == [stored, yes(number=2)]

    def test_a_higher_ask_takes_its_place(self) -> None:
        one, _ = self.full()
        assert one.receive(ask(HIGH, B), READY) == [StorePromises({ROLE: Promise(HIGH, B)}), yes(HIGH, B)]

    def test_nobody_else_is_answered(self) -> None:
        one, _ = self.full({ROLE: Promise(Claim(1, 63, "0" * 16), B)})
        assert one.receive(ask(Claim(1, 63, "0" * 16), B), READY) == []
        assert one.receive(ask(LOW, B), READY) == []

    def test_other_roles_are_voted_on_and_nothing_is_forgotten(self) -> None:
        one, _ = self.full()
        both = StorePromises({ROLE: Promise(LOW, A), OTHER_ROLE: Promise(HIGH, B)})
        told = one.receive(ask(HIGH, B, role=OTHER_ROLE), READY)
        assert told[0] == both

    def test_kept_later_it_is_promised_from_then_on(self) -> None:
        one, stored = self.full()
        one.kept(stored, READY + 10.0)
        assert one.receive(ask(number=2), READY + 10.0) == [yes(number=2)]
        assert one.receive(ask(HIGH, B), READY + 10.0 + VOTER_LEASE_S - 0.1) == [no(LOW, HIGH, B)]

    def test_who_could_not_be_admitted_abstains(self) -> None:
        one = Voter("cfm-1", (ROLE,), None, START)
        (stored,) = one.admit({}, START)
        one.unkept(stored)
        assert (one.votes, one.record()) == (False, None)
        assert one.receive(ask(), READY) == []
        one.kept(stored, READY)
        assert one.votes


class TestVoterWithoutRecord:
    def lost(self) -> Voter:
        return OnDisk("cfm-1", (ROLE,), None, START)

    def test_it_abstains_for_ever(self) -> None:
        one = self.lost()
        assert one.receive(ask(), READY + 1000.0) == []
        assert one.receive(Release(ROLE, LOW, A), READY + 1000.0) == []

    def test_a_person_admits_it_with_a_floor(self) -> None:
        one = self.lost()
        assert one.admit({ROLE: LOW}, 200.0) == [StorePromises({ROLE: Promise(LOW, "")})]
        waited = 200.0 + VOTER_LEASE_S
        assert one.receive(ask(HIGH, B), waited - 0.001) == [no(LOW, HIGH, B)]
        assert one.receive(ask(), waited) == [no(LOW)]
        assert one.receive(ask(HIGH, B), waited)[-1] == yes(HIGH, B)

    def test_an_admission_of_the_first_day_has_no_floor_and_is_stored(self) -> None:
        one = self.lost()
        assert one.admit({}, START) == [StorePromises({})]
        assert one.receive(ask(), READY)[-1] == yes()

    def test_nobody_is_admitted_twice(self) -> None:
        with pytest.raises(StateError, match="has its record"):
            voter().admit({}, READY)


def candidate(index: int = 0, voters: tuple[str, ...] = VOTERS, seed: int = 1) -> Candidate:
    one = Candidate(A, ROLE, index=index, voters=voters, random=Random(seed))
    one.stand(0.0)
    return one


def asked(effects: list[Won | Lost | Tell]) -> Ask:
    """The ask that all voters were told, and nothing else was done."""
    messages = {effect.message for effect in effects if isinstance(effect, Tell)}
    assert [effect.to for effect in effects if isinstance(effect, Tell)] == list(VOTERS)
    assert len(messages) == 1
    (message,) = messages
    assert isinstance(message, Ask)
    return message


def grant(one: Candidate, said: Ask, *voters: str, now: float) -> list[Won | Lost | Tell]:
    return [
        effect
        for name in voters
        for effect in one.receive(Granted(ROLE, said.ballot, said.number, name), now)
    ]


def refuse(
    one: Candidate, said: Ask, *voters: str, now: float, by: Claim | None = None
) -> list[Won | Lost | Tell]:
    return [
        effect
        for name in voters
        for effect in one.receive(Refused(ROLE, said.ballot, said.number, name, by), now)
    ]


def holder() -> tuple[Candidate, Ask]:
    """A candidate that asked at 0 and won."""
    one = candidate()
    said = asked(one.tick(0.0))
    assert grant(one, said, "cfm-1", "cfm-2", now=0.1) == [Won(ROLE, said.ballot)]
    return one, said


def releases(said: Ask, *voters: str) -> list[Tell]:
    return [Tell(name, Release(ROLE, said.ballot, A)) for name in voters]


class TestCandidate:
    def test_it_asks_nobody_before_it_stands(self) -> None:
        one = Candidate(A, ROLE, index=0, voters=VOTERS, random=Random(1))
        assert one.deadline() is None
        assert one.tick(5.0) == []
        one.stand(5.0)
        assert one.deadline() == 5.0
        assert asked(one.tick(5.0)).candidate == A

    def test_a_majority_is_the_role(self) -> None:
        one = candidate()
        said = asked(one.tick(0.0))
        assert grant(one, said, "cfm-1", now=0.1) == []
        assert one.held(0.1) is None
        assert grant(one, said, "cfm-3", now=0.2) == [Won(ROLE, said.ballot)]
        assert one.held(0.2) == said.ballot

    @pytest.mark.parametrize(("count", "majority"), [(3, 2), (4, 3), (5, 3)])
    def test_half_of_the_voters_is_no_majority(self, count: int, majority: int) -> None:
        names = tuple(f"cfm-{number}" for number in range(count))
        one = candidate(voters=names)
        told = one.tick(0.0)[0]
        assert isinstance(told, Tell)
        assert isinstance(told.message, Ask)
        won = [bool(grant(one, told.message, name, now=0.1)) for name in names]
        assert won.index(True) + 1 == majority

    def test_one_voter_counts_once_however_often_it_answers(self) -> None:
        one = candidate()
        said = asked(one.tick(0.0))
        assert grant(one, said, "cfm-1", "cfm-1", "cfm-1", now=0.1) == []
        assert grant(one, said, "cfm-9", now=0.1) == []

    def test_the_lease_counts_from_before_the_ask(self) -> None:
        one = candidate()
        said = asked(one.tick(0.0))
        grant(one, said, "cfm-1", "cfm-2", now=0.4)
        assert one.held(HOLDER_LEASE_S - 0.001) == said.ballot
        assert one.held(HOLDER_LEASE_S) is None

    def test_it_renews_twice_a_second(self) -> None:
        one, said = holder()
        assert one.deadline() == RENEW_EVERY_S
        assert asked(one.tick(RENEW_EVERY_S)) == said._replace(number=2)
        assert one.deadline() == 2 * RENEW_EVERY_S

    def test_a_renewal_counts_from_the_send_that_a_majority_answered(self) -> None:
        one, said = holder()
        second = asked(one.tick(0.5))
        third = asked(one.tick(1.0))
        assert grant(one, third, "cfm-1", now=1.1) == []
        assert one.held(HOLDER_LEASE_S) is None
        grant(one, second, "cfm-3", now=1.2)
        assert one.held(0.5 + HOLDER_LEASE_S - 0.001) == said.ballot
        assert one.held(0.5 + HOLDER_LEASE_S) is None
        grant(one, said, "cfm-2", "cfm-3", now=1.3)
        assert one.held(0.5 + HOLDER_LEASE_S - 0.001) == said.ballot

    def test_a_majority_that_answers_after_the_lease_wins_nothing(self) -> None:
        one = candidate()
        said = asked(one.tick(0.0))
        grant(one, said, "cfm-1", now=0.1)
        again = asked(one.tick(1.0))
        assert grant(one, again, "cfm-2", now=ASK_FOR_S + 2.0) == releases(said, *VOTERS)
        assert one.held(ASK_FOR_S + 2.0) is None

    def test_the_lease_ends_by_itself(self) -> None:
        one, said = holder()
        one.tick(2.9)
        assert one.deadline() == HOLDER_LEASE_S
        lost, *told = one.tick(HOLDER_LEASE_S)
        assert lost == Lost(ROLE, said.ballot, "no majority renewed it in time")
        assert told == releases(said, *VOTERS)

    def test_a_renewal_that_arrives_after_the_end_revives_nothing(self) -> None:
        one, said = holder()
        renewal = asked(one.tick(2.5))
        lost, *told = grant(one, renewal, "cfm-1", "cfm-2", now=HOLDER_LEASE_S)
        assert isinstance(lost, Lost)
        assert told == releases(said, *VOTERS)
        assert one.held(HOLDER_LEASE_S) is None
        assert grant(one, renewal, "cfm-1", "cfm-2", now=3.1) == []

    def test_one_voters_higher_ballot_ends_a_candidacy_and_no_holder(self) -> None:
        one, said = holder()
        assert refuse(one, said, "cfm-3", now=0.2, by=Claim(1, 700, "c" * 16, BY_GRANTS)) == []
        assert one.held(0.2) is not None
        one = candidate()
        said = asked(one.tick(0.0))
        assert refuse(one, said, "cfm-3", now=0.2, by=Claim(1, 700, "c" * 16, BY_GRANTS)) == releases(
            said, *VOTERS
        )

    def test_the_next_claim_is_above_what_was_refused_and_has_an_id_of_its_own(self) -> None:
        one = candidate(index=3)
        said = asked(one.tick(0.0))
        refuse(one, said, "cfm-3", now=0.2, by=Claim(1, 700, "c" * 16, BY_GRANTS))
        again = asked(one.tick(0.2 + PAUSE_S_MAX))
        assert again.ballot.token > (1, 700)
        assert again.ballot.epoch % 64 == said.ballot.epoch % 64 == 3
        assert again.ballot.claim_id != said.ballot.claim_id

    def test_a_claim_of_our_former_process_is_higher_though_its_token_is_the_same(self) -> None:
        one = candidate()
        said = asked(one.tick(0.0))
        refuse(one, said, "cfm-1", now=0.1, by=said.ballot._replace(claim_id="c" * 16))
        assert asked(one.tick(5.0)).ballot.token > said.ballot.token

    def test_a_later_era_ends_the_claim_and_the_next_is_in_it(self) -> None:
        one, said = holder()
        assert isinstance(
            refuse(one, said, "cfm-3", now=0.2, by=Claim(2, 9000, "c" * 16, BY_GRANTS))[0], Lost
        )
        assert asked(one.tick(5.0)).ballot.token == (2, 9024)

    @pytest.mark.parametrize(("era", "token"), [(0, (1, 128)), (1, (2, 64)), (4, (5, 64))])
    def test_after_another_authority_the_next_claim_is_in_the_era_above(
        self, era: int, token: tuple[int, int]
    ) -> None:
        one, said = holder()
        assert said.ballot.token == (1, 64)
        one.observe(Claim(era, 9000, "c" * 16, log_authority("a log")), 0.2)
        one.release(0.3)
        one.stand(0.4)
        assert asked(one.tick(5.0)).ballot.token == token

    @pytest.mark.parametrize("by", [None, Claim(1, 1, "c" * 16, BY_GRANTS)], ids=["nothing", "a lower claim"])
    def test_a_holder_takes_no_notice_of_a_voter_that_cannot_grant_yet(self, by: Claim | None) -> None:
        one, said = holder()
        assert refuse(one, said, *VOTERS, now=0.2, by=by) == []
        assert one.held(0.2) == said.ballot

    def test_a_floor_of_our_own_claim_is_no_later_claim(self) -> None:
        one, said = holder()
        assert refuse(one, said, "cfm-3", now=0.2, by=said.ballot) == []

    def test_it_gives_up_when_no_majority_can_grant(self) -> None:
        one = candidate()
        said = asked(one.tick(0.0))
        grant(one, said, "cfm-1", now=0.1)
        assert refuse(one, said, "cfm-2", now=0.1) == []
        assert refuse(one, said, "cfm-3", now=0.1) == releases(said, "cfm-1")

    def test_who_refused_an_earlier_ask_may_grant_the_next(self) -> None:
        one = candidate()
        first = asked(one.tick(0.0))
        refuse(one, first, "cfm-1", now=0.1)
        second = asked(one.tick(0.5))
        assert refuse(one, first, "cfm-2", "cfm-3", now=0.6) == []
        assert grant(one, second, "cfm-1", "cfm-2", now=0.6) == [Won(ROLE, first.ballot)]

    def test_it_gives_up_when_nobody_answers(self) -> None:
        one = candidate()
        said = asked(one.tick(0.0))
        asked(one.tick(0.5))
        asked(one.tick(1.0))
        assert one.deadline() == ASK_FOR_S
        assert one.tick(ASK_FOR_S) == releases(said, *VOTERS)

    def test_the_pause_before_the_next_claim_is_random(self) -> None:
        pauses = set()
        for seed in range(50):
            one = candidate(seed=seed)
            one.tick(0.0)
            one.tick(ASK_FOR_S)
            due = one.deadline()
            assert due is not None
            assert ASK_FOR_S + PAUSE_S_MIN <= due <= ASK_FOR_S + PAUSE_S_MAX
            pauses.add(due)
        assert len(pauses) == 50

    def test_a_release_ends_the_lease_before_it_is_told_and_for_good(self) -> None:
        one, said = holder()
        assert one.release(0.2) == [Lost(ROLE, said.ballot, "released"), *releases(said, *VOTERS)]
        assert one.held(0.2) is None
        assert one.deadline() is None
        assert grant(one, said, *VOTERS, now=0.3) == []
        assert one.release(0.4) == []

    def test_what_was_sent_is_forgotten_after_a_lease(self) -> None:
        one, said = holder()
        for number in range(1, 2000):
            renewal = asked(one.tick(number * RENEW_EVERY_S))
            grant(one, renewal, "cfm-1", "cfm-2", now=number * RENEW_EVERY_S)
        assert one.held(1000.0) == said.ballot
        assert one._claim is not None
        assert len(one._claim.sent) <= HOLDER_LEASE_S / RENEW_EVERY_S

    @pytest.mark.parametrize("voters", [(), ("cfm-1", "cfm-2"), ("cfm-1", "cfm-2", "cfm-2")])
    def test_fewer_than_three_voters_are_refused(self, voters: tuple[str, ...]) -> None:
        with pytest.raises(ConfigError, match="grants need 3"):
            candidate(voters=voters)

    @pytest.mark.parametrize("index", [-1, 64])
    def test_an_index_beyond_the_candidates_is_refused(self, index: int) -> None:
        with pytest.raises(ConfigError, match=str(index)):
            candidate(index=index)

    def test_without_an_epoch_left_it_goes_on_in_the_next_era(self) -> None:
        one = candidate()
        said = asked(one.tick(0.0))
        refuse(one, said, "cfm-1", now=0.1, by=Claim(1, EPOCH_MAX, "c" * 16, BY_GRANTS))
        assert asked(one.tick(5.0)).ballot.token == (2, 64)

    def test_without_an_era_left_it_says_so(self) -> None:
        one = candidate()
        said = asked(one.tick(0.0))
        refuse(one, said, "cfm-1", now=0.1, by=Claim(ERA_MAX, EPOCH_MAX, "c" * 16, BY_GRANTS))
        with pytest.raises(StateError, match="no era is left"):
            one.tick(5.0)


@pytest.mark.parametrize("holders_rate", [0.999, 1.001])
@pytest.mark.parametrize("voters_rate", [0.999, 1.001])
def test_no_voter_grants_another_while_the_lease_runs_on_any_clock(
    holders_rate: float, voters_rate: float
) -> None:
    one = voter()
    one.receive(ask(), READY)
    lease_s = HOLDER_LEASE_S / holders_rate
    assert one.receive(ask(HIGH, B), READY + lease_s * voters_rate) == [no(LOW, HIGH, B)]


def test_a_claim_ends_with_its_era() -> None:
    """Switches went on without it: no CFM takes rows under it, and none names a claim that would end it."""
    one, said = holder()
    assert one.meet_era(said.ballot.era, 2.0) == []
    ended = one.meet_era(said.ballot.era + 2, 2.0)
    assert isinstance(ended[0], Lost)
    assert one.held(2.0) is None
    assert asked(one.tick(5.0)).ballot.era == said.ballot.era + 2


NAMED, NEXT = Claim(3, 64, "e" * 16, BY_GRANTS), Claim(3, 65, "f" * 16, BY_GRANTS)


def voter_in_era_3(now: float) -> Voter:
    """It granted A a claim of era 1, and has come to an era that names A's claim."""
    one = voter({ROLE: Promise(LOW, A)})
    one.begin(3, {ROLE: NamedClaim(A, NAMED.claim_id)}, now)
    return one


def test_the_claim_that_an_era_names_alone_is_granted_for_a_lease() -> None:
    """For as long as its holder may act in the name of the era before; a later process of his name waits."""
    one = voter_in_era_3(READY)
    late = READY + VOTER_LEASE_S - 0.1
    for ballot, candidate in ((NEXT, B), (NEXT, A)):
        assert one.receive(ask(ballot, candidate), late) == [no(LOW, ballot, candidate)]
    assert one.receive(ask(NAMED), late)[1:] == [yes(NAMED)]
    other = voter_in_era_3(READY)
    assert other.receive(ask(NEXT, B), READY + VOTER_LEASE_S)[1:] == [yes(NEXT, B)]


def test_what_the_named_one_gives_back_in_this_era_another_is_granted_at_once() -> None:
    """He has no effects any more, in the name of no era."""
    one = voter_in_era_3(READY)
    one.receive(ask(NAMED), READY + 0.1)
    one.receive(Release(ROLE, NAMED, A), READY + 0.2)
    assert one.receive(ask(NEXT, B), READY + 0.2)[1:] == [yes(NEXT, B)]


@pytest.mark.parametrize("is_started_anew", [False, True])
def test_what_was_given_back_before_the_era_comes_late_and_frees_nothing(*, is_started_anew: bool) -> None:
    one = voter_in_era_3(READY)
    if is_started_anew:
        one = voter({ROLE: Promise(LOW, A)}, READY)
        one.come_to(3)
    one.receive(Release(ROLE, LOW, A), READY + 0.2)
    assert one.receive(ask(NEXT, B), READY + 0.2) == [no(LOW, NEXT, B)]


@pytest.mark.parametrize("candidate", [A, B])
def test_whom_an_era_names_waits_for_the_lease_of_another_and_not_for_his_own(candidate: str) -> None:
    """A switch was taken back, and its writer had not heard yet that another was granted the role."""
    one = voter()
    one.receive(ask(LOW, candidate), READY)
    one.begin(3, {ROLE: NamedClaim(A, NAMED.claim_id)}, READY + 0.1)
    asked = [one.receive(ask(NAMED), READY + at) for at in (0.2, VOTER_LEASE_S - 0.1, VOTER_LEASE_S)]
    is_granted = [yes(NAMED) in answers for answers in asked]
    assert is_granted == ([True] * 3 if candidate == A else [False, False, True])


def test_whom_an_era_names_asks_for_as_long_as_he_may_act_before_it() -> None:
    """A majority of the voters may come to the era more than a second after him."""
    one = candidate()
    one.begin(3, NAMED.claim_id, 0.0)
    for at in range(6):
        said = asked(one.tick(at * RENEW_EVERY_S))
    won = [*grant(one, said, "cfm-1", "cfm-2", now=2.9)]
    assert won == [Won(ROLE, said.ballot)]
    assert said.ballot.claim_id == NAMED.claim_id


class TestFreed:
    """The holder says in its beat that it holds the role no longer."""

    @pytest.mark.parametrize("is_asking", [False, True])
    def test_who_stands_asks_soon(self, is_asking: bool) -> None:
        one = candidate()
        said = asked(one.tick(0.0))
        if not is_asking:
            refuse(one, said, "cfm-1", "cfm-2", now=0.1, by=Claim(1, 700, "c" * 16, BY_GRANTS))
        one.freed(0.2)
        due = one.deadline()
        assert due is not None
        assert 0.2 <= due <= 0.2 + SOON_S_MAX
        assert asked(one.tick(due)).number == (2 if is_asking else 1)

    def test_who_holds_it_or_does_not_stand_does_nothing(self) -> None:
        one, _ = holder()
        before = one.deadline()
        one.freed(0.2)
        assert one.deadline() == before
        one = candidate()
        one.release(0.0)
        one.freed(0.2)
        assert one.deadline() is None

"""By what right a sidecar mints where the CFMs grant its role."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from bus.contract import decode
from bus.effects import Keep, Publish, Reply, Send
from bus.envelope import NO_TOKEN, Envelope, Stamp
from bus.errors import ConfigError, DecodeError
from bus.leaps import LeapError
from bus.messages import Draining, LocalRequest, Received
from fileid.row import HELLO
from heartbeat.liveness.beat import Beat, RoleState
from heartbeat.roles.claim import BY_GRANTS, EPOCH_MAX, ERA_MAX, Claim
from heartbeat.roles.evidence import Answer
from heartbeat.roles.granted.grants import (
    HOLDER_LEASE_S,
    PAUSE_S_MAX,
    SOON_S_MAX,
    VOTER_LEASE_S,
    Ask,
    Granted,
    Refused,
)
from heartbeat.roles.granted.holder import NOT_PROMOTED, GrantedHolder, check_voters
from heartbeat.roles.granted.messages import ASK, GRANTED, RESIGN, pack_grant, unpack_question
from heartbeat.roles.hello import pack_standing, unpack_hello
from heartbeat.roles.states import State
from services.sidecar.minter import Minter
from services.sidecar.role.authority import Authority
from services.sidecar.role.record import StoreFailover
from tests.replies import Replies

ROLE = "dhcp/lab"
CFMS = ("cfm-1", "cfm-2", "cfm-3")
MAJORITY = CFMS[:2]
HOST, OPERATOR = 5, 9
RIVAL = Claim(1, 129, "b" * 16, BY_GRANTS)


class Run:
    """A sidecar's authority; the voters answer when the test says so."""

    def __init__(self, **more: Any) -> None:
        self.now = 0.0
        self.stamp = Stamp("dhcp-1", "lab", 1)
        self.role = GrantedHolder(role=ROLE, stamp=self.stamp, index=0, voters=CFMS, random=Random(1))
        self.authority = Authority(self.stamp, self.role, **more)
        self.is_prepared = True
        self.replies = Replies("dhcp")
        self.sent: list[Send] = []
        self.told: list[Any] = []

    def tick(self, now: float) -> list[Send]:
        """What is sent at this moment; afterwards nothing is due any more."""
        self.now = now
        before = len(self.sent)
        for _ in range(5):
            for effect in self.authority.tick(now, 0.0, is_prepared=self.is_prepared):
                if isinstance(effect, Send):
                    self.sent.append(effect)
                else:
                    self.told.append(effect)
            due = self.authority.deadline()
            if due is None or due > now:
                return self.sent[before:]
        raise AssertionError("its deadline stays in the past")

    def asked(self) -> Ask:
        """The latest ask."""
        last = next(one.envelope for one in reversed(self.sent) if one.envelope.type == ASK)
        found = unpack_question(last, {"dhcp-1": ROLE})
        assert isinstance(found, Ask)
        return found

    def grant(self, *voters: str, now: float) -> None:
        """These grant the latest ask."""
        said = self.asked()
        for voter in voters:
            answer = Granted(ROLE, said.ballot, said.number, voter)
            self.authority.voted(pack_grant(Stamp(voter, "lab", 1), answer), now)

    def refuse(self, *voters: str, by: Claim | None, now: float) -> None:
        said = self.asked()
        for voter in voters:
            answer = Refused(ROLE, said.ballot, said.number, voter, by)
            self.authority.voted(pack_grant(Stamp(voter, "lab", 1), answer), now)

    def accepted(self, cfm: str, highest: Claim, now: float) -> None:
        """This CFM says which claim it takes rows under."""
        data = pack_standing(Answer(highest, False, -1), int(now * 1e6))
        self.authority.answered(cfm, data, now)

    def ask(self, operation: str, session: int = OPERATOR, **more: Any) -> dict[str, Any]:
        request = LocalRequest(session, {"op": operation, **more})
        self.replies.hear(request)
        effects = self.replies.check(self.authority.operate(request, self.now))
        for keep in [one for one in effects if isinstance(one, Keep)]:
            effects += [*self.authority.kept(keep.record, self.now), *keep.then]
        (reply,) = (one for one in effects if isinstance(one, Reply))
        return reply.body

    def states(self) -> tuple[State, float, Claim]:
        return self.role.state, self.role.acts_until, self.role.claim


def active(**more: Any) -> Run:
    """A run that asked at 0.0 and holds its role."""
    run = Run(**more)
    run.tick(0.0)
    run.grant(*MAJORITY, now=0.1)
    return run


def types(sent: list[Send]) -> set[str]:
    return {one.envelope.type for one in sent}


def test_it_asks_every_voter_and_is_nobody_yet() -> None:
    run = Run()
    assert [one.to for one in run.tick(0.0)] == [*CFMS]
    assert run.states() == (State.CANDIDATE, 0.0, Claim())
    assert (run.authority.may_act(0.0), run.stamp.token) == (False, NO_TOKEN)


def test_a_majority_makes_it_active_until_the_lease_is_over() -> None:
    run = Run()
    run.tick(0.0)
    run.grant("cfm-1", now=0.1)
    assert run.role.state is State.CANDIDATE
    run.grant("cfm-3", now=0.1)
    ballot = run.asked().ballot
    assert run.states() == (State.ACTIVE, HOLDER_LEASE_S, ballot)
    assert run.stamp.token == ballot.token
    assert run.authority.may_act(HOLDER_LEASE_S - 0.001)
    assert not run.authority.may_act(HOLDER_LEASE_S)


def test_a_renewal_is_a_longer_lease() -> None:
    run = active()
    run.tick(0.5)
    run.grant(*MAJORITY, now=0.6)
    assert run.role.acts_until == 0.5 + HOLDER_LEASE_S


def test_without_a_majority_it_stops_at_the_lease_and_gives_it_back() -> None:
    run = active()
    run.tick(1.0)
    sent = run.tick(HOLDER_LEASE_S)
    assert types(sent) == {RESIGN}
    assert run.states() == (State.STANDBY, 0.0, Claim())
    assert run.stamp.token == NO_TOKEN
    assert "renewed" in run.role.describe(run.now)["reason"]


def test_who_is_refused_stands_by_for_a_pause_and_asks_above_it() -> None:
    run = Run()
    run.tick(0.0)
    run.refuse(*MAJORITY, by=RIVAL, now=0.1)
    assert run.states() == (State.STANDBY, 0.0, Claim())
    run.tick(0.1 + PAUSE_S_MAX)
    assert run.states() == (State.CANDIDATE, 0.0, Claim())
    assert run.asked().ballot.token > RIVAL.token


def test_who_is_not_prepared_asks_nobody() -> None:
    run = Run()
    run.is_prepared = False
    assert run.tick(0.0) == []
    assert run.states() == (State.STANDBY, 0.0, Claim())


def test_who_is_locked_takes_its_ask_back() -> None:
    run = Run()
    run.tick(0.0)
    run.ask("failover.lock")
    assert types(run.tick(0.1)) == {RESIGN}
    assert run.role.state is State.STANDBY
    assert run.tick(60.0) == []


def test_who_is_locked_keeps_what_it_holds_and_only_that() -> None:
    run = active()
    run.ask("failover.lock")
    run.tick(0.5)
    run.grant(*MAJORITY, now=0.6)
    assert run.role.acts_until == 0.5 + HOLDER_LEASE_S
    run.tick(0.5 + HOLDER_LEASE_S)
    assert run.states() == (State.STANDBY, 0.0, Claim())
    assert run.tick(60.0) == []


def test_a_lock_outlasts_a_restart() -> None:
    run = Run(kept=StoreFailover(None, locked=True))
    assert run.tick(60.0) == []


def test_a_drained_one_gives_back_only_when_its_host_has_stopped() -> None:
    run = active(needs_host=False)
    run.tick(0.1)
    assert run.ask("host.attach", HOST)["may_act"]
    run.ask("failover.drain")
    assert not run.authority.may_act(0.2)
    assert RESIGN not in types(run.tick(0.2))
    run.ask("host.yielded", HOST)
    assert types(run.tick(0.2)) == {RESIGN}
    assert run.authority.is_released


def test_a_drained_one_whose_host_says_nothing_waits_for_its_lease() -> None:
    run = active()
    run.tick(0.1)
    told = run.ask("host.attach", HOST)["lease_until_s"]
    run.authority.receive(Draining(), 0.2)
    assert RESIGN not in types(run.tick(told - 0.001))
    assert not run.authority.is_released
    assert RESIGN in types(run.tick(told))
    assert run.authority.is_released


def test_a_claim_that_ends_early_is_not_given_back_under_the_lease_of_its_host() -> None:
    run = active()
    run.ask("host.attach", HOST)
    run.accepted("cfm-3", RIVAL, 1.0)
    assert run.states() == (State.STANDBY, 0.0, Claim())
    assert not run.authority.may_act(1.0)
    assert RESIGN not in types(run.tick(1.0))


def test_after_a_later_claim_was_accepted_the_next_is_above_it() -> None:
    run = active()
    run.accepted("cfm-3", RIVAL, 1.0)
    run.tick(1.0 + PAUSE_S_MAX)
    assert run.asked().ballot.token > RIVAL.token


def test_its_own_claim_and_earlier_ones_end_nothing() -> None:
    run = active()
    for highest in (
        Claim(),
        Claim(0, EPOCH_MAX, "c" * 16, BY_GRANTS),
        Claim(1, 1, "c" * 16, BY_GRANTS),
        run.role.claim,
    ):
        run.accepted("cfm-1", highest, 1.0)
    run.accepted("cfm-9", RIVAL, 1.0)
    assert run.role.state is State.ACTIVE


def test_a_claim_of_the_same_token_that_is_not_ours_ends_ours() -> None:
    run = active()
    run.accepted("cfm-1", run.role.claim._replace(claim_id="c" * 16), 1.0)
    assert run.role.state is State.STANDBY


def test_a_later_era_ends_it_and_it_asks_in_that_era() -> None:
    run = active()
    run.accepted("cfm-1", Claim(2, 1, "c" * 16, BY_GRANTS), 1.0)
    assert not run.authority.may_act(1.0)
    run.tick(1.0)
    run.tick(60.0)
    assert run.asked().ballot.token == (2, 64)


def test_without_an_era_left_it_asks_nobody_and_says_so() -> None:
    run, last = Run(), Claim(ERA_MAX, EPOCH_MAX, "c" * 16, BY_GRANTS)
    run.tick(0.0)
    for cfm in ("cfm-1", "cfm-2"):
        run.role.answered(cfm, Answer(last, False, -1), 0.0, 0.1)
    run.refuse("cfm-1", by=last, now=0.1)
    assert types(run.tick(0.1 + PAUSE_S_MAX)) == {RESIGN}
    assert run.tick(60.0) == []
    assert run.role.state is State.STANDBY
    assert run.authority.missing() == ["an era in which it could hold its role: no era is left above 65535"]


def test_one_cfm_that_names_the_last_claim_is_no_reason_to_stand_no_more() -> None:
    """Neither as a voter nor as an acceptor: the eras would be used up for all."""
    run, last = Run(), Claim(ERA_MAX, EPOCH_MAX, "c" * 16, BY_GRANTS)
    run.tick(0.0)
    run.role.answered("cfm-1", Answer(last, False, -1), 0.0, 0.1)
    with pytest.raises(LeapError, match="cfm-1 says era 65535"):
        run.refuse("cfm-1", by=last, now=0.1)
    run.grant("cfm-2", now=0.2)
    run.grant("cfm-3", now=0.2)
    run.tick(0.2)
    assert (run.role.state, run.role.claim.era) == (State.ACTIVE, 1)


def test_nobody_is_promoted_where_the_cfms_decide() -> None:
    run = Run()
    answer = run.ask("failover.promote")
    assert answer["error"] == "refused"
    assert "drain the present primary" in answer["detail"]
    assert active().ask("failover.promote") == {"id": None, "promoting": False, "state": "active"}


def test_status_says_what_every_voter_answers() -> None:
    run = active()
    run.refuse("cfm-3", by=RIVAL, now=0.2)
    assert run.ask("failover.status")["voters"] == {
        "cfm-1": "granted",
        "cfm-2": "granted",
        "cfm-3": "refused",
    }
    assert set(run.role.describe(30.0)["voters"].values()) == {"silent"}


def test_an_answer_of_no_voter_is_refused() -> None:
    run = Run()
    run.tick(0.0)
    with pytest.raises(DecodeError, match="no vote"):
        run.grant("cfm-9", now=0.1)


def test_who_asks_nobody_takes_no_answers(build: Callable[..., Minter]) -> None:
    minter = build()
    envelope = pack_grant(Stamp("cfm-1", "lab", 1), Granted(ROLE, RIVAL, 1, "cfm-1"))
    assert envelope.type == GRANTED
    minter.receive(Received(envelope, "cfm-1"), 0.0)
    assert minter.counts["undecodable"] == 1


def test_a_won_claim_is_in_the_next_hello_at_once(
    build: Callable[..., Minter], beat: Callable[..., Received]
) -> None:
    run = Run()
    minter = build(stamp=run.stamp, authority=run.authority)
    minter.receive(beat(), 0.0)

    def tick(now: float) -> list[Envelope]:
        sent = [one.envelope for one in minter.tick(now) if isinstance(one, Send)]
        run.sent += [Send("", one) for one in sent if one.type == ASK]
        return [one for one in sent if one.type == HELLO]

    (hello,) = tick(0.0)
    assert unpack_hello(hello.data)[0] == Claim()
    said = run.asked()
    for voter in MAJORITY:
        answer = Granted(ROLE, said.ballot, said.number, voter)
        minter.receive(Received(pack_grant(Stamp(voter, "lab", 1), answer), voter), 0.01)
    due = minter.deadline()
    assert due is not None
    assert due <= 0.01
    (hello,) = tick(0.01)
    assert unpack_hello(hello.data)[0] == said.ballot


@pytest.mark.parametrize("count", [0, 1, 2])
def test_less_than_three_voters_are_a_mistake(count: int) -> None:
    with pytest.raises(ConfigError, match=f"3 are needed, the fleet has {count}"):
        check_voters(CFMS[:count])


def test_the_host_is_told_of_the_lease_and_no_longer(build: Callable[..., Minter]) -> None:
    run = active()
    answer = run.ask("host.attach", HOST)
    assert answer["lease_until_s"] <= run.role.acts_until < VOTER_LEASE_S


@pytest.mark.parametrize(("verb", "state"), [("lock", "locked"), ("drain", "drained")])
def test_an_order_is_in_the_way_of_a_promotion_before_the_voters_are(verb: str, state: str) -> None:
    run = Run()
    assert run.ask(f"failover.{verb}")["vacant"] is False
    said = f"it is {state}: take it back with provbus failover {verb} --off, then promote it"
    assert run.ask("failover.promote") == {"id": None, "error": "refused", "detail": said}
    run.ask(f"failover.{verb}", on=False)
    assert run.ask("failover.promote")["detail"] == NOT_PROMOTED


@pytest.mark.parametrize(
    ("later", "is_soon"),
    [
        (RoleState(role=ROLE, state="standby", era=1, epoch=-1), True),
        (None, True),
        (RoleState(role="mps/lab", state="active", era=1, epoch=7), True),
        (RoleState(role=ROLE, state="active", era=1, epoch=193), False),
    ],
)
def test_a_standby_asks_soon_once_the_primarys_beat_gives_the_role_back(
    later: RoleState | None, is_soon: bool
) -> None:
    run = Run()
    run.tick(0.0)
    run.refuse(*MAJORITY, by=RIVAL, now=0.01)
    run.authority.heard("dhcp-2", None, RoleState(role=ROLE, state="active", era=1, epoch=129), 0.02)
    run.authority.heard("dhcp-3", None, None, 0.02)  # it never held it
    run.authority.heard("dhcp-2", None, later, 0.03)
    run.tick(0.03 + SOON_S_MAX)
    assert (run.states()[0] is State.CANDIDATE) == is_soon


def test_who_gave_the_role_back_beats_at_once(
    build: Callable[..., Minter], beat: Callable[..., Received]
) -> None:
    run = active()
    minter = build(stamp=run.stamp, authority=run.authority)
    minter.receive(beat(), run.now)
    minter.tick(run.now)
    now = run.now + 0.01
    assert [one for one in minter.tick(now) if isinstance(one, Publish)] == []  # the next beat is not due
    run.role.release(now)
    (last, *_) = (one for one in minter.tick(now) if isinstance(one, Publish))
    standing = decode(Beat, last.envelope.data).standing
    assert standing is not None
    assert standing.epoch < 0

"""By what right a sidecar mints: its election, its host service, its operator."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from bus.contract import decode, encode
from bus.effects import CatchUp, Keep, Publish, Reply, Send, WatchHost
from bus.envelope import NO_TOKEN, Envelope, Stamp, Token
from bus.errors import DecodeError
from bus.messages import (
    NOBODY,
    CaughtUp,
    Draining,
    Entry,
    HostCame,
    HostGone,
    LocalRequest,
    LogBounds,
    LogLost,
    Received,
    SessionClosed,
    Unkept,
    User,
)
from bus.telemetry.keeping import Keeping, Subject
from fileid.handoff import Budget
from fileid.row import HELLO, ROWS, split_rows, unpack
from heartbeat.liveness.namesake import Namesake
from heartbeat.roles.appointed.holder import AppointedHolder
from heartbeat.roles.appointed.tenure import Tenure
from heartbeat.roles.claim import BY_APPOINTMENT, Claim, log_authority
from heartbeat.roles.elected.election import Election
from heartbeat.roles.elected.holder import ElectedHolder
from heartbeat.roles.evidence import VOUCH_S, Answer
from heartbeat.roles.hello import STANDING, pack_standing, unpack_hello
from heartbeat.roles.holder import SoleHolder
from heartbeat.roles.log.records import TYPE_OF, Era
from heartbeat.roles.states import State
from heartbeat.timing import LEASE_S, SILENCE_S
from services.settings import catalogue
from services.sidecar.minter import Minter
from services.sidecar.role.authority import Authority
from services.sidecar.role.record import StoreFailover
from tests.replies import Replies
from tests.trusting import anybody
from tests.unit.disk import FULL

Make = Callable[..., Any]
HOST, OPERATOR = 5, 9
ASKS_EVERY_S = 1.0


class Run:
    """An authority, and a log that gives every record back at once."""

    def __init__(
        self,
        *,
        needs_host: bool = False,
        kept: StoreFailover | None = None,
        cfms: tuple[str, ...] = ("cfm-1",),
        is_prepared: bool = True,
    ) -> None:
        ids = count(1)
        self.now = 0.0
        self.stamp = Stamp("dhcp-1", "lab", 1)
        self.election = Election(
            role="dhcp/lab",
            stamp=self.stamp,
            rank=0,
            cfms=cfms,
            new_id=lambda: f"{next(ids):016x}",
            writers=anybody,
        )
        self.namesake = Namesake(1)
        self.authority = Authority(
            self.stamp, ElectedHolder(self.election), namesake=self.namesake, needs_host=needs_host, kept=kept
        )
        self.is_prepared = is_prepared
        self.replies = Replies("dhcp")
        self.log: list[Envelope] = []
        self.stored: list[StoreFailover] = []
        self.told: list[Any] = []
        self.is_full = False
        self.keeping = Keeping({StoreFailover: Subject("failover", self.authority.record)})
        self.give(LogBounds("failover", 0, 0))
        self.authority.receive(CaughtUp("config"), self.now)
        self.has_ticked = False
        self.host: int | None = None
        self.asks_at = 0.0

    def give(self, message: Any) -> None:
        if isinstance(message, SessionClosed) and message.session == self.host:
            self.host = None
        self.perform(self.authority.receive(message, self.now))

    def attach(self, session: int = HOST) -> None:
        """A host attaches and asks for its right from now on, often enough."""
        assert self.ask("host.attach", session)["attached"] is True
        self.host, self.asks_at = session, self.now + ASKS_EVERY_S

    def answered(self, *cfms: str, highest: Claim = Claim()) -> None:  # noqa: B008
        """These CFMs answer our hello."""
        for cfm in cfms:
            data = pack_standing(Answer(highest, False, -1), int(self.now * 1e6))
            self.authority.answered(cfm, data, self.now)

    def era(self, number: int) -> Entry:
        """A record by which another one begins this era."""
        data = encode(Era(number=number, authority="a person"))
        self.log.append(Envelope(TYPE_OF[Era], "dhcp-2", 1, 1, 0, data))
        return Entry("failover", len(self.log) - 1, self.log[-1])

    def ask(
        self, operation: str, session: int = OPERATOR, user: User = NOBODY, **more: Any
    ) -> dict[str, Any]:
        """The answer to a request."""
        request = LocalRequest(session, {"op": operation, "id": 3, **more}, user)
        before = len(self.told)
        self.replies.hear(request)
        self.perform(self.authority.operate(request, self.now))
        (reply,) = (one for one in self.told[before:] if isinstance(one, Reply))
        self.told.remove(reply)
        assert reply.session == session
        assert reply.body.pop("id") == 3
        return reply.body

    def pass_s(self, seconds: float = 0.0) -> None:
        """Let time pass in steps, and everything happen that is due."""
        until = self.now + seconds
        while True:
            for _ in range(10):
                due = self.authority.deadline() if self.has_ticked else 0.0
                if due is not None and due <= self.now:
                    self.has_ticked = True
                    self.perform(self.authority.tick(self.now, 0.0, is_prepared=self.is_prepared))
            if self.now >= until:
                return
            self.now = min(until, self.now + 0.1)
            if self.host is not None and self.now >= self.asks_at:
                self.asks_at = self.now + ASKS_EVERY_S
                self.ask("authority", self.host)

    def perform(self, effects: list[Any]) -> None:
        for effect in self.replies.check(effects):
            if isinstance(effect, Publish):
                self.log.append(effect.envelope)
                self.give(Entry("failover", len(self.log) - 1, effect.envelope))
            elif isinstance(effect, CatchUp):
                self.authority.receive(CaughtUp("config"), self.now)
            elif isinstance(effect, Keep) and self.is_full:
                self._refuse(effect)
            elif isinstance(effect, Keep):
                self.stored.append(effect.record)
                self.perform(self.authority.kept(effect.record, self.now))
                self.perform([*effect.then])
            else:
                self.told.append(effect)

    def _refuse(self, keep: Keep) -> None:
        failed = Unkept(keep.record, keep.then, FULL)
        self.perform(self.keeping.receive(failed, self.now))
        self.perform(self.authority.unkept(failed, self.now))

    def says(self) -> list[str]:
        """What was written to the log."""
        return [one.type.split(".")[2] for one in self.log]


def active(**more: Any) -> Run:
    """A run that holds its role."""
    run = Run(**more)
    if more.get("needs_host"):
        run.attach()
    run.pass_s(LEASE_S)  # until nobody can act by a lease of our former process
    assert run.authority.may_act(run.now)
    return run


def rows_in(effects: list[Any]) -> list[Send]:
    """The frames of rows among these."""
    return [one for one in effects if isinstance(one, Send) and one.envelope.type == ROWS]


def test_what_our_former_process_told_its_host_is_waited_for() -> None:
    run = Run()
    run.pass_s(0.2)
    run.ask("failover.drain")
    run.pass_s(LEASE_S - 0.4)
    assert run.says()[-1] != "release"
    run.pass_s(0.4)
    assert run.says()[-1] == "release"


def test_a_token_is_ours_while_the_role_is() -> None:
    run = active()
    claim = run.authority.claims()[0]
    assert run.stamp.token == Token(claim.era, claim.epoch)
    run.ask("failover.drain")
    run.pass_s(0.1)
    assert run.stamp.token == NO_TOKEN
    assert run.says()[-1] == "release"


def test_without_an_election_it_always_may() -> None:
    stamp = Stamp("dhcp-1", "lab", 1)
    authority = Authority(stamp, SoleHolder())
    assert authority.may_act(0.0)
    assert authority.is_released
    assert authority.tick(0.0, 0.0, is_prepared=True) == []
    assert stamp.token == NO_TOKEN
    (reply,) = authority.operate(LocalRequest(1, {"op": "authority"}), 5.0)
    assert reply.body["may_act"] is True


def test_where_nobody_else_stands_a_host_hears_that_its_sidecar_yields() -> None:
    """The page says that an answer which is another one now is sent anew; it was not for this kind."""
    namesake = Namesake(1)
    authority = Authority(Stamp("mps-1", "lab", 1), SoleHolder(), namesake=namesake)
    authority.operate(LocalRequest(HOST, {"op": "host.attach", "id": 1}), 0.0)
    authority.operate(LocalRequest(HOST, {"op": "authority", "id": 2}), 0.0)
    assert authority.tick(0.0, 0.0, is_prepared=True) == []
    namesake.heard(2, "", 0.5)
    assert authority.deadline() == 0.0
    (told,) = authority.tick(0.5, 0.0, is_prepared=True)
    assert isinstance(told, Reply)
    assert (told.session, told.body["id"], told.body["may_act"]) == (HOST, 2, False)
    assert authority.tick(0.6, 0.0, is_prepared=True) == []


def test_without_settings_it_does_not_stand() -> None:
    run = Run(is_prepared=False)
    run.pass_s(5.0)
    assert run.election.state is State.STANDBY


def test_it_stands_only_while_its_host_is_there() -> None:
    run = Run(needs_host=True)
    run.pass_s(5.0)
    assert run.election.state is State.STANDBY
    answer = run.ask("host.attach", HOST)
    assert answer["attached"] is True
    assert run.told[0] == WatchHost(HOST)
    run.pass_s(0.2)
    assert run.ask("authority", HOST)["may_act"] is True


def test_a_host_that_is_gone_gives_the_role_back_at_once() -> None:
    run = active(needs_host=True)
    run.ask("authority", HOST)
    run.give(SessionClosed(HOST))
    assert not run.authority.may_act(run.now)
    run.pass_s()
    assert run.says()[-1] != "release"  # the process may live, and knows of a lease
    run.give(HostGone(HOST))
    run.pass_s()
    assert run.says()[-1] == "release"
    run.pass_s(10.0)
    assert run.election.state is State.STANDBY


def test_a_host_that_left_and_lives_is_waited_for_until_its_lease_is_over() -> None:
    run = active(needs_host=True)
    until = run.ask("authority", HOST)["lease_until_s"]
    run.give(SessionClosed(HOST))
    while run.now < until - 0.2:
        run.pass_s(0.1)
        assert run.says()[-1] != "release"
    run.pass_s(0.5)
    assert run.says()[-1] == "release"


def test_a_host_that_says_that_it_stopped_is_not_waited_for() -> None:
    run = active(needs_host=True)
    run.ask("authority", HOST)
    run.ask("failover.drain")
    run.pass_s(0.1)
    assert run.ask("authority", HOST)["may_act"] is False
    assert run.says()[-1] != "release"
    assert run.ask("host.yielded", HOST) == {"yielded": True}
    run.pass_s()
    assert run.says()[-1] == "release"


def test_to_have_yielded_means_nothing_while_nobody_wants_the_role_back() -> None:
    run = active(needs_host=True)
    until = run.ask("authority", HOST)["lease_until_s"]
    assert run.ask("host.yielded", HOST) == {"yielded": False}
    run.ask("failover.drain")
    run.pass_s(max(0.0, until - run.now - 0.3))
    assert run.says()[-1] != "release"


def test_the_host_is_told_when_its_right_begins_and_ends() -> None:
    run = Run(needs_host=True)
    run.attach()
    run.ask("authority", HOST)
    run.pass_s(0.3)
    assert told(run) == [True]
    run.pass_s(5.0)
    assert told(run) == []
    run.ask("failover.drain")
    run.pass_s(0.1)
    assert told(run) == [False]


def test_who_never_asked_is_told_nothing() -> None:
    run = Run(needs_host=True)
    run.ask("host.attach", HOST)
    run.ask("authority", OPERATOR)
    run.pass_s(0.3)
    assert told(run) == []


def told(run: Run) -> list[bool]:
    """What the host heard of its right without having asked, since the last look."""
    replies = [one for one in run.told if isinstance(one, Reply) and "may_act" in one.body]
    run.told = [one for one in run.told if not isinstance(one, Reply)]
    heard = [one.body["may_act"] for one in replies if one.session == HOST]
    return [one for one, before in zip(heard, [None, *heard], strict=False) if one != before]


def test_only_the_attached_host_can_yield() -> None:
    run = active(needs_host=True)
    run.ask("authority", HOST)
    run.ask("failover.drain")
    assert run.ask("host.yielded", OPERATOR)["error"] == "refused"
    run.pass_s(0.1)
    assert run.says()[-1] != "release"


def test_a_second_host_is_refused_while_the_first_may_act() -> None:
    run = active(needs_host=True)
    assert run.ask("host.attach", HOST + 1)["error"] == "refused"
    run.ask("authority", HOST)
    run.give(SessionClosed(HOST))
    assert run.ask("host.attach", HOST + 1)["error"] == "try_again"
    run.give(HostGone(HOST))
    assert run.ask("host.attach", HOST + 1)["attached"] is True


def test_a_host_that_comes_back_to_a_free_role_gets_it() -> None:
    run = active(needs_host=True)
    run.give(SessionClosed(HOST))
    run.give(HostGone(HOST))
    run.pass_s(1.0)
    run.attach(HOST + 1)
    run.pass_s(LEASE_S + 1.0)
    assert run.ask("authority", HOST + 1)["may_act"] is True


def test_a_host_that_stands_still_costs_the_role_when_its_lease_is_over() -> None:
    run = active(needs_host=True)
    run.ask("authority", HOST)
    run.host = None
    run.pass_s(LEASE_S - 0.1)
    assert run.authority.may_act(run.now)
    run.pass_s(0.5)
    assert run.says()[-1] == "release"
    assert [one.code for one in run.authority.degraded()] == ["host-silent"]
    run.pass_s(10.0)
    assert run.says()[-1] == "release"
    assert run.ask("authority", HOST)["may_act"] is False
    run.attach()
    run.pass_s(LEASE_S + 1.0)
    assert run.authority.may_act(run.now)
    assert run.authority.degraded() == []


def test_a_host_that_spins_gets_no_longer_lease_than_one_that_stands_still() -> None:
    run = active(needs_host=True)
    run.host = None
    run.ask("authority", HOST, progress=7)
    overdue_at = run.now + LEASE_S
    while run.now < overdue_at - 0.2:
        run.pass_s(0.1)
        assert run.ask("authority", HOST, progress=7)["lease_until_s"] <= overdue_at
    run.pass_s(0.6)
    assert run.says()[-1] == "release"
    with pytest.raises(DecodeError, match="progress"):
        run.ask("authority", HOST, progress="much")


def test_a_host_that_does_not_ask_counts_as_one() -> None:
    run = Run(needs_host=True)
    run.give(HostCame(-1))
    run.pass_s(0.2)
    assert run.authority.may_act(run.now)
    run.give(HostGone(-1))
    run.pass_s()
    assert run.says()[-1] == "release"


def test_news_of_another_session_changes_nothing() -> None:
    run = active(needs_host=True)
    run.give(SessionClosed(OPERATOR))
    run.give(HostGone(OPERATOR))
    run.pass_s(1.0)
    assert run.authority.may_act(run.now)


def test_a_lock_keeps_a_standby_from_standing_and_a_holder_in_place() -> None:
    run = Run()
    run.ask("failover.lock")
    run.pass_s(5.0)
    assert run.election.state is State.STANDBY
    run.ask("failover.lock", on=False)
    run.pass_s(0.2)
    assert run.authority.may_act(run.now)
    run.ask("failover.lock")
    run.pass_s(10.0)
    assert run.authority.may_act(run.now)


@pytest.mark.parametrize("operation", ["failover.lock", "failover.drain"])
def test_what_an_operator_said_survives_a_restart(operation: str) -> None:
    run = Run()
    run.ask(operation)
    again = Run(kept=run.stored[-1])
    again.pass_s(5.0)
    assert again.election.state is State.STANDBY
    told = again.ask("failover.status")
    assert told["locked"] is (operation == "failover.lock")
    assert told["drained"] is (operation == "failover.drain")


def test_a_claim_is_stored_with_what_an_operator_said() -> None:
    run = active()
    run.ask("failover.lock")
    assert run.stored[-1] == StoreFailover(run.authority.claims()[0], True, False, mode="bus")
    run.ask("failover.drain")
    run.pass_s(0.1)
    assert run.stored[-1] == StoreFailover(None, True, True, mode="bus")


def test_a_process_that_stops_gives_the_role_back() -> None:
    run = active()
    assert not run.authority.is_released
    run.give(Draining())
    run.pass_s()
    assert run.authority.is_released
    assert run.says()[-1] == "release"


def test_a_lost_log_ends_it() -> None:
    run = active()
    run.give(LogLost("failover", "the topic was made anew"))
    assert not run.authority.may_act(run.now)
    assert run.ask("failover.status")["reason"] == "the topic was made anew"


def test_promoting_who_holds_the_role_changes_nothing() -> None:
    run = active()
    epoch = run.authority.claims()[0].epoch
    assert run.ask("failover.promote") == {"promoting": False, "state": "active"}
    run.pass_s(5.0)
    assert run.authority.claims()[0].epoch == epoch


def test_promoting_who_could_not_work_is_refused() -> None:
    run = Run(needs_host=True)
    assert run.ask("failover.promote")["error"] == "try_again"


def test_an_era_is_greater_than_any_that_the_cfms_know() -> None:
    run = active()
    answer = pack_standing(Answer(Claim(4, 2, "f" * 16), False, 7), int(run.now * 1e6))
    assert run.ask("failover.era")["error"] == "try_again"  # nobody was asked
    run.authority.answered("cfm-1", answer, run.now)
    assert run.ask("failover.era") == {"era": 5}
    run.pass_s(LEASE_S + SILENCE_S + 1.0)  # to rest, and until nobody can act by the former era
    assert run.authority.claims()[0].era == 5
    assert run.authority.may_act(run.now)


def test_an_era_has_the_name_of_the_user_by_the_kernels_word() -> None:
    run = active()
    run.authority.answered("cfm-1", pack_standing(Answer(Claim(), False, 7), int(run.now * 1e6)), run.now)
    assert run.ask("failover.era", user=User(1234, "ann"), authority="somebody else") == {"era": 1}
    run.pass_s(0.1)
    assert [decode(Era, one.data).authority for one in run.log if one.type == TYPE_OF[Era]] == ["ann"]


def test_a_switch_is_true_or_false() -> None:
    with pytest.raises(DecodeError):
        Run().ask("failover.lock", on="yes")


def appointed() -> tuple[Authority, Stamp, StoreFailover]:
    """A configured primary without peers, its stamp, and the claim of its own that it starts with."""
    stamp, claim = Stamp("dhcp-1", "lab", 1), Claim(1, 64, "1" * 16, BY_APPOINTMENT)
    appointment = AppointedHolder(
        role="dhcp/lab",
        tenure=Tenure(claim, is_ours=True),
        is_configured=True,
        is_alone=True,
        index=0,
        cfms=["cfm-1"],
        new_id=lambda: "f" * 16,
    )
    kept = StoreFailover(claim, mode="multicast")
    authority = Authority(stamp, appointment, leads=lambda: "multicast", kept=kept)
    return authority, stamp, kept


def test_an_appointed_primary_is_told_leases_and_keeps_its_tenure() -> None:
    authority, stamp, kept = appointed()
    assert ticked(authority, 0.0) == [kept]
    assert stamp.token == Token(1, 64)
    (reply,) = authority.operate(LocalRequest(1, {"op": "authority"}), 5.0)
    assert (reply.body["may_act"], reply.body["lease_until_s"]) == (True, 5.0 + LEASE_S)
    later = pack_standing(Answer(Claim(1, 65, "2" * 16, BY_APPOINTMENT), False, -1), 5_000_000)
    authority.answered("cfm-1", later, 6.0)
    known = Claim(1, 65, "2" * 16, BY_APPOINTMENT)
    assert ticked(authority, 6.0) == [StoreFailover(known, is_ours=False, mode="multicast")]
    assert not authority.may_act(6.0)
    assert stamp.token == NO_TOKEN
    (refused,) = authority.operate(LocalRequest(1, {"op": "failover.promote"}), 60.0)
    assert (refused.body["error"], "cfm-1" in refused.body["detail"]) == ("try_again", True)
    (reply,) = authority.operate(LocalRequest(1, {"op": "failover.promote", "absent": ["cfm-1"]}), 60.0)
    assert reply.body["promoting"] is True
    ticked(authority, 60.0)
    assert authority.may_act(60.0)


TAKE_BACK = {
    "lock": "it is locked: take it back with provbus failover lock --off, then promote it",
    "drain": "it is drained: take it back with provbus failover drain --off, then promote it",
}


@pytest.mark.parametrize("verb", TAKE_BACK)
def test_a_promotion_says_which_order_is_in_its_way(verb: str) -> None:
    run = Run()
    run.ask(f"failover.{verb}")
    run.pass_s(0.1)
    assert run.ask("failover.promote") == {"error": "refused", "detail": TAKE_BACK[verb]}
    run.ask(f"failover.{verb}", on=False)
    assert run.ask("failover.promote")["promoting"] is True


def test_a_promotion_names_both_orders() -> None:
    run = Run()
    run.ask("failover.lock")
    run.ask("failover.drain")
    assert run.ask("failover.promote")["detail"] == (
        "it is drained and locked: take it back with provbus failover drain --off and provbus failover lock"
        " --off, then promote it"
    )


def test_a_locked_primary_is_promoted_already_and_a_drained_one_is_not() -> None:
    run = active()
    run.ask("failover.lock")
    assert run.ask("failover.promote") == {"promoting": False, "state": "active"}
    run.ask("failover.drain")
    assert run.ask("failover.promote")["error"] == "refused"


@pytest.mark.parametrize("verb", TAKE_BACK)
def test_an_appointed_primary_that_stands_still_leaves_its_role_empty_and_says_so(verb: str) -> None:
    authority, _, _ = appointed()
    ticked(authority, 0.0)

    def ask(operation: str, **more: Any) -> dict[str, Any]:
        effects = authority.operate(LocalRequest(1, {"op": f"failover.{operation}", **more}), 1.0)
        for one in effects:
            if isinstance(one, Keep):
                authority.kept(one.record, 1.0)
                effects = [*one.then]
        (reply,) = effects
        assert isinstance(reply, Reply)
        return reply.body

    assert ask(verb)["vacant"] is True
    other = "drain" if verb == "lock" else "lock"
    assert ask(other)["vacant"] is True
    assert ask(other, on=False)["vacant"] is True, "it still stands still"
    assert not authority.may_act(1.0)
    assert ask("promote", absent=["cfm-1"]) == {"id": None, "error": "refused", "detail": TAKE_BACK[verb]}
    assert ask(verb, on=False)["vacant"] is False
    assert authority.may_act(1.0)
    assert ask("promote")["promoting"] is False


@pytest.mark.parametrize("verb", TAKE_BACK)
def test_whose_role_others_take_leaves_nothing_empty(verb: str) -> None:
    assert active().ask(f"failover.{verb}")["vacant"] is False


def test_who_was_deposed_leaves_nothing_empty() -> None:
    authority, _, _ = appointed()
    ticked(authority, 0.0)
    later = pack_standing(Answer(Claim(1, 65, "2" * 16, BY_APPOINTMENT), False, -1), 5_000_000)
    authority.answered("cfm-1", later, 6.0)
    ticked(authority, 6.0)
    (keep,) = authority.operate(LocalRequest(1, {"op": "failover.lock"}), 7.0)
    assert isinstance(keep, Keep)
    assert [one.body["vacant"] for one in keep.then if isinstance(one, Reply)] == [False]


def test_an_order_is_not_in_the_way_where_there_is_no_role() -> None:
    authority = Authority(Stamp("dhcp-1", "lab", 1), SoleHolder(), kept=StoreFailover(None, locked=True))
    (reply,) = authority.operate(LocalRequest(1, {"op": "failover.promote"}), 1.0)
    assert (reply.body["error"], reply.body["detail"]) == ("refused", "there is nobody else to hold the role")


def ticked(authority: Authority, now: float) -> list[StoreFailover]:
    """What was to be kept, and is."""
    records = [one.record for one in authority.tick(now, 0.0, is_prepared=True)]
    for record in records:
        authority.kept(record, now)
    return records


# A disk that refuses


def test_a_claim_that_cannot_be_kept_is_given_back_and_nothing_is_stood_for_until_it_can() -> None:
    run = Run()
    run.is_full = True
    run.pass_s(1.0)
    assert run.says()[-2:] == ["claim", "release"]
    assert (run.authority.is_released, run.authority.may_act(run.now)) == (True, False)
    assert run.authority.missing() == [f"a disk that keeps its claims ({FULL})"]
    assert run.authority.record().claim is None
    run.pass_s(30.0)
    assert run.says()[-1] == "release"
    run.is_full = False
    run.perform([*run.keeping.tick(run.now)])
    run.pass_s(LEASE_S)
    assert run.authority.may_act(run.now)
    assert run.authority.missing() == []


@pytest.mark.parametrize("operation", ["failover.lock", "failover.drain"])
def test_what_an_operator_said_is_not_in_force_before_it_is_kept(operation: str) -> None:
    run = active()
    run.is_full = True
    answer = run.ask(operation)
    assert answer["error"] == "try_again"
    assert answer["detail"] == f"nothing was changed: its failover cannot be kept on disk ({FULL})"
    run.pass_s(1.0)
    told = run.authority.describe(run.now)
    assert (told["locked"], told["drained"], told["unkept"]) == (False, False, FULL)
    assert run.authority.may_act(run.now)
    assert (run.authority.missing(), len(run.authority.degraded())) == ([], 1)
    run.is_full = False
    run.perform([*run.keeping.tick(run.now)])
    assert (run.authority.degraded(), run.authority.record()) == ([], run.stored[-1])
    assert (run.authority.record().locked, run.authority.record().drained) == (False, False)


def test_what_was_given_back_is_said_once_a_restart_would_know_it() -> None:
    run = active()
    run.is_full = True
    run.give(Draining())
    run.pass_s(1.0)
    assert run.authority.is_released
    assert "release" not in run.says()
    run.is_full = False
    run.perform([*run.keeping.tick(run.now)])
    assert run.says()[-1] == "release"


def test_a_full_disk_does_not_stop_an_appointed_primary_whose_claim_is_on_it() -> None:
    authority, _, _ = appointed()
    ticked(authority, 0.0)
    (keep,) = authority.operate(LocalRequest(1, {"op": "failover.lock"}), 1.0)
    authority.unkept(Unkept(keep.record, keep.then, FULL), 1.0)
    assert authority.may_act(1.0)
    assert authority.degraded() == [f"a disk that keeps its claims ({FULL})"]


# Around it, the minter


def test_a_minter_that_does_not_hold_its_role_mints_nothing(build: Make, beat: Make, create: Make) -> None:
    run = Run()
    minter: Minter = build(stamp=run.stamp, authority=run.authority)
    minter.receive(beat(), 0.0)
    (reply,) = minter.receive(create(), 0.0)
    assert (reply.body["error"], reply.body["detail"]) == (
        "try_again",
        "this sidecar does not hold its role: it is standby",
    )


def test_rows_and_hellos_say_the_claim(build: Make, beat: Make, create: Make) -> None:
    run = active()
    minter: Minter = build(stamp=run.stamp, authority=run.authority)
    minter.receive(beat(), run.now)
    minter.receive(create(), run.now)
    sends = [
        one
        for one in minter.tick(
            run.now,
        )
        if isinstance(one, Send)
    ]
    (rows,) = (one for one in sends if one.envelope.type != HELLO)
    assert unpack(split_rows(rows.envelope.data)[1][0]).token == run.stamp.token
    (hello,) = (one for one in sends if one.envelope.type == HELLO)
    assert unpack_hello(hello.envelope.data)[0] == run.authority.claims()[0]


def test_a_row_that_is_settled_when_the_role_is_gone_is_no_answer(
    build: Make, beat: Make, create: Make, ack: Make
) -> None:
    run = active()
    minter: Minter = build(stamp=run.stamp, authority=run.authority)
    minter.receive(beat(), run.now)
    minter.receive(create(), run.now)
    (rows,) = (one for one in minter.tick(run.now) if isinstance(one, Send) and one.envelope.type != HELLO)
    run.ask("failover.drain")
    (reply,) = minter.receive(ack(rows), run.now)
    assert reply.body["error"] == "try_again"
    assert "lost its role" in reply.body["detail"]


def test_a_row_under_way_is_minted_anew_in_the_era_in_which_we_go_on(
    build: Make, beat: Make, create: Make, ack: Make
) -> None:
    """No CFM takes it under the claim of the era before, and who waits for it notices nothing."""
    run = active()
    minter: Minter = build(stamp=run.stamp, authority=run.authority, budget=Budget(0.05, 20.0))
    minter.receive(beat(), run.now)
    minter.receive(create(), run.now)
    (before,) = rows_in(minter.tick(run.now))
    run.give(run.era(1))
    assert run.authority.token(run.now) is None
    assert not any(isinstance(one, Reply) for one in minter.tick(run.now))
    run.pass_s(2 * LEASE_S + SILENCE_S)
    token = run.authority.token(run.now)
    minter.receive(beat(seq=2), run.now)
    after = rows_in(minter.tick(run.now))[-1]
    tokens = [unpack(split_rows(one.envelope.data)[1][0]).token for one in (before, after)]
    assert tokens == [Token(0, 1), token]
    assert minter.receive(ack(before), run.now) == []
    (reply,) = minter.receive(ack(after), run.now)
    assert (reply.body["acked"], reply.body["id"]) == (True, create().body["id"])


def test_a_row_under_way_whose_class_is_gone_by_then_is_refused(
    build: Make, beat: Make, create: Make, classes: Any, publication: Make
) -> None:
    run = active()
    minter: Minter = build(stamp=run.stamp, authority=run.authority, budget=Budget(0.05, 20.0))
    minter.receive(beat(), run.now)
    minter.receive(create(), run.now)
    minter.tick(run.now)
    run.give(run.era(1))
    run.pass_s(2 * LEASE_S + SILENCE_S)
    classes.pop("data")
    minter.receive(publication(catalogue.record(classes, 4)), run.now)
    (reply,) = [one for one in minter.tick(run.now) if isinstance(one, Reply)]
    assert reply.body["error"] == "try_again"
    assert "class" in reply.body["detail"]
    assert not len(minter.parts.creating)


def test_what_a_cfm_answers_reaches_the_election(build: Make) -> None:
    run = active()
    minter: Minter = build(stamp=run.stamp, authority=run.authority)
    answer = Answer(Claim(0, 999, "f" * 16), False, 7)
    data = pack_standing(answer, int(run.now * 1e6))
    minter.receive(Received(Envelope(STANDING, "cfm-1", 1, 1, 0, data), "cfm-1"), run.now)
    assert run.election.evidence.highest == answer.highest


def test_an_answer_from_the_future_is_refused() -> None:
    run = Run()
    with pytest.raises(DecodeError):
        run.authority.answered("cfm-1", pack_standing(Answer(Claim(), True, 0), 10**9), 1.0)


THREE = ("cfm-1", "cfm-2", "cfm-3")


def test_who_was_started_in_another_mode_stands_for_nothing_before_it_heard_a_majority_of_the_cfms() -> None:
    run = Run(kept=StoreFailover(None, mode="multicast"), cfms=THREE)
    run.pass_s(SILENCE_S)
    run.answered("cfm-1")
    run.pass_s(0.1)
    assert run.authority.missing() == [
        "a majority of the CFMs in mode bus, after multicast: 1 of 3 heard",
    ]
    assert (run.election.state, run.stored) == (State.STANDBY, [])
    run.answered("cfm-1", "cfm-3")
    run.pass_s(0.5)
    assert run.authority.may_act(run.now)
    assert run.stored[0] == StoreFailover(None, mode="bus")


def test_a_restart_before_that_waits_for_them_too() -> None:
    run = Run(kept=StoreFailover(None, mode="multicast"), cfms=THREE)
    run.pass_s(0.5)
    run.ask("failover.lock")
    assert run.stored[-1].mode == "multicast"


def codes(run: Run) -> tuple[list[str], list[str]]:
    """Why it is not ready, and why it is degraded."""
    return (
        [one.code for one in run.authority.missing()],
        [one.code for one in run.authority.degraded()],
    )


def test_one_that_is_drained_is_not_ready_and_one_that_is_locked_is_degraded() -> None:
    run = active()
    assert codes(run) == ([], [])
    run.ask("failover.lock")
    assert codes(run) == ([], ["locked"])
    run.ask("failover.drain")
    assert codes(run) == (["drained"], ["locked"])
    run.ask("failover.drain", on=False)
    run.ask("failover.lock", on=False)
    assert codes(run) == ([], [])


def test_one_without_its_host_is_degraded_and_one_that_needs_none_is_not() -> None:
    run = Run(needs_host=True)
    run.pass_s(LEASE_S)
    assert codes(run) == ([], ["no-host"])
    run.ask("host.attach", HOST)
    run.pass_s(LEASE_S)
    assert codes(run) == ([], [])
    run.give(SessionClosed(HOST))
    assert codes(run) == ([], ["no-host"])
    assert codes(active()) == ([], [])


def test_where_nobody_else_stands_no_host_and_no_lock_is_missed() -> None:
    authority = Authority(
        Stamp("mps-1", "lab", 1), SoleHolder(), needs_host=True, kept=StoreFailover(None, locked=True)
    )
    assert (authority.missing(), authority.degraded()) == ([], [])


def test_a_log_that_is_lost_is_said_unless_an_operator_drained_it() -> None:
    run = active()
    run.give(LogLost("failover", "it was made anew"))
    assert codes(run) == (["role-log-changed"], [])


def test_its_state_its_host_and_the_last_order_are_facts() -> None:
    run = active(needs_host=True)
    facts = run.authority.facts()
    assert facts.keys() == {"role", "host"}
    assert facts["role"].startswith("role dhcp/lab: active, era 0 epoch ")
    assert facts["host"] == "host service: here"
    run.ask("failover.lock")
    assert "lock" in run.authority.facts()["order"]
    assert active().authority.facts().keys() == {"role"}


def test_an_order_that_the_disk_refuses_is_no_fact() -> None:
    run = active()
    run.is_full = True
    run.ask("failover.lock")
    assert "order" not in run.authority.facts()
    run.is_full = False
    run.ask("failover.drain")
    assert "drain" in run.authority.facts()["order"]


def test_the_same_mode_as_the_last_time_waits_for_nobody() -> None:
    run = Run(kept=StoreFailover(None, mode="bus"), cfms=THREE)
    run.pass_s(0.5)
    assert run.authority.may_act(run.now)


def test_a_primary_whose_rows_nobody_takes_says_so() -> None:
    run = active()
    other = Claim(7, 64, "e" * 16, log_authority(""))
    run.answered("cfm-1", highest=other)
    run.pass_s(VOUCH_S)
    run.answered("cfm-1", highest=other)
    (reason,) = run.authority.missing()
    said = "a CFM that takes its rows: those that answer stand by era 7 epoch 64 of the role log"
    assert reason.startswith(said)
    run.answered("cfm-1", highest=run.authority.claims()[0])
    assert run.authority.missing() == []


def test_a_claim_that_the_cfms_have_not_read_yet_is_no_reason() -> None:
    run = Run()
    run.pass_s(0.5)
    assert run.authority.may_act(run.now)
    run.answered("cfm-1")
    assert run.authority.missing() == []
    run.pass_s(VOUCH_S)
    run.answered("cfm-1")
    assert run.authority.missing() == ["a CFM that takes its rows: those that answer stand by no claim"]


def test_a_sidecar_whose_name_another_process_has_gives_the_role_back() -> None:
    run = active()
    run.namesake.tick(1, run.now, 0.0)
    run.namesake.heard(2, "", run.now)
    assert not run.authority.may_act(run.now)
    assert "another process has it" in run.authority.why_not()
    run.pass_s(LEASE_S + 0.1)
    assert run.says()[-1] == "release"
    assert run.election.state is State.STANDBY


def test_without_an_election_a_second_process_ends_it_too() -> None:
    namesake = Namesake(1)
    authority = Authority(Stamp("mps-1", "lab", 1), SoleHolder(), namesake=namesake)
    assert authority.may_act(0.0)
    namesake.heard(2, "", 1.0)
    assert not authority.may_act(1.0)
    (reply,) = authority.operate(LocalRequest(1, {"op": "authority"}), 1.0)
    assert (reply.body["may_act"], reply.body["lease_until_s"]) == (False, 0.0)

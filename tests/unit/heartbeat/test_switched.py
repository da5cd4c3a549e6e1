"""A role that one column decides, and then the other: who may stand, and who goes on."""

from itertools import count
from random import Random
from typing import Any

import pytest

from bus.contract import encode
from bus.effects import Publish, Send
from bus.envelope import Envelope, Stamp
from bus.errors import TryAgainError
from bus.messages import CaughtUp, Entry, LogBounds, Recreated
from bus.routes import Column
from heartbeat.roles.appointed.holder import AppointedHolder
from heartbeat.roles.appointed.tenure import Tenure
from heartbeat.roles.claim import BY_APPOINTMENT, BY_GRANTS, Claim, log_authority
from heartbeat.roles.elected.election import Election
from heartbeat.roles.evidence import Answer
from heartbeat.roles.granted.holder import GrantedHolder
from heartbeat.roles.granted.messages import ASK, RESIGN, unpack_question
from heartbeat.roles.holder import RoleHolder, SoleHolder, StoreClaim
from heartbeat.roles.log.records import TYPE_OF, ClaimRecord, Era, Named, Record, Release
from heartbeat.roles.states import State
from heartbeat.roles.switched.holder import SwitchedHolder
from heartbeat.timing import LEASE_S, SILENCE_S
from tests.trusting import anybody

ROLE, PLAN = "dhcp/lab", "f" * 16
CFMS = ("cfm-1", "cfm-2", "cfm-3")
NAMES = ("dhcp-1", "dhcp-2")
LOG = log_authority("")


class Run:
    """The holder of `dhcp-1` and the log that it reads; what it wants to keep is kept at once."""

    def __init__(
        self, leads: Column, unlogged: RoleHolder | None = None, era: int = 0, start: int = 0
    ) -> None:
        self.stamp = Stamp("dhcp-1", "lab", 7)
        ids = count(1)
        self.holder = SwitchedHolder(
            "dhcp-1",
            lambda: 7,
            leads,
            lambda: Election(
                role=ROLE,
                stamp=self.stamp,
                rank=0,
                cfms=CFMS,
                new_id=lambda: f"{next(ids):016x}",
                writers=anybody,
            ),
            unlogged or GrantedHolder(role=ROLE, stamp=self.stamp, index=0, voters=CFMS, random=Random(1)),
            NAMES,
            era,
        )
        self.said: list[Envelope] = []
        self._offsets, self._seqs = count(start), count(1)
        self.holder.receive(LogBounds("failover", start, start), 0.0)
        self.holder.able(True)

    @property
    def election(self) -> Election:
        """The election behind it."""
        return self.holder._elected.election

    def read(self, source: str, record: Record, now: float) -> None:
        """A record of another instance comes."""
        self._entry(Envelope(TYPE_OF[type(record)], source, 1, next(self._seqs), 0, encode(record)), now)

    def until(self, since: float, now: float, *, is_read_back: bool = True) -> None:
        """Time passes; what we write is read back."""
        while since < now:
            self.tick(since, is_read_back=is_read_back)
            since += 0.05

    def tick(self, now: float, *, is_read_back: bool = True) -> None:
        """Do what is due."""
        for effect in self.holder.tick(now, now):
            if isinstance(effect, StoreClaim):
                self.perform(self.holder.kept(*effect, now), now, is_read_back)
            else:
                self.perform([effect], now, is_read_back)

    def perform(self, effects: list[Any], now: float, is_read_back: bool) -> None:
        """Write, and read back."""
        for effect in effects:
            if isinstance(effect, Publish):
                self.said.append(effect.envelope)
                if is_read_back:
                    self._entry(effect.envelope, now)

    def hear(self, highest: Claim, now: float) -> None:
        """All CFMs answer that this is the highest claim that they know."""
        for cfm in CFMS:
            self.holder.answered(cfm, Answer(highest, False, 5), now, now)

    def eras(self) -> list[str]:
        """The eras that it wrote."""
        return [one.type for one in self.said if one.type == TYPE_OF[Era]]

    def _entry(self, envelope: Envelope, now: float) -> None:
        self.holder.receive(Entry("failover", next(self._offsets), envelope), now)


def switch_era(number: int, leads: Column, holder: str = "") -> Era:
    named = {ROLE: Named(instance=holder, incarnation=7, claim_id="e" * 16)} if holder else {}
    return Era(number=number, authority="a switch", leads=leads, plan=PLAN, named=named)


def appointed(claim: Claim | None) -> AppointedHolder:
    """What decides where a person appoints: dhcp-1 is the configured primary, and has this claim."""
    ids = count(1)
    return AppointedHolder(
        role=ROLE,
        tenure=None if claim is None else Tenure(claim, is_ours=True),
        is_configured=True,
        is_alone=True,
        index=0,
        cfms=CFMS,
        new_id=lambda: f"{next(ids):016x}",
    )


def test_who_holds_nothing_that_others_share_has_nothing_to_give_back() -> None:
    """Else a drained sidecar gives it back in every tick, and never ends."""
    run = Run(Column.MULTICAST, SoleHolder())
    run.until(0.0, 1.0)
    assert run.holder.state is State.ACTIVE
    assert run.holder.is_released
    run = Run(Column.BUS, SoleHolder())
    run.until(0.0, 1.0)
    assert run.holder.state is State.ACTIVE
    assert not run.holder.is_released


def test_before_the_record_of_an_era_is_kept_nobody_stands_in_it() -> None:
    run = Run(Column.BUS)
    run.read("dhcp-2", switch_era(1, Column.MULTICAST), 1.0)
    run.until(1.0, 10.0)
    assert run.election.state is State.STANDBY
    run.holder.lead(Column.MULTICAST, 1, 10.0)
    run.hear(Claim(1), 10.0)
    run.until(10.0, 10.5)
    assert str(run.holder.state) == "candidate"  # and the voters wait until the former lease is over


def test_where_a_person_appoints_one_waits_until_the_former_lease_is_over() -> None:
    run = Run(Column.BUS, appointed(None))
    run.read("dhcp-2", switch_era(1, Column.MULTICAST), 1.0)
    run.holder.lead(Column.MULTICAST, 1, 10.0)
    run.hear(Claim(1), 10.0)
    states = []
    for since, until in ((10.0, 10.0 + SILENCE_S), (10.0 + SILENCE_S, 14.0)):
        run.until(since, until)
        states.append(run.holder.state)
    assert states == [State.STANDBY, State.ACTIVE]


def test_a_candidate_is_none_any_more_when_another_column_leads() -> None:
    run = Run(Column.BUS)
    run.until(0.0, 0.5, is_read_back=False)
    assert run.election.state is State.CANDIDATE
    run.read("dhcp-2", ClaimRecord(role="mps/lab", prev=-1, claim_id="a" * 16, incarnation=1), 1.0)
    run.holder.lead(Column.MULTICAST, 1, 1.0)
    assert str(run.election.state) == "standby"


def test_a_holder_that_stands_still_begins_no_era_by_itself() -> None:
    """The later claim of another authority may be of the switch, whose era it has not read yet."""
    run = Run(Column.BUS)
    run.until(0.0, 1.0)
    assert run.holder.state is State.ACTIVE
    run.holder.freeze(PLAN, 1.0)
    run.hear(Claim(1, 64, "b" * 16, BY_GRANTS), 1.0)
    run.until(1.0, 2.0)
    assert run.eras() == []
    run.holder.thaw()
    run.until(2.0, 2.5)
    assert run.eras()


def test_a_candidate_that_waits_for_the_cfms_does_not_spin() -> None:
    """All were stopped after a switch to the group, and started in mode bus."""
    run = Run(Column.BUS, era=1)
    run.read("dhcp-2", switch_era(1, Column.MULTICAST), 0.0)
    run.until(0.0, 1.0)
    assert run.election.state is State.CANDIDATE
    run.tick(1.0)
    due = run.holder.deadline()
    assert due is not None
    assert due > 1.0
    run.hear(Claim(1, 64, "b" * 16, BY_GRANTS), 1.0)
    run.until(1.0, 3.0)
    assert run.eras()


def test_who_acts_on_under_its_former_claim_does_so_whatever_eras_follow_at_once() -> None:
    """An era, and the one that takes it back, before the first is kept."""
    run = Run(Column.BUS)
    run.until(0.0, 1.0)
    before = run.holder.claim
    run.holder.freeze(PLAN, 1.0)
    run.holder.frozen(1.0)
    for number, leads in ((1, Column.MULTICAST), (2, Column.BUS), (3, Column.MULTICAST)):
        run.read("dhcp-2", switch_era(number, leads, "dhcp-1"), 1.1)
        assert run.holder.state is State.ACTIVE
        assert run.holder.claim.epoch >= 0
    assert run.holder.claim.token >= before.token
    assert run.holder.acts_until <= 1.0 + LEASE_S


def test_a_log_that_lost_its_beginning_while_the_group_led_gets_one_from_a_person() -> None:
    """After a week in the group retention has emptied it, and without one nobody could switch back."""
    run = Run(Column.MULTICAST, start=15)
    assert run.holder.has_no_start
    with pytest.raises(TryAgainError, match="majority of the CFMs"):
        run.holder.begin_era("a person", 1.0, ())
    run.hear(Claim(3, 64, "b" * 16, BY_GRANTS), 1.0)
    assert run.holder.begin_era("a person", 1.0, ()) == 4
    run.tick(1.0)
    assert run.holder.is_log_read
    assert run.holder.begun() is None
    run.until(1.0, 8.0)
    assert run.election.state is State.STANDBY  # the log gives nobody the role, as before


def test_while_the_group_leads_a_log_out_of_reach_gets_no_era() -> None:
    run = Run(Column.MULTICAST)
    run.hear(Claim(3, 64, "b" * 16, BY_GRANTS), 1.0)
    run.election.broken("it was cut", 1.0)
    with pytest.raises(TryAgainError):
        run.holder.begin_era("a person", 1.0, ())


def test_a_question_for_a_grant_never_leaves_by_the_bus() -> None:
    """It may be asked in the very moment in which another column begins to lead."""
    run = Run(Column.MULTICAST)
    asked = [one for one in run.holder.tick(1.0, 1.0) if isinstance(one, Send)]
    assert {one.to for one in asked} == {*CFMS}
    assert {one.column for one in asked} == {Column.MULTICAST}


def test_whom_a_person_appointed_before_a_switch_that_went_on_without_him_does_not_act() -> None:
    run = Run(Column.MULTICAST, appointed(Claim(1, 64, "a" * 16, BY_APPOINTMENT)))
    run.until(0.0, 1.0)
    assert run.holder.state is State.ACTIVE
    run.holder.note(is_overtaken=True, is_under_way=False)
    run.until(1.0, 2.0)
    assert run.holder.state is not State.ACTIVE
    run.holder.note(is_overtaken=False, is_under_way=False)
    run.until(2.0, 3.0)
    assert run.holder.state is State.ACTIVE


@pytest.mark.parametrize(("authority", "era"), [(BY_GRANTS, 4), (LOG, 5), ("", 1)])
def test_in_the_group_it_stands_in_an_era_whose_claims_the_cfms_take(authority: str, era: int) -> None:
    """They have come to an era in which nobody claimed the role: of the group, of the log, or to none."""
    run = Run(Column.MULTICAST)
    run.hear(Claim(4 if authority else 0, -1, "", authority), 1.0)
    asked = [unpack_question(one.envelope, {"dhcp-1": ROLE}) for one in run.holder.tick(1.0, 1.0)]
    assert {one.ballot.era for one in asked} == {era}


def test_after_switches_there_and_back_a_claim_waits_for_no_end_that_never_comes() -> None:
    """The group was asked for its settings, and led no more before it could answer: each claim after that
    waited for as long as a claim may.
    """
    run = Run(Column.BUS)
    run.holder.receive(CaughtUp("config"), 0.0)
    for era, leads in enumerate((Column.MULTICAST, Column.BUS) * 2, 1):
        run.read("dhcp-2", switch_era(era, leads, "dhcp-2"), 1.0)
        run.holder.receive(Recreated("config"), 1.0)
        run.holder.lead(leads, era, 1.0)
    run.holder.receive(CaughtUp("config"), 1.0)
    run.hear(Claim(4, -1, "", LOG), 1.0)
    roles = run.election.reader.roles
    assert roles is not None
    run.read("dhcp-2", Release(role=ROLE, epoch=roles.held[ROLE].epoch, claim_id="e" * 16), 1.5)
    states = []
    for since in (1.5, 4.0):
        run.until(since, since + 0.2)
        states.append(run.election.state)
        run.holder.receive(CaughtUp("config"), since + 0.2)
    assert states == [State.SETTLE, State.ACTIVE]


@pytest.mark.parametrize("is_able", [True, False])
def test_who_goes_on_frees_no_voter_while_he_may_act_under_the_former_lease(*, is_able: bool) -> None:
    """No voter's answer comes, so his first claim ends; he acts on under the lease of the log meanwhile."""
    run = Run(Column.BUS)
    run.until(0.0, 5.0)
    assert run.holder.state is State.ACTIVE
    run.holder.freeze(PLAN, 5.0)
    run.holder.frozen(5.0)
    run.read("dhcp-2", switch_era(1, Column.MULTICAST, "dhcp-1"), 5.0)
    run.holder.thaw()
    run.holder.lead(Column.MULTICAST, 1, 5.0)
    run.holder.able(is_able)
    run.hear(Claim(1, -1, "", LOG), 5.0)
    told: set[str] = set()
    acted_until = run.holder.acts_until
    assert acted_until > 7.0  # after each of our attempts has ended
    for at in range(100, round(acted_until * 20)):
        told |= {one.envelope.type for one in run.holder.tick(at / 20, 0.0) if isinstance(one, Send)}
    assert told == {ASK}
    run.holder.able(False)
    run.holder.release(8.0)  # by now our host has ended all that it did
    assert {one.envelope.type for one in run.holder.tick(8.0, 0.0) if isinstance(one, Send)} == {RESIGN}


def test_while_a_switch_is_under_way_a_person_begins_no_era() -> None:
    """Whoever has not kept the switch's yet would not see it any more."""
    run = Run(Column.MULTICAST)
    run.hear(Claim(3, 64, "b" * 16, BY_GRANTS), 1.0)
    run.holder.note(is_overtaken=False, is_under_way=True)
    with pytest.raises(TryAgainError, match="switch"):
        run.holder.begin_era("a person", 1.0, ())

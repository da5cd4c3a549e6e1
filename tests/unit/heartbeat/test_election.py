"""The election: who stands when, how long a holder may act, and what it does without the log."""

import re
from itertools import count
from pathlib import Path

import pytest

from bus.contract import encode
from bus.envelope import Envelope, Stamp
from bus.messages import Entry
from heartbeat.roles.claim import BY_APPOINTMENT, BY_GRANTS, ERA_MAX, Claim, log_authority
from heartbeat.roles.evidence import Answer
from heartbeat.roles.holder import StoreClaim
from heartbeat.roles.log.fold import Held
from heartbeat.roles.log.records import TYPE_OF, ClaimRecord, Era, Probe, Record, Release, Renew
from heartbeat.roles.states import TABLE, Cause, State, after, diagram
from heartbeat.timing import (
    CHECKPOINT_EVERY,
    LEASE_S,
    PROBE_AFTER_S,
    QUIET_S,
    SETTLE_S_MAX,
    SILENCE_S,
    SUSPENDED_S_MAX,
)
from tests.unit.heartbeat.election_run import CFMS, ROLE, STEP_S, Log, Node, Run

SLACK_S = 3 * STEP_S


def pair() -> tuple[Run, Node, Node]:
    """The first one active, the second one standing by."""
    log = Log()
    one, other = Node(log), Node(log, "dhcp-2", rank=1)
    run = Run(one, other)
    run.until(1.0)
    assert run.states() == [State.ACTIVE, State.STANDBY]
    return run, one, other


def held(log: Log) -> Held:
    """What a fresh reader makes of the log."""
    reader = Node(log, "reader")
    reader.read(0.0)
    assert reader.election.reader.roles is not None
    return reader.election.reader.roles.role(ROLE)


NUMBERS = count(1)


def written(record: Record, source: str = "dhcp-9", seq: int = 0) -> Envelope:
    return Envelope(TYPE_OF[type(record)], source, 1, seq or next(NUMBERS), 0, encode(record))


def kinds(log: Log) -> list[str]:
    return [one.type.split(".")[2] for one in log.records if one is not None]


def vouch(node: Node, now: float, highest: Claim, position: int = 7, cfms: int = 2) -> None:
    for name in CFMS[:cfms]:
        node.election.answered(name, Answer(highest, False, position), now, now)


def cut_off(run: Run, *nodes: Node) -> None:
    for node in nodes:
        node.reads = node.writes = False


def test_the_first_of_the_fleet_takes_a_free_role_at_once() -> None:
    log = Log()
    nodes = [Node(log, f"dhcp-{rank + 1}", rank=rank) for rank in range(3)]
    run = Run(*nodes)
    run.until(2 * STEP_S)
    assert run.states() == [State.ACTIVE, State.STANDBY, State.STANDBY]
    assert held(log).holder == "dhcp-1"
    assert kinds(log)[:2] == ["probe", "claim"]


def test_nothing_is_an_effect_before_the_claim_is_read_back() -> None:
    log = Log()
    node = Node(log)
    node.holds_back = []
    run = Run(node)
    run.until(0.5)
    assert node.state() is State.CANDIDATE
    node.deliver()  # the probe
    run.pass_s(STEP_S)
    assert [one.type.split(".")[2] for one in node.holds_back] == ["claim"]
    assert not node.acts(run.now)
    node.deliver()
    run.pass_s(2 * STEP_S)
    assert node.acts(run.now)


def test_a_claim_is_on_disk_before_anything_is_done_under_it() -> None:
    run, one, _ = pair()
    assert one.stored == [one.election.claim]
    one.election.release(run.now)
    effects = one.election.tick(run.now, 0.0)
    assert effects == [StoreClaim(None)]
    one.perform(effects, run.now)
    assert one.stored[-1] is None


def test_a_claim_that_the_disk_refuses_is_given_back_and_nothing_is_done_under_it() -> None:
    run, one, other = refused(is_doubtful=False)
    assert kinds(one.log)[-2:] == ["claim", "release"]
    assert (one.state(), one.acts(run.now), one.election.claim) == (State.STANDBY, False, Claim())
    run.pass_s(2.0)
    assert other.acts(run.now)


def test_one_that_may_be_on_the_disk_is_given_back_once_it_is_not() -> None:
    run, one, _ = refused(is_doubtful=True)
    assert (kinds(one.log)[-1], one.state()) == ("claim", State.STANDBY)
    one.perform(one.election.kept(None, run.now), run.now)
    assert kinds(one.log)[-1] == "release"
    assert one.election.kept(None, run.now) == []


def test_a_role_is_given_back_to_others_only_once_that_is_kept() -> None:
    run, one, other = pair()
    one.refuses = True
    one.election.able(False)  # as its owner says, who knows the disk
    one.election.release(run.now)
    run.pass_s(3.0)
    assert "release" not in kinds(one.log)
    assert (one.acts(run.now), other.acts(run.now)) == (False, False)
    run.pass_s(6.0)
    assert other.acts(run.now)
    (said,) = one.election.kept(None, run.now)
    one.perform([said], run.now)
    run.pass_s(2.0)
    assert other.acts(run.now)


def refused(*, is_doubtful: bool) -> tuple[Run, Node, Node]:
    """The first one won the role, and its disk refused the claim; the second one stands by."""
    log = Log()
    one, other = Node(log), Node(log, "dhcp-2", rank=1)
    run = Run(one, other)
    one.refuses, one.is_doubtful = True, is_doubtful
    while "claim" not in kinds(log) or one.state() is not State.STANDBY:
        assert not one.acts(run.now)
        run.pass_s(STEP_S)
    return run, one, other


def test_a_lease_runs_from_before_the_renewal_was_sent() -> None:
    run, one, _ = pair()
    sent_at = run.now
    one.holds_back = []
    run.pass_s(1.0)  # two renewals are under way
    one.deliver()
    one.holds_back = []
    run.pass_s(STEP_S)
    assert one.election.acts_until <= sent_at + 1.0 + LEASE_S
    run.until(one.election.acts_until + STEP_S)
    assert one.state() is State.SUSPENDED


def test_a_renewal_that_is_in_the_log_twice_lengthens_nothing() -> None:
    run, one, _ = pair()
    one.writes = False
    until = one.election.acts_until
    renewals = [it for it in one.log.records if it is not None and it.type == TYPE_OF[Renew]]
    run.pass_s(1.0)
    one.log.records.append(renewals[-1])
    run.pass_s(0.2)
    assert one.election.acts_until == until


def test_a_silent_holder_is_followed_after_the_silence_and_never_before() -> None:
    run, one, other = pair()
    heard_at = run.now
    cut_off(run, one)
    run.until(heard_at + SILENCE_S - 0.6)
    assert other.state() is State.CANDIDATE
    assert "claim" not in kinds(one.log)[2:]
    run.until(heard_at + SILENCE_S + SLACK_S)
    assert other.acts(run.now)
    assert not one.acts(run.now)
    assert one.state() is State.SUSPENDED


def test_two_leases_never_overlap_whoever_is_cut_off_when() -> None:
    for at in range(20):
        run, one, other = pair()
        run.pass_s(at * STEP_S)
        cut_off(run, one)
        for _ in range(200):
            run.pass_s(STEP_S)
            assert not (one.acts(run.now) and other.acts(run.now))
        assert other.acts(run.now)


def test_a_partition_that_stands_still_makes_nobody_claim() -> None:
    run, one, other = pair()
    for node in (one, other):
        node.holds_back = []
    run.pass_s(30.0)
    assert run.states() == [State.SUSPENDED, State.CANDIDATE]
    for node in (one, other):
        node.deliver()
        node.holds_back = None
    run.pass_s(1.0)
    assert run.states() == [State.ACTIVE, State.STANDBY]
    assert kinds(one.log).count("claim") == 1


def test_silence_alone_is_not_enough_without_a_probe_that_came_back() -> None:
    run, one, other = pair()
    heard_at = run.now
    cut_off(run, one)
    other.holds_back = []
    run.until(heard_at + SILENCE_S + 0.2)
    other.deliver()  # only now a probe is back, and it is an old one: silence begins anew
    other.holds_back = None
    back_at = run.now
    run.until(back_at + SILENCE_S - 0.2)
    assert other.state() is State.CANDIDATE
    assert kinds(one.log).count("claim") == 1
    run.until(back_at + SILENCE_S + QUIET_S)
    assert other.acts(run.now)


def test_whoever_reads_back_late_does_not_stand() -> None:
    log = Log()
    node = Node(log)
    node.holds_back = []
    run = Run(node)
    under_way: list[tuple[float, list[Envelope]]] = []
    while run.now < 30.0:
        run.pass_s(STEP_S)
        under_way.append((run.now + 3.2, node.holds_back))
        node.holds_back = []
        while under_way[0][0] <= run.now:
            log.records += under_way.pop(0)[1]
    assert set(kinds(log)) == {"probe"}


def test_a_role_that_was_given_back_is_taken_without_silence() -> None:
    run, one, _ = pair()
    one.election.able(False)
    one.election.release(run.now)
    assert not one.acts(run.now)
    run.pass_s(SLACK_S)
    assert run.states() == [State.STANDBY, State.ACTIVE]


def test_after_a_release_no_renewal_of_that_claim_is_sent_or_counts() -> None:
    run, one, other = pair()
    other.election.able(False)
    one.election.able(False)
    one.holds_back = []
    one.election.release(run.now)
    run.pass_s(2.0)
    assert [it.type.split(".")[2] for it in one.holds_back] == ["release"]
    one.deliver()
    run.pass_s(SLACK_S)
    assert held(one.log).released
    assert not one.acts(run.now)


def test_a_restarted_holder_takes_its_own_role_back_at_once() -> None:
    run, one, other = pair()
    again = Node(one.log, "dhcp-1", incarnation=2, former=one.election.claim)
    run.nodes = (again, other)
    run.pass_s(SLACK_S)
    assert run.states() == [State.ACTIVE, State.STANDBY]
    assert held(one.log).incarnation == 2


def test_a_second_process_of_the_holders_name_stands_by_while_the_first_renews() -> None:
    run, one, other = pair()
    clone = Node(one.log, "dhcp-1", incarnation=2)
    run.nodes = (one, other, clone)
    run.pass_s(3 * SILENCE_S)
    assert run.states() == [State.ACTIVE, State.STANDBY, State.STANDBY]


def test_without_proof_that_its_former_process_is_gone_a_restarted_holder_waits_for_silence() -> None:
    run, one, _ = pair()
    again = Node(one.log, "dhcp-1", incarnation=2)
    lease_s = one.election.acts_until - run.now
    run.nodes = (again,)
    run.pass_s(lease_s + 0.1)
    assert not again.acts(run.now)
    run.pass_s(SILENCE_S)
    assert again.acts(run.now)


def test_a_later_claim_of_our_name_is_not_that_of_our_former_process() -> None:
    """A clone's, which had taken over in the meantime, and may still be there."""
    run, one, other = pair()
    former = one.election.claim
    one.election.release(run.now)
    one.perform(one.election.tick(run.now, 0.0), run.now)
    other.election.able(False)
    clone = Node(one.log, "dhcp-1", incarnation=2)
    run.nodes = (clone,)
    run.pass_s(1.0)
    assert clone.acts(run.now)
    again = Node(one.log, "dhcp-1", incarnation=3, former=former)
    run.nodes = (clone, again)
    run.pass_s(2 * SILENCE_S)
    assert run.states() == [State.ACTIVE, State.STANDBY]


def test_a_claim_that_comes_back_late_is_given_back() -> None:
    log = Log()
    node = Node(log)
    run = Run(node)
    node.read(0.0)
    node.tick(0.0)
    node.read(0.0)
    node.holds_back = []
    run.until(LEASE_S + 2 * STEP_S)  # the claim was given up, another candidacy is under way
    assert node.election.taken[State.CANDIDATE, Cause.LATE] == 1
    node.election.able(False)
    node.election.release(run.now)
    late = [it for it in node.holds_back if it.type == TYPE_OF[ClaimRecord]]
    node.holds_back = None
    log.records += late
    run.pass_s(SLACK_S)
    assert node.state() is State.STANDBY
    assert held(log).released


def test_a_claim_that_loses_is_no_ones() -> None:
    run, one, other = pair()
    one.writes = False
    run.pass_s(PROBE_AFTER_S + SLACK_S)
    other.holds_back = []
    run.pass_s(QUIET_S)
    assert [it.type.split(".")[2] for it in other.holds_back] == ["claim"]
    claim = one.election.claim
    one.log.records.append(
        written(Renew(role=ROLE, epoch=claim.epoch, claim_id=claim.claim_id), "dhcp-1", 99)
    )
    other.deliver()
    other.holds_back = None
    run.pass_s(STEP_S)
    assert other.state() is State.STANDBY
    assert held(one.log).holder == "dhcp-1"


def test_a_holder_that_reads_a_later_claim_is_fenced_and_rests() -> None:
    run, one, other = pair()
    one.writes = False
    one_reads_again = run.now + SILENCE_S + 1.0
    one.reads = False
    run.until(one_reads_again)
    assert other.acts(run.now)
    one.reads = one.writes = True
    run.pass_s(STEP_S)
    assert one.state() is State.FENCED
    assert one.stored[-1] is None
    run.pass_s(LEASE_S + SLACK_S)
    assert run.states() == [State.STANDBY, State.ACTIVE]


def test_an_era_fences_and_whoever_is_first_begins_anew() -> None:
    run, one, _ = pair()
    before = one.election.claim
    one.log.records.append(written(Era(number=3, authority="an operator")))
    run.pass_s(STEP_S)
    assert one.state() is State.FENCED
    run.pass_s(SILENCE_S - STEP_S)
    assert not any(node.acts(run.now) for node in run.nodes)  # one of them may not have read it
    run.pass_s(LEASE_S)
    now_held = [node for node in run.nodes if node.acts(run.now)]
    assert len(now_held) == 1
    assert now_held[0].election.claim > before
    assert now_held[0].election.claim.era == 3


@pytest.mark.parametrize("authority", [BY_APPOINTMENT, BY_GRANTS, log_authority("another log")])
def test_after_another_authority_an_era_is_begun_above_it(authority: str) -> None:
    log = Log()
    node = Node(log)
    run = Run(node)
    vouch(node, run.now, Claim(3, 64, "e" * 16, authority))
    run.pass_s(SILENCE_S / 2)
    assert kinds(log).count("era") == 1
    assert "claim" in kinds(log)
    assert not node.acts(run.now)  # somebody may act by the former era until its leases are over
    vouch(node, run.now, Claim(3, 64, "e" * 16, authority))
    run.pass_s(SILENCE_S)
    assert node.acts(run.now)
    assert (node.election.claim.era, node.election.claim.authority) == (4, log_authority(""))
    assert kinds(log).count("era") == 1


def test_a_holder_begins_an_era_when_a_cfm_comes_that_stands_by_another_authority() -> None:
    run, one, other = pair()
    vouch(one, run.now, one.election.claim)
    run.pass_s(0.1)
    vouch(one, run.now, Claim(0, 64, "e" * 16, BY_APPOINTMENT), cfms=2)
    vouch(other, run.now, Claim(0, 64, "e" * 16, BY_APPOINTMENT), cfms=2)
    run.pass_s(LEASE_S + SILENCE_S + 1.0)
    assert kinds(one.log).count("era") == 1
    assert (one.acts(run.now), other.acts(run.now)).count(True) == 1


def test_what_fewer_than_a_majority_of_the_cfms_say_begins_no_era() -> None:
    log = Log()
    node = Node(log)
    run = Run(node)
    vouch(node, run.now, Claim(3, 64, "e" * 16, BY_APPOINTMENT), cfms=1)
    run.pass_s(1.0)
    assert "era" not in kinds(log)


def test_a_log_that_was_cut_gets_no_era_from_a_machine() -> None:
    log = Log()
    node = Node(log)
    run = Run(node)
    vouch(node, run.now, Claim(3, 64, "e" * 16, log_authority("")), cfms=3)
    run.pass_s(1.0)
    vouch(node, run.now, Claim(3, 64, "e" * 16, log_authority("")), cfms=3)
    run.pass_s(1.0)
    assert "era" not in kinds(log)


def test_an_era_of_another_authority_that_is_over_begins_none() -> None:
    log = Log()
    log.records.append(written(Era(number=5, authority="a person")))
    node = Node(log)
    run = Run(node)
    vouch(node, run.now, Claim(4, 64, "e" * 16, BY_APPOINTMENT), cfms=3)
    run.pass_s(1.0)
    assert kinds(log).count("era") == 1


def test_where_no_era_is_left_none_is_begun() -> None:
    log = Log()
    node = Node(log)
    run = Run(node)
    vouch(node, run.now, Claim(ERA_MAX, 64, "e" * 16, BY_APPOINTMENT), cfms=3)
    run.pass_s(1.0)
    assert "era" not in kinds(log)


def test_who_was_promoted_waits_until_no_lease_can_run() -> None:
    run, one, other = pair()
    other.election.promote(run.now)
    cut = run.now
    one.reads = False  # it does not even learn of it
    run.pass_s(SLACK_S)
    assert other.state() is State.SETTLE
    while one.acts(run.now):
        assert not other.acts(run.now)
        run.pass_s(STEP_S)
    run.until(cut + SILENCE_S + SLACK_S)
    assert other.acts(run.now)


def handed_over() -> tuple[Run, Node]:
    """Who follows another one, and is not told yet that the settings are read."""
    run, one, other = pair()
    other.answers_settings = False
    one.election.able(False)
    one.election.release(run.now)
    run.pass_s(0.5)
    assert other.state() is State.SETTLE
    assert other.settings_wanted == 1
    return run, other


def test_settings_are_read_to_an_end_captured_after_the_claim() -> None:
    run, other = handed_over()
    other.election.settings_read()
    run.pass_s(0.6)
    assert other.state() is State.ACTIVE


def test_settings_that_nobody_tells_hold_up_the_primary_for_seconds_only() -> None:
    run, other = handed_over()
    run.pass_s(SETTLE_S_MAX - 0.7)
    assert other.state() is State.SETTLE
    run.pass_s(1.0)
    assert other.state() is State.ACTIVE


def test_who_follows_nobody_or_itself_has_nothing_to_read() -> None:
    log = Log()
    former = None
    for incarnation in (1, 2):
        node = Node(log, incarnation=incarnation, former=former)
        node.answers_settings = False
        run = Run(node)
        run.until(0.2)
        assert (node.state(), node.settings_wanted) == (State.ACTIVE, 0)
        former = node.election.claim
    assert kinds(log).count("probe") == 1  # the second one needs none: its claim is one


def test_who_is_not_able_never_stands() -> None:
    node = Node(Log())
    node.election.able(False)
    Run(node).until(10.0)
    assert node.state() is State.STANDBY
    assert node.election.deadline() is None


def test_a_holder_without_renewals_gives_up_while_the_log_moves() -> None:
    run, one, other = pair()
    other.election.able(False)
    one.writes = False
    for second in range(int(LEASE_S + SUSPENDED_S_MAX) + 2):
        one.log.records.append(written(Probe(nonce="0" * 16), seq=second))
        run.pass_s(1.0)
    assert one.election.taken[State.SUSPENDED, Cause.RELEASED] == 1


def test_a_holder_that_hears_nothing_does_not_keep_the_role_from_others() -> None:
    run, one, _ = pair()
    one.reads = False  # and its renewals are read by others
    run.pass_s(LEASE_S + 2 * SILENCE_S + QUIET_S)
    assert run.states() == [State.SUSPENDED, State.ACTIVE]
    one.reads = True
    run.pass_s(STEP_S)
    assert one.state() is State.FENCED


def test_a_holder_that_hears_again_renews_again() -> None:
    run, one, other = pair()
    for node in (one, other):
        node.reads = False
    run.pass_s(LEASE_S + SILENCE_S)
    for node in (one, other):
        node.reads = True
    run.pass_s(2.0)
    assert run.states() == [State.ACTIVE, State.STANDBY]


def test_without_the_log_a_majority_of_the_cfms_lets_the_holder_go_on() -> None:
    run, one, _ = pair()
    ours = one.election.claim
    cut_off(run, *run.nodes)
    for _ in range(40):
        run.pass_s(0.25)
        vouch(one, run.now, ours)
    assert one.state() is State.AUTONOMOUS
    assert one.acts(run.now)
    run.pass_s(3.0)  # nobody vouches any more
    assert one.state() is State.SUSPENDED
    assert not one.acts(run.now)


@pytest.mark.parametrize(
    ("cfms", "highest", "grows", "goes_on"),
    [
        (2, "ours", False, True),
        (3, "ours", False, True),
        (1, "ours", False, False),
        (3, "other", False, False),
        (3, "ours", True, False),
    ],
    ids=["majority", "all", "no majority", "a later claim", "somebody reads the log"],
)
def test_what_the_cfms_must_say(cfms: int, highest: str, grows: bool, goes_on: bool) -> None:
    run, one, _ = pair()
    ours = one.election.claim
    said = ours if highest == "ours" else ours._replace(epoch=ours.epoch + 1)
    cut_off(run, *run.nodes)
    for turn in range(40):
        run.pass_s(0.25)
        vouch(one, run.now, said, position=turn if grows else 7, cfms=cfms)
    assert one.acts(run.now) is goes_on


def test_with_the_log_back_the_next_renewal_decides() -> None:
    run, one, other = pair()
    ours = one.election.claim
    cut_off(run, one, other)
    for _ in range(24):
        run.pass_s(0.25)
        vouch(one, run.now, ours)
    assert one.state() is State.AUTONOMOUS
    one.reads = one.writes = other.reads = other.writes = True
    run.pass_s(1.0)
    assert run.states() == [State.ACTIVE, State.STANDBY]
    assert one.election.claim == ours


def test_a_later_claim_that_the_log_brings_back_fences() -> None:
    run, one, other = pair()
    ours = one.election.claim
    cut_off(run, one)
    for _ in range(40):
        run.pass_s(0.25)
        vouch(one, run.now, ours)
    assert one.state() is State.AUTONOMOUS
    assert other.acts(run.now)  # what AUTONOMOUS gives up: the fence is the CFM's
    one.reads = one.writes = True
    run.pass_s(STEP_S)
    assert one.state() is State.FENCED


def test_a_restart_without_the_log_goes_on_if_the_cfms_name_its_claim() -> None:
    kept = Claim(0, 4, "a" * 16)
    node = Node(Log(), former=kept)
    cut_off(Run(node), node)
    run = Run(node)
    for _ in range(20):
        run.pass_s(0.25)
        vouch(node, run.now, kept)
    assert node.state() is State.AUTONOMOUS
    assert node.election.claim == kept


def test_a_restart_without_the_log_and_without_a_word_of_the_cfms_waits() -> None:
    node = Node(Log(), former=Claim(0, 4, "a" * 16))
    run = Run(node)
    cut_off(run, node)
    run.pass_s(30.0)
    assert node.state() is State.BOOT


def test_a_resumed_holder_reads_the_whole_log_before_it_judges_its_claim() -> None:
    log = Log()
    first, second = Node(log), Node(log, "dhcp-2", rank=1)
    run = Run(first, second)
    run.until(2.0)
    kept = first.election.claim
    again = Node(log, "dhcp-1", incarnation=2, former=kept)
    again.reads = again.writes = False
    run = Run(again)
    for _ in range(20):
        run.pass_s(0.25)
        vouch(again, run.now, kept)
    assert again.state() is State.AUTONOMOUS
    again.reads = again.writes = True
    run.pass_s(1.0)
    assert again.state() is State.ACTIVE
    assert again.election.claim == kept


def test_a_missing_offset_halts_for_good() -> None:
    run, one, _ = pair()
    one.election.entry(Entry("failover", 999, None), run.now)
    assert one.state() is State.HALT
    assert not one.acts(run.now)
    assert "999" in one.election.describe(run.now)["reason"]
    one.election.broken("again", run.now)
    run.pass_s(10.0)
    assert one.state() is State.HALT


def test_a_log_that_begins_in_the_middle_keeps_everybody_waiting() -> None:
    log = Log(start=7)
    log.records.append(written(Release(role=ROLE, epoch=3, claim_id="0" * 16)))
    node = Node(log)
    run = Run(node)
    run.pass_s(10.0)
    assert node.state() is State.CATCHUP
    assert "begin an era" in node.election.describe(run.now)["reason"]
    log.records.append(written(Era(number=1, authority="an operator")))
    run.pass_s(SILENCE_S + 1.0)
    assert node.state() is State.ACTIVE


def test_the_holder_writes_a_checkpoint_from_which_others_can_begin() -> None:
    log = Log()
    log.records += [None] * CHECKPOINT_EVERY
    node = Node(log)
    run = Run(node)
    run.pass_s(2.0)
    assert kinds(log).count("checkpoint") == 1
    cut = Log(start=CHECKPOINT_EVERY - 5)
    cut.records = log.records[cut.start :]
    late = Node(cut, "dhcp-2", rank=1)
    late.read(0.0)
    assert late.election.reader.roles == node.election.reader.roles


def test_the_silence_is_longer_than_a_lease_by_more_than_clocks_differ() -> None:
    assert LEASE_S * 1.001 < SILENCE_S * 0.999
    assert PROBE_AFTER_S + QUIET_S <= SILENCE_S


def test_every_state_but_halt_has_a_way_out_and_all_can_be_reached() -> None:
    assert {state for state, _ in TABLE} == set(State) - {State.HALT}
    assert {*TABLE.values(), State.BOOT, after(State.BOOT, Cause.BROKEN)} == set(State)
    with pytest.raises(KeyError):
        after(State.STANDBY, Cause.WON)


def test_the_diagram_has_a_line_for_each_transition() -> None:
    lines = diagram().splitlines()
    assert len(lines) == len(TABLE) + 2
    assert "    candidate --> settle: our claim came back and won" in lines


def test_records_are_said_by_the_instance_and_its_incarnation() -> None:
    log = Log()
    Run(Node(log, incarnation=5)).until(0.2)
    first = log.records[0]
    assert first is not None
    assert (first.source, first.incarnation) == (Stamp("dhcp-1", "", 5).instance, 5)


def test_the_diagram_of_the_design_is_drawn_from_the_table() -> None:
    page = (Path(__file__).parents[3] / "heartbeat" / "DESIGN.md").read_text()
    assert f"```mermaid\n{diagram()}\n```" in page


def test_the_design_says_what_an_operator_sees_in_each_state() -> None:
    page = (Path(__file__).parents[3] / "heartbeat" / "DESIGN.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.M)) == {str(state) for state in State}

"""An era that a switch of the transport began: whom it names holds the role by its word, and nobody else."""

from collections.abc import Callable
from itertools import count

import pytest

from bus.contract import encode
from bus.envelope import Envelope
from bus.routes import Column
from heartbeat.roles.claim import Claim
from heartbeat.roles.evidence import Answer
from heartbeat.roles.log.records import TYPE_OF, Era, Named
from heartbeat.roles.states import TABLE, Cause, State
from heartbeat.timing import LEASE_S
from tests.unit.heartbeat.election_run import CFMS, ROLE, STEP_S, Log, Node, Run

PLAN, ANOTHER = "ab" * 8, "cd" * 8
CLAIM_ID = "5" * 16
NUMBERS = count(1)


def era(number: int, leads: Column = Column.BUS, *, to: str = "dhcp-1", incarnation: int = 1) -> Envelope:
    """The record of a switch that names this process."""
    named = {ROLE: Named(instance=to, incarnation=incarnation, claim_id=CLAIM_ID)}
    record = Era(number=number, authority="a switch", leads=leads, plan=PLAN, named=named)
    return Envelope(TYPE_OF[Era], "dhcp-9", 1, next(NUMBERS), 0, encode(record))


def active(run: Run, node: Node) -> None:
    run.until(1.0)


def suspended(run: Run, node: Node) -> None:
    active(run, node)
    node.writes = False
    run.pass_s(LEASE_S + STEP_S)


def autonomous(run: Run, node: Node) -> None:
    active(run, node)
    for one in run.nodes:
        one.reads = one.writes = False
    for _ in range(40):
        run.pass_s(0.25)
        for cfm in CFMS:
            node.election.answered(cfm, Answer(node.election.claim, False, 7), run.now, run.now)


def settling(run: Run, node: Node) -> None:
    """Another one held the role before, so it reads the settings to their end first."""
    node.answers_settings = False
    run.nodes[1].election.release(run.now)
    run.pass_s(0.5)


def led_by_the_group(run: Run, node: Node) -> None:
    """Whatever it was in the log, it is nobody there while the group leads."""
    node.election.able(False)
    node.log.records.append(era(1, Column.MULTICAST, to="dhcp-2"))
    run.pass_s(STEP_S)


def fenced(run: Run, node: Node) -> None:
    active(run, node)
    led_by_the_group(run, node)


def standing_by(run: Run, node: Node) -> None:
    led_by_the_group(run, node)


def candidate(run: Run, node: Node) -> None:
    led_by_the_group(run, node)
    node.election.able(True)
    run.pass_s(10.0)


STATES: dict[State, Callable[[Run, Node], None]] = {
    State.ACTIVE: active,
    State.SUSPENDED: suspended,
    State.AUTONOMOUS: autonomous,
    State.SETTLE: settling,
    State.FENCED: fenced,
    State.STANDBY: standing_by,
    State.CANDIDATE: candidate,
}


def test_every_state_is_here_in_which_one_may_be_named() -> None:
    assert STATES.keys() == {state for state, cause in TABLE if cause is Cause.NAMED}


def brought_to(state: State) -> tuple[Run, Node]:
    """dhcp-1 in this state; dhcp-2 took the role before where it settles."""
    log = Log()
    node, other = Node(log), Node(log, "dhcp-2", rank=1)
    if state is State.SETTLE:
        Run(other).until(1.0)
        other.election.able(False)
    run = Run(node, other)
    if state in (State.STANDBY, State.CANDIDATE):
        node.election.able(False)
        run.until(1.0)
    STATES[state](run, node)
    other.election.able(False)
    assert node.state() is state
    return run, node


@pytest.mark.parametrize("state", STATES)
def test_whom_an_era_names_holds_the_role_in_whatever_state_it_reads_that(state: State) -> None:
    run, node = brought_to(state)
    node.election.freeze(PLAN)
    node.election.frozen(run.now)
    node.reads = node.writes = True
    node.log.records.append(era(2))
    offset = node.log.end - 1
    node.read(run.now)
    assert node.election.taken[state, Cause.NAMED] == 1
    assert not node.acts(run.now), "not before that is on its disk"
    node.perform(node.election.tick(run.now, run.now), run.now)
    claim = node.stored[-1]
    assert claim is not None
    assert (claim.era, claim.epoch, claim.claim_id) == (2, offset, CLAIM_ID)
    run.pass_s(2 * LEASE_S)
    assert (node.state(), node.election.claim, node.acts(run.now)) == (State.ACTIVE, claim, True)


@pytest.mark.parametrize("earlier_s", [0.0, 1.0, LEASE_S])
def test_its_lease_runs_from_when_it_said_that_it_stands_still(earlier_s: float) -> None:
    """Others wait since they read the era, which nobody wrote before all had said so."""
    run, node = brought_to(State.ACTIVE)
    node.election.freeze(PLAN)
    node.election.frozen(run.now)
    lease_until = run.now + LEASE_S
    run.pass_s(earlier_s)
    node.writes = False  # none of its renewals comes back
    node.log.records.append(era(2))
    run.pass_s(STEP_S)
    assert node.acts(run.now) == (run.now < lease_until)
    run.until(lease_until)
    assert not node.acts(run.now)


@pytest.mark.parametrize(
    ("plan", "named"),
    [
        (ANOTHER, era(2)),
        (PLAN, era(2, to="dhcp-2")),
        (PLAN, era(2, incarnation=9)),
        (PLAN, era(2, Column.MULTICAST)),
    ],
    ids=["of another switch", "another", "another process of its name", "for the group"],
)
def test_nobody_else_holds_a_role_by_an_era(plan: str, named: Envelope) -> None:
    run, node = brought_to(State.ACTIVE)
    node.election.freeze(plan)
    node.election.frozen(run.now)
    node.log.records.append(named)
    run.pass_s(STEP_S)
    assert (node.state(), node.election.claim) == (State.FENCED, Claim())
    assert not node.acts(run.now)


def test_while_the_log_leads_an_era_gives_a_role_to_its_holder_alone() -> None:
    """Whoever wrote it had not read the last claim."""
    log = Log()
    holder, late = Node(log, "dhcp-2", rank=1), Node(log)
    run = Run(holder)
    run.until(1.0)
    late.election.able(False)
    late.election.freeze(PLAN)
    log.records.append(era(2))
    Run(holder, late).until(STEP_S)
    assert (holder.state(), late.state()) == (State.FENCED, State.STANDBY)

"""What the holder of an elected role says of itself while it cannot act, or acts without the log."""

from bus.messages import LogBounds, LogLost
from bus.reason import Reason
from heartbeat.roles.claim import Claim
from heartbeat.roles.elected.holder import ElectedHolder
from heartbeat.roles.evidence import Answer
from heartbeat.roles.states import State
from heartbeat.timing import LEASE_S, SILENCE_S
from tests.unit.heartbeat.election_run import CFMS, Log, Node, Run


class Holding:
    """A node, and the holder that speaks for it."""

    def __init__(self, *, reads: bool = True, start: int = 0, old: bool = False) -> None:
        log = Log(start)
        log.records += [None] if old else []
        self.node = Node(log)
        self.node.reads = reads
        self.holder = ElectedHolder(self.node.election)
        self.run = Run(self.node)
        self.holder.tick(0.0, 0.0)

    def codes(self) -> list[str]:
        """Why it cannot act now."""
        return [one.code for one in self.holder.waits_for(self.run.now)]

    def pass_s(self, seconds: float, highest: Claim | None = None) -> None:
        """Let time pass; CFMs that vouch name this claim."""
        until = self.run.now + seconds
        while self.run.now < until:
            self.run.pass_s(0.25)
            if highest is not None:
                for cfm in CFMS:
                    self.holder.answered(cfm, Answer(highest, False, 7), self.run.now, self.run.now)


def test_a_log_that_no_broker_shows_is_said_until_one_does() -> None:
    one = Holding(reads=False)
    assert one.codes() == ["role-log-unreached"]
    one.node.reads = True
    one.pass_s(0.25)
    assert one.codes() == []


def test_without_the_log_it_stands_by_where_a_cfm_knows_the_primary() -> None:
    one = Holding(reads=False)
    theirs = Claim(0, 17, "9" * 16, "log:0000000000000000")
    one.holder.answered(CFMS[0], Answer(theirs, False, 17), one.run.now, one.run.now)
    assert (one.codes(), [it.code for it in one.holder.worries(one.run.now)]) == ([], ["role-log-unreached"])
    one.holder.answered(CFMS[0], Answer(theirs, True, 18), one.run.now + 0.1, one.run.now + 0.1)
    assert (one.codes(), one.holder.worries(one.run.now)) == (["role-log-unreached"], [])


def test_a_log_whose_end_is_not_read_is_said() -> None:
    one = Holding(reads=False)
    one.node.election.bounds(LogBounds("failover", 0, 2), one.run.now)
    assert (one.holder.state, one.codes()) == (State.CATCHUP, ["role-log-unread"])


def test_a_log_whose_beginning_is_lost_is_said_at_once_and_why() -> None:
    one = Holding(start=5, old=True)
    one.pass_s(0.25)
    (reason,) = one.holder.waits_for(one.run.now)
    assert reason.code == "role-log-beginning-lost"
    assert reason == f"the beginning of the role log: {one.node.election.reader.no_start}"
    assert one.node.election.reader.no_start


def test_a_log_that_changed_is_lost_and_nothing_else_is_waited_for() -> None:
    one = Holding()
    one.pass_s(LEASE_S)
    assert one.holder.lost() == []
    one.holder.receive(LogLost("failover", "it was made anew"), one.run.now)
    assert one.holder.lost() == [
        Reason("role-log-changed", "the role log, which is not what it was: it was made anew")
    ]
    assert [one.code for one in one.holder.lost()] == ["role-log-changed"]
    one.pass_s(3.0)
    assert one.codes() == []


def test_renewals_that_do_not_come_back_suspend_it_and_cfms_that_vouch_let_it_go_on() -> None:
    one = Holding()
    one.pass_s(1.0)
    ours = one.holder.claim
    assert (one.holder.state, one.codes(), one.holder.worries(one.run.now)) == (State.ACTIVE, [], [])
    one.node.reads = one.node.writes = False
    one.pass_s(LEASE_S + 0.5)
    assert (one.codes(), one.holder.worries(one.run.now)) == (["role-suspended"], [])
    one.pass_s(2 * SILENCE_S, highest=ours)
    assert one.holder.state is State.AUTONOMOUS
    assert (one.codes(), [it.code for it in one.holder.worries(one.run.now)]) == ([], ["autonomous"])
    one.node.reads = one.node.writes = True
    one.pass_s(1.0)
    assert (one.codes(), one.holder.worries(one.run.now)) == ([], [])

"""The hand-off: who is asked, when, for how long, and what the host is told in the end."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from bus.effects import Send
from bus.envelope import Envelope, Stamp
from bus.errors import BackpressureError, DecodeError
from fileid.handoff import ACKED_SEQ, Budget, Handoff, Settled
from fileid.row import ACK, ROWS, ROWS_MAX, Row, largest_frame, split_rows
from fileid.table import RowStatus

TRY_S, BUDGET_S = 0.05, 0.15
WALL_S = 1_700_000_000.0
STORED, DUPLICATE, FULL, BAD, *_ = RowStatus


class Cfms:
    """Who can be chosen: the first one that is not excluded."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)

    def choose(self, exclude: Sequence[str], now: float) -> str | None:
        return next((name for name in self.names if name not in exclude), None)


class Run:
    """A hand-off in virtual time, with everything it ever sent or settled."""

    def __init__(
        self,
        *names: str,
        budget_s: float = BUDGET_S,
        rows_max: int = 20_000,
        data_bytes_max: Callable[[], int] = largest_frame,
    ) -> None:
        self.cfms = Cfms(*names)
        budget = Budget(try_s=TRY_S, budget_s=budget_s)
        self.handoff = Handoff(
            Stamp("dhcp-1", "lab", 1), self.cfms.choose, budget, rows_max, data_bytes_max=data_bytes_max
        )
        self.sent: list[tuple[float, Send]] = []
        self.settled: list[Settled] = []

    def offer(self, *tickets: str, now: float = 0.0) -> None:
        for ticket in tickets:
            self.handoff.offer(Row(ticket.encode(), b"body of " + ticket.encode()), ticket, now)

    def tick(self, now: float) -> list[Send]:
        sends, settled = self.handoff.tick(now, WALL_S)
        self.sent += ((now, send) for send in sends)
        self.settled += settled
        return sends

    def until(self, end: float) -> None:
        """Tick at every deadline up to `end`."""
        now = 0.0
        while (due := self.handoff.deadline()) is not None and due <= end:
            now = max(now, due)
            self.tick(now)

    def ack(
        self, send: Send, statuses: Sequence[int] | None = None, source: str | None = None
    ) -> list[Settled]:
        count = len(split_rows(send.envelope.data)[0])
        data = ACKED_SEQ.pack(send.envelope.seq) + bytes(statuses or [STORED] * count)
        settled = self.handoff.acked(ack_of(data, source or str(send.to)))
        self.settled += settled
        return settled


def ack_of(data: bytes, source: str = "cfm-1") -> Envelope:
    return Envelope(ACK, source, 1, 1, 0, data)


def ends(settled: list[Settled]) -> list[tuple[str, str, list[str]]]:
    return [(end.ticket, end.cfm, list(end.tried)) for end in settled]


def test_rows_of_one_moment_travel_together_and_are_settled_by_their_ack() -> None:
    run = Run("cfm-1", "cfm-2")
    run.offer("a", "b")
    assert run.handoff.deadline() == 0.0
    (send,) = run.tick(0.0)
    assert (send.to, send.envelope.type) == ("cfm-1", ROWS)
    assert split_rows(send.envelope.data)[0] == [b"a", b"b"]
    assert ends(run.ack(send)) == [("a", "cfm-1", ["cfm-1"]), ("b", "cfm-1", ["cfm-1"])]
    assert all(end.acked for end in run.settled)
    assert [end.row.body for end in run.settled] == [b"body of a", b"body of b"]
    assert len(run.handoff) == 0
    run.until(1.0)
    assert len(run.sent) == 1
    assert len(run.settled) == 2
    assert run.handoff.deadline() is None


@pytest.mark.parametrize("count", [1, ROWS_MAX, ROWS_MAX + 1, 3 * ROWS_MAX])
def test_a_frame_holds_at_most_64_rows(count: int) -> None:
    run = Run("cfm-1")
    run.offer(*(f"row-{at}" for at in range(count)))
    sizes = [len(split_rows(send.envelope.data)[0]) for send in run.tick(0.0)]
    assert sum(sizes) == count
    assert max(sizes) <= ROWS_MAX
    assert len(sizes) == -(-count // ROWS_MAX)


def test_a_duplicate_is_as_good_as_stored() -> None:
    run = Run("cfm-1")
    run.offer("a", "b")
    (send,) = run.tick(0.0)
    assert [end.acked for end in run.ack(send, [DUPLICATE, STORED])] == [True, True]


def test_a_frame_that_is_not_acked_goes_to_the_next_cfm_with_the_same_id() -> None:
    run = Run("cfm-1", "cfm-2", "cfm-3")
    run.offer("a")
    run.until(BUDGET_S)
    assert [(round(at, 3), send.to) for at, send in run.sent] == [
        (0.0, "cfm-1"),
        (0.05, "cfm-2"),
        (0.1, "cfm-3"),
    ]
    assert len({send.envelope for _, send in run.sent}) == 1
    assert ends(run.settled) == [("a", "", ["cfm-1", "cfm-2", "cfm-3"])]
    assert not run.settled[0].acked
    assert run.handoff.counts == {
        "acked": 0,
        "unacked": 1,
        "retried": 2,
        "refused": 0,
        "late_acks": 0,
        "unasked_acks": 0,
    }
    assert len(run.handoff) == 0
    assert run.handoff.deadline() is None


def test_nothing_is_sent_before_the_try_is_over() -> None:
    run = Run("cfm-1", "cfm-2")
    run.offer("a")
    run.tick(0.0)
    assert run.handoff.deadline() == TRY_S
    assert run.tick(TRY_S - 0.001) == []
    assert len(run.tick(TRY_S)) == 1


def test_when_all_were_asked_the_round_begins_again() -> None:
    run = Run("cfm-1", "cfm-2")
    run.offer("a")
    run.until(BUDGET_S)
    assert [send.to for _, send in run.sent] == ["cfm-1", "cfm-2", "cfm-1"]
    assert ends(run.settled) == [("a", "", ["cfm-1", "cfm-2"])]


def test_from_the_fourth_try_on_the_wait_doubles() -> None:
    run = Run("cfm-1", "cfm-2", budget_s=2.0)
    run.offer("a")
    run.until(2.0)
    waits = [later - at for (at, _), (later, _) in pairwise(run.sent)]
    assert [send.to for _, send in run.sent] == ["cfm-1", "cfm-2"] * 4
    assert waits == pytest.approx([0.05, 0.05, 0.05, 0.1, 0.2, 0.4, 0.8])
    assert [end.acked for end in run.settled] == [False]


def test_an_ack_of_an_earlier_try_counts() -> None:
    run = Run("cfm-1", "cfm-2")
    run.offer("a")
    (first,) = run.tick(0.0)
    (second,) = run.tick(TRY_S)
    assert ends(run.ack(first)) == [("a", "cfm-1", ["cfm-1", "cfm-2"])]
    assert run.ack(second) == []
    assert run.handoff.counts["late_acks"] == 1
    run.until(1.0)
    assert len(run.settled) == 1


def test_an_ack_of_a_cfm_that_was_not_asked_changes_nothing() -> None:
    run = Run("cfm-1", "cfm-2")
    run.offer("a")
    (first,) = run.tick(0.0)
    assert run.ack(first, source="cfm-2") == []
    assert run.handoff.counts["unasked_acks"] == 1
    (second,) = run.tick(TRY_S)
    assert ends(run.ack(second)) == [("a", "cfm-2", ["cfm-1", "cfm-2"])]


def test_an_ack_after_the_budget_is_only_counted() -> None:
    run = Run("cfm-1")
    run.offer("a")
    (send,) = run.tick(0.0)
    run.until(BUDGET_S)
    assert run.ack(send) == []
    assert run.handoff.counts["late_acks"] == 1
    assert len(run.settled) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(7),
        ACKED_SEQ.pack(1),
        ACKED_SEQ.pack(1) + b"\0",
        ACKED_SEQ.pack(1) + b"\0\0\0",
        ACKED_SEQ.pack(1) + b"\0\7",
    ],
    ids=["empty", "short", "no status", "one status", "three statuses", "unknown status"],
)
def test_a_wrong_ack_is_refused_and_the_right_one_still_counts(data: bytes) -> None:
    run = Run("cfm-1")
    run.offer("a", "b")
    (send,) = run.tick(0.0)
    with pytest.raises(DecodeError):
        run.handoff.acked(ack_of(data))
    assert len(run.handoff) == 2
    assert len(run.ack(send)) == 2


def test_an_ack_of_a_frame_never_sent_is_ignored() -> None:
    run = Run("cfm-1")
    run.offer("a")
    run.tick(0.0)
    assert run.handoff.acked(ack_of(ACKED_SEQ.pack(99) + b"\0")) == []
    assert len(run.handoff) == 1


def test_refused_rows_go_on_to_another_cfm_at_once_and_the_others_are_settled() -> None:
    run = Run("cfm-1", "cfm-2")
    run.offer("a", "b", "c")
    (send,) = run.tick(0.0)
    assert ends(run.ack(send, [FULL, STORED, BAD])) == [("b", "cfm-1", ["cfm-1"])]
    assert run.handoff.deadline() == 0.0
    again = run.tick(0.01)
    assert {one.to for one in again} == {"cfm-2"}
    names = [name for one in again for name in split_rows(one.envelope.data)[0]]
    assert sorted(names) == [b"a", b"c"]
    assert send.envelope.seq not in {one.envelope.seq for one in again}
    for one in again:
        run.ack(one)
    assert sorted(ends(run.settled)) == [
        ("a", "cfm-2", ["cfm-1", "cfm-2"]),
        ("b", "cfm-1", ["cfm-1"]),
        ("c", "cfm-2", ["cfm-1", "cfm-2"]),
    ]
    assert len(run.handoff) == 0
    assert run.handoff.counts["refused"] == 2


def test_a_refusal_buys_no_time() -> None:
    run = Run("cfm-1", "cfm-2")
    run.offer("a")
    (send,) = run.tick(0.0)
    run.ack(send, [FULL])
    run.tick(0.14)
    run.until(BUDGET_S)
    assert ends(run.settled) == [("a", "", ["cfm-1", "cfm-2"])]


def test_a_row_refused_at_the_end_of_its_budget_is_settled_without_another_try() -> None:
    run = Run("cfm-1", "cfm-2")
    run.offer("a")
    (send,) = run.tick(0.0)
    run.ack(send, [FULL])
    assert run.tick(BUDGET_S) == []
    assert ends(run.settled) == [("a", "", ["cfm-1"])]
    assert len(run.handoff) == 0


def test_cfms_that_all_refuse_are_not_flooded() -> None:
    run = Run("cfm-1", "cfm-2", budget_s=2.0)
    run.offer("a")
    now = 0.0
    while not run.settled and (due := run.handoff.deadline()) is not None:
        now = max(now + 0.0001, due)  # a full CFM says so within 100 µs
        for send in run.tick(now):
            run.ack(send, [FULL])
    assert len(run.sent) < 20
    assert ends(run.settled) == [("a", "", ["cfm-1", "cfm-2"])]
    assert 2.0 <= now < 2.1


def test_what_could_not_leave_goes_to_the_next_at_once() -> None:
    run = Run("cfm-1", "cfm-2")
    run.offer("a")
    (send,) = run.tick(0.0)
    run.handoff.undelivered(send.envelope, 0.0)
    assert run.handoff.deadline() == 0.0
    assert [one.to for one in run.tick(0.0)] == ["cfm-2"]
    assert ends(run.ack(run.sent[-1][1])) == [("a", "cfm-2", ["cfm-1", "cfm-2"])]


def test_the_same_frame_undelivered_twice_is_sent_once() -> None:
    run = Run("cfm-1", "cfm-2", "cfm-3")
    run.offer("a")
    (send,) = run.tick(0.0)
    run.handoff.undelivered(send.envelope, 0.0)
    run.handoff.undelivered(send.envelope, 0.0)
    assert len(run.tick(0.0)) == 1


def test_when_nothing_can_leave_nobody_spins() -> None:
    run = Run("cfm-1", "cfm-2")
    run.offer("a")
    now = 0.0
    while not run.settled and (due := run.handoff.deadline()) is not None:
        now = max(now, due)
        for send in run.tick(now):
            run.handoff.undelivered(send.envelope, now)
    assert 2 <= len(run.sent) <= 6
    assert now >= BUDGET_S
    assert not run.settled[0].acked


def test_an_undelivered_frame_that_was_acked_meanwhile_stays_settled() -> None:
    run = Run("cfm-1", "cfm-2")
    run.offer("a")
    (send,) = run.tick(0.0)
    run.ack(send)
    run.handoff.undelivered(send.envelope, 0.0)
    run.until(1.0)
    assert len(run.sent) == len(run.settled) == 1


def test_with_nobody_to_choose_the_row_waits_for_somebody() -> None:
    run = Run()
    run.offer("a")
    assert run.tick(0.0) == []
    run.cfms.names.append("cfm-9")
    assert [send.to for send in run.tick(TRY_S)] == ["cfm-9"]
    assert run.handoff.counts["retried"] == 0
    run.until(BUDGET_S)
    assert ends(run.settled) == [("a", "", ["cfm-9"])]


def test_with_nobody_to_choose_until_the_end_nobody_was_tried() -> None:
    run = Run()
    run.offer("a")
    run.until(1.0)
    assert ends(run.settled) == [("a", "", [])]
    assert run.sent == []


def test_a_tick_long_after_the_budget_settles_without_another_try() -> None:
    run = Run("cfm-1", "cfm-2")
    run.offer("a")
    run.tick(0.0)
    assert run.tick(60.0) == []
    assert ends(run.settled) == [("a", "", ["cfm-1"])]


def test_more_rows_than_allowed_are_refused_until_some_are_settled() -> None:
    run = Run("cfm-1", rows_max=2)
    run.offer("a", "b")
    with pytest.raises(BackpressureError):
        run.offer("c")
    assert len(run.handoff) == 2
    (send,) = run.tick(0.0)
    with pytest.raises(BackpressureError):
        run.offer("c")
    run.ack(send)
    run.offer("c")
    assert len(run.handoff) == 1
    assert run.handoff.shed == 2


def test_refused_rows_still_count_as_being_handed_off() -> None:
    run = Run("cfm-1", "cfm-2", rows_max=1)
    run.offer("a")
    (send,) = run.tick(0.0)
    run.ack(send, [FULL])
    with pytest.raises(BackpressureError):
        run.offer("b")


def test_a_frame_is_no_larger_than_its_carrier_takes() -> None:
    run = Run("cfm-1", data_bytes_max=lambda: 100)
    run.offer(*(f"row-{at}" for at in range(10)))
    sends = run.tick(0.0)
    assert len(sends) > 1
    assert max(len(send.envelope.data) for send in sends) <= 100
    for send in sends:
        run.ack(send)
    assert [end.ticket for end in run.settled if end.acked] == [f"row-{at}" for at in range(10)]


def test_an_ack_is_expected_while_its_frame_is_not_settled() -> None:
    run = Run("cfm-1", "cfm-2")
    run.offer("a")
    (send,) = run.tick(0.0)
    ack = ack_of(ACKED_SEQ.pack(send.envelope.seq) + b"\0", "cfm-2")
    assert run.handoff.expects(ack)
    for data in (b"", b"\0", ACKED_SEQ.pack(send.envelope.seq + 1)):
        assert not run.handoff.expects(ack_of(data))
    run.ack(send)
    assert not run.handoff.expects(ack)


def test_no_ack_is_expected_when_the_budget_is_over() -> None:
    run = Run("cfm-1")
    run.offer("a")
    (send,) = run.tick(0.0)
    run.until(BUDGET_S)
    assert not run.handoff.expects(ack_of(ACKED_SEQ.pack(send.envelope.seq) + b"\0"))


def test_void_rows_are_handed_off_no_longer_wherever_they_are() -> None:
    run = Run("cfm-1", "cfm-2")
    run.offer("sent", "beside", now=0.0)
    (send,) = run.tick(0.0)
    run.offer("kept")
    (other,) = run.tick(0.0)
    run.offer("refused")
    (third,) = run.tick(0.0)
    run.ack(third, [FULL])
    run.offer("fresh", "new")
    withdrawn = run.handoff.withdraw(lambda ticket: ticket in ("sent", "refused", "fresh"))
    assert sorted(withdrawn) == ["beside", "fresh", "refused", "sent"]  # the frame of one is that of both
    assert len(run.handoff) == 2
    assert run.ack(send) == []
    assert run.handoff.counts["late_acks"] == 1
    run.ack(other)
    (last,) = run.tick(0.0)
    run.ack(last)
    assert [one.ticket for one in run.settled] == ["kept", "new"]
    assert run.handoff.deadline() is None or run.tick(10.0) == []


def test_a_row_that_is_offered_again_has_the_time_that_is_left() -> None:
    run = Run("cfm-1", rows_max=2)
    run.offer("old")
    run.tick(0.0)
    run.offer("young", now=0.1)
    run.handoff.withdraw(lambda ticket: ticket == "old")
    run.offer("other", now=0.1)
    run.handoff.offer_again(Row(b"anew", b"body"), "anew", 0.0)  # its place was given away
    assert [len(split_rows(send.envelope.data)[0]) for send in run.tick(0.1)] == [2, 1]
    run.until(BUDGET_S)
    assert [(one.ticket, one.cfm) for one in run.settled] == [("anew", "")]
    assert len(run.handoff) == 2

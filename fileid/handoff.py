"""The hand-off: rows travel to a CFM and are safe only after its ack.

Theory of operation
-------------------
Rows offered between two ticks travel in one frame. A frame has one message id for life. It is sent to the CFM
that `choose` names; if the ack does not come within `try_s`, or the frame could not leave, the same frame
goes to the next CFM, until `budget_s` is over. From the fourth try on the wait doubles, so a long budget (MPS
waits for its ack) does not become a stream of retries.

An ack carries a status per row and counts from every CFM that was asked, also late, as long as the row is not
settled. From another one it is a mistake of its sender: frame numbers run on and can be guessed. Rows that a
CFM refused (it is full) travel on in a new frame, to another CFM; when all have refused, after the wait of a
try. When the budget is over the remaining rows are settled as not acked. That is no failure: it is unknown
whether a CFM has them, and a full seal serves anyway.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from struct import Struct
from typing import Any, NamedTuple

from bus.effects import Send
from bus.envelope import Envelope, Stamp
from bus.errors import BackpressureError, DecodeError
from fileid.row import COUNT_BYTES, ROWS, Row, cut, largest_frame, pack_rows, row_bytes
from fileid.table import check_statuses, is_settled

ACKED_SEQ = Struct(">Q")
PLAIN_TRIES = 3
_COUNTED = ("acked", "unacked", "retried", "refused", "late_acks", "unasked_acks")

Choose = Callable[[Sequence[str], float], str | None]
"""Returns the best CFM that is not among these, or None."""


class Budget(NamedTuple):
    """The time of one CFM for its ack before the next one is asked, and the time of all CFMs, in s."""

    try_s: float
    budget_s: float


class Settled(NamedTuple):
    """The end of one row's hand-off. `cfm` acked it (empty if none did); `tried` lists the asked CFMs in
    order.
    """

    row: Row
    ticket: Any
    cfm: str
    tried: Sequence[str]

    @property
    def acked(self) -> bool:
        """Whether a CFM acked the row."""
        return bool(self.cfm)


class _Offered(NamedTuple):
    row: Row
    ticket: Any
    deadline: float


@dataclass(slots=True)
class _Frame:
    envelope: Envelope
    offered: Sequence[_Offered]
    deadline: float
    tried: list[str]
    round: list[str]
    tries: int
    due: float = 0.0


def _size_bytes(offered: _Offered) -> int:
    return row_bytes(offered.row)


class Handoff:
    """Sends rows until each is acked or its budget is over."""

    def __init__(
        self,
        stamp: Stamp,
        choose: Choose,
        budget: Budget,
        rows_max: int = 20_000,
        data_bytes_max: Callable[[], int] = largest_frame,
    ) -> None:
        """`data_bytes_max` is the present limit of the data of one frame."""
        self.counts = dict.fromkeys(_COUNTED, 0)
        self.shed = 0
        self._stamp = stamp
        self._choose = choose
        self._try_s = budget.try_s
        self._budget_s = budget.budget_s
        self._rows_max = rows_max
        self._data_bytes_max = data_bytes_max
        self._rows = 0
        self._fresh: list[_Offered] = []
        self._refused: list[tuple[_Offered, list[str], int]] = []
        self._frames: dict[int, _Frame] = {}
        self._timers: list[tuple[float, int]] = []

    def __len__(self) -> int:
        return self._rows

    def offer(self, row: Row, ticket: Any, now: float) -> None:
        """Hand this row off; its `Settled` comes with the ticket. `BackpressureError` beyond `rows_max`."""
        if self._rows >= self._rows_max:
            self.shed += 1
            raise BackpressureError(f"{self._rows} rows are being handed off")
        self._rows += 1
        self._fresh.append(_Offered(row, ticket, now + self._budget_s))

    def offer_again(self, row: Row, ticket: Any, since: float) -> None:
        """Hand a row off in the place of one that was withdrawn, in the time that is left of what began then:
        in a frame of its own, for a frame has one end.
        """
        self._rows += 1
        self._refused.append((_Offered(row, ticket, since + self._budget_s), [], 0))

    def withdraw(self, is_void: Callable[[Any], bool]) -> list[Any]:
        """Hand the rows whose tickets are void off no longer, nor those that travel in one frame with such a
        row; their tickets.
        """
        frames = [seq for seq, one in self._frames.items() if any(is_void(row.ticket) for row in one.offered)]
        found = [row.ticket for seq in frames for row in self._frames.pop(seq).offered]
        found += [row.ticket for row in self._fresh if is_void(row.ticket)]
        found += [row.ticket for row, _, _ in self._refused if is_void(row.ticket)]
        self._fresh = [row for row in self._fresh if not is_void(row.ticket)]
        self._refused = [one for one in self._refused if not is_void(one[0].ticket)]
        self._rows -= len(found)
        return found

    def expects(self, ack: Envelope) -> bool:
        """Whether an ack is for a frame of ours that is not settled."""
        return int.from_bytes(ack.data[: ACKED_SEQ.size], "big") in self._frames

    def acked(self, envelope: Envelope) -> list[Settled]:
        """Take an ack. `DecodeError` if it is none."""
        data = envelope.data
        if len(data) < ACKED_SEQ.size:
            raise DecodeError(f"ack of {len(data)} bytes")
        (seq,) = ACKED_SEQ.unpack_from(data)
        frame = self._frames.get(seq)
        if frame is None:
            self.counts["late_acks"] += 1
            return []
        cfm = envelope.source
        if cfm not in frame.tried:
            self.counts["unasked_acks"] += 1
            return []
        statuses = check_statuses(data[ACKED_SEQ.size :], len(frame.offered))
        del self._frames[seq]
        if not any(statuses):
            return self._settle(frame.offered, cfm, frame.tried)
        done = is_settled(statuses)
        stored = [offered for offered, ok in zip(frame.offered, done, strict=True) if ok]
        refused = [
            (offered, [*frame.tried], frame.tries)
            for offered, ok in zip(frame.offered, done, strict=True)
            if not ok
        ]
        self.counts["refused"] += len(refused)
        self._refused += refused
        return self._settle(stored, cfm, frame.tried)

    def undelivered(self, envelope: Envelope, now: float) -> None:
        """Try a frame that could not leave again at once, unless every CFM was asked in this round."""
        frame = self._frames.get(envelope.seq)
        if frame is not None and self._choose(frame.round, now) is not None:
            self._arm(frame, now)

    def tick(self, now: float, wall_offset_s: float) -> tuple[list[Send], list[Settled]]:
        """Frames to send, and rows whose budget is over. A frame has the time of our wall clock, by which its
        rows are judged.
        """
        sent_ms = int((now + wall_offset_s) * 1000)
        sends: list[Send] = []
        settled: list[Settled] = []
        while self._timers and self._timers[0][0] <= now:
            due, seq = heappop(self._timers)
            frame = self._frames.get(seq)
            if frame is None or frame.due != due:
                continue
            if now >= frame.deadline:
                del self._frames[seq]
                settled += self._settle(frame.offered, "", frame.tried)
            else:
                self._try(frame, sends, now)
        fresh, self._fresh = self._fresh, []
        rows_bytes_max = self._data_bytes_max() - COUNT_BYTES
        for offered in (fresh,) if len(fresh) == 1 else cut(fresh, _size_bytes, rows_bytes_max):
            self._try(self._frame(offered, [], 0, sent_ms), sends, now)
        refused, self._refused = self._refused, []
        for one, tried, tries in refused:
            if now >= one.deadline:
                settled += self._settle([one], "", tried)
            elif self._choose(tried, now) is not None:
                self._try(self._frame([one], tried, tries, sent_ms), sends, now)
            else:
                self._wait(self._frame([one], tried, tries, sent_ms), now)
        return sends, settled

    def deadline(self) -> float | None:
        """The time of the next `tick`; at once while rows wait for their frame."""
        if self._fresh or self._refused:
            return 0.0
        return self._timers[0][0] if self._timers else None

    def _frame(self, offered: Sequence[_Offered], tried: list[str], tries: int, sent_ms: int) -> _Frame:
        data = pack_rows([one.row for one in offered])
        envelope = self._stamp.envelope(ROWS, data, time_ms=sent_ms)
        frame = _Frame(envelope, offered, offered[0].deadline, tried, list(tried), tries)
        self._frames[envelope.seq] = frame
        return frame

    def _try(self, frame: _Frame, sends: list[Send], now: float) -> None:
        cfm = self._choose(frame.round, now)
        if cfm is None and frame.round:
            frame.round.clear()
            cfm = self._choose((), now)
        if cfm is not None:
            if frame.tries:
                self.counts["retried"] += len(frame.offered)
            frame.tries += 1
            frame.round.append(cfm)
            if cfm not in frame.tried:
                frame.tried.append(cfm)
            sends.append(Send(cfm, frame.envelope))
        self._wait(frame, now)

    def _wait(self, frame: _Frame, now: float) -> None:
        wait_s = self._try_s * 2.0 ** max(0, frame.tries - PLAIN_TRIES)
        self._arm(frame, min(now + wait_s, max(now, frame.deadline)))

    def _arm(self, frame: _Frame, due: float) -> None:
        frame.due = due
        heappush(self._timers, (due, frame.envelope.seq))

    def _settle(self, offered: Sequence[_Offered], cfm: str, tried: Sequence[str]) -> list[Settled]:
        self._rows -= len(offered)
        self.counts["acked" if cfm else "unacked"] += len(offered)
        return [Settled(one.row, one.ticket, cfm, tried) for one in offered]

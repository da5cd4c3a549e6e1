"""Rows from minters: a CFM takes them, answers greetings, and pulls the rows that it misses.

Rows come in frames, each answered with a status per row; they are judged by the time of their frame, which is
of the sender's clock. A greeting names the claim under which its minter acts; the answer says what is known
of that role. A row that a read waits for is pulled from its minter.

The fence decides whose rows count (`heartbeat.roles.log.fence`), and judges names and pulled rows too.
"""

from collections.abc import Callable, Collection, Iterable, Mapping

from bus.effects import Effect, Keep, Send
from bus.envelope import Stamp, number_of
from bus.errors import DecodeError
from bus.messages import Entry, LogBounds, LogLost, Received
from fileid.doubts import GREETED_S, Doubts
from fileid.handoff import ACKED_SEQ
from fileid.pulls import Pull
from fileid.row import ACK, PULL, Fields, cut, name_bytes, pack_names
from fileid.sender import Senders
from fileid.table import Table, Tokens
from heartbeat.liveness.lasting import Lasting
from heartbeat.roles.hello import STANDING, pack_standing, unpack_hello
from heartbeat.roles.log.fence import Fence, Verdict

NOTHING_COUNTS = Tokens(b"", b"")
"""The tokens under which every row is unverified, so its minter asks another CFM."""

UNCONNECTED_S = 2.0  # a minter that has just started hears of us first


class Taking:
    """Takes rows of these minters into a table, if the fence lets them count."""

    def __init__(
        self,
        stamp: Stamp,
        minters: Iterable[str],
        table: Table,
        senders: Senders,
        fence: Fence,
        doubts: Doubts,
        data_bytes_max: Callable[[], int],
        wall_s: Callable[[float], float],
    ) -> None:
        """`wall_s` is the Unix time of a moment."""
        self._started = (*minters,)
        self.minters: dict[int, str] = {}
        """Names by the number that stands for each on the wire."""
        self._packed: dict[str, bytes] = {}
        self._name(self._started)
        self._stamp = stamp
        self._table = table
        self._senders = senders
        self._fence = fence
        self._doubts = doubts
        self._data_bytes_max = data_bytes_max
        self._wall_s = wall_s
        self._routes: dict[str, str | bytes] = {}
        self._greeted_at: dict[str, float] = {}
        self._unconnected = Lasting(UNCONNECTED_S)
        self._now = 0.0

    @property
    def connected(self) -> list[str]:
        """The minters that greeted us lately: they do four times a second."""
        return [name for name, at in self._greeted_at.items() if self._now < at + GREETED_S]

    def keep_to(self, names: Collection[str]) -> None:
        """Take rows of these of our minters alone from now on."""
        self._name([name for name in self._started if name in names])
        for known in (self._routes, self._greeted_at):
            for name in [name for name in known if name not in self._packed]:
                del known[name]

    def look_for(self, alive: Collection[str], now: float) -> None:
        """Note which of these minters, which are alive, are not connected."""
        self._now = now
        self._unconnected.note({*alive} - {*self.connected}, now)

    def unconnected(self) -> list[str]:
        """The minters that have been alive and not connected for a while."""
        return self._unconnected.at(self._now)

    def _name(self, minters: Collection[str]) -> None:
        self.minters.clear()  # judges hold it
        self.minters |= {number_of(name): name for name in minters}
        self._packed = {name: number.to_bytes(4, "big") for number, name in self.minters.items()}

    def rows(self, message: Received, now: float, *, yields: bool) -> tuple[list[Effect], list[bytes]]:
        """Take a frame of rows: the answer, and the names of rows that are new (`DecodeError`). No row counts
        while we yield to another process of our name.
        """
        envelope = message.envelope
        number = self._packed.get(envelope.source)
        if number is None:
            raise DecodeError(f"rows from {envelope.source}, which does not mint")
        found = self._fence.tokens(envelope.source)
        tokens = NOTHING_COUNTS if yields else found and Tokens(*found)
        sender = self._senders.find(number, envelope.time_ms)
        statuses, fresh = self._table.accept(envelope.data, sender, now, tokens)
        ack = self._stamp.envelope(ACK, ACKED_SEQ.pack(envelope.seq) + statuses, time_ms=0)
        # Without a way back the rows were only overheard: another CFM acks them, yet they can be served here.
        return [Send(message.via, ack, message.column)] if message.via else [], fresh

    def greeted(self, message: Received, now: float) -> tuple[list[Effect], bool]:
        """A minter said hello and named its claim (`DecodeError`, `LeapError`): the answer, and whether its
        connection is a new one.
        """
        minter, sent_ms = message.envelope.source, message.envelope.time_ms
        claim, asked_us = unpack_hello(message.envelope.data)
        wall_s = self._wall_s(now)
        stored = self._fence.hello(minter, claim, wall_s, is_proven=message.is_proven)
        self._doubts.greeted(number_of(minter), sent_ms / 1000 - wall_s, now)
        self._greeted_at[minter] = now
        is_back = self._routes.get(minter) != message.via
        self._routes[minter] = message.via
        answer = self._fence.answer(minter, once_kept=bool(stored))
        if answer is None:
            return [], is_back
        data = pack_standing(answer, asked_us)
        send = Send(message.via, self._stamp.envelope(STANDING, data, time_ms=0))
        kept: list[Effect] = [Keep(one, (send,)) for one in stored]
        return kept or [send], is_back

    def begun(self, message: LogBounds, now: float) -> list[Effect]:
        """The role log was reached."""
        return [Keep(one) for one in self._fence.bounds(message, self._wall_s(now))]

    def logged(self, message: Entry, now: float) -> list[Effect]:
        """A record of the role log came."""
        return [Keep(one) for one in self._fence.entry(message, self._wall_s(now))]

    def log_lost(self, message: LogLost, now: float) -> list[Effect]:
        """The role log is broken: the known claims stay."""
        self._fence.broken(message.reason)
        return []

    def pull(self, pull: Pull, now: float) -> list[Effect]:
        """Ask a minter for rows by their names."""
        minter = self.minters.get(pull.minter)
        if minter is None:
            return []
        return [
            Send(minter, self._stamp.envelope(PULL, pack_names(names), time_ms=0))
            for names in cut(pull.names, name_bytes, self._data_bytes_max())
        ]


def judge(fence: Fence, minters: Mapping[int, str], fields: Fields) -> str:
    """The reason why a name, or a row that was pulled, does not count; empty if it does."""
    minter = minters.get(fields.minter, "")
    verdict = fence.judge_seal(minter, fields.token, fields.minted_ms / 1000)
    return "" if verdict is Verdict.VALID else verdict.value

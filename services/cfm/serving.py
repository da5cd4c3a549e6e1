"""Answering reads: the path from a request, of a modem or of another TFTP server, to its file.

Theory of operation
-------------------
`fileid.reads` decides about a read, `building` builds its file, `services.tftp` moves it or `lookups` hands
it over. Each read ends in an outcome (`journal`), which is returned like an effect; `_follow` takes the
outcomes out, and alone tells the journal. A read with a negative number is a lookup. A file is built when its
read is served or begun anew, never before: its timestamp is the download's.

What one leased address may have is bounded (`downloads`), and nothing is built `BUILT_S_MAX` after its read
unless its row is still here: so no file is made of a row older than two minutes, however often its client
begins anew.

A read in netascii is refused with an ERROR if its client may read the file, else with silence: it is a
person's client, which must not be left with a file that its text conversion has changed.

A completed download leaves a tombstone; an abandoned one leaves its row, for the modem will come back.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bus.effects import Reply
from bus.envelope import number_of
from bus.errors import DecodeError
from bus.messages import LocalRequest, Received
from fileid.reads import Reads, Serve, Silent
from fileid.row import LIFE_S, is_newer, pack_address, unpack_names
from fileid.table import Table
from heartbeat.liveness.beat import Load
from services.cfm.building import Builder, UnbuiltError
from services.cfm.edges import CfmEffect
from services.cfm.reading.audit_events import (
    Download,
    DownloadAbandoned,
    DownloadCompleted,
    Journal,
    Outcome,
    ReadRefused,
)
from services.cfm.reading.downloads import Downloads
from services.cfm.reading.lookups import Lookups, WantedRow, parse_done, parse_lookup
from services.instance.local_api import answer, refuse
from services.tftp.effects import (
    Abandoned,
    Completed,
    Datagram,
    NetasciiAsked,
    ReadRepeated,
    ReadRequested,
    ReadRestarted,
)
from services.tftp.effects import Effect as TftpEffect
from services.tftp.server_core import LISTENING_SOCKET, NO_FILE, SHED, TftpServer
from services.tftp.session import LIFE_S_MAX
from services.tftp.sockets import Wakeup

DURATIONS_MAX = 512  # downloads over which the beat's p99 is taken
BUILT_S_MAX = LIFE_S_MAX - LIFE_S  # a row is at most `LIFE_S` old when it is read
DURATIONS_S = 10.0  # a slow moment must pass: a CFM that looks slow gets no work that would correct it

Consequence = TftpEffect | Reply | Outcome
"""A result of a read: an effect, an event of the TFTP server, or the outcome."""


class Serving:
    """Answers reads."""

    def __init__(
        self,
        *,
        reads: Reads,
        table: Table,
        tftp: TftpServer,
        builder: Builder,
        journal: Journal,
        wall_s: Callable[[float], float],
    ) -> None:
        """`wall_s` is the Unix time of a moment."""
        self.counts = dict.fromkeys(("bad_row", "completed", "abandoned"), 0)
        self.lookups = Lookups()
        self.downloads = Downloads()
        self._reads = reads
        self._table = table
        self._tftp = tftp
        self._builder = builder
        self._journal = journal
        self._wall_s = wall_s
        self._durations: deque[tuple[float, float]] = deque(maxlen=DURATIONS_MAX)
        self._events: dict[type, Callable[[Any, float], Sequence[Consequence]]] = {
            ReadRequested: self._requested,
            NetasciiAsked: self._netascii,
            ReadRepeated: self._repeated,
            ReadRestarted: self._restarted,
            Completed: self._completed,
            Abandoned: self._abandoned,
        }

    def __len__(self) -> int:
        """The number of reads that wait or are being served."""
        return len(self.downloads) + len(self._reads) + len(self.lookups)

    @property
    def is_busy(self) -> bool:
        """Whether a read waits for us; an answered lookup waits for another server."""
        return len(self.downloads) > 0 or len(self._reads) > 0

    def p99_ms(self, now: float) -> float:
        """99th percentile of the downloads of the last seconds."""
        while self._durations and self._durations[0][0] <= now - DURATIONS_S:
            self._durations.popleft()
        durations = sorted(took_s for _, took_s in self._durations)
        return durations[len(durations) * 99 // 100] * 1000 if durations else 0.0

    def receive(self, arrived: Wakeup, now: float) -> Sequence[CfmEffect]:
        """Datagrams of modems."""
        socket, datagrams = arrived
        if socket != LISTENING_SOCKET:
            answers, ended = self._tftp.transfer(socket, datagrams, now)
            return [*answers, *self._follow(ended, now)] if ended else answers
        effects: list[CfmEffect] = []
        for data, peer in datagrams:
            effects += self._follow(self._tftp.receive(socket, data, peer, now), now)
        return effects

    def tick(self, now: float) -> list[CfmEffect]:
        """Retransmissions that are due, and lookups that no `fileid.done` ended in time."""
        ended = [DownloadAbandoned(one.download, "no fileid.done") for one in self.lookups.tick(now)]
        return self._follow([*ended, *self._tftp.tick(now)], now)

    def deadline(self) -> float | None:
        """When `tick` is due."""
        dues = (self._tftp.deadline(), self.lookups.deadline())
        return min((due for due in dues if due is not None), default=None)

    def load(self, now: float, capacity: int) -> Load:
        """How busy we are, for the beat."""
        return Load(in_flight=len(self), p99_ms=self.p99_ms(now), capacity=capacity)

    def minter_is_back(self, minter: str, now: float) -> None:
        """A minter connected anew: pulls that it did not answer may be asked again."""
        self._reads.minter_is_back(number_of(minter), now)

    def arrived(self, fresh: Iterable[bytes], now: float) -> list[CfmEffect]:
        """The rows of these names are new: reads that waited for one get their files."""
        return self._serve_all(self._reads.arrived(fresh, now), now)

    def pulled(self, message: Received, now: float) -> list[CfmEffect]:
        """A minter answered a pull (`DecodeError`)."""
        _, source, _, _, sent_ms, data, *_ = message.envelope
        return self._serve_all(self._reads.pulled(data, number_of(source), sent_ms, now), now)

    def disowned(self, message: Received, now: float) -> list[CfmEffect]:
        """A minter never made these names, whose rows it was asked for (`DecodeError`)."""
        source, names = message.envelope.source, unpack_names(message.envelope.data)
        silent = self._reads.disown(names, number_of(source))
        return [effect for one in silent for effect in self.refuse(one, now)]

    def _serve_all(self, served: Iterable[Serve], now: float) -> list[CfmEffect]:
        return [effect for one in served for effect in self.serve(one, now)]

    def serve(self, served: Serve, now: float) -> list[CfmEffect]:
        """A read that waited gets its file."""
        return self._follow(self._serve(served, now), now)

    def refuse(self, silent: Silent, now: float) -> list[CfmEffect]:
        """A read that waited gets no file."""
        refused = [] if silent.fields is None else [ReadRefused(silent.reason, silent.fields)]
        return self._follow([*refused, *self._drop(silent.read)], now)

    def look_up(self, request: LocalRequest, now: float) -> list[CfmEffect]:
        """`fileid.lookup`: another TFTP server was asked for a file."""
        name, address = parse_lookup(request)
        key = WantedRow(self._reads.key(name, address), address)
        row = self._table.get(key.name)
        newest = b"" if row is None else row.body
        found = self.lookups.ask(key, request, newest)
        if found is None:
            self._reads.ask_again(key.name, address, now)
            return []
        if not isinstance(found, int):
            return [*found]
        return self._follow(self._decide(found, key.name, address, now), now)

    def done(self, request: LocalRequest, now: float) -> list[CfmEffect]:
        """`fileid.done`: the modem has it all."""
        key = self._reads.key(*parse_done(request))
        found: list[Consequence] = [answer(request, done=True)]
        answered = self.lookups.done(key)
        if answered is not None:
            found.append(self._complete(DownloadCompleted(answered.download, len(answered.content)), now))
        elif self._reads.find(key) is None:
            return [refuse(request, "unknown")]
        else:
            self._table.complete(key, now)
        return self._follow(found, now)

    def _follow(self, found: Iterable[Any], now: float) -> list[CfmEffect]:
        """The effects. Events of the TFTP server are handled, and outcomes are told to the journal."""
        effects: list[CfmEffect] = []
        for one in found:
            kind = type(one)
            if kind is Datagram or kind is Reply:
                effects.append(one)
            elif (handle := self._events.get(kind)) is not None:
                effects += self._follow(handle(one, now), now)
            else:
                self._journal.tell(one, now)
        return effects

    def _requested(self, event: ReadRequested, now: float) -> Sequence[Consequence]:
        address = pack_address(event.peer[0])
        decision = self._ask(event.read, self._reads.key(event.request.name, address), address, now)
        if decision is None:
            self._tftp.open(event, now)
            return []
        if isinstance(decision, ReadRefused):
            return [decision]
        file = self._build(decision, now)
        if isinstance(file, ReadRefused):
            return [file]
        self.downloads.begin(Download(decision, now))
        return self._tftp.answer(event, file, now)

    def _netascii(self, event: NetasciiAsked, now: float) -> Sequence[Consequence]:
        address = pack_address(event.peer[0])
        key = self._reads.key(event.name, address)
        fields = self._reads.find_for(key, address, now)
        refused = ReadRefused("netascii", fields, address, key)
        if fields is None or not self._reads.may_ask(fields, address, now):
            return [refused]
        return [refused, *self._tftp.refuse_netascii(event)]

    def _repeated(self, event: ReadRepeated, now: float) -> Sequence[Consequence]:
        address = pack_address(event.peer[0])
        key = self._reads.key(event.name, address)
        return [] if self._reads.ask_again(key, address, now) else self._decide(event.read, key, address, now)

    def _restarted(self, event: ReadRestarted, now: float) -> Sequence[Consequence]:
        """Build it anew: a CMTS refuses a file whose timestamp is half a minute old."""
        served = self.downloads.served(event.read)
        row = self._table.get(served.row.name)
        if row is not None and is_newer(row.body, served.row.body):
            served = served._replace(row=row, fields=row.fields(), how="row", waited_s=0.0)
        if row is None and now > event.since + BUILT_S_MAX:
            return [ReadRefused("age", served.fields), *self._drop(event.read)]
        return self._serve(served, now)

    def _completed(self, event: Completed, now: float) -> Sequence[Consequence]:
        _, _, peer, size_bytes, blocks, retransmits = event
        download = self.downloads.end(event.read)
        assert download is not None
        return [self._complete(DownloadCompleted(download, size_bytes, blocks, retransmits, peer[1]), now)]

    def _abandoned(self, event: Abandoned, now: float) -> Sequence[Consequence]:
        self.counts["abandoned"] += 1
        found: list[Consequence] = []
        parked = self._reads.forget(event.read, self._reads.key(event.name, pack_address(event.peer[0])))
        if parked is not None and event.reason in (NO_FILE, SHED):
            found.append(ReadRefused("late", parked))
        download = self.downloads.end(event.read)
        if download is not None:
            found.append(DownloadAbandoned(download, event.reason))
        return found

    def _decide(self, read: int, key: bytes, address: bytes, now: float) -> Sequence[Consequence]:
        """Serve or refuse a read that the TFTP server or the lookups know."""
        decision = self._ask(read, key, address, now)
        if decision is None:
            return []
        if isinstance(decision, ReadRefused):
            return [decision, *self._drop(read)]
        return self._serve(decision, now)

    def _ask(self, read: int, key: bytes, address: bytes, now: float) -> Serve | ReadRefused | None:
        """The decision about a read; None while it waits."""
        try:
            decision = self._reads.ask(read, key, address, now, self._wall_s(now))
        except DecodeError:
            self.counts["bad_row"] += 1
            return ReadRefused("bad_row", None, address, key)
        if isinstance(decision, Silent):
            return ReadRefused(decision.reason, decision.fields, address, key)
        return decision

    def _serve(self, served: Serve, now: float) -> Sequence[Consequence]:
        """Build the file of a read that is known, and begin to send it."""
        file = self._build(served, now)
        if isinstance(file, ReadRefused):
            return [file, *self._drop(served.read)]
        download = Download(served, now)
        if served.read < 0:
            return self.lookups.serve(download, file)
        started = self._tftp.serve(served.read, file, now)
        if started:
            self.downloads.begin(download)
        return started

    def _build(self, served: Serve, now: float) -> bytes | ReadRefused:
        if reason := self.downloads.refusal(served, now):
            return ReadRefused(reason, served.fields)
        try:
            return self._builder.build(served.fields, int(self._wall_s(now)))
        except UnbuiltError as error:
            return ReadRefused(error.reason, served.fields)

    def _drop(self, read: int) -> Sequence[Reply]:
        """Drop a read that gets no file, also one that had begun."""
        if read < 0:
            return self.lookups.refuse(read)
        self._tftp.drop(read)
        self.downloads.end(read)
        return []

    def _complete(self, outcome: DownloadCompleted, now: float) -> DownloadCompleted:
        self.counts["completed"] += 1
        served, at = outcome.download
        self._table.complete(served.row.name, now, served.row.body)
        self._durations.append((now, now - at + served.waited_s))
        return outcome

    def leave(self, session: int) -> None:
        """This session of the local socket is gone: reads that only it waited for are forgotten."""
        for read, name in self.lookups.leave(session):
            self._reads.forget(read, name)

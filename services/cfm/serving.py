"""What a read gets: the path from a request, of a modem or of somebody else's TFTP server, to its file.

Theory of operation
-------------------
`fileid.reads` decides about a read, `building` builds its file, `services.tftp` moves it or `lookups` hands
it over, and `journal` tells how that ended. A read with a negative number is a lookup. A file is built when
its read is served or begun anew, never before: its timestamp is the download's.

A read in netascii is refused with an ERROR, and only to who may read the file: it is a person's client, which
must not be left with a file that its text conversion has changed.

A completed download leaves a tombstone; an abandoned one leaves its row, for the modem will come back.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from bus.errors import DecodeError
from bus.machine import Effect, LocalRequest, Reply
from fileid.reads import Reads, Serve, Silent
from fileid.row import is_newer, pack_address
from fileid.table import Table
from services.cfm.building import Builder, UnbuiltError
from services.cfm.journal import Download, Journal, Transfer
from services.cfm.lookups import Key, Lookups, parse_done, parse_lookup, unknown
from services.tftp.effects import (
    Abandoned,
    Completed,
    Datagram,
    NetasciiAsked,
    ReadRepeated,
    ReadRequested,
    ReadRestarted,
)
from services.tftp.server_core import LISTENING_SOCKET, NO_FILE, SHED, TftpServer
from services.tftp.sockets import Arrived

DURATIONS_MAX = 512  # downloads over which the beat's p99 is taken
DURATIONS_S = 10.0  # a slow moment must pass: who looks slow gets no work, so nothing new would correct it


class Serving:
    """Answers reads. `now` is the machine's; Unix time is the journal's."""

    def __init__(
        self, *, reads: Reads, table: Table, tftp: TftpServer, builder: Builder, journal: Journal
    ) -> None:
        self.counts = dict.fromkeys(("bad_row", "completed", "abandoned"), 0)
        self.lookups = Lookups()
        self.downloads: dict[int, Download] = {}
        self._reads = reads
        self._table = table
        self._tftp = tftp
        self._builder = builder
        self._journal = journal
        self._durations: deque[tuple[float, float]] = deque(maxlen=DURATIONS_MAX)
        self._events: dict[type, Callable[[Any, float], list[Effect]]] = {
            ReadRequested: self._requested,
            NetasciiAsked: self._netascii,
            ReadRepeated: self._repeated,
            ReadRestarted: self._restarted,
            Completed: self._completed,
            Abandoned: self._abandoned,
        }

    def __len__(self) -> int:
        """How many reads wait or are being served."""
        return len(self.downloads) + len(self._reads) + len(self.lookups)

    @property
    def is_busy(self) -> bool:
        """Whether anybody waits for us; an answered lookup waits for another server."""
        return bool(self.downloads) or len(self._reads) > 0

    def p99_ms(self, now: float) -> float:
        """99th percentile of the downloads of the last seconds."""
        while self._durations and self._durations[0][0] <= now - DURATIONS_S:
            self._durations.popleft()
        durations = sorted(took_s for _, took_s in self._durations)
        return durations[len(durations) * 99 // 100] * 1000 if durations else 0.0

    def receive(self, arrived: Arrived, now: float) -> list[Effect]:
        """Datagrams of modems."""
        socket, datagrams = arrived
        if socket != LISTENING_SOCKET:
            answers, ended = self._tftp.transfer(socket, datagrams, now)
            return [*answers, *self._follow(ended, now)] if ended else answers
        effects: list[Effect] = []
        for data, peer in datagrams:
            effects += self._follow(self._tftp.receive(socket, data, peer, now), now)
        return effects

    def tick(self, now: float) -> list[Effect]:
        """Retransmissions that are due, and lookups that nobody ended."""
        for answered in self.lookups.tick(now):
            self._journal.abandoned(answered.download, "no fileid.done", now)
        return self._follow(self._tftp.tick(now), now)

    def deadline(self) -> float | None:
        """When `tick` is due."""
        dues = (self._tftp.deadline(), self.lookups.deadline())
        return min((due for due in dues if due is not None), default=None)

    def _follow(self, events: Iterable[Any], now: float) -> list[Effect]:
        """What the TFTP server says, turned into what is to be done."""
        effects: list[Effect] = []
        for event in events:
            if type(event) is Datagram:
                effects.append(event)
            else:
                effects += self._events[type(event)](event, now)
        return effects

    def _requested(self, event: ReadRequested, now: float) -> list[Effect]:
        address = pack_address(event.peer[0])
        decision = self._ask(event.read, self._reads.key(event.request.name, address), address, now)
        if isinstance(decision, Silent):
            return []
        self._tftp.open(event, now)
        return [] if decision is None else self.serve(decision, now)

    def _netascii(self, event: NetasciiAsked, now: float) -> list[Effect]:
        address = pack_address(event.peer[0])
        fields = self._reads.find(self._reads.key(event.name, address))
        if fields is not None:
            self._journal.refused(fields, "netascii", now, address)
            return [*self._tftp.refuse_netascii(event)] if self._reads.may_ask(fields, address) else []
        if self._journal.wants_stranger(now):
            self._journal.stranger("netascii", address, now)
        return []

    def _repeated(self, event: ReadRepeated, now: float) -> list[Effect]:
        address = pack_address(event.peer[0])
        key = self._reads.key(event.name, address)
        if self._reads.ask_again(key):
            return []
        decision = self._ask(event.read, key, address, now)
        if isinstance(decision, Silent):
            self._tftp.drop(event.read)
            return []
        return [] if decision is None else self.serve(decision, now)

    def _restarted(self, event: ReadRestarted, now: float) -> list[Effect]:
        """Build it anew: a CMTS refuses a file whose timestamp is half a minute old."""
        served = self.downloads[event.read].served
        row = self._table.get(served.row.name)
        if row is not None and is_newer(row.body, served.row.body):
            served = served._replace(row=row, fields=row.fields(), how="row", waited_s=0.0)
        return self.serve(served, now)

    def _ask(self, read: int, key: bytes, address: bytes, now: float) -> Serve | Silent | None:
        """What a read gets; a refusal is told."""
        try:
            decision = self._reads.ask(read, key, address, now, now + self._journal.wall_offset_s)
        except DecodeError:
            self.counts["bad_row"] += 1
            decision = Silent(read, "bad_row")
        if isinstance(decision, Silent):
            if decision.fields is not None:
                self._journal.refused(decision.fields, decision.reason, now, address)
            elif self._journal.wants_stranger(now):
                fields = self._reads.find(key)  # of a spent name, say
                if fields is None:
                    self._journal.stranger(decision.reason, address, now)
                else:
                    self._journal.refused(fields, decision.reason, now, address)
        return decision

    def refuse(self, silent: Silent, now: float) -> list[Effect]:
        """A read that waited gets nothing."""
        if silent.fields is not None:
            self._journal.refused(silent.fields, silent.reason, now)
        if silent.read < 0:
            return [*self.lookups.refuse(silent.read)]
        self._tftp.drop(silent.read)
        return []

    def serve(self, served: Serve, now: float) -> list[Effect]:
        """Build the file of this read and begin to send it."""
        try:
            file = self._builder.build(served.fields, int(now + self._journal.wall_offset_s))
        except UnbuiltError as error:
            return self.refuse(Silent(served.read, error.reason, served.fields), now)
        download = Download(served, now)
        if served.read < 0:
            return [*self.lookups.serve(download, file)]
        started = self._tftp.serve(served.read, file, now)
        if started:
            self.downloads[served.read] = download
        return self._follow(started, now)

    def _completed(self, event: Completed, now: float) -> list[Effect]:
        transfer = Transfer(event.bytes, event.blocks, event.retransmits, event.peer[1])
        self._complete(self.downloads.pop(event.read), transfer, now)
        return []

    def _complete(self, download: Download, transfer: Transfer, now: float) -> None:
        self.counts["completed"] += 1
        key, body = download.served.row
        self._table.complete(key, now, body)
        self._durations.append((now, now - download.at + download.served.waited_s))
        self._journal.completed(download, transfer, now)

    def _abandoned(self, event: Abandoned, now: float) -> list[Effect]:
        self.counts["abandoned"] += 1
        parked = self._reads.forget(event.read, self._reads.key(event.name, pack_address(event.peer[0])))
        if parked is not None and event.reason in (NO_FILE, SHED):
            self._journal.refused(parked, "late", now)
        download = self.downloads.pop(event.read, None)
        if download is not None:
            self._journal.abandoned(download, event.reason, now)
        return []

    def look_up(self, request: LocalRequest, now: float) -> list[Effect]:
        """`fileid.lookup`: somebody else's TFTP server was asked for a file."""
        name, address = parse_lookup(request)
        key = Key(self._reads.key(name, address), address)
        row = self._table.get(key.name)
        newest = b"" if row is None else row.body
        found = self.lookups.ask(key, request.session, request.body.get("id"), newest)
        if found is None:
            self._reads.ask_again(key.name)
            return []
        if not isinstance(found, int):
            return [*found]
        decision = self._ask(found, key.name, key.address, now)
        if isinstance(decision, Silent):
            return [*self.lookups.refuse(found)]
        return [] if decision is None else self.serve(decision, now)

    def done(self, request: LocalRequest, now: float) -> list[Effect]:
        """`fileid.done`: the modem has it all."""
        key, request_id = self._reads.key(*parse_done(request)), request.body.get("id")
        answered = self.lookups.done(key)
        if answered is not None:
            self._complete(answered.download, Transfer(len(answered.content)), now)
        elif self._reads.find(key) is None:
            return [unknown(request.session, request_id)]
        else:
            self._table.complete(key, now)
        return [Reply(request.session, {"id": request_id, "done": True})]

    def leave(self, session: int) -> None:
        """This session of the local socket is gone: what only it waited for is forgotten."""
        for read, name in self.lookups.leave(session):
            self._reads.forget(read, name)

"""The CFM: takes rows, answers reads, builds files.

Theory of operation
-------------------
Four parts and the paths between them: `fileid.table` holds rows, `fileid.reads` decides what a read gets,
`services.docsis` builds the file and `services.tftp` moves it. A frame of rows is answered with a status per
row, and only then do reads that were parked for it go on. A file is built when its read is served, never
before: its timestamp is the download's.

A completed download leaves a tombstone; an abandoned one leaves its row, for the modem will come back.

Draining, it serves whoever asks, because modems were told this address. It exits when nobody is being served
and enough beats have said `draining` for the minters to have turned away.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from bus.audit import Audit
from bus.dedup import Dedup
from bus.envelope import Stamp, number_of
from bus.errors import DecodeError
from bus.machine import (
    CaughtUp,
    Draining,
    Effect,
    Exit,
    LocalRequest,
    Received,
    Reply,
    Send,
    Stopping,
    Undelivered,
    WallClock,
)
from bus.messages import AUDIT, CATALOGUE, Beat, CatalogueRecord, Load
from bus.routes import ROUTES
from fileid.handoff import ACKED_SEQ
from fileid.reads import Pull, Reads, Serve, Silent
from fileid.row import (
    ACK,
    HELLO,
    PULL,
    PULLED,
    ROWS,
    Fields,
    cut,
    name_bytes,
    pack_address,
    pack_names,
    template_number,
)
from fileid.seal import Opener
from fileid.table import Table
from heartbeat.pulse import Pulse
from services.cfm.status import CfmStatus
from services.docsis.errors import DocsisError
from services.docsis.template import Template, compile_template
from services.settings.catalogue import StoreCatalogue, parse
from services.tftp.effects import Abandoned, Completed, Datagram, ReadRepeated, ReadRequested
from services.tftp.server_core import TftpServer
from services.tftp.sockets import Arrived

DURATIONS_MAX = 512  # downloads over which the beat's p99 is taken
DURATIONS_S = 10.0  # a slow moment must pass: who looks slow gets no work, so nothing new would correct it
DRAINING_BEATS = 2  # one may be lost


class _Download(NamedTuple):
    served: Serve
    at: float


class Cfm:
    """One CFM. `endpoints` is what its beats announce; `secret` signs the CMTS MIC."""

    def __init__(
        self,
        *,
        stamp: Stamp,
        minters: Iterable[str],
        opener: Opener,
        table: Table,
        tftp: TftpServer,
        endpoints: Mapping[str, str],
        capacity: int,
        secret: bytes,
        catalogue: CatalogueRecord | None = None,
        data_bytes_max: int = ROUTES["fileid"].payload_bytes_max,
    ) -> None:
        self._stamp = stamp
        self._minters = {number_of(name): name for name in minters}
        self._packed_minters = {name: number.to_bytes(4, "big") for number, name in self._minters.items()}
        self._table = table
        self._reads = Reads(table, opener)
        self._tftp = tftp
        self._endpoints = dict(endpoints)
        self._capacity = capacity
        self._secret = secret
        self._data_bytes_max = data_bytes_max
        self._audit = Audit(stamp)
        self._pulse = Pulse(stamp)
        self._dedup = Dedup()
        self._routes: dict[str, str | bytes] = {}
        self._downloads: dict[int, _Download] = {}
        self._durations: deque[tuple[float, float]] = deque(maxlen=DURATIONS_MAX)
        self._wall_offset_s = 0.0
        self._generation = 0
        self._latest: dict[int, Template] = {}
        self._templates: dict[int, Template] = {}
        self.counts = dict.fromkeys(("undecodable", "no_template", "bad_values", "completed", "abandoned"), 0)
        self.status = CfmStatus(
            stamp=stamp,
            beat=self._beat,
            table=table,
            reads=self._reads,
            tftp=tftp,
            audit=self._audit,
            pulse=self._pulse,
            dedup=self._dedup,
            connected=self._routes,
            generation=lambda: self._generation,
            counts=self.counts,
        )
        self._events: dict[type, Callable[[Any, float], list[Effect]]] = {
            Datagram: lambda datagram, _: [datagram],
            ReadRequested: self._requested,
            ReadRepeated: self._repeated,
            Completed: self._completed,
            Abandoned: self._abandoned,
        }
        if catalogue is not None:
            try:
                self._adopt(catalogue)
            except DecodeError:  # kept by another version of ours; the topic has a better one
                self.counts["undecodable"] += 1

    def receive(self, message: Any, now: float) -> list[Effect]:
        """A datagram, a message of the bus, a question of the host, or news from the runner."""
        if isinstance(message, Arrived):
            events = self._tftp.receive(*message, now)
            if len(events) == 1 and type(events[0]) is Datagram:
                return events
            return self._follow(events, now)
        if isinstance(message, Received):
            try:
                return self._received(message, now)
            except DecodeError:
                self.counts["undecodable"] += 1
        elif isinstance(message, LocalRequest):
            return [self._answer(message)]
        elif isinstance(message, Undelivered):
            if message.envelope.type == AUDIT:
                self._audit.undelivered(message.envelope.data)
        elif isinstance(message, Draining):
            self._pulse.drain()
        elif isinstance(message, Stopping):
            return [*self._audit.flush(now + self._wall_offset_s)]
        elif isinstance(message, WallClock):
            self._wall_offset_s = message.offset_s
        else:
            assert isinstance(message, CaughtUp), message
        return []

    def tick(self, now: float) -> list[Effect]:
        """Parked reads, retransmissions, the beat, the audit batch, old rows: whatever is due."""
        wall_s = now + self._wall_offset_s
        effects: list[Effect] = []
        for decision in self._reads.tick(now):
            if isinstance(decision, Serve):
                effects += self._serve(decision, now)
            elif isinstance(decision, Silent):
                self._tftp.drop(decision.read)
            else:
                effects += self._pull(decision)
        effects += self._follow(self._tftp.tick(now), now)
        if now >= self._pulse.deadline():
            effects.append(self._pulse.tick(self._beat(now), now, wall_s))
        for row in self._table.expire(now):
            self._record("fileid.expired", row.fields(), now, {})
        effects += self._audit.tick(now, wall_s)
        if self._pulse.draining_beats >= DRAINING_BEATS and not self._downloads and not len(self._reads):
            effects.append(Exit(0, "drained"))
        return effects

    def deadline(self) -> float | None:
        """The earliest of all parts."""
        due = self._pulse.deadline()
        for part in (self._reads, self._tftp, self._audit, self._table):
            other = part.deadline()
            if other is not None and other < due:
                due = other
        return due

    def _received(self, message: Received, now: float) -> list[Effect]:
        envelope = message.envelope
        if envelope.type == ROWS:
            return self._rows(message, now)
        if envelope.type == PULLED:
            served = self._reads.pulled(envelope.data, number_of(envelope.source), now)
            return [effect for one in served for effect in self._serve(one, now)]
        if envelope.type == HELLO:
            if self._routes.get(envelope.source) != message.via:
                self._routes[envelope.source] = message.via
                self._reads.minter_is_back(number_of(envelope.source))
            return []
        if envelope.type == CATALOGUE and self._dedup.is_new(envelope):
            record = parse(envelope.data)
            if record.generation > self._generation:
                self._adopt(record)
                return [StoreCatalogue(record)]
            if record.generation == self._generation - 1:
                # We started from the copy on disk, and the topic's history holds what was in force before it.
                self._templates = {**_compile(record), **self._latest}
        return []

    def _rows(self, message: Received, now: float) -> list[Effect]:
        envelope = message.envelope
        minter = self._packed_minters.get(envelope.source)
        if minter is None:
            raise DecodeError(f"rows from {envelope.source}, which does not mint")
        statuses, fresh = self._table.accept(envelope.data, minter, now)
        ack = self._stamp.envelope(ACK, ACKED_SEQ.pack(envelope.seq) + statuses, time_ms=0)
        # Without a way back the rows were only overheard: another CFM acks them, yet they can be served here.
        effects: list[Effect] = [Send(message.via, ack)] if message.via else []
        for served in self._reads.arrived(fresh, now):
            effects += self._serve(served, now)
        return effects

    def _pull(self, pull: Pull) -> list[Effect]:
        minter = self._minters.get(pull.minter)
        if minter is None:
            return []
        return [
            Send(minter, self._stamp.envelope(PULL, pack_names(names), time_ms=0))
            for names in cut(pull.names, name_bytes, self._data_bytes_max)
        ]

    def _follow(self, events: Iterable[Any], now: float) -> list[Effect]:
        """What the TFTP server says, turned into what is to be done."""
        effects: list[Effect] = []
        for event in events:
            effects += self._events[type(event)](event, now)
        return effects

    def _requested(self, event: ReadRequested, now: float) -> list[Effect]:
        address = pack_address(event.peer[0])
        try:
            decision = self._reads.ask(event.read, event.name, address, now, now + self._wall_offset_s)
        except DecodeError:
            self.counts["undecodable"] += 1
            decision = Silent(event.read, "bad row")
        if isinstance(decision, Serve):
            return self._serve(decision, now)
        if decision is not None:
            self._tftp.drop(event.read)
        return []

    def _repeated(self, event: ReadRepeated, now: float) -> list[Effect]:
        if self._reads.ask_again(event.name):
            return []
        return self._requested(ReadRequested(*event), now)

    def _serve(self, served: Serve, now: float) -> list[Effect]:
        fields = served.fields
        template = self._templates.get(fields.template)
        if template is None:
            # Silence: the catalogue may come before the modem's next try, which then is a read of its own.
            self.counts["no_template"] += 1
            self._tftp.drop(served.read)
            return []
        wall_s = int(now + self._wall_offset_s)
        try:
            file = template.build(
                fields.values, address=fields.address, timestamp_s=wall_s, secret=self._secret
            )
        except DocsisError:
            self.counts["bad_values"] += 1
            self._tftp.drop(served.read)
            return []
        started = self._tftp.serve(served.read, file, now)
        if started:
            self._downloads[served.read] = _Download(served, now)
        return list(started)

    def _completed(self, event: Completed, now: float) -> list[Effect]:
        self.counts["completed"] += 1
        self._table.complete(event.name, now)
        download = self._downloads.pop(event.read)
        took_s = now - download.at + download.served.waited_s
        self._durations.append((now, took_s))
        self._record(
            "download.completed",
            download.served.fields,
            now,
            {"how": download.served.how, "took_ms": round(took_s * 1000, 1), "bytes": event.bytes},
        )
        return []

    def _abandoned(self, event: Abandoned, now: float) -> list[Effect]:
        self.counts["abandoned"] += 1
        self._reads.forget(event.name)
        self._downloads.pop(event.read, None)
        return []

    def _record(self, event: str, fields: Fields, now: float, more: dict[str, Any]) -> None:
        facts = {
            "event": event,
            "device": fields.device.hex(":"),
            "fileid": fields.serial.hex(),
            "at": round(now + self._wall_offset_s, 3),
        }
        self._audit.record(facts | more, now)

    def _adopt(self, record: CatalogueRecord) -> None:
        """Take over a catalogue; `DecodeError` if one of its classes is wrong, and the old one stays."""
        numbered = _compile(record)
        # A row may have been minted just before the catalogue changed: the former generation stays known.
        self._templates = {**self._latest, **numbered}
        self._latest = numbered
        self._generation = record.generation
        self._pulse.hurry()

    def _beat(self, now: float) -> Beat:
        while self._durations and self._durations[0][0] <= now - DURATIONS_S:
            self._durations.popleft()
        durations = sorted(took_s for _, took_s in self._durations)
        p99_ms = durations[len(durations) * 99 // 100] * 1000 if durations else 0.0
        load = Load(in_flight=len(self._downloads) + len(self._reads), p99_ms=p99_ms, capacity=self._capacity)
        return Beat(service="cfm", load=load, generation=self._generation, endpoints=self._endpoints)

    def _answer(self, request: LocalRequest) -> Reply:
        if request.body.get("op") != "status":
            detail = f"unknown op {request.body.get('op')!r}; there is status"
            return Reply(request.session, {"error": "bad_request", "detail": detail})
        return Reply(request.session, self.status.answer(request.body.get("id")))


def _compile(record: CatalogueRecord) -> dict[int, Template]:
    """The templates of a catalogue by number; `DecodeError` if one of its classes is wrong."""
    try:
        compiled = {name: compile_template(one) for name, one in record.classes.items()}
    except DocsisError as error:
        raise DecodeError(f"catalogue generation {record.generation}: {error}") from error
    return {template_number(name, one.signature): one for name, one in compiled.items()}

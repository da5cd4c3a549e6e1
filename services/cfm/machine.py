"""The CFM: takes rows, answers reads, builds files.

Theory of operation
-------------------
On one side the minters: `fileid.table` holds their rows, and what is missing is pulled from them. Whose rows
count says the `heartbeat.fence`. A frame of
rows is answered with a status per row, and only then do reads that were parked for it go on. On the other
side whoever reads (`serving`). Between them the settings, the beat and the audit stream.

Draining, it serves whoever asks, because modems were told this address. It exits when nobody is being served
and enough beats have said `draining` for the minters to have turned away.

While another process has our name (`heartbeat.namesake`) it takes no rows and does not vote, and serves what
it has. It reads the beats for that alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bus.dedup import Dedup
from bus.envelope import Stamp, number_of
from bus.errors import DecodeError
from bus.keeping import Keeping, Subject
from bus.machine import (
    CaughtUp,
    Draining,
    Effect,
    Entry,
    Exit,
    Keep,
    Kept,
    LocalRequest,
    LogBounds,
    LogLost,
    Received,
    Recreated,
    Reply,
    Send,
    SessionClosed,
    Stopping,
    TakeIncarnation,
    Undelivered,
    Unkept,
    WallClock,
)
from bus.messages import AUDIT, BEAT, CATALOGUE, Beat, CatalogueRecord, Load, decode
from bus.routes import ROUTES
from fileid.given import Given
from fileid.handoff import ACKED_SEQ
from fileid.pulls import Pull
from fileid.reads import Network, Reads, Serve
from fileid.row import (
    ACK,
    HELLO,
    PULL,
    PULLED,
    ROWS,
    Fields,
    cut,
    name_bytes,
    pack_names,
)
from fileid.seal import Opener
from fileid.table import Table, Tokens
from heartbeat.fence import Fence, StoreFence, Verdict
from heartbeat.grant_messages import QUESTIONS
from heartbeat.grants import StorePromises
from heartbeat.namesake import Namesake, is_namesake
from heartbeat.pulse import Pulse
from heartbeat.role_reader import position_of
from heartbeat.standing import STANDING, pack_standing, unpack_hello
from services.cfm.building import Builder
from services.cfm.journal import Journal
from services.cfm.serving import Serving
from services.cfm.status import CfmStatus
from services.cfm.voting import Voting
from services.settings.catalogue import StoreCatalogue, describe, parse, version
from services.tftp.server_core import TftpServer
from services.tftp.sockets import Arrived

DRAINING_BEATS = 2  # one may be lost
NOTHING_COUNTS = (b"", b"")  # tokens under which every row is unverified, so its minter asks another CFM


class Cfm:
    """One CFM. `endpoints` is what its beats announce, `secret` signs the CMTS MIC, from `proxies` a name
    alone is believed, and `given` are the names that the DHCP servers of the minters `givers` give out.
    Without a `fence` every minter's rows count. With `voting` it has a vote on who holds which role.
    """

    def __init__(
        self,
        *,
        stamp: Stamp,
        minters: Iterable[str],
        opener: Opener,
        table: Table,
        tftp: TftpServer,
        fence: Fence | None = None,
        voting: Voting | None = None,
        endpoints: Mapping[str, str],
        capacity: int,
        secret: bytes,
        proxies: Sequence[Network] = (),
        given: Given | None = None,
        givers: Iterable[str] = (),
        catalogue: CatalogueRecord | None = None,
        data_bytes_max: int = ROUTES["fileid"].payload_bytes_max,
        receive_buffer_bytes: int = 0,
    ) -> None:
        self._stamp = stamp
        self._minters = {number_of(name): name for name in minters}
        self._packed_minters = {name: number.to_bytes(4, "big") for number, name in self._minters.items()}
        self._table = table
        self._fence = fence or Fence({})
        self._voting = voting
        self._reads = Reads(
            table,
            opener,
            proxies=proxies,
            given=given,
            givers=[*map(number_of, givers)],
            judge=self._judge,
        )
        self._endpoints = dict(endpoints)
        self._capacity = capacity
        self._builder = Builder(secret)
        self._data_bytes_max = data_bytes_max
        self._journal = Journal(stamp)
        self._audit = self._journal.audit
        self._serving = Serving(
            reads=self._reads, table=table, tftp=tftp, builder=self._builder, journal=self._journal
        )
        self._pulse = Pulse(stamp)
        self._namesake = Namesake(stamp.incarnation)
        self._keeping = Keeping(
            {
                StoreFence: Subject("fence", self._fence.record),
                StorePromises: Subject("promises", lambda: voting and voting.record()),
                StoreCatalogue: Subject("settings", self._builder.copy),
                TakeIncarnation: Subject("incarnation", lambda: None),  # asked for anew, with a later one
            }
        )
        self._dedup = Dedup()
        self._routes: dict[str, str | bytes] = {}
        self._wall_offset_s = 0.0
        self.counts = {"undecodable": 0}
        self.status = CfmStatus(
            stamp=stamp,
            beat=self._beat,
            table=table,
            reads=self._reads,
            tftp=tftp,
            journal=self._journal,
            pulse=self._pulse,
            namesake=self._namesake,
            dedup=self._dedup,
            connected=self._routes,
            minters=self._minters,
            opener=opener,
            builder=self._builder,
            serving=self._serving,
            fence=self._fence,
            voting=voting,
            keeping=self._keeping,
            counts=self.counts,
            receive_buffer_bytes=receive_buffer_bytes,
        )
        self._operations: dict[object, Callable[[LocalRequest, float], list[Effect]]] = {
            "settings": self._settings,
            "status": self._status,
            "trace": self._trace,
            "fileid.lookup": self._serving.look_up,
            "fileid.done": self._serving.done,
        }
        if voting is not None:
            self._operations["failover.admit"] = self._admit
        if catalogue is not None:
            try:
                self._builder.adopt(catalogue)
            except DecodeError:  # kept by another version of ours; the topic has a better one
                self.counts["undecodable"] += 1

    def use(self, secret: bytes) -> None:
        """Sign with this secret from now on: the CMTS knows it too."""
        self._builder.use(secret)

    def receive(self, message: Any, now: float) -> list[Effect]:
        """A datagram, a message of the bus, a question of the host, or news from the runner."""
        if isinstance(message, Arrived):
            return self._serving.receive(message, now)
        if isinstance(message, Received):
            try:
                return self._received(message, now)
            except DecodeError:
                self.counts["undecodable"] += 1
        elif isinstance(message, LocalRequest):
            return self._asked(message, now)
        elif isinstance(message, Entry):
            return [Keep(one) for one in self._fence.entry(message, now + self._wall_offset_s)]
        elif isinstance(message, LogBounds):
            return [Keep(one) for one in self._fence.bounds(message, now + self._wall_offset_s)]
        elif isinstance(message, Kept | Unkept):
            return self._kept(message, now)
        elif isinstance(message, LogLost):
            self._fence.broken(message.reason)
        elif isinstance(message, SessionClosed):
            self._serving.leave(message.session)
        elif isinstance(message, Undelivered):
            if message.envelope.type == AUDIT:
                self._audit.undelivered(message.envelope.data)
        elif isinstance(message, Draining):
            self._pulse.drain()
        elif isinstance(message, Stopping):
            wall_s = now + self._wall_offset_s
            return [*self._audit.flush(wall_s), self._pulse.leave(self._beat(now), now, wall_s)]
        elif isinstance(message, WallClock):
            self._wall_offset_s = self._journal.wall_offset_s = message.offset_s
        else:
            assert isinstance(message, CaughtUp | Recreated), message
        return []

    def tick(self, now: float) -> list[Effect]:
        """Parked reads, retransmissions, the beat, the audit batch, old rows: whatever is due."""
        wall_s = now + self._wall_offset_s
        effects = self._namesake.tick(self._stamp.incarnation, now, wall_s)
        for decision in self._reads.tick(now):
            if isinstance(decision, Serve):
                effects += self._serving.serve(decision, now)
            elif isinstance(decision, Pull):
                effects += self._pull(decision)
            else:
                effects += self._serving.refuse(decision, now)
        effects += self._serving.tick(now)
        if now >= self._pulse.deadline():
            effects.append(self._pulse.tick(self._beat(now), now, wall_s))
        for row in self._table.expire(now):
            self._journal.expired(row.fields(), now)
        effects += self._audit.tick(now, wall_s)
        effects += self._keeping.tick(now)
        if self._pulse.draining_beats >= DRAINING_BEATS and not self._serving.is_busy:
            effects.append(Exit(0, "drained"))
        return effects

    def deadline(self) -> float | None:
        """The earliest of all parts."""
        due = self._pulse.deadline()
        for part in (
            self._reads,
            self._serving,
            self._audit,
            self._table,
            self._namesake,
            self._keeping,
        ):
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
            return [effect for one in served for effect in self._serving.serve(one, now)]
        if envelope.type == HELLO:
            return self._greeted(message, now)
        if envelope.type == BEAT:
            if is_namesake(envelope, self._stamp):
                self._namesake.heard(envelope.incarnation, decode(Beat, envelope.data).namesake, now)
            return []
        if envelope.type in QUESTIONS and self._voting is not None and not self._namesake.yields:
            return self._voting.receive(envelope, now)
        if envelope.type == CATALOGUE and self._dedup.is_new(envelope):
            record = parse(envelope.data)
            if version(record) > version(self._builder.record):
                self._builder.adopt(record)
                self._pulse.hurry()
                return [Keep(StoreCatalogue(record))]
            if record.generation == self._builder.generation - 1:
                # We started from the copy on disk, and the topic's history holds what was in force before it.
                self._builder.remember(record)
        return []

    def _rows(self, message: Received, now: float) -> list[Effect]:
        envelope = message.envelope
        minter = self._packed_minters.get(envelope.source)
        if minter is None:
            raise DecodeError(f"rows from {envelope.source}, which does not mint")
        tokens = NOTHING_COUNTS if self._namesake.yields else self._fence.tokens(envelope.source)
        statuses, fresh = self._table.accept(envelope.data, minter, now, tokens and Tokens(*tokens))
        ack = self._stamp.envelope(ACK, ACKED_SEQ.pack(envelope.seq) + statuses, time_ms=0)
        # Without a way back the rows were only overheard: another CFM acks them, yet they can be served here.
        effects: list[Effect] = [Send(message.via, ack)] if message.via else []
        for served in self._reads.arrived(fresh, now):
            effects += self._serving.serve(served, now)
        return effects

    def _greeted(self, message: Received, now: float) -> list[Effect]:
        """A minter said hello, and under which claim it acts: it is told what we know of its role."""
        minter = message.envelope.source
        stand, asked_us = unpack_hello(message.envelope.data)
        stored = self._fence.hello(minter, stand, now + self._wall_offset_s)
        if self._routes.get(minter) != message.via:
            self._routes[minter] = message.via
            self._reads.minter_is_back(number_of(minter))
        answer = self._fence.answer(minter, once_kept=bool(stored))
        if answer is None:
            return []
        data = pack_standing(answer, asked_us)
        send = Send(message.via, self._stamp.envelope(STANDING, data, time_ms=0))
        return [Keep(one, (send,)) for one in stored] or [send]

    def _kept(self, message: Kept | Unkept, now: float) -> list[Effect]:
        """The disk took a record, or refused it."""
        if isinstance(message.record, StorePromises) and self._voting is not None:
            self._voting.kept(message, now)
        elif isinstance(message.record, StoreFence) and isinstance(message, Kept):
            self._fence.kept(message.record)
        return [*self._keeping.receive(message, now)]

    def _judge(self, fields: Fields) -> str:
        """Why a name, or a row that was pulled, does not count."""
        minter = self._minters.get(fields.minter, "")
        verdict = self._fence.judge_seal(minter, fields.token, fields.minted_ms / 1000)
        return "" if verdict is Verdict.VALID else verdict.value

    def _pull(self, pull: Pull) -> list[Effect]:
        minter = self._minters.get(pull.minter)
        if minter is None:
            return []
        return [
            Send(minter, self._stamp.envelope(PULL, pack_names(names), time_ms=0))
            for names in cut(pull.names, name_bytes, self._data_bytes_max)
        ]

    def _beat(self, now: float) -> Beat:
        serving = self._serving
        load = Load(in_flight=len(serving), p99_ms=serving.p99_ms(now), capacity=self._capacity)
        return Beat(
            service="cfm",
            load=load,
            generation=self._builder.generation,
            namesake=self._namesake.beat,
            endpoints=self._endpoints,
            log=position_of(self._fence.reader) if self._fence.is_on else None,
        )

    def _settings(self, request: LocalRequest, _now: float) -> list[Effect]:
        body = {"id": request.body.get("id"), **describe(self._builder.record)}
        return [Reply(request.session, body)]

    def _asked(self, request: LocalRequest, now: float) -> list[Effect]:
        name = request.body.get("op")
        operation = self._operations.get(name) if isinstance(name, str) else None
        try:
            if operation is None:
                raise DecodeError(f"unknown op {name!r}; there are {', '.join(map(str, self._operations))}")
            return operation(request, now)
        except DecodeError as error:
            refusal = {"id": request.body.get("id"), "error": "bad_request"}
            return [Reply(request.session, refusal | {"detail": str(error)})]

    def _status(self, request: LocalRequest, _: float) -> list[Effect]:
        return [Reply(request.session, self.status.answer(request.body.get("id")))]

    def _admit(self, request: LocalRequest, now: float) -> list[Effect]:
        assert self._voting is not None
        return self._voting.admit(request, self._fence.highest(), now)

    def _trace(self, request: LocalRequest, _: float) -> list[Effect]:
        return [Reply(request.session, self._audit.answer(request.body))]

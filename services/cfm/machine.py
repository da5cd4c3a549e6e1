"""The CFM: takes rows, answers reads, builds files.

Theory of operation
-------------------
On one side are minters (`taking`): `fileid.table` holds their rows, and missing rows are pulled from them.
The fence decides whose rows count. A frame of rows is answered with a status per row, and only then do reads
that were parked for it go on. On the other side are modems, whose reads `serving` answers. Between them stand
the settings, the beat and the audit stream.

A draining CFM serves every read, because modems were told this address. It exits when no read is left and
enough beats have said `draining` for the minters to have turned away.

While another process has our name (`heartbeat.liveness.namesake`) it takes no rows and does not vote, and
serves the rows it has. It reads the beats for that, and to say who is there.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bus.fleet.fleet import MINTERS
from bus.machine import Hears, nothing
from bus.messages import Entry, LocalRequest, LogBounds, Received, SessionClosed, Undelivered, WallClock
from fileid.pulls import Pull
from fileid.reads import Serve, Silent
from fileid.row import DISOWNED, HELLO, PULLED, ROWS
from heartbeat.liveness.beat import BEAT, Beat
from heartbeat.liveness.detector import BEAT_EVERY_S
from services.cfm.edges import CfmArriving, CfmEffect
from services.cfm.parts import Parts
from services.cfm.status import CfmStatus
from services.instance.adopting import Adopting
from services.instance.showing import Showing
from services.settings.record import CATALOGUE
from services.tftp.sockets import Wakeup

DRAINING_BEATS = 2  # one may be lost

Does = list[CfmEffect]


class Cfm:
    """One CFM, made of its `parts` (`services.cfm.assembly`)."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._frame = parts.frame
        self._serving = parts.serving
        self._taking = parts.taking
        self._adopting = Adopting(parts.frame, parts.builder.held, parts.builder.unlock)
        self._look_at = 0.0
        self.counts = parts.frame.counts
        self.status = CfmStatus(parts)
        frame = parts.frame
        hears: Hears[CfmEffect] = Hears(
            received=frame.received,
            local_request=frame.requested,
            undelivered=self._undelivered,
            caught_up=nothing,
            recreated=nothing,
            entry=self._logged,
            log_bounds=self._log_begun,
            log_lost=parts.taking.log_lost,
            host_came=nothing,
            host_gone=nothing,
            session_closed=self._left,
            kept=frame.kept,
            unkept=frame.kept,
            draining=frame.drain,
            stopping=frame.stop,
            wall_clock=self._clock,
            lacking=frame.lacking,
        )
        self._hears: Mapping[type, Callable[[Any, float], Sequence[CfmEffect]]] = {
            **hears.table(),
            Wakeup: parts.serving.receive,
        }
        self._decides: Mapping[type, Callable[[Any, float], Sequence[CfmEffect]]] = {
            Serve: parts.serving.serve,
            Silent: parts.serving.refuse,
            Pull: parts.taking.pull,
        }
        types: dict[str, Callable[[Received, float], Sequence[CfmEffect]]] = {
            ROWS: self._rows,
            PULLED: parts.serving.pulled,
            DISOWNED: parts.serving.disowned,
            HELLO: self._greeted,
            BEAT: self._beaten,
            CATALOGUE: self._catalogue,
        }
        showing = Showing(parts.builder.held, frame.audit, frame.wall_s)
        operations: dict[str, Callable[[LocalRequest, float], Sequence[CfmEffect]]] = {
            "settings": showing.describe,
            "settings.history": showing.recall,
            "status": self.status.answer,
            "trace": frame.trace,
            "fileid.lookup": parts.serving.look_up,
            "fileid.done": parts.serving.done,
        }
        if parts.voting is not None:
            types |= {type_: frame.unless_yielding(hear) for type_, hear in parts.voting.types.items()}
            operations["failover.admit"] = self._admit
        frame.serve(
            types,
            operations,
            moves=(
                frame.be_alone,
                frame.switching.tick,
                self._decide,
                parts.serving.tick,
                frame.beat,
                self._forget,
                self._look_around,
                frame.tell,
                self._adopting.unlock,
                frame.keep_again,
                frame.leave(DRAINING_BEATS, lambda: not parts.serving.is_busy),
            ),
            beat=self.beat,
            status=self.status,
            by_minters=(CATALOGUE,),
            overhears=True,
        )

    def use(self, secret: bytes) -> None:
        """Sign with this secret from now on; the CMTS knows it too."""
        self.parts.builder.use(secret)

    def keep_to(self, services: Mapping[str, str]) -> None:
        """Know these instances alone from now on. Rows that another one handed off live as long as all do."""
        self.parts.roster.keep_to(services)
        self._taking.keep_to(services)

    def receive(self, message: CfmArriving, now: float) -> Does:
        """A datagram, a message of the bus, a question of the host, or news from the runner."""
        return [*self._hears[type(message)](message, now)]

    def tick(self, now: float) -> Does:
        """Do what is due: parked reads, retransmissions, the beat, the audit batch, old rows."""
        return self._frame.tick(now)

    def deadline(self) -> float:
        """The earliest deadline of all parts."""
        parts = self.parts
        return self._frame.deadline(parts.reads, parts.serving, parts.table, parts.builder.held)

    def beat(self, now: float) -> Beat:
        """The next beat."""
        parts = self.parts
        return Beat(
            service="cfm",
            load=parts.serving.load(now, parts.capacity),
            generation=parts.builder.generation,
            sealed=parts.builder.held.needs(),
            namesake=self._frame.namesake.beat,
            endpoints=dict(parts.endpoints()),
            log=parts.fence.position(),
        )

    def _decide(self, now: float) -> Does:
        """A move: reads that waited long enough."""
        effects: Does = []
        for decision in self.parts.reads.tick(now):
            effects += self._decides[type(decision)](decision, now)
        return effects

    def _forget(self, now: float) -> Does:
        """A move: rows that expired unread."""
        for row in self.parts.table.expire(now):
            self.parts.journal.expired(row.fields(), now)
        return []

    def _look_around(self, now: float) -> Does:
        """A move: the peers that have fallen silent, for people; nothing here is in a hurry."""
        if now >= self._look_at:
            self._look_at = now + BEAT_EVERY_S
            self.parts.roster.tick(now)
            self.parts.taking.look_for(self._minters_alive(), now)
        return []

    def _minters_alive(self) -> list[str]:
        roster = self.parts.roster
        return [peer.name for service in MINTERS for peer in roster.alive(service)]

    def _clock(self, message: WallClock, now: float) -> Sequence[CfmEffect]:
        self.parts.doubts.clock(message.offset_s, now)
        return self._frame.clock(message, now)

    def _rows(self, message: Received, now: float) -> Does:
        effects, fresh = self._taking.rows(message, now, yields=self._frame.namesake.yields)
        return [*effects, *self._serving.arrived(fresh, now)]

    def _greeted(self, message: Received, now: float) -> Sequence[CfmEffect]:
        effects, is_back = self._taking.greeted(message, now)
        if is_back:
            self._serving.minter_is_back(message.envelope.source, now)
        return effects

    def _beaten(self, message: Received, now: float) -> Sequence[CfmEffect]:
        if not self._frame.is_namesake(message, now):
            envelope = message.envelope
            self.parts.roster.receive(envelope, now, self._frame.wall_s(now))
            peer = self.parts.roster.peer(envelope.source)
            if peer is not None:
                number = (envelope.incarnation, envelope.seq)
                self._frame.switching.heard(peer.name, peer.beat, now, number)
        return ()

    def _logged(self, message: Entry, now: float) -> Sequence[CfmEffect]:
        self._frame.switching.news(now)
        return self._taking.logged(message, now)

    def _log_begun(self, message: LogBounds, now: float) -> Sequence[CfmEffect]:
        self._frame.switching.news(now)
        return self._taking.begun(message, now)

    def _catalogue(self, message: Received, now: float) -> Sequence[CfmEffect]:
        return self._adopting.take(lambda: self.parts.builder.receive(message.envelope.data))

    def _left(self, message: SessionClosed, now: float) -> Sequence[CfmEffect]:
        self._serving.leave(message.session)
        return ()

    def _undelivered(self, message: Undelivered, now: float) -> Sequence[CfmEffect]:
        self._frame.undelivered(message)
        return ()

    def _admit(self, request: LocalRequest, now: float) -> Sequence[CfmEffect]:
        assert self.parts.voting is not None
        return self.parts.voting.admit(request, self.parts.fence.highest(), now)

"""The sidecar of a host service: mints FileIDs, hands their rows off, answers.

Theory of operation
-------------------
`fileid.create` becomes a row: the catalogue's template of the class packs the device's values, the seal makes
the name, the hand-off finds the CFM. The answer goes out when a CFM acked, or when the hand-off's budget is
over: then with `acked: false` and the CFM that was tried first, because the seal in the name and the pull
behind it will most likely serve the modem all the same. Only when there is no server to name, or no settings
yet, the answer is `try_again`.

Only the holder of its role mints (`authority`): a row that is settled when the role is gone is answered
`try_again` too, because its CFM may not count it.

A draining sidecar mints no more, waits for its hand-offs, and exits. The rows it kept for pulls end with it:
the CFMs have those that were acked, and a full seal serves the others.

The machine is the same for DHCP and MPS; only the budget differs (`services.dhcp`, `services.mps`). Its parts
do the work; this module routes messages to them, and decides the order in which they move.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bus.envelope import Token
from bus.machine import Hears
from bus.messages import CaughtUp, Draining, Entry, LocalRequest, LogBounds, Received, Recreated, Undelivered
from fileid.lease import Leased, LeasesRead
from fileid.row import ACK, HELLO, PULL, ROWS
from heartbeat.liveness.beat import BEAT, Beat, Load
from services.instance.adopting import Adopting
from services.instance.local_api import refuse
from services.instance.showing import Showing
from services.settings.record import CATALOGUE
from services.sidecar.edges import MinterArriving, MinterEffect
from services.sidecar.parts import Parts
from services.sidecar.status import MinterStatus

STOPS = "this sidecar is about to stop"

Does = list[MinterEffect]


class Minter:
    """One sidecar, made of its `parts` (`services.sidecar.assembly`)."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._frame = parts.frame
        self._authority = parts.authority
        self._last_token: Token | None = None
        self._peers = parts.peers
        self._offering = parts.offering
        self._creating = parts.creating
        self._leasing = parts.leasing
        self._adopting = Adopting(parts.frame, parts.offering.held, parts.offering.unlock)
        self.counts = parts.frame.counts
        self.status = MinterStatus(parts)
        frame, authority = parts.frame, parts.authority
        showing = Showing(parts.offering.held, frame.audit, frame.wall_s)
        hears: Hears[MinterEffect] = Hears(
            received=frame.received,
            local_request=frame.requested,
            undelivered=self._undelivered,
            caught_up=self._caught_up,
            recreated=self._recreated,
            entry=self._logged,
            log_bounds=self._logged,
            log_lost=authority.receive,
            host_came=authority.receive,
            host_gone=authority.receive,
            session_closed=authority.receive,
            kept=frame.kept,
            unkept=frame.kept,
            draining=self._drain,
            stopping=frame.stop,
            wall_clock=frame.clock,
            lacking=frame.lacking,
        )
        self._hears: Mapping[type, Callable[[Any, float], Sequence[MinterEffect]]] = {
            **hears.table(),
            Leased: self._leased,
            LeasesRead: self._leases_read,
        }
        frame.serve(
            {
                ACK: self._acked,
                PULL: self._pulled,
                BEAT: frame.once(self._beaten),
                CATALOGUE: self._catalogue,  # played again it is the topic's last record
                **authority.types,
            },
            {
                "fileid.create": self._create,
                "settings": showing.describe,
                "settings.history": showing.recall,
                "settings.apply": self._changes(parts.offering.apply),
                "settings.rollback": self._changes(parts.offering.roll_back),
                "status": self.status.answer,
                "trace": frame.trace,
                "host.reloads": parts.leasing.excuse,
                **authority.operations,
            },
            moves=(
                frame.be_alone,
                frame.switching.tick,
                self._work,
                frame.beat,
                parts.peers.tick,
                frame.tell,
                self._adopting.unlock,
                parts.offering.tick,
                frame.keep_again,
                frame.leave(1, self._is_idle),
            ),
            beat=self._beat,
            status=self.status,
            by_minters=(CATALOGUE,),
        )

    def keep_to(self, services: Mapping[str, str], pins: Mapping[str, Mapping[str, str]]) -> None:
        """Know these instances alone from now on, at the addresses of `pins`. Rows that were sent to another
        are tried elsewhere.
        """
        self._peers.keep_to(services, pins)

    def receive(self, message: MinterArriving, now: float) -> Does:
        """A request of the host, a message of the bus, or news from the runner."""
        return [*self._hears[type(message)](message, now)]

    def tick(self, now: float) -> Does:
        """Do what is due: hand-offs, the beat, the audit batch, the detector."""
        return self._frame.tick(now)

    def deadline(self) -> float:
        """The earliest deadline of all parts."""
        return self._frame.deadline(
            self._creating, self._leasing, self._peers, self._offering, self._authority
        )

    def _work(self, now: float) -> Does:
        """A move: the right to act, and the work under it."""
        offset_s = self._frame.wall_offset_s
        effects: Does = [*self._authority.tick(now, now + offset_s, is_prepared=bool(self._offering))]
        if self._authority.gave_back:
            self._frame.pulse.hurry()  # others may take the role
        token = self._authority.token(now)
        if token is not None and token != self._last_token:
            self._last_token = token
            effects += self._creating.make_anew(token, now, offset_s)
            self._leasing.make_anew(token, now, offset_s)
        effects += self._creating.tick(now, offset_s)
        effects += self._leasing.tick(now, offset_s, token)
        return effects

    def _is_idle(self) -> bool:
        return not len(self._creating) + len(self._leasing) and self._authority.is_released

    def _create(self, request: LocalRequest, now: float) -> Sequence[MinterEffect]:
        frame, authority = self._frame, self._authority
        token, why_not = authority.token(now), STOPS
        if frame.pulse.is_draining:
            token = None
        elif token is None:
            why_not = authority.why_not()
        return self._creating.create(request, now, frame.wall_offset_s, token, why_not)

    def _changes(
        self, change: Callable[[LocalRequest, float], Sequence[MinterEffect]]
    ) -> Callable[[LocalRequest, float], Sequence[MinterEffect]]:
        """The same handler, unless we are about to stop, or yield to another process of our name."""

        def handle(request: LocalRequest, now: float) -> Sequence[MinterEffect]:
            if self._frame.pulse.is_draining:
                return [refuse(request, "try_again", STOPS)]
            if self._frame.namesake.yields:
                return [refuse(request, "try_again", self._authority.why_not())]
            return change(request, now)

        return handle

    def _acked(self, message: Received, now: float) -> Sequence[MinterEffect]:
        offset_s = self._frame.wall_offset_s
        if self._leasing.acked(message.envelope, now, offset_s):
            return ()
        return self._creating.acked(message.envelope, now, offset_s)

    def _pulled(self, message: Received, now: float) -> Sequence[MinterEffect]:
        frame = self._frame
        return self._creating.pulled(message, now, frame.wall_offset_s, is_alone=frame.namesake.is_alone)

    def _beaten(self, message: Received, now: float) -> Sequence[MinterEffect]:
        if self._frame.is_namesake(message, now):
            return ()
        peer, effects = self._peers.beaten(message, now, self._frame.wall_s(now))
        if peer is not None:
            self._authority.heard(peer.name, peer.beat.log, peer.beat.standing, now)
            number = (message.envelope.incarnation, message.envelope.seq)
            self._frame.switching.heard(peer.name, peer.beat, now, number)
        return effects

    def _catalogue(self, message: Received, now: float) -> Sequence[MinterEffect]:
        return self._adopting.take(lambda: self._offering.receive(message.envelope, now))

    def _logged(self, message: Entry | LogBounds, now: float) -> Sequence[MinterEffect]:
        self._frame.switching.news(now)
        return self._authority.receive(message, now)

    def _caught_up(self, message: CaughtUp, now: float) -> Sequence[MinterEffect]:
        if message.traffic == "config":
            self._offering.caught_up(now)
        return self._authority.receive(message, now)

    def _recreated(self, message: Recreated, now: float) -> Sequence[MinterEffect]:
        if message.traffic == "config":
            self._offering.recreated()
        return self._authority.receive(message, now)

    def _undelivered(self, message: Undelivered, now: float) -> Sequence[MinterEffect]:
        if not self._frame.undelivered(message) and message.envelope.type in (HELLO, ROWS):
            self._peers.unreached(str(message.to))
            self._creating.handoff.undelivered(message.envelope, now)
            self._leasing.undelivered(message.envelope, str(message.to), now)
        return ()

    def _drain(self, message: Draining, now: float) -> Sequence[MinterEffect]:
        return [*self._frame.drain(message, now), *self._authority.receive(message, now)]

    def _leased(self, message: Leased, now: float) -> Sequence[MinterEffect]:
        self._leasing.leased(message, now)
        return ()

    def _leases_read(self, message: LeasesRead, now: float) -> Sequence[MinterEffect]:
        self._leasing.leases_read()
        return ()

    def _beat(self, now: float) -> Beat:
        return Beat(
            service=self._frame.service,
            load=Load(in_flight=len(self._creating)),
            generation=self._offering.generation,
            sealed=self._offering.held.needs(),
            namesake=self._frame.namesake.beat,
            log=self._authority.log_position(),
            standing=self._authority.standing(),
        )

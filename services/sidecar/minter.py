"""The sidecar of a host service: mints FileIDs, hands their rows off, answers.

Theory of operation
-------------------
`fileid.create` becomes a row: the catalogue's template of the class packs the device's values, the seal makes
the name, the hand-off finds the CFM. The answer goes out when a CFM acked, or when the hand-off's budget is
over: then with `acked: false` and the CFM that was tried first, because the seal in the name and the pull
behind it will most likely serve the modem all the same. Only when there is no server to name, or no settings
yet, the answer is `try_again`.

Rows stay here for 60 s, so that a CFM which is asked for a file it does not know can pull the row: over its
own connection, by the name that proves that the row was ours.

Only who holds its role mints (`authority`): a row that is settled when the role is gone is answered
`try_again` too, because its CFM may not count it.

Draining, it mints no more, sees its hand-offs settled, and exits. The rows it kept for pulls end with it: the
CFMs have those that were acked, and a full seal serves the others.

The machine is the same for DHCP and MPS; what differs is the budget (`services.dhcp`, `services.mps`).
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from bus.audit import Audit
from bus.dedup import Dedup
from bus.envelope import Envelope, Stamp
from bus.errors import BackpressureError, DecodeError, OversizeError
from bus.keeping import Keeping, Subject
from bus.machine import (
    CaughtUp,
    Connect,
    Draining,
    Effect,
    Entry,
    Exit,
    HostCame,
    HostGone,
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
from fileid.handoff import Budget, Handoff
from fileid.lease import Leased, LeaseFile
from fileid.minted import Minted
from fileid.row import (
    ACK,
    HELLO,
    PULL,
    PULLED,
    ROWS,
    cut_rows,
    pack_rows,
    unpack_names,
)
from fileid.seal import Sealer
from heartbeat.balance import Balancer
from heartbeat.grant_messages import ANSWERS
from heartbeat.namesake import Namesake, is_namesake
from heartbeat.pulse import Pulse
from heartbeat.roster import Roster
from heartbeat.standing import STANDING, pack_hello
from services.docsis.errors import DocsisError
from services.settings.catalogue import StoreCatalogue
from services.sidecar.announced import Announced
from services.sidecar.answering import Answers, Ticket
from services.sidecar.authority import Authority, StoreFailover
from services.sidecar.leasing import Leasing
from services.sidecar.minting import Mint, NotNowError
from services.sidecar.offering import Offering
from services.sidecar.requests import parse_create
from services.sidecar.status import MinterStatus

HELLO_EVERY_S = 0.25
OPERATIONS = "fileid.create, authority, host.*, failover.*, settings, settings.apply, status and trace"


class Minter:
    """One sidecar. `service` is dhcp or mps; `random_bytes(n)` makes the serials; `files` are those that a
    DHCP server gives out by itself; without an `authority` it always may; CFMs are connected to at endpoints
    of `scheme`.
    """

    def __init__(
        self,
        *,
        service: str,
        stamp: Stamp,
        services: Mapping[str, str],
        sealer: Sealer,
        budget: Budget,
        random: Random,
        random_bytes: Callable[[int], bytes],
        minted_max: int,
        authority: Authority | None = None,
        namesake: Namesake | None = None,
        default_next_server: str | None = None,
        catalogue: CatalogueRecord | None = None,
        publish: CatalogueRecord | None = None,
        files: Sequence[LeaseFile] = (),
        data_bytes_max: int = ROUTES["fileid"].payload_bytes_max,
        scheme: str = "tcp",
    ) -> None:
        self._service = service
        self._stamp = stamp
        self._roster = Roster(services, own=stamp.instance)
        self._balancer = Balancer(self._roster, random)
        self._data_bytes_max = data_bytes_max
        self._namesake = namesake or Namesake(stamp.incarnation)
        self._authority = authority or Authority(stamp, None, namesake=self._namesake)
        self._handoff = Handoff(stamp, self._choose, budget, data_bytes_max=data_bytes_max)
        self._minted = Minted(minted_max)
        self._audit = Audit(stamp)
        self._pulse = Pulse(stamp)
        self._dedup = Dedup()
        self._announced = Announced(scheme)
        self._unreachable: set[str] = set()
        self._hello_due = 0.0
        self._greeted_under = self._authority.greets_under
        self._wall_offset_s = 0.0
        self._offering = Offering(stamp, publish)
        self._keeping = Keeping(
            {
                StoreFailover: Subject("failover", self._authority.record),
                StoreCatalogue: Subject("settings", self._offering.copy),
                TakeIncarnation: Subject("incarnation", lambda: None),  # asked for anew, with a later one
            }
        )
        self._mint = Mint(stamp, sealer, self._offering, random_bytes)
        self._leasing = Leasing(
            stamp=stamp,
            files=files,
            offering=self._offering,
            minted=self._minted,
            audit=self._audit,
            away=self._unreachable,
            data_bytes_max=data_bytes_max,
        )
        self._answers = Answers(
            stamp=stamp,
            roster=self._roster,
            balancer=self._balancer,
            offering=self._offering,
            audit=self._audit,
            may_act=self._authority.may_act,
            unusable=self._announced.unusable,
            default_next_server=default_next_server,
        )
        self.counts = dict.fromkeys(("created", "refused", "undecodable", "unknown_pulls"), 0)
        self.status = MinterStatus(
            service=service,
            stamp=stamp,
            roster=self._roster,
            balancer=self._balancer,
            handoff=self._handoff,
            handoff_s=self._answers.handoff_s,
            leasing=self._leasing,
            minted=self._minted,
            audit=self._audit,
            pulse=self._pulse,
            namesake=self._namesake,
            dedup=self._dedup,
            offering=self._offering,
            authority=self._authority,
            keeping=self._keeping,
            unreachable=self._unreachable,
            announced=self._announced,
            default_next_server=default_next_server,
            counts=self.counts,
        )
        if catalogue is not None:
            try:
                self._offering.adopt(catalogue)
            except DecodeError:  # kept by another version of ours; the topic has a better one
                self.counts["undecodable"] += 1

    def receive(self, message: Any, now: float) -> list[Effect]:
        """A request of the host, a message of the bus, or news from the runner."""
        if isinstance(message, LocalRequest):
            return self._requested(message, now)
        if isinstance(message, Received):
            try:
                return self._received(message, now)
            except DecodeError:
                self.counts["undecodable"] += 1
        elif isinstance(message, Undelivered):
            self._undelivered(message, now)
        elif isinstance(message, Leased):
            self._leasing.leased(message)
        elif isinstance(message, CaughtUp):
            if message.traffic == "config":
                self._offering.caught_up(now)
                self._authority.settings_read()
        elif isinstance(message, Recreated):
            if message.traffic == "config":
                self._offering.recreated()
                self._authority.settings_recreated()
        elif isinstance(message, Entry | LogBounds | LogLost | HostCame | HostGone):
            return self._authority.receive(message, now)
        elif isinstance(message, Kept | Unkept):
            return self._kept(message, now)
        elif isinstance(message, Draining):
            self._pulse.drain()
            return self._authority.receive(message, now)
        elif isinstance(message, Stopping):
            wall_s = now + self._wall_offset_s
            return [*self._audit.flush(wall_s), self._pulse.leave(self._beat(), now, wall_s)]
        elif isinstance(message, WallClock):
            self._wall_offset_s = message.offset_s
        else:
            assert isinstance(message, SessionClosed), f"no minter understands {message!r}"
            return self._authority.receive(message, now)
        return []

    def tick(self, now: float) -> list[Effect]:
        """Hand-offs, the beat, the audit batch, the detector: whatever is due."""
        wall_s = now + self._wall_offset_s
        authority = self._authority
        authority.is_prepared = bool(self._offering)
        effects = [*self._namesake.tick(self._stamp.incarnation, now, wall_s), *authority.tick(now, wall_s)]
        self._leasing.may_make = authority.may_act(now)
        sends, settled = self._handoff.tick(now)
        effects += [*sends, *self._answers.answer(settled, now, self._wall_offset_s)]
        for send in sends:
            self._balancer.gave(str(send.to), int.from_bytes(send.envelope.data[:2]))
        effects += self._leasing.tick(now, self._wall_offset_s)
        if now >= self._pulse.deadline():
            effects.append(self._pulse.tick(self._beat(), now, wall_s))
        if now >= self._hello_due or authority.greets_under != self._greeted_under:
            self._greeted_under = authority.greets_under
            self._hello_due = now + HELLO_EVERY_S
            self._unreachable.clear()
            hello = pack_hello(authority.stand, now)
            effects += (
                Send(peer, self._stamp.envelope(HELLO, hello, time_ms=0))
                for peer in self._announced.connected
            )
        effects += self._audit.tick(now, wall_s)
        effects += self._offering.tick(now, wall_s)
        effects += self._keeping.tick(now)
        self._roster.tick(now)
        is_idle = not len(self._handoff) + len(self._leasing)
        if self._pulse.draining_beats and is_idle and authority.is_released:
            effects.append(Exit(0, "drained"))
        return effects

    def deadline(self) -> float | None:
        """The earliest of all parts."""
        due = min(self._pulse.deadline(), self._hello_due)
        for part in (
            self._handoff,
            self._leasing,
            self._audit,
            self._roster,
            self._offering,
            self._authority,
            self._namesake,
            self._keeping,
        ):
            other = part.deadline()
            if other is not None and other < due:
                due = other
        return due

    def _requested(self, request: LocalRequest, now: float) -> list[Effect]:
        operation = request.body.get("op")
        if operation == "fileid.create":
            return self._create(request, now)
        if operation == "status":
            return [Reply(request.session, self.status.answer(request.body.get("id"), now))]
        if operation == "trace":
            return [Reply(request.session, self._audit.answer(request.body))]
        if operation == "settings":
            return [self._offering.describe(request)]
        if operation == "settings.apply":
            if self._pulse.is_draining:
                return [_refusal(request, "try_again", "this sidecar is about to stop")]
            if self._namesake.yields:
                return [_refusal(request, "try_again", self._authority.why_not())]
            return [*self._offering.apply(request, now)]
        if self._authority.does(operation):
            try:
                return self._authority.operate(request, now)
            except DecodeError as error:
                return [_refusal(request, "bad_request", str(error))]
        return [_refusal(request, "bad_request", f"unknown op {operation!r}; there are {OPERATIONS}")]

    def _create(self, request: LocalRequest, now: float) -> list[Effect]:
        try:
            create = parse_create(request.body)
            if self._pulse.is_draining:
                raise NotNowError("this sidecar is about to stop")
            if not self._authority.may_act(now):
                raise NotNowError(self._authority.why_not())
            row, serial = self._mint.mint(create, now + self._wall_offset_s)
            self._handoff.offer(
                row, Ticket(request.session, create, serial.hex(), now, self._stamp.token), now
            )
            self._minted.add(row, now)
        except (NotNowError, BackpressureError) as error:
            self.counts["refused"] += 1
            return [_refusal(request, "try_again", str(error))]
        except (DecodeError, DocsisError, OversizeError) as error:
            self.counts["refused"] += 1
            return [_refusal(request, "bad_request", str(error))]
        self.counts["created"] += 1
        return []

    def _choose(self, exclude: Sequence[str], now: float) -> str | None:
        return self._balancer.choose(
            (*exclude, *self._unreachable, *self._announced.unusable), self._offering.generation
        )

    def _received(self, message: Received, now: float) -> list[Effect]:
        envelope = message.envelope
        if envelope.type == ACK:
            if self._leasing.acked(envelope, now, self._wall_offset_s):
                return []
            return [*self._answers.answer(self._handoff.acked(envelope), now, self._wall_offset_s)]
        if envelope.type == PULL:
            return self._pulled(envelope, now)
        if envelope.type == STANDING:
            self._authority.answered(envelope.source, envelope.data, now)
            return []
        if envelope.type in ANSWERS:
            self._authority.voted(envelope, now)
            return []
        if not self._dedup.is_new(envelope):
            return []
        if envelope.type == BEAT:
            return self._beaten(envelope, now)
        if envelope.type == CATALOGUE:
            stored = self._offering.receive(envelope, now)
            if stored:
                self._pulse.hurry()
            return [Keep(one) for one in stored]
        raise DecodeError(f"{envelope.type} is not for a minter")

    def _beaten(self, envelope: Envelope, now: float) -> list[Effect]:
        if is_namesake(envelope, self._stamp):
            self._namesake.heard(envelope.incarnation, decode(Beat, envelope.data).namesake, now)
            return []
        self._roster.receive(envelope, now, now + self._wall_offset_s)
        peer = self._roster.peer(envelope.source)
        if peer is not None:
            self._authority.heard(peer.name, peer.beat.log, now)
        if peer is None or peer.beat.service != "cfm":
            return []
        endpoint = self._announced.heard(peer.name, peer.beat.endpoints)
        if endpoint is None:
            return []
        self._hello_due = now
        return [Connect(envelope.source, endpoint)]

    def _pulled(self, envelope: Envelope, now: float) -> list[Effect]:
        names = unpack_names(envelope.data)
        rows = self._minted.find(names, now)
        self.counts["unknown_pulls"] += len(names) - len(rows)
        return [
            Send(envelope.source, self._stamp.envelope(PULLED, pack_rows(some), time_ms=0))
            for some in cut_rows(rows, self._data_bytes_max)
        ]

    def _kept(self, message: Kept | Unkept, now: float) -> list[Effect]:
        """The disk took a record, or refused it."""
        effects: list[Effect] = [*self._keeping.receive(message, now)]
        if not isinstance(message.record, StoreFailover):
            return effects
        if isinstance(message, Kept):
            return effects + self._authority.kept(message.record, now)
        return effects + self._authority.unkept(message, now)

    def _undelivered(self, message: Undelivered, now: float) -> None:
        kind = message.envelope.type
        if kind == AUDIT:
            self._audit.undelivered(message.envelope.data)
        elif kind in (HELLO, ROWS):
            self._unreachable.add(str(message.to))
            self._handoff.undelivered(message.envelope, now)
            self._leasing.undelivered(message.envelope, now)

    def _beat(self) -> Beat:
        return Beat(
            service=self._service,
            load=Load(in_flight=len(self._handoff)),
            generation=self._offering.generation,
            namesake=self._namesake.beat,
            log=self._authority.log_position(),
            standing=self._authority.standing(),
        )


def _refusal(request: LocalRequest, error: str, detail: str) -> Reply:
    return Reply(request.session, {"id": request.body.get("id"), "error": error, "detail": detail})

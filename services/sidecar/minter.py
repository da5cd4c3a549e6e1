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

Draining, it mints no more, sees its hand-offs settled, and exits. The rows it kept for pulls end with it: the
CFMs have those that were acked, and a full seal serves the others.

The machine is the same for DHCP and MPS; what differs is the budget (`services.dhcp`, `services.mps`).
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from bus.audit import Audit
from bus.dedup import Dedup
from bus.envelope import Envelope, Stamp, number_of
from bus.errors import BackpressureError, DecodeError, OversizeError
from bus.machine import (
    CaughtUp,
    Connect,
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
from bus.messages import AUDIT, BEAT, CATALOGUE, Beat, CatalogueRecord, Load
from bus.metrics import HANDOFF_BOUNDS_S, Histogram
from bus.routes import ROUTES
from fileid.handoff import Budget, Handoff, Settled
from fileid.minted import Minted
from fileid.row import (
    ACK,
    HELLO,
    PULL,
    PULLED,
    ROWS,
    Fields,
    Row,
    cut_rows,
    is_partial,
    pack,
    pack_rows,
    unpack_names,
)
from fileid.seal import Sealer
from heartbeat.balance import Balancer
from heartbeat.pulse import Pulse
from heartbeat.roster import Roster
from services.docsis.errors import DocsisError
from services.settings.catalogue import Classes
from services.sidecar.offering import Offering
from services.sidecar.requests import Create, parse_create
from services.sidecar.status import MinterStatus

HELLO_EVERY_S = 0.25


class _Ticket(NamedTuple):
    """What the answer to a request needs, when its row is settled."""

    session: int
    request: Create
    serial: str
    since: float


class Minter:
    """One sidecar. `service` is dhcp or mps; `random_bytes(n)` makes the serials."""

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
        default_next_server: str | None = None,
        catalogue: CatalogueRecord | None = None,
        publish: Classes | None = None,
        data_bytes_max: int = ROUTES["fileid"].payload_bytes_max,
    ) -> None:
        self._service = service
        self._stamp = stamp
        self._number = number_of(stamp.instance)
        self._sealer = sealer
        self._random_bytes = random_bytes
        self._default_next_server = default_next_server
        self._roster = Roster(services)
        self._balancer = Balancer(self._roster, random)
        self._data_bytes_max = data_bytes_max
        self._handoff = Handoff(stamp, self._choose, budget, data_bytes_max=data_bytes_max)
        self._minted = Minted(minted_max)
        self._audit = Audit(stamp)
        self._pulse = Pulse(stamp)
        self._dedup = Dedup()
        self._endpoints: dict[str, str] = {}
        self._unreachable: set[str] = set()
        self._hello_due = 0.0
        self._wall_offset_s = 0.0
        self._offering = Offering(stamp, publish)
        self._handoff_s = Histogram(HANDOFF_BOUNDS_S)
        self.counts = dict.fromkeys(("created", "refused", "undecodable", "unknown_pulls"), 0)
        self.status = MinterStatus(
            service=service,
            stamp=stamp,
            roster=self._roster,
            balancer=self._balancer,
            handoff=self._handoff,
            handoff_s=self._handoff_s,
            minted=self._minted,
            audit=self._audit,
            pulse=self._pulse,
            dedup=self._dedup,
            offering=self._offering,
            unreachable=self._unreachable,
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
        elif isinstance(message, CaughtUp):
            if message.traffic == "config":
                self._offering.caught_up(now)
        elif isinstance(message, Draining):
            self._pulse.drain()
        elif isinstance(message, Stopping):
            return [*self._audit.flush(now + self._wall_offset_s)]
        elif isinstance(message, WallClock):
            self._wall_offset_s = message.offset_s
        else:
            raise AssertionError(f"no minter understands {message!r}")
        return []

    def tick(self, now: float) -> list[Effect]:
        """Hand-offs, the beat, the audit batch, the detector: whatever is due."""
        wall_s = now + self._wall_offset_s
        sends, settled = self._handoff.tick(now)
        effects: list[Effect] = [*sends, *self._answer(settled, now)]
        for send in sends:
            self._balancer.gave(str(send.to), int.from_bytes(send.envelope.data[:2]))
        if now >= self._pulse.deadline():
            effects.append(self._pulse.tick(self._beat(), now, wall_s))
        if now >= self._hello_due:
            self._hello_due = now + HELLO_EVERY_S
            self._unreachable.clear()
            effects += (Send(peer, self._stamp.envelope(HELLO, b"", time_ms=0)) for peer in self._endpoints)
        effects += self._audit.tick(now, wall_s)
        effects += self._offering.tick(now, wall_s)
        self._roster.tick(now)
        if self._pulse.draining_beats and not len(self._handoff):
            effects.append(Exit(0, "drained"))
        return effects

    def deadline(self) -> float | None:
        """The earliest of all parts."""
        due = min(self._pulse.deadline(), self._hello_due)
        for part in (self._handoff, self._audit, self._roster, self._offering):
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
        return [
            _refusal(request, "bad_request", f"unknown op {operation!r}; there are fileid.create and status")
        ]

    def _create(self, request: LocalRequest, now: float) -> list[Effect]:
        try:
            create = parse_create(request.body)
            serial = self._random_bytes(8)
            row = self._mint(create, serial, now)
            self._handoff.offer(row, _Ticket(request.session, create, serial.hex(), now), now)
            self._minted.add(row, now)
        except (_NotNowError, BackpressureError) as error:
            self.counts["refused"] += 1
            return [_refusal(request, "try_again", str(error))]
        except (DecodeError, DocsisError, OversizeError) as error:
            self.counts["refused"] += 1
            return [_refusal(request, "bad_request", str(error))]
        self.counts["created"] += 1
        return []

    def _mint(self, create: Create, serial: bytes, now: float) -> Row:
        name = create.class_name
        if self._pulse.is_draining:
            raise _NotNowError("this sidecar is about to stop")
        if not self._offering:
            raise _NotNowError("no settings catalogue yet")
        found = self._offering.find(name)
        if found is None:
            raise DecodeError(f"settings.class: there is no class {name!r}")
        number, template = found
        body = pack(
            Fields(
                partial=False,
                minted_ms=int((now + self._wall_offset_s) * 1000),
                token=self._stamp.token,
                device=create.device,
                address=create.address,
                relay=create.relay,
                minter=self._number,
                generation=self._offering.generation,
                template=number,
                serial=serial,
                values=template.pack(create.values),
            )
        )
        return self._sealer.seal(body, mask=name)

    def _choose(self, exclude: Sequence[str], now: float) -> str | None:
        return self._balancer.choose((*exclude, *self._unreachable), self._offering.generation)

    def _answer(self, settled: list[Settled], now: float) -> list[Effect]:
        effects: list[Effect] = []
        for end in settled:
            ticket: _Ticket = end.ticket
            server = self._next_server(end)
            body: dict[str, Any] = {
                "id": ticket.request.id,
                "file": end.row.name.decode(),
                "fileid": ticket.serial,
                "next_server": server,
                "acked": end.acked,
                "sealed": "partial" if is_partial(end.row.body) else "full",
            }
            if server is None:
                reason = "no CFM is alive and no default is configured"
                body = {"id": ticket.request.id, "error": "try_again", "detail": reason}
            effects.append(Reply(ticket.session, body))
            self._record(end, ticket, now)
        return effects

    def _record(self, end: Settled, ticket: _Ticket, now: float) -> None:
        request, took_s = ticket.request, now - ticket.since
        self._handoff_s.observe(took_s)
        event = {
            "event": "fileid.acked" if end.acked else "fileid.unacked",
            "device": request.device.hex(":"),
            "fileid": ticket.serial,
            "at": round(now + self._wall_offset_s, 3),
            "class": request.class_name,
            "cfm": end.cfm,
            "tried": len(end.tried),
            "handoff_ms": round(took_s * 1000, 1),
        }
        self._audit.record(event, now)

    def _next_server(self, end: Settled) -> str | None:
        """Who acked; else the first one tried that is still alive; else any that is; else the default."""
        name: str | None = end.cfm or next(filter(self._roster.is_alive, end.tried), None)
        peer = self._roster.peer(name or self._balancer.choose((), self._offering.generation) or "")
        if peer is None:
            return self._default_next_server
        return peer.beat.endpoints.get("tftp", self._default_next_server)

    def _received(self, message: Received, now: float) -> list[Effect]:
        envelope = message.envelope
        if envelope.type == ACK:
            return self._answer(self._handoff.acked(envelope), now)
        if envelope.type == PULL:
            return self._pulled(envelope, now)
        if not self._dedup.is_new(envelope):
            return []
        if envelope.type == BEAT:
            return self._beaten(envelope, now)
        if envelope.type == CATALOGUE:
            stored = self._offering.receive(envelope)
            if stored:
                self._pulse.hurry()
            return [*stored]
        raise DecodeError(f"{envelope.type} is not for a minter")

    def _beaten(self, envelope: Envelope, now: float) -> list[Effect]:
        self._roster.receive(envelope, now)
        peer = self._roster.peer(envelope.source)
        endpoint = peer.beat.endpoints.get("fileid") if peer is not None else None
        if endpoint is None or self._endpoints.get(envelope.source) == endpoint:
            return []
        self._endpoints[envelope.source] = endpoint
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

    def _undelivered(self, message: Undelivered, now: float) -> None:
        kind = message.envelope.type
        if kind == AUDIT:
            self._audit.undelivered(message.envelope.data)
        elif kind in (HELLO, ROWS):
            self._unreachable.add(str(message.to))
            self._handoff.undelivered(message.envelope, now)

    def _beat(self) -> Beat:
        return Beat(
            service=self._service,
            load=Load(in_flight=len(self._handoff)),
            generation=self._offering.generation,
        )


class _NotNowError(Exception):
    """The request is right but cannot be served yet."""


def _refusal(request: LocalRequest, error: str, detail: str) -> Reply:
    return Reply(request.session, {"id": request.body.get("id"), "error": error, "detail": detail})

"""Rows for leases of a DHCP server that does not ask us.

Theory of operation
-------------------
A follower tells of leases (`fileid.lease`). Each that is a modem's or an adapter's becomes a row: the
catalogue's lookup says which settings the device has, and its file's name is the one that the server gave it.
Nobody waits for an answer, and the server may have named any CFM of the file. So a row goes to all of them,
with a hand-off for each, and with more patience than where a DHCP server waits.

What a lease says decides its row: the serial is a digest of it, and the time of the row is the lease's. So a
lease that is told twice, or by the followers of two servers that share their leases, makes one row, and the
CFM calls the second a duplicate. A renewal looks like a boot; its row expires unread.

Leases wait without settings, and while too many rows are under way; a lease of a minute ago is of no use any
more, for its row would have expired. Who does not hold its role makes no rows: it keeps the leases of the
last `STANDBY_S`, which the primary may have died with, and lets go of the others.
The follower's mark is stored when all rows up to it are settled.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bus.audit import Audit
from bus.envelope import Envelope, Stamp, number_of
from bus.errors import BackpressureError, OversizeError
from bus.machine import Effect
from bus.routes import ROUTES
from fileid.given import given_key
from fileid.handoff import Budget, Handoff, Settled
from fileid.lease import Lease, Leased, LeaseFile, StorePosition, choose_file
from fileid.minted import Minted
from fileid.row import LIFE_S, NO_RELAY, Fields, Row, pack
from services.docsis.errors import DocsisError
from services.settings.lookup import Subject
from services.sidecar.offering import Offering

BUDGET = Budget(try_s=0.050, budget_s=10.0)
"""A CFM that restarts is back by then; later a read pulls the row."""
LATE_S = 1.0
ROWS_AT_ONCE = 10_000  # under way to one CFM; half of what a hand-off takes, and the loop has others to serve
STANDBY_S = 10.0  # the longest takeover, and as much again
HELD_MAX = 100_000  # leases that wait for settings: more than a server grants in their minute
_REFUSED = ("ignored", "no_settings", "bad_settings", "stale", "shed")


@dataclass(slots=True)
class _Batch:
    """Leases that were told together; `rows` of them are not settled."""

    position: Any
    rows: int = 0


@dataclass(slots=True)
class _Pending:
    """A row that is being handed off to `cfms`; `unacked` of them gave up."""

    lease: Lease
    serial: str
    class_name: str
    batch: _Batch
    since: float
    cfms: int
    unacked: int = 0


class Leasing:
    """Makes rows of leases for these files. `away` holds the CFMs to which nothing could be sent lately."""

    def __init__(
        self,
        *,
        stamp: Stamp,
        files: Sequence[LeaseFile],
        offering: Offering,
        minted: Minted,
        audit: Audit,
        away: Container[str],
        data_bytes_max: int = ROUTES["fileid"].payload_bytes_max,
    ) -> None:
        self.counts = dict.fromkeys(("seen", "acked", "late", "unacked", *_REFUSED), 0)
        self.may_make = True
        self._stamp = stamp
        self._minter = number_of(stamp.instance)
        self._files = files
        self._offering = offering
        self._minted = minted
        self._audit = audit
        self._away = away
        self._held: deque[Leased] = deque()
        self._held_leases = 0
        self._batches: deque[_Batch] = deque()
        self._handoffs = {
            cfm: Handoff(stamp, self._only(cfm), BUDGET, data_bytes_max=data_bytes_max)
            for file in files
            for cfm in file.cfms
        }

    def __len__(self) -> int:
        """How many rows are being handed off; one counts once per CFM."""
        return sum(map(len, self._handoffs.values()))

    def leased(self, message: Leased) -> None:
        """Leases were granted: their rows are made at the next tick."""
        self._held.append(message)
        self._held_leases += len(message.leases)
        while self._held_leases > HELD_MAX:
            self._shed()

    def acked(self, envelope: Envelope, now: float, wall_offset_s: float) -> bool:
        """An ack arrived; False if it is not for a frame of ours. `DecodeError` if it is none at all."""
        handoff = self._handoffs.get(envelope.source)
        if handoff is None or not handoff.expects(envelope):
            return False
        self._settle(handoff.acked(envelope), now, wall_offset_s)
        return True

    def undelivered(self, envelope: Envelope, now: float) -> None:
        """A frame could not leave."""
        for handoff in self._handoffs.values():
            handoff.undelivered(envelope, now)

    def tick(self, now: float, wall_offset_s: float) -> list[Effect]:
        """Frames to send, and how far everything is settled."""
        while self._can_make():
            self._make(self._pop(), now, now + wall_offset_s)
        while not self.may_make and self._held and now >= self._held[0].since + STANDBY_S:
            self._batches.append(_Batch(self._pop().position))
        effects: list[Effect] = []
        for handoff in self._handoffs.values():
            sends, settled = handoff.tick(now)
            effects += sends
            self._settle(settled, now, wall_offset_s)
        settled_up_to = None
        while self._batches and not self._batches[0].rows:
            settled_up_to = self._batches.popleft().position
        if settled_up_to is not None:
            effects.append(StorePosition(settled_up_to))
        return effects

    def deadline(self) -> float | None:
        """When `tick` is due; at once while a mark can be stored or rows can be made."""
        if (self._batches and not self._batches[0].rows) or self._can_make():
            return 0.0
        dues = [due for one in self._handoffs.values() if (due := one.deadline()) is not None]
        if self._held and not self.may_make:
            dues.append(self._held[0].since + STANDBY_S)
        return min(dues, default=None)

    def _only(self, cfm: str) -> Callable[[Sequence[str], float], str | None]:
        return lambda exclude, _now: None if cfm in exclude or cfm in self._away else cfm

    def _can_make(self) -> bool:
        """Whether leases wait, and their rows can be handed off; a CFM that is away holds nobody up."""
        return bool(self.may_make and self._held and self._offering) and all(
            len(handoff) < ROWS_AT_ONCE or cfm in self._away for cfm, handoff in self._handoffs.items()
        )

    def _pop(self) -> Leased:
        message = self._held.popleft()
        self._held_leases -= len(message.leases)
        return message

    def _shed(self) -> None:
        message = self._pop()
        self.counts["shed"] += len(message.leases)
        self._batches.append(_Batch(message.position))

    def _make(self, message: Leased, now: float, wall_s: float) -> None:
        batch = _Batch(message.position)
        self._batches.append(batch)
        for lease in message.leases:
            if wall_s - lease.granted_s > LIFE_S:
                self.counts["stale"] += 1
                continue
            file = choose_file(lease, self._files)
            if file is None:
                self.counts["ignored"] += 1
                continue
            self.counts["seen"] += 1
            made = self._row(lease, file)
            if isinstance(made, str):
                self._refuse(lease, made, now, wall_s)
                continue
            row, class_name, serial = made
            self._minted.add(row, now)
            batch.rows += 1
            pending = _Pending(lease, serial.hex(), class_name, batch, message.since, len(file.cfms))
            for cfm in file.cfms:
                self._offer(cfm, row, pending, now, wall_s)

    def _offer(self, cfm: str, row: Row, pending: _Pending, now: float, wall_s: float) -> None:
        try:
            self._handoffs[cfm].offer(row, pending, now)
        except BackpressureError:
            self.counts["shed"] += 1
            self._close(pending, "", now, wall_s)

    def _row(self, lease: Lease, file: LeaseFile) -> tuple[Row, str, bytes] | str:
        """The row, its class and its serial; or why there is none."""
        device, address = lease.device, lease.address
        subject = Subject(device, address, lease.remote_id, lease.circuit_id)
        found = self._offering.lookup.find(subject, file.kind)
        offered = None if found is None else self._offering.find(found.class_name)
        if found is None or offered is None:
            return "no_settings"
        number, template = offered
        granted = lease.granted_s.to_bytes(8, "big")
        serial = hashlib.sha256(device + address + granted).digest()[:8]
        try:
            body = pack(
                Fields(
                    partial=False,
                    minted_ms=lease.granted_s * 1000,
                    token=self._stamp.token,
                    device=device,
                    address=address,
                    relay=NO_RELAY,
                    minter=self._minter,
                    generation=self._offering.generation,
                    template=number,
                    serial=serial,
                    values=template.pack(found.values),
                    leased=True,
                )
            )
        except (DocsisError, OversizeError):
            return "bad_settings"
        return Row(given_key(file.name, device, address), body), found.class_name, serial

    def _settle(self, settled: Iterable[Settled], now: float, wall_offset_s: float) -> None:
        for end in settled:
            self._close(end.ticket, end.cfm, now, now + wall_offset_s)

    def _close(self, pending: _Pending, cfm: str, now: float, wall_s: float) -> None:
        """One CFM's hand-off of a row is over; `cfm` acked it, or nobody."""
        pending.cfms -= 1
        pending.unacked += not cfm
        handoff_ms = round((now - pending.since) * 1000, 1)
        more = {"class": pending.class_name, "cfm": cfm, "handoff_ms": handoff_ms}
        event = "lease.acked" if cfm else "lease.unacked"
        self._tell(event, pending.lease, pending.serial, now, wall_s, more)
        if pending.cfms:
            return
        pending.batch.rows -= 1
        self.counts["unacked" if pending.unacked else "acked"] += 1
        self.counts["late"] += now - pending.since > LATE_S

    def _refuse(self, lease: Lease, reason: str, now: float, wall_s: float) -> None:
        self.counts[reason] += 1
        self._tell("lease.refused", lease, "", now, wall_s, {"reason": reason})

    def _tell(
        self, event: str, lease: Lease, serial: str, now: float, wall_s: float, more: Mapping[str, Any]
    ) -> None:
        known = {"event": event, "device": lease.device.hex(":"), "fileid": serial, "at": round(wall_s, 3)}
        self._audit.record({**known, **more}, now)

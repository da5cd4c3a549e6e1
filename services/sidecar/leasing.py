"""Rows for leases of a DHCP server that does not ask us.

Theory of operation
-------------------
A follower tells of leases (`fileid.lease`). Each lease of a modem or an adapter becomes a row: the
catalogue's lookup gives the device's settings, and the server has given its file's name. No server waits for
an answer, and it may have named any CFM of the file. So a row goes to all of them, with a hand-off for each,
and with more patience than where a DHCP server waits.

The lease determines its row: the serial is a digest of it, and the time of the row is the lease's. So a lease
that is told twice, or by the followers of two servers that share their leases, makes one row, and the CFM
calls the second a duplicate. A renewal looks like a boot; its row expires unread.

Leases wait without settings, and while too many rows are under way. A CFM that is away holds the others up
for `PATIENCE_S` only: at a start, when a minute of leases waits, no connection is made yet. A lease of a
minute ago is of no use any more, for its row would have expired.

A sidecar that does not hold its role makes no rows: it keeps the leases of the last `STANDBY_S`, whose rows a
primary that died may not have made, and drops older ones. At a start these include leases granted up to a
minute before, while there may be no primary yet.

The follower's position is stored when all rows up to it are settled. At a start tens of thousands of rows may
have to be made first: until they are settled `is_behind` is true.
"""

import math
from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bus.device import device_text
from bus.envelope import NO_TOKEN, Envelope, Stamp, Token, number_of
from bus.errors import BackpressureError, OversizeError
from bus.messages import LocalRequest
from bus.telemetry.audit import Audit
from fileid.given import given_key
from fileid.handoff import Budget, Handoff, Settled
from fileid.lease import (
    ExcuseServer,
    Lease,
    Leased,
    LeaseFile,
    StorePosition,
    Whereabouts,
    choose_file,
    lease_serial,
)
from fileid.minted import Minted
from fileid.row import LIFE_S, NO_RELAY, Fields, Row, largest_frame, pack
from services.docsis.errors import DocsisError
from services.instance.contracts.role import EXCUSED_S_MAX
from services.instance.local_api import answer, refuse
from services.settings.lookup import LookedUp
from services.sidecar.edges import MinterEffect
from services.sidecar.offering import Offering

BUDGET = Budget(try_s=0.050, budget_s=10.0)
"""A CFM that restarts is back by then; later a read pulls the row."""
LATE_S = 1.0
ROWS_AT_ONCE = 10_000  # under way to one CFM; half of what a hand-off takes, and the loop has others to serve
PATIENCE_S = 2.0  # a connection that is being made takes a part of that, in a storm of rows too
# Every frame that cannot leave shows that a CFM is away, four times a second at least.
AWAY_APART_S = 1.0
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
    """A row, made under `token`, that is being handed off to `cfms`; `unacked` of them gave up."""

    lease: Lease
    serial: str
    class_name: str
    batch: _Batch
    since: float
    token: Token
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
        data_bytes_max: Callable[[], int] = largest_frame,
    ) -> None:
        self.counts = dict.fromkeys(("seen", "moved", "acked", "late", "unacked", *_REFUSED), 0)
        self._token: Token | None = NO_TOKEN  # under which rows are made; None: none are made
        self._minter = number_of(stamp.instance)
        self._files = files
        self._offering = offering
        self._minted = minted
        self._audit = audit
        self._away = away
        self._away_at: dict[str, tuple[float, float]] = {}  # since when, and as seen last
        self._held: deque[tuple[float, Leased]] = deque()  # each with when it was told
        self._held_leases = 0
        self.whereabouts = Whereabouts()
        self._batches: deque[_Batch] = deque()
        self._told, self._ended = 0, 0  # batches
        self._first_end: int | None = None if files else 0
        self._handoffs = {
            cfm: Handoff(stamp, self._only(cfm), BUDGET, data_bytes_max=data_bytes_max)
            for file in files
            for cfm in file.cfms
        }

    def __len__(self) -> int:
        """The number of rows that are being handed off; one counts once per CFM."""
        return sum(map(len, self._handoffs.values()))

    @property
    def follows(self) -> bool:
        """Whether there is a DHCP server that gives out files by itself."""
        return bool(self._files)

    @property
    def is_behind(self) -> bool:
        """Whether leases that were granted before our start still wait. A standby soon drops them."""
        return self._first_end is None or self._ended < self._first_end

    def excuse(self, request: LocalRequest, now: float) -> list[MinterEffect]:
        """`host.reloads`: we make the DHCP server that does not ask us reload."""
        seconds: Any = request.body.get("seconds")
        if not self.follows:
            return [refuse(request, "bad_request", "this sidecar follows no DHCP server")]
        if type(seconds) not in (int, float) or not 0 <= seconds <= EXCUSED_S_MAX:
            return [refuse(request, "bad_request", f"seconds: is not 0 to {EXCUSED_S_MAX:g}")]
        return [ExcuseServer(seconds), answer(request, seconds=seconds)]

    def leases_read(self) -> None:
        """The follower has told all leases that were granted before our start."""
        if self._first_end is None:
            self._first_end = self._told

    def leased(self, message: Leased, now: float) -> None:
        """Leases were granted: their rows are made at the next tick."""
        self._told += 1
        self._held.append((now, message))
        self._held_leases += len(message.leases)
        while self._held_leases > HELD_MAX:
            self._shed()

    def acked(self, envelope: Envelope, now: float, wall_offset_s: float) -> bool:
        """Take an ack; False if it is not for a frame of ours. `DecodeError` if it is malformed."""
        handoff = self._handoffs.get(envelope.source)
        if handoff is None or not handoff.expects(envelope):
            return False
        self._settle(handoff.acked(envelope), now, wall_offset_s)
        return True

    def undelivered(self, envelope: Envelope, to: str, now: float) -> None:
        """A frame for this CFM could not leave, whether it was ours or not."""
        since, last = self._away_at.get(to, (now, now))
        self._away_at[to] = since if now < last + AWAY_APART_S else now, now
        for handoff in self._handoffs.values():
            handoff.undelivered(envelope, now)

    def make_anew(self, token: Token, now: float, wall_offset_s: float) -> None:
        """Make the rows under way that are of another token anew; who takes this one takes no other."""
        wall_s = now + wall_offset_s
        void = {
            cfm: one.withdraw(lambda pending: pending.token != token) for cfm, one in self._handoffs.items()
        }
        for cfm, some in void.items():
            for pending in some:
                file = choose_file(pending.lease, self._files)
                made = "ignored" if file is None else self._row(pending.lease, file, token)
                if isinstance(made, str):
                    self._close(pending, "", now, wall_s)
                    continue
                self._minted.add(made[0], now)
                pending.token = token
                self._offer(cfm, made[0], pending, now, wall_s)

    def tick(self, now: float, wall_offset_s: float, token: Token | None) -> list[MinterEffect]:
        """Frames to send, and the position up to which rows are settled; without a `token` none are made."""
        self._token = token
        while now >= self._makes_at():
            self._make(self._pop(), now, now + wall_offset_s, token or NO_TOKEN)
        while self._token is None and self._held and now >= self._held[0][0] + STANDBY_S:
            self._batches.append(_Batch(self._pop().position))
        effects: list[MinterEffect] = []
        for handoff in self._handoffs.values():
            sends, settled = handoff.tick(now, wall_offset_s)
            effects += sends
            self._settle(settled, now, wall_offset_s)
        settled_up_to = None
        while self._batches and not self._batches[0].rows:
            settled_up_to = self._batches.popleft().position
            self._ended += 1
        if settled_up_to is not None:
            effects.append(StorePosition(settled_up_to))
        return effects

    def deadline(self) -> float | None:
        """When `tick` is due; at once while a position can be stored or rows can be made."""
        if self._batches and not self._batches[0].rows:
            return 0.0
        dues = [due for one in self._handoffs.values() if (due := one.deadline()) is not None]
        if (makes_at := self._makes_at()) < math.inf:
            dues.append(makes_at)
        if self._held and self._token is None:
            dues.append(self._held[0][0] + STANDBY_S)
        return min(dues, default=None)

    def _only(self, cfm: str) -> Callable[[Sequence[str], float], str | None]:
        return lambda exclude, _now: None if cfm in exclude or cfm in self._away else cfm

    def _makes_at(self) -> float:
        """The moment from which rows can be made of waiting leases; infinite while it is not known."""
        if self._token is None or not (self._held and self._offering):
            return math.inf
        full = [cfm for cfm, handoff in self._handoffs.items() if len(handoff) >= ROWS_AT_ONCE]
        if any(cfm not in self._away for cfm in full):
            return math.inf
        return max((self._away_at[cfm][0] + PATIENCE_S for cfm in full if cfm in self._away_at), default=0.0)

    def _pop(self) -> Leased:
        _, message = self._held.popleft()
        self._held_leases -= len(message.leases)
        return message

    def _shed(self) -> None:
        message = self._pop()
        self.counts["shed"] += len(message.leases)
        self._batches.append(_Batch(message.position))

    def _make(self, message: Leased, now: float, wall_s: float, token: Token) -> None:
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
            if before := self.whereabouts.moved_from(lease):
                self.counts["moved"] += 1
                places = {"was_behind": before.hex(), "behind": lease.remote_id.hex()}
                self._tell("device.moved", lease, "", now, wall_s, places)
            made = self._row(lease, file, token)
            if isinstance(made, str):
                self._refuse(lease, made, now, wall_s)
                continue
            row, class_name, serial = made
            self._minted.add(row, now)
            batch.rows += 1
            pending = _Pending(lease, serial.hex(), class_name, batch, message.since, token, len(file.cfms))
            for cfm in file.cfms:
                self._offer(cfm, row, pending, now, wall_s)

    def _offer(self, cfm: str, row: Row, pending: _Pending, now: float, wall_s: float) -> None:
        try:
            self._handoffs[cfm].offer(row, pending, now)
        except BackpressureError:
            self.counts["shed"] += 1
            self._close(pending, "", now, wall_s)

    def _row(self, lease: Lease, file: LeaseFile, token: Token) -> tuple[Row, str, bytes] | str:
        """The row, its class and its serial; or why there is none."""
        device, address = lease.device, lease.address
        subject = LookedUp(device, address, lease.remote_id, lease.circuit_id)
        found = self._offering.lookup.find(subject, file.kind)
        offered = None if found is None else self._offering.find(found.class_name)
        if found is None or offered is None:
            return "no_settings"
        number, template = offered
        serial = lease_serial(device, address, lease.granted_s)
        try:
            body = pack(
                Fields(
                    partial=False,
                    minted_ms=lease.granted_s * 1000,
                    token=token,
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
        """One CFM's hand-off of a row is over: `cfm` acked it, or is empty."""
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
        device, at = device_text(lease.device), round(wall_s, 3)
        self._audit.record({"event": event, "device": device, "fileid": serial, "at": at, **more}, now)

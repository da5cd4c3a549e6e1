"""Forgeries: the messages of a member of the fleet who speaks for others.

Theory of operation
-------------------
He has all that one CFM has: the right to write every topic, the key of the group, a CURVE key and a key that
signs. So he can name anybody as the writer of a message, but sign by his own key alone. He tries, one kind
after the other:

    beats          sends modems to another TFTP server, or says that an instance leaves
    incarnations   the highest number there is: nothing that the true instance says is newer
    digests        the role log as others have it, if one wants a sidecar to halt
    catalogues     other settings, of the highest generation there is
    role_records   a claim, a release of the present holder, an era, a checkpoint
    acks           for rows that he was not given

Each is written in the name of another instance, signed by his own key or not at all; beats also in the name
of an instance that the fleet does not have, catalogues and role records also honestly in his own, for which
he has no right. An ack travels over his own connections, where he can name nobody else: it is for numbers of
frames that may be on their way to another CFM (`services.lab.faults.insider.insider`).

In a group there is no role log, and a catalogue is announced before it is fetched.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any, NamedTuple

from bus.contract import encode
from bus.envelope import Envelope, Stamp
from bus.leaps import GROWTH, Number
from bus.routes import SIGNED
from bus.transport.multicast.replica import ANNOUNCEMENT, HELD, NUMBER_MAX
from bus.wire.signature import Signer
from heartbeat.liveness.beat import BEAT, OFFSET_MAX, Beat, LogPosition
from heartbeat.roles.claim import ERA_MAX
from heartbeat.roles.log.records import (
    NO_OFFSET,
    TYPE_OF,
    Checkpoint,
    ClaimRecord,
    Era,
    Record,
    Release,
)
from services.settings.record import CATALOGUE, GENERATION_MAX

FOREIGN_SERVER = "192.0.2.66"
"""An address where there is nothing (RFC 5737): no modem may be sent there."""
INCARNATION_MAX = GROWTH[Number.INCARNATION].last
STRANGER = "stranger-1"
UNPROVEN_RECORD = "role_records"
MARKS_AHEAD = (64, 128, 192, 256)
KINDS = {
    "bus": ("beats", "incarnations", "digests", "catalogues", "role_records"),
    "multicast": ("beats", "incarnations", "catalogues"),
}
"""The kinds of each mode; acks come on top."""

Data = Callable[[str], bytes]
"""Makes the data of a message in the name of this instance."""
Try = Callable[[], "Forged"]
"""Makes a forged message, with the next number of its writer."""


class Forged(NamedTuple):
    """A forged message. `reason`: why its reader refuses it, as its metrics name that."""

    reason: str
    envelope: Envelope


class HeldClaim(NamedTuple):
    """The claim that holds a role, as every reader of the role log knows it."""

    role: str
    epoch: int
    claim_id: str


class Forger:
    """An endless supply of forged messages of each kind of a mode.

    `services` has the service of each instance, `signer` is the member's own, `catalogue` the JSON of the
    settings in force, and `claims` hold the roles.
    """

    def __init__(
        self,
        own: Stamp,
        signer: Signer,
        services: Mapping[str, str],
        catalogue: bytes,
        claims: Sequence[HeldClaim],
        mode: str,
    ) -> None:
        self._own = own
        self._signer = signer
        self._services = {name: service for name, service in services.items() if name != own.instance}
        self._claims = claims
        highest = _highest(catalogue)
        written = (CATALOGUE, highest) if mode == "bus" else (HELD, _announcement(highest))
        tries: Mapping[str, Callable[[], list[Try]]] = {
            "beats": self._beats,
            "incarnations": lambda: self._as_others(BEAT, self._beat(leaves=True), INCARNATION_MAX),
            "digests": self._digests,
            "catalogues": lambda: self._catalogues(*written),
            "role_records": self._role_records,
        }
        self._turns = {kind: cycle(tries[kind]()) for kind in KINDS[mode]}

    def next(self, kind: str) -> Forged:
        """The next message of this kind; its names take turns."""
        return next(self._turns[kind])()

    def _beats(self) -> list[Try]:
        elsewhere = self._beat(endpoints={"tftp": FOREIGN_SERVER})
        return [
            *self._as_others(BEAT, elsewhere),
            *self._as_others(BEAT, self._beat(leaves=True)),
            *self._as(STRANGER, BEAT, elsewhere, "stranger", "stranger"),
        ]

    def _digests(self) -> list[Try]:
        beats = (self._beat(log=LogPosition(position=at, mark=at, digest="0" * 64)) for at in MARKS_AHEAD)
        return [one for beat in beats for one in self._as_others(BEAT, beat)]

    def _catalogues(self, type_: str, data: bytes) -> list[Try]:
        own = self._signed(self._own.instance)
        honest = [] if type_ == HELD else [self._try(own, type_, _always(data), "wrong-service")]
        return [*self._as_others(type_, _always(data)), *honest]

    def _role_records(self) -> list[Try]:
        minters = [name for name, service in self._services.items() if service != "cfm"]
        records = [one for claimed in self._claims for one in _records(claimed, self._own.incarnation)]
        reason = UNPROVEN_RECORD
        return [
            one
            for record in records
            for name in (self._own.instance, *minters)
            for one in self._as(name, TYPE_OF[type(record)], _always(encode(record)), reason, reason)
        ]

    def _as_others(self, type_: str, data: Data, incarnation: int = 0) -> list[Try]:
        names = self._services
        return [
            one for name in names for one in self._as(name, type_, data, "unsigned", "forged", incarnation)
        ]

    def _as(
        self, name: str, type_: str, data: Data, unsigned: str, signed: str, incarnation: int = 0
    ) -> list[Try]:
        """A message in this name, once unsigned and once signed by our own key, with their reasons."""
        return [
            self._try(self._stamp(name, incarnation), type_, data, unsigned),
            self._try(self._signed(name, incarnation), type_, data, signed),
        ]

    def _try(self, stamp: Stamp, type_: str, data: Data, reason: str) -> Try:
        written_ms = self._own.incarnation
        return lambda: Forged(reason, stamp.envelope(type_, data(stamp.instance), time_ms=written_ms))

    def _stamp(self, name: str, incarnation: int = 0) -> Stamp:
        return Stamp(name, self._own.site, incarnation or self._own.incarnation)

    def _signed(self, name: str, incarnation: int = 0) -> Stamp:
        stamp = self._stamp(name, incarnation)
        stamp.signs(self._signer, SIGNED)
        return stamp

    def _beat(self, **said: Any) -> Data:
        def data(name: str) -> bytes:
            return encode(Beat(service=self._services.get(name, "cfm"), generation=1, **said))

        return data


def _records(claimed: HeldClaim, incarnation: int) -> Iterator[Record]:
    """What would take a role away, if it counted."""
    role, epoch, claim_id = claimed
    yield Release(role=role, epoch=epoch, claim_id=claim_id)
    yield Era(number=1, authority="insider")
    yield Era(number=ERA_MAX, authority="insider")
    yield ClaimRecord(role=role, prev=epoch, claim_id="f" * 16, incarnation=incarnation)
    yield Checkpoint(as_of=OFFSET_MAX, era=ERA_MAX, floor=NO_OFFSET, roles={})


def _highest(catalogue: bytes) -> bytes:
    """The same settings under the highest generation."""
    return json.dumps(json.loads(catalogue) | {"generation": GENERATION_MAX}).encode()


def _announcement(catalogue: bytes) -> bytes:
    """The announcement of a record that is newer than any."""
    return ANNOUNCEMENT.pack(
        hashlib.sha256(catalogue).digest(), len(catalogue), 2**64 - 1, NUMBER_MAX, INCARNATION_MAX
    )


def _always(data: bytes) -> Data:
    return lambda _: data

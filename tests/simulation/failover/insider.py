"""An insider of the simulated plant: it may read and write the topics, and has the keys of one CFM.

It speaks in the names of all others: that they leave, that they are later processes, that they came to
another state of the role log, that the role is given back or claimed, that an era begins, what stands in a
checkpoint. What it forges is unsigned, or signed by its own key.
"""

from random import Random
from typing import Any

from bus.contract import encode
from bus.effects import Publish
from bus.envelope import Envelope, Stamp
from bus.messages import Entry, Received
from bus.wire.signature import Signer
from heartbeat.liveness.beat import BEAT, Beat, LogPosition
from heartbeat.roles.log.records import (
    TYPE_OF,
    Checkpoint,
    ClaimRecord,
    Era,
    Record,
    Release,
    Renew,
)
from tests.fleets import signing_of
from tests.simulation.failover import parts

INSIDER = "insider"
FORGE_EVERY_S = 0.1
ACCOMPLICE = "cfm-1"  # whose keys it has
LATEST = 2**64 - 1


class Insider:
    """Forges one record of the role log and one beat at a time. `services` are those of its victims."""

    def __init__(self, random: Random, services: dict[str, str]) -> None:
        self.forged: set[Envelope] = set()
        self._random = random
        self._services = services
        self._signer: Signer = signing_of(ACCOMPLICE, parts.MEMBERS[ACCOMPLICE]).signer()
        self._heard: dict[str, Envelope] = {}
        self._end = -1
        self._due = 1.0

    def receive(self, message: Any, now: float) -> list[Any]:
        """Listen: what is forged follows what was said."""
        if isinstance(message, Entry) and message.envelope is not None:
            self._end = message.offset
            self._heard[message.envelope.source] = message.envelope
        elif isinstance(message, Received) and message.envelope.type == BEAT:
            self._heard.setdefault(message.envelope.source, message.envelope)
        return []

    def tick(self, now: float) -> list[Any]:
        """Forge a beat and a record."""
        self._due = now + FORGE_EVERY_S
        victim = self._random.choice([*self._services])
        beat, record = self._beat(victim), self._record(self._random.choice([*parts.ROLES]))
        forged = [self._signed(beat), self._signed(record)]
        self.forged |= {*forged}
        return [Publish(one, victim) for one in forged]

    def deadline(self) -> float:
        """When it forges next."""
        return self._due

    def _beat(self, victim: str) -> Envelope:
        mark = self._end - self._end % 4 + self._random.choice((0, 4, 400))
        beat = Beat(
            service=self._services[victim],
            leaves=self._random.random() < 0.5,
            endpoints={"fileid": "tcp://10.66.0.1:7000", "tftp": "10.66.0.1"},
            log=LogPosition(position=mark, mark=mark, digest="0" * 64),
        )
        return self._as(victim, BEAT, encode(beat))

    def _record(self, victim: str) -> Envelope:
        role, claim_id = parts.ROLES[victim], f"{self._random.getrandbits(64):016x}"
        held = self._heard.get(victim)
        epoch = max(0, self._end if held is None else held.token.epoch)
        records: tuple[Record, ...] = (
            ClaimRecord(role=role, prev=self._end, claim_id=claim_id, incarnation=7),
            Renew(role=role, epoch=epoch, claim_id=claim_id),
            Release(role=role, epoch=epoch, claim_id=claim_id),
            Era(number=self._random.choice((1, 2, 65535)), authority="nobody"),
            Checkpoint(as_of=max(0, self._end), era=9, floor=0, roles={}),
        )
        record = self._random.choice(records)
        return self._as(victim, TYPE_OF[type(record)], encode(record))

    def _as(self, victim: str, type_: str, data: bytes) -> Envelope:
        heard = self._heard.get(victim)
        incarnation = self._random.choice((1 if heard is None else heard.incarnation, LATEST))
        stamp = Stamp(victim, parts.SITE, incarnation)
        number = 0 if heard is None else heard.seq
        return stamp.envelope(type_, data, time_ms=0)._replace(seq=number + self._random.choice((0, 1, 9)))

    def _signed(self, envelope: Envelope) -> Envelope:
        if self._random.random() < 0.3:
            return envelope
        return envelope._replace(proof=self._signer.proof(envelope))
